//! Operators: the platform's directory, and the way from a person to a tenant.

use chrono::TimeDelta;
use kernel::Id;
use tenancy::Saved;

use super::*;

const LOGIN: &str = "ops@example.com";

/// The membership of a main site's operator.
fn owner_of(tenant: TenantId) -> Membership {
    Membership { tenant, site: Id::from_uuid(tenant.uuid()), role: Role::Owner }
}

async fn new_operator(password: &str) -> NewOperator {
    let password_hash = Passwords::new().hash(&secret(password)).await.expect("hashed");
    NewOperator { login: login(LOGIN), name: "Ops".to_owned(), password_hash }
}

/// The operator Ops, owner of one tenant.
async fn open(db: &TestDb) -> (Operators, TenantId) {
    let operators = Operators::new(db.store.clone(), Passwords::new(), limits(db));
    let tenant = TenantId::new();
    let saved = operators.save(&new_operator(PASSWORD).await, owner_of(tenant)).await.expect("saved");
    assert!(matches!(saved, Saved::Created(_)), "{saved:?}");
    (operators, tenant)
}

async fn enter(operators: &Operators) -> (Token, Operator) {
    operators.log_in(HOME, LOGIN, &secret(PASSWORD)).await.expect("the right password")
}

testkit::on_both! {
    async fn an_operator_logs_in_and_is_known(db) {
        let (operators, tenant) = open(&db).await;
        let (token, operator) = enter(&operators).await;
        assert_eq!(operator.memberships(), [owner_of(tenant)]);
        assert_eq!(operators.authenticate(&token).await.expect("read"), Some(operator));
    }

    async fn an_operator_reaches_his_own_tenants_only(db) {
        let (operators, tenant) = open(&db).await;
        let (_, operator) = enter(&operators).await;
        assert_eq!(operator.scope(tenant, Permission::OrderRead).expect("an owner").id(), tenant);
        let refused = operator.scope(TenantId::new(), Permission::OrderRead);
        assert!(matches!(refused, Err(IdentityError::NoMember)), "{refused:?}");
    }

    async fn the_owner_of_a_site_reaches_that_site_and_nothing_beside_it(db) {
        let operators = Operators::new(db.store.clone(), Passwords::new(), limits(&db));
        let (tenant, site) = (TenantId::new(), SiteId::new());
        let member = Membership { tenant, site, role: Role::SiteOwner };
        operators.save(&new_operator(PASSWORD).await, member).await.expect("saved");
        let (_, operator) = enter(&operators).await;
        let own = operator.site_scope(tenant, site, Permission::PriceWrite).expect("his own");
        assert_eq!((own.tenant(), own.site()), (tenant, site));
        let refund = operator.site_scope(tenant, site, Permission::OrderRefund);
        assert!(matches!(refund, Err(IdentityError::Forbidden { .. })), "{refund:?}");
        for (tenant, other) in [(tenant, SiteId::new()), (TenantId::new(), site)] {
            let refused = operator.site_scope(tenant, other, Permission::SiteRead);
            assert!(matches!(refused, Err(IdentityError::NoMember)), "{refused:?}");
        }
        let refused = operator.scope(tenant, Permission::SiteRead);
        assert!(matches!(refused, Err(IdentityError::NoMember)), "{refused:?}");
    }

    async fn an_operator_may_own_two_sites_of_a_tenant(db) {
        let operators = Operators::new(db.store.clone(), Passwords::new(), limits(&db));
        let tenant = TenantId::new();
        let mut sites = [SiteId::new(), SiteId::new()];
        sites.sort();
        let own = sites.map(|site| Membership { tenant, site, role: Role::SiteOwner });
        for member in own {
            operators.save(&new_operator(PASSWORD).await, member).await.expect("saved");
        }
        assert_eq!(enter(&operators).await.1.memberships(), own);
    }

    async fn a_second_save_changes_nothing(db) {
        let (operators, tenant) = open(&db).await;
        let again = operators.save(&new_operator("another horse").await, owner_of(tenant)).await.expect("saved");
        let (_, operator) = enter(&operators).await;
        assert_eq!(again, Saved::Same(operator.id));
    }

    async fn an_operator_may_join_a_second_tenant(db) {
        let (operators, tenant) = open(&db).await;
        let second = TenantId::new();
        let joined = operators.save(&new_operator(PASSWORD).await, owner_of(second)).await.expect("saved");
        let (_, operator) = enter(&operators).await;
        assert_eq!(joined, Saved::Changed(operator.id, vec!["membership"]));
        assert_eq!(operator.memberships(), [owner_of(tenant), owner_of(second)]);
    }

    async fn one_operator_saved_twice_at_once_is_one(db) {
        let operators = Operators::new(db.store.clone(), Passwords::new(), limits(&db));
        let (new, tenant) = (new_operator(PASSWORD).await, TenantId::new());
        let save = || {
            let (operators, new) = (operators.clone(), new.clone());
            tokio::spawn(async move { operators.save(&new, owner_of(tenant)).await })
        };
        let (first, second) = (save(), save());
        let first = first.await.expect("runs").expect("saved");
        let second = second.await.expect("runs").expect("saved");
        assert_eq!(first.id(), second.id());
    }

    async fn a_wrong_an_unknown_and_a_locked_operator_look_alike(db) {
        let (operators, _) = open(&db).await;
        let wrong = operators.log_in(HOME, LOGIN, &secret("wrong horse")).await;
        let unknown = operators.log_in(HOME, "nobody@example.com", &secret(PASSWORD)).await;
        db.tamper("UPDATE operators SET state = 'locked'").await.expect("locked");
        let locked = operators.log_in(HOME, LOGIN, &secret(PASSWORD)).await;
        for refused in [wrong, unknown, locked] {
            assert!(matches!(refused, Err(IdentityError::BadLogin)), "{refused:?}");
        }
    }

    async fn a_locked_operators_session_is_nobodys(db) {
        let (operators, _) = open(&db).await;
        let (token, _) = enter(&operators).await;
        db.tamper("UPDATE operators SET state = 'locked'").await.expect("locked");
        assert_eq!(operators.authenticate(&token).await.expect("read"), None);
    }

    async fn an_operators_session_ends_after_a_day_of_work(db) {
        let (operators, _) = open(&db).await;
        let (token, _) = enter(&operators).await;
        db.clock.advance(OPERATOR_SESSION_LIFE - TimeDelta::microseconds(1));
        assert!(operators.authenticate(&token).await.expect("read").is_some());
        db.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(operators.authenticate(&token).await.expect("read"), None);
    }

    async fn an_operators_session_ends_with_log_out(db) {
        let (operators, _) = open(&db).await;
        let ((phone, _), (desk, _)) = (enter(&operators).await, enter(&operators).await);
        operators.log_out(&phone).await.expect("ended");
        assert_eq!(operators.authenticate(&phone).await.expect("read"), None);
        assert!(operators.authenticate(&desk).await.expect("read").is_some());
    }

    async fn an_operators_token_is_not_in_the_database(db) {
        let (operators, _) = open(&db).await;
        let (token, _) = enter(&operators).await;
        assert_only_the_hash_is_stored(&db, "operator_sessions", &token).await;
    }

    async fn a_customers_token_is_no_operators(db) {
        let (operators, _) = open(&db).await;
        let (scope, sites) = shop(&db, "demo").await;
        let (token, _) = enter(&operators).await;
        let customers = Customers::new(db.store.clone(), Passwords::new(), limits(&db));
        assert_eq!(customers.authenticate(&scope.site(sites[0]), &token).await.expect("read"), None);
    }

    async fn an_address_that_failed_twenty_times_waits_for_every_login(db) {
        let (operators, _) = open(&db).await;
        for number in 0..20 {
            let wrong = operators.log_in(HOME, &format!("login-{number}"), &secret("wrong horse")).await;
            assert!(matches!(wrong, Err(IdentityError::BadLogin)), "{wrong:?}");
        }
        let right = operators.log_in(HOME, LOGIN, &secret(PASSWORD)).await;
        assert!(matches!(right, Err(IdentityError::TooManyTries { .. })), "{right:?}");
        let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
        operators.log_in(elsewhere, LOGIN, &secret(PASSWORD)).await.expect("another address");
    }
}
