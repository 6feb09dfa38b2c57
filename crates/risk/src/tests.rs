//! Behaviour on both databases.

use std::net::IpAddr;

use chrono::TimeDelta;
use kernel::{SiteId, SiteScope, Wording};
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::{TestDb, on_both};

use crate::{Limits, RiskError, Velocity};

async fn site(db: &TestDb, tenant: &kernel::TenantScope) -> SiteScope {
    let tx = db.store.write(tenant).await.expect("a writer");
    let new = NewSite {
        slug: Slug::parse("main").expect("a slug"),
        parent: None,
        name: Wording::new("店", "Shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    };
    let id: SiteId = Tenancy::new(db.store.clone()).save_site_in(&tx, &new).await.expect("a site").id();
    tx.commit().await.expect("committed");
    tenant.site(id)
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, last])
}

on_both! {
    async fn ten_orders_in_a_minute_freeze_the_address_on_every_node_and_after_a_restart(db) {
        let scope = site(&db, &db.tenant().await).await;
        let (velocity, limits) = (Velocity::new(db.store.clone()), Limits::default());
        for _ in 0..10 {
            velocity.order(&scope, address(1), &limits).await.expect("within the limit");
        }
        let other_node = Velocity::new(db.store.clone());
        for node in [&velocity, &other_node] {
            let refused = node.order(&scope, address(1), &limits).await;
            assert!(matches!(refused, Err(RiskError::Frozen { retry_after }) if retry_after.as_secs() == 15 * 60));
            node.order(&scope, address(2), &limits).await.expect("another address");
        }
        let freezes = velocity.latest(&scope).await.expect("a list");
        assert_eq!((freezes.len(), freezes[0].address, freezes[0].is_reviewed), (1, address(1), false));
        db.clock.advance(TimeDelta::minutes(15));
        velocity.order(&scope, address(1), &limits).await.expect("free again");
    }

    async fn a_freeze_is_of_one_site(db) {
        let tenants = (db.tenant().await, db.tenant().await);
        let (scope, foreign) = (site(&db, &tenants.0).await, site(&db, &tenants.1).await);
        let (velocity, limits) = (Velocity::new(db.store.clone()), Limits::default());
        for _ in 0..10 {
            velocity.order(&scope, address(1), &limits).await.expect("within the limit");
        }
        assert!(velocity.order(&scope, address(1), &limits).await.is_err());
        velocity.order(&foreign, address(1), &limits).await.expect("another tenant's shop");
        assert!(velocity.latest(&foreign).await.expect("a list").is_empty());
    }

    async fn neighbours_of_one_ipv6_network_count_together(db) {
        let scope = site(&db, &db.tenant().await).await;
        let (velocity, limits) = (Velocity::new(db.store.clone()), Limits::default());
        for last in 0..10 {
            let address: IpAddr = format!("2001:db8:1:2::{last}").parse().expect("an address");
            velocity.order(&scope, address, &limits).await.expect("within the limit");
        }
        let neighbour: IpAddr = "2001:db8:1:2:ffff::1".parse().expect("an address");
        assert!(velocity.order(&scope, neighbour, &limits).await.is_err());
    }
}
