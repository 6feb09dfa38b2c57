//! What a site shows of its own, on both databases.

use super::*;

fn accent(light: &str) -> Tokens {
    Tokens::try_new(&TokensDraft { accent: Some(light.to_owned()), ..TokensDraft::default() }).expect("tokens")
}

fn best() -> Section {
    Section::Best { title: Wording::default(), count: 4 }
}

testkit::on_both! {
    async fn a_shop_shows_the_front_that_was_saved(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        let front = || (vec![best(), Section::Guide], accent("#0B6B4B"));
        let saved = tenancy.save_front_in(&tx, sites[1], front()).await.expect("saved");
        assert_eq!(saved, Saved::Changed(sites[1], vec!["sections", "tokens"]));
        assert_eq!(tenancy.save_front_in(&tx, sites[1], front()).await.expect("saved"), Saved::Same(sites[1]));
        tx.commit().await.expect("committed");
        tenancy.reload().await.expect("reloaded");
        let shown = |host: &str| tenancy.resolve(host).expect("a shop").site.front.clone();
        assert_eq!(shown("north.demo.example").sections(), [best(), Section::Guide]);
        assert_eq!(shown("north.demo.example").tokens(), &accent("#0B6B4B"));
        assert_eq!(shown("main.demo.example"), Front::default());
    }

    async fn a_colour_that_nobody_could_read_is_refused(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        let refused = tenancy.save_front_in(&tx, sites[0], (Vec::new(), accent("#F2B705"))).await.expect_err("refused");
        assert!(matches!(refused, TenancyError::Front(FrontError::Contrast { is_dark: false, .. })), "{refused}");
        assert_eq!(kernel::Coded::code(&refused), "accent_contrast");
    }

    async fn a_site_stays_at_home_where_it_began_whatever_hosts_are_added(db) {
        let (tenancy, scope, sites) = open(&db).await;
        db.clock.advance(chrono::TimeDelta::seconds(1));
        let tx = db.store.write(&scope).await.expect("begins");
        tenancy.save_host_in(&tx, &host("a.demo.example"), sites[0]).await.expect("saved");
        tx.commit().await.expect("committed");
        tenancy.reload().await.expect("reloaded");
        for name in ["a.demo.example", "main.demo.example"] {
            assert_eq!(tenancy.resolve(name).expect("a shop").home.to_string(), "main.demo.example");
        }
    }

    async fn a_shop_sells_no_more_than_every_site_above_it(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let set = async |site: usize, state| {
            let tx = db.store.write(&scope).await.expect("begins");
            tenancy.set_site_state_in(&tx, sites[site], state).await.expect("set");
            tx.commit().await.expect("committed");
            tenancy.reload().await.expect("reloaded");
            let of = |host: &str| tenancy.resolve(host).expect("a shop").state;
            (of("main.demo.example"), of("north.demo.example"))
        };
        let (active, suspended, closed) = (SiteState::Active, SiteState::Suspended, SiteState::Closed);
        assert_eq!(set(1, suspended).await, (active, suspended));
        assert_eq!(set(0, suspended).await, (suspended, suspended));
        assert_eq!(set(1, active).await, (suspended, suspended), "the site above is still stopped");
        assert_eq!(set(0, closed).await, (closed, closed));
        assert_eq!(set(0, active).await, (active, active));
    }

    async fn a_shop_names_the_host_that_was_chosen(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        tenancy.save_host_in(&tx, &host("a.demo.example"), sites[0]).await.expect("saved");
        let foreign = tenancy.save_home_in(&tx, sites[0], &host("north.demo.example")).await;
        assert!(matches!(foreign, Err(TenancyError::HostTaken { .. })));
        tx.commit().await.expect("committed");
        tenancy.reload().await.expect("reloaded");
        let home = || tenancy.resolve("main.demo.example").expect("a shop").home.to_string();
        assert_eq!(home(), "a.demo.example");
        let tx = db.store.write(&scope).await.expect("begins");
        let main = host("main.demo.example");
        assert_eq!(tenancy.save_home_in(&tx, sites[0], &main).await.expect("saved"), Saved::Changed(sites[0], vec!["home"]));
        assert_eq!(tenancy.save_home_in(&tx, sites[0], &main).await.expect("saved"), Saved::Same(sites[0]));
        tx.commit().await.expect("committed");
        tenancy.reload().await.expect("reloaded");
        assert_eq!(home(), "main.demo.example");
    }
}
