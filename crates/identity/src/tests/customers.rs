//! Customers: whose session is valid where, and for how long.

use chrono::TimeDelta;
use kernel::SiteScope;
use tenancy::Saved;

use super::*;

async fn service(db: &TestDb) -> Customers {
    Customers::new(db.store.clone(), Passwords::new(), limits(db))
}

async fn win(db: &TestDb, customers: &Customers, scope: &TenantScope, site: SiteId, name: &str) -> Saved<CustomerId> {
    let password_hash = Passwords::new().hash(&secret(PASSWORD)).await.expect("hashed");
    let new = NewCustomer { site, login: login("ann@example.com"), name: name.to_owned(), password_hash };
    db.store.transact(scope, async |tx| customers.save_in(tx, &new).await).await.expect("saved")
}

/// A shop whose main site has the customer Ann.
async fn open(db: &TestDb) -> (Customers, TenantScope, [SiteId; 2]) {
    let customers = service(db).await;
    let (scope, sites) = shop(db, "demo").await;
    win(db, &customers, &scope, sites[0], "Ann").await;
    (customers, scope, sites)
}

async fn enter(customers: &Customers, scope: &SiteScope) -> (Token, Customer) {
    customers.log_in(scope, HOME, "Ann@Example.com ", &secret(PASSWORD)).await.expect("the right password")
}

testkit::on_both! {
    async fn a_customer_logs_in_and_is_known(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let (token, customer) = enter(&customers, &site).await;
        assert_eq!((customer.login.as_str(), customer.name.as_str(), customer.site), ("ann@example.com", "Ann", sites[0]));
        let token = Token::parse(token.text().expose()).expect("as the cookie brings it back");
        assert_eq!(customers.authenticate(&site, &token).await.expect("read"), Some(customer));
    }

    async fn a_customer_of_the_main_site_logs_in_on_each_of_its_sites(db) {
        let (customers, scope, sites) = open(&db).await;
        let (token, customer) = enter(&customers, &scope.site(sites[1])).await;
        assert_eq!(customer.site, sites[0], "the winner stays");
        assert!(customers.authenticate(&scope.site(sites[1]), &token).await.expect("read").is_some());
    }

    async fn a_session_of_one_site_is_nobodys_on_another(db) {
        let (customers, scope, sites) = open(&db).await;
        let (token, _) = enter(&customers, &scope.site(sites[0])).await;
        assert_eq!(customers.authenticate(&scope.site(sites[1]), &token).await.expect("read"), None);
        customers.log_out(&scope.site(sites[1]), &token).await.expect("runs");
        assert!(customers.authenticate(&scope.site(sites[0]), &token).await.expect("read").is_some());
    }

    async fn neither_customer_nor_session_reaches_another_tenant(db) {
        let (customers, scope, sites) = open(&db).await;
        let (other, others) = shop(&db, "other").await;
        let (token, _) = enter(&customers, &scope.site(sites[0])).await;
        for stranger in [other.site(others[0]), other.site(sites[0])] {
            assert_eq!(customers.authenticate(&stranger, &token).await.expect("read"), None);
            let refused = customers.log_in(&stranger, HOME, "ann@example.com", &secret(PASSWORD)).await;
            assert!(matches!(refused, Err(IdentityError::BadLogin)), "{refused:?}");
        }
        let tx = db.store.read(&other).await.expect("begins");
        assert_eq!(customers.find_in(&tx, &login("ann@example.com")).await.expect("read"), None);
    }

    async fn a_wrong_an_unknown_and_a_locked_login_look_alike(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let wrong = customers.log_in(&site, HOME, "ann@example.com", &secret("wrong horse")).await;
        let unknown = customers.log_in(&site, HOME, "bob@example.com", &secret(PASSWORD)).await;
        db.tamper("UPDATE customers SET state = 'locked'").await.expect("locked");
        let locked = customers.log_in(&site, HOME, "ann@example.com", &secret(PASSWORD)).await;
        for refused in [wrong, unknown, locked] {
            assert!(matches!(refused, Err(IdentityError::BadLogin)), "{refused:?}");
        }
    }

    async fn a_locked_customers_session_is_nobodys(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let (token, _) = enter(&customers, &site).await;
        db.tamper("UPDATE customers SET state = 'locked'").await.expect("locked");
        assert_eq!(customers.authenticate(&site, &token).await.expect("read"), None);
    }

    async fn a_session_ends_after_thirty_days(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let (token, _) = enter(&customers, &site).await;
        db.clock.advance(CUSTOMER_SESSION_LIFE - TimeDelta::microseconds(1));
        assert!(customers.authenticate(&site, &token).await.expect("read").is_some());
        // What was read just before its end is good for one more second.
        db.clock.advance(TimeDelta::seconds(1));
        assert_eq!(customers.authenticate(&site, &token).await.expect("read"), None);
    }

    async fn a_session_ends_with_log_out_and_the_others_stay(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let ((phone, _), (desk, _)) = (enter(&customers, &site).await, enter(&customers, &site).await);
        assert!(customers.authenticate(&site, &phone).await.expect("read").is_some());
        customers.log_out(&site, &phone).await.expect("ended");
        assert_eq!(customers.authenticate(&site, &phone).await.expect("read"), None);
        assert!(customers.authenticate(&site, &desk).await.expect("read").is_some());
    }

    async fn another_node_hears_of_a_log_out_within_a_second(db) {
        let (customers, scope, sites) = open(&db).await;
        let (site, other) = (scope.site(sites[0]), Customers::new(db.store.clone(), Passwords::new(), limits(&db)));
        let (token, _) = enter(&customers, &site).await;
        assert!(other.authenticate(&site, &token).await.expect("read").is_some());
        customers.log_out(&site, &token).await.expect("ended");
        db.clock.advance(TimeDelta::seconds(1));
        assert_eq!(other.authenticate(&site, &token).await.expect("read"), None);
    }

    async fn who_stays_is_read_anew_with_the_others_before_anybody_waits(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let tokens = [enter(&customers, &site).await.0, enter(&customers, &site).await.0];
        let ask = async |token| customers.authenticate(&site, token).await.expect("read");
        for token in &tokens {
            assert!(ask(token).await.is_some());
        }
        db.clock.advance(TimeDelta::milliseconds(500));
        for token in &tokens {
            assert!(ask(token).await.is_some());
        }
        // At the end of their first second they are of the middle of it.
        while customers.ages(&site, &tokens).contains(&TimeDelta::milliseconds(500)) {
            tokio::task::yield_now().await;
        }
        db.clock.advance(TimeDelta::milliseconds(500));
        db.store.close().await.expect("closed");
        for token in &tokens {
            assert!(ask(token).await.is_some(), "nobody needs the database");
        }
    }

    async fn a_log_out_elsewhere_is_not_outlived_by_a_renewal(db) {
        let (customers, scope, sites) = open(&db).await;
        let (site, other) = (scope.site(sites[0]), Customers::new(db.store.clone(), Passwords::new(), limits(&db)));
        let (token, _) = enter(&customers, &site).await;
        assert!(other.authenticate(&site, &token).await.expect("read").is_some());
        db.clock.advance(TimeDelta::milliseconds(500));
        customers.log_out(&site, &token).await.expect("ended");
        assert!(other.authenticate(&site, &token).await.expect("read").is_some(), "it is not a second ago");
        other.renew(&site, [token.hash()]).await;
        db.clock.advance(TimeDelta::milliseconds(500));
        assert_eq!(other.authenticate(&site, &token).await.expect("read"), None);
    }

    async fn one_session_too_many_ends_the_oldest(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let mut tokens = Vec::new();
        for _ in 0..21 {
            tokens.push(enter(&customers, &site).await.0);
            db.clock.advance(TimeDelta::seconds(1));
        }
        assert_eq!(customers.authenticate(&site, &tokens[0]).await.expect("read"), None);
        assert!(customers.authenticate(&site, &tokens[1]).await.expect("read").is_some());
    }

    async fn a_made_up_token_is_nobodys(db) {
        let (customers, scope, sites) = open(&db).await;
        assert_eq!(customers.authenticate(&scope.site(sites[0]), &Token::new()).await.expect("read"), None);
    }

    async fn the_token_is_not_in_the_database(db) {
        let (customers, scope, sites) = open(&db).await;
        let (token, _) = enter(&customers, &scope.site(sites[0])).await;
        assert_only_the_hash_is_stored(&db, "customer_sessions", &token).await;
    }

    async fn the_password_is_not_in_the_database(db) {
        let _ = open(&db).await;
        let stored = everything_stored(&db, "customers").await;
        assert!(contains(&stored, b"$argon2id$"));
        assert!(!contains(&stored, PASSWORD.as_bytes()));
    }

    async fn the_sixth_wrong_password_is_not_even_tried(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        for _ in 0..5 {
            let wrong = customers.log_in(&site, HOME, "ann@example.com", &secret("wrong horse")).await;
            assert!(matches!(wrong, Err(IdentityError::BadLogin)), "{wrong:?}");
        }
        let right = customers.log_in(&scope.site(sites[1]), HOME, "ANN@example.com", &secret(PASSWORD)).await;
        assert!(matches!(right, Err(IdentityError::TooManyTries { .. })), "{right:?}");
        db.clock.advance(TimeDelta::minutes(15));
        enter(&customers, &site).await;
    }

    async fn a_second_save_keeps_password_and_winner(db) {
        let (customers, scope, sites) = open(&db).await;
        assert!(matches!(win(&db, &customers, &scope, sites[0], "Ann").await, Saved::Same(_)));
        let password_hash = Passwords::new().hash(&secret("another horse")).await.expect("hashed");
        let new = NewCustomer { site: sites[1], login: login("ann@example.com"), name: "Anna".to_owned(), password_hash };
        let saved = db.store.transact(&scope, async |tx| customers.save_in(tx, &new).await).await.expect("saved");
        let (_, customer) = enter(&customers, &scope.site(sites[0])).await;
        assert_eq!(saved, Saved::Changed(customer.id, vec!["name"]));
        assert_eq!((customer.name.as_str(), customer.site), ("Anna", sites[0]));
    }

    async fn a_new_customer_is_won_by_the_site_he_registers_on(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[1]);
        let bob = login("Bob@Example.com");
        let (token, customer) = customers.register(&site, HOME, (&bob, "Bob"), &secret(PASSWORD)).await.expect("new");
        assert_eq!((customer.site, customer.login.as_str(), customer.name.as_str()), (sites[1], "bob@example.com", "Bob"));
        assert_eq!(customers.authenticate(&site, &token).await.expect("read"), Some(customer.clone()));
        let again = customers.log_in(&scope.site(sites[0]), HOME, "bob@example.com", &secret(PASSWORD)).await;
        assert_eq!(again.expect("the right password").1, customer);
    }

    async fn a_login_is_taken_on_all_sites_of_its_main_site_and_on_no_other(db) {
        let (customers, scope, sites) = open(&db).await;
        let ann = login("ann@example.com");
        for site in sites {
            let taken = customers.register(&scope.site(site), HOME, (&ann, "Ann"), &secret("another password")).await;
            assert!(matches!(taken, Err(IdentityError::LoginTaken)), "{taken:?}");
        }
        enter(&customers, &scope.site(sites[0])).await;
        let (other, others) = shop(&db, "other").await;
        customers.register(&other.site(others[0]), HOME, (&ann, "Ann"), &secret(PASSWORD)).await.expect("free there");
    }

    async fn one_address_makes_no_crowd(db) {
        let (customers, scope, sites) = open(&db).await;
        let site = scope.site(sites[0]);
        let short = customers.register(&site, HOME, (&login("short@example.com"), "S"), &secret("x")).await;
        assert!(matches!(short, Err(IdentityError::PasswordLength { .. })), "{short:?}");
        for n in 0..20 {
            let new = login(&format!("new{n}@example.com"));
            customers.register(&site, HOME, (&new, "New"), &secret(PASSWORD)).await.expect("a new customer");
        }
        let more = customers.register(&site, HOME, (&login("more@example.com"), "More"), &secret(PASSWORD)).await;
        assert!(matches!(more, Err(IdentityError::TooManyTries { .. })), "{more:?}");
        db.clock.advance(TimeDelta::minutes(15));
        customers.register(&site, HOME, (&login("more@example.com"), "More"), &secret(PASSWORD)).await.expect("later");
    }
}
