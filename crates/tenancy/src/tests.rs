//! Behaviour on both databases, and the tree's rules.

mod fronts;
mod tree;

use std::sync::Arc;

use kernel::{Currency, Platform, SiteId, TenantId, TenantScope, Wording};
use proptest::prelude::*;
use testkit::TestDb;

use crate::*;

fn scope() -> TenantScope {
    Platform::assume().tenant(TenantId::new())
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn host(text: &str) -> Host {
    Host::parse(text).expect("a host")
}

fn new_tenant(name: &str) -> NewTenant {
    let seller = Seller { name: format!("{name} Ltd"), licence: None };
    NewTenant { slug: slug(name), name: name.to_owned(), currency: Currency::CNY, region: "CN".to_owned(), seller }
}

fn new_site(name: &str, parent: Option<&str>) -> NewSite {
    NewSite {
        slug: slug(name),
        parent: parent.map(slug),
        name: Wording::new(format!("{name} 店"), name),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    }
}

/// A tenant with the sites main, north and harbor in one line, and a host for each.
async fn shop(tenancy: &Tenancy, db: &TestDb, name: &str) -> (TenantScope, Vec<SiteId>) {
    let scope = scope();
    let made = db.store.transact(&scope, async |tx| {
        tenancy.save_tenant_in(tx, &new_tenant(name)).await?;
        let mut sites = Vec::new();
        for (site, parent) in [("main", None), ("north", Some("main")), ("harbor", Some("north"))] {
            let id = tenancy.save_site_in(tx, &new_site(site, parent)).await?.id();
            tenancy.save_host_in(tx, &host(&format!("{site}.{name}.example")), id).await?;
            sites.push(id);
        }
        Ok::<_, TenancyError>(sites)
    });
    let sites = made.await.expect("the shop is made");
    (scope, sites)
}

async fn open(db: &TestDb) -> (Tenancy, TenantScope, Vec<SiteId>) {
    let tenancy = Tenancy::new(db.store.clone());
    let (scope, sites) = shop(&tenancy, db, "demo").await;
    tenancy.reload().await.expect("the directory is readable");
    (tenancy, scope, sites)
}

testkit::on_both! {
    async fn a_host_leads_to_its_site_and_scope(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let shop = tenancy.resolve("harbor.demo.example").expect("a known host");
        assert_eq!(shop.scope(), scope.site(sites[2]));
        assert_eq!(shop.chain, sites);
        assert_eq!((shop.site.depth, shop.site.parent), (2, Some(sites[1])));
        assert_eq!((shop.tenant.slug.as_str(), shop.main_name.en.as_str()), ("demo", "main"));
    }

    async fn a_changed_level_counts_at_once_here_and_a_second_later_elsewhere(db) {
        let (tenancy, scope, _) = open(&db).await;
        let elsewhere = Tenancy::new(store::Store::open(&db.settings).await.expect("a second store"));
        let shop = tenancy.resolve("harbor.demo.example").expect("a known host");
        let of = async |tenancy: &Tenancy| tenancy.levels_of(&shop).await.expect("levels").to_vec();
        assert_eq!((of(&tenancy).await, of(&elsewhere).await), (vec![None; 3], vec![None; 3]));
        let gold = NewSite { level: Some("gold".to_owned()), ..new_site("north", Some("main")) };
        db.store.transact(&scope, async |tx| tenancy.save_site_in(tx, &gold).await).await.expect("saved");
        let changed = vec![None, Some("gold".to_owned()), None];
        assert_eq!(of(&tenancy).await, changed, "the host table was not even read again");
        assert_eq!(of(&elsewhere).await, vec![None; 3], "the clock stands still");
        db.clock.advance(chrono::TimeDelta::seconds(1));
        assert_eq!(of(&elsewhere).await, changed);
    }

    async fn a_site_that_is_moved_has_the_levels_of_its_new_chain(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let gold = NewSite { level: Some("gold".to_owned()), ..new_site("north", Some("main")) };
        db.store.transact(&scope, async |tx| tenancy.save_site_in(tx, &gold).await).await.expect("saved");
        let before = tenancy.resolve("harbor.demo.example").expect("a known host");
        let levels = tenancy.levels_of(&before).await.expect("levels");
        assert_eq!(levels.to_vec(), [None, Some("gold".to_owned()), None]);
        // As the host table says it once the site stands below the main site; nobody has told this node's memory.
        let mut after = crate::Shop::clone(&before);
        after.chain = vec![sites[0], sites[2]];
        let levels = tenancy.levels_of(&after).await.expect("levels");
        assert_eq!(levels.to_vec(), [None, None], "gold is the level of another site");
    }

    async fn a_host_is_found_however_it_is_written(db) {
        let (tenancy, scope, sites) = open(&db).await;
        db.store.transact(&scope, async |tx| tenancy.save_host_in(tx, &host("卡铺.example"), sites[0]).await).await.expect("saved");
        tenancy.reload().await.expect("reloaded");
        for header in ["main.demo.example", "MAIN.demo.Example", "main.demo.example.", "main.demo.example:8080", "卡铺.example:80", "xn--hlro04m.example", "卡铺。EXAMPLE。"] {
            assert_eq!(tenancy.resolve(header).map(|shop| shop.site.id), Ok(sites[0]), "{header}");
        }
    }

    async fn a_shop_has_another_edition_whenever_anything_of_it_is_new(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let hosts = ["main.demo.example", "north.demo.example", "harbor.demo.example"];
        let editions = || hosts.map(|host| tenancy.resolve(host).expect("a known host").edition);
        let first = editions();
        tenancy.reload().await.expect("reloaded");
        assert_eq!(editions(), first, "nothing is new");
        let notice = NewSite { notice: Wording::new("休息", "Closed"), ..new_site("north", Some("main")) };
        db.store.transact(&scope, async |tx| tenancy.save_site_in(tx, &notice).await).await.expect("saved");
        tenancy.reload().await.expect("reloaded");
        let second = editions();
        assert_eq!([second[0], second[2]], [first[0], first[2]], "a notice is its own site's");
        assert_ne!(second[1], first[1]);
        // Below it a site is another, too, once it pays other prices or may not sell.
        let level = NewSite { level: Some("gold".to_owned()), ..notice };
        db.store.transact(&scope, async |tx| tenancy.save_site_in(tx, &level).await).await.expect("saved");
        tenancy.reload().await.expect("reloaded");
        let third = editions();
        assert!(third[0] == second[0] && third[1] != second[1] && third[2] != second[2]);
        assert_eq!(tenancy.resolve(hosts[2]).expect("a known host").levels[1].as_deref(), Some("gold"));
        db.store.transact(&scope, async |tx| tenancy.set_site_state_in(tx, sites[1], SiteState::Suspended).await).await.expect("set");
        tenancy.reload().await.expect("reloaded");
        let fourth = editions();
        assert!(fourth[0] == third[0] && fourth[1] != third[1] && fourth[2] != third[2]);
    }

    async fn an_unknown_host_is_named(db) {
        let (tenancy, ..) = open(&db).await;
        let unknown = |header: &str| tenancy.resolve(header).map(|shop| shop.site.id).expect_err("nobody's host").host;
        assert_eq!(unknown("Nobody.Example:443"), "nobody.example");
        assert_eq!(unknown("127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(unknown("a\nb<script>"), "ab<script>");
        assert_eq!(unknown(""), "");
    }

    async fn a_second_save_changes_nothing(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        assert_eq!(tenancy.save_tenant_in(&tx, &new_tenant("demo")).await.expect("saved"), Saved::Same(scope.id()));
        assert_eq!(tenancy.save_site_in(&tx, &new_site("north", Some("main"))).await.expect("saved"), Saved::Same(sites[1]));
        assert_eq!(tenancy.save_host_in(&tx, &host("north.demo.example"), sites[1]).await.expect("saved"), Saved::Same(sites[1]));
    }

    async fn a_save_names_the_fields_it_changed(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        let tenant = NewTenant { region: "SG".to_owned(), ..new_tenant("demo") };
        assert_eq!(tenancy.save_tenant_in(&tx, &tenant).await.expect("saved"), Saved::Changed(scope.id(), vec!["region"]));
        let site = NewSite { theme: Theme::Clay, level: Some("gold".to_owned()), ..new_site("north", Some("main")) };
        assert_eq!(tenancy.save_site_in(&tx, &site).await.expect("saved"), Saved::Changed(sites[1], vec!["theme", "level"]));
        let moved = tenancy.save_host_in(&tx, &host("north.demo.example"), sites[2]).await.expect("saved");
        assert_eq!(moved, Saved::Changed(sites[2], vec!["site"]));
        assert_eq!(tenancy.tenant_in(&tx).await.expect("read").expect("there").region, "SG");
        let north = tenancy.sites_in(&tx).await.expect("read").swap_remove(1);
        assert_eq!((north.theme, north.level.as_deref()), (Theme::Clay, Some("gold")));
    }

    async fn slug_and_currency_of_a_tenant_stay(db) {
        let (tenancy, scope, _) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        let renamed = tenancy.save_tenant_in(&tx, &new_tenant("other")).await;
        assert!(matches!(renamed, Err(TenancyError::SlugFixed { .. })), "{renamed:?}");
        let dollars = NewTenant { currency: Currency::USD, ..new_tenant("demo") };
        let changed = tenancy.save_tenant_in(&tx, &dollars).await;
        assert!(matches!(changed, Err(TenancyError::CurrencyFixed { .. })), "{changed:?}");
    }

    async fn a_moved_site_takes_its_branch_along(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let saved = db.store.transact(&scope, async |tx| {
            tenancy.save_site_in(tx, &new_site("east", Some("main"))).await?;
            tenancy.save_site_in(tx, &new_site("far", Some("east"))).await?;
            tenancy.save_site_in(tx, &new_site("north", Some("far"))).await
        });
        assert_eq!(saved.await.expect("moved"), Saved::Changed(sites[1], vec!["parent"]));
        tenancy.reload().await.expect("reloaded");
        let harbor = tenancy.resolve("harbor.demo.example").expect("known");
        assert_eq!((harbor.site.depth, harbor.chain.len()), (4, 5));
    }

    async fn a_site_under_itself_or_nobody_is_refused(db) {
        let (tenancy, scope, _) = open(&db).await;
        let tx = db.store.write(&scope).await.expect("begins");
        let ring = tenancy.save_site_in(&tx, &new_site("north", Some("harbor"))).await;
        assert!(matches!(ring, Err(TenancyError::UnderItself { .. })), "{ring:?}");
        let orphan = tenancy.save_site_in(&tx, &new_site("west", Some("nowhere"))).await;
        assert!(matches!(orphan, Err(TenancyError::NoParent { .. })), "{orphan:?}");
        let second = tenancy.save_site_in(&tx, &new_site("west", None)).await;
        assert!(matches!(second, Err(TenancyError::MainSiteFixed)), "{second:?}");
    }

    async fn a_site_needs_its_tenant(db) {
        let tenancy = Tenancy::new(db.store.clone());
        let tx = db.store.write(&scope()).await.expect("begins");
        let refused = tenancy.save_site_in(&tx, &new_site("main", None)).await;
        assert!(matches!(refused, Err(TenancyError::NoTenant)), "{refused:?}");
        assert_eq!(tenancy.tenant_in(&tx).await.expect("read"), None);
    }

    async fn a_host_of_another_tenant_is_refused_and_the_work_goes_on(db) {
        let (tenancy, ..) = open(&db).await;
        let (other, sites) = shop(&tenancy, &db, "other").await;
        let tx = db.store.write(&other).await.expect("begins");
        let refused = tenancy.save_host_in(&tx, &host("main.demo.example"), sites[0]).await;
        assert!(matches!(&refused, Err(TenancyError::HostTaken { host }) if host.as_str() == "main.demo.example"), "{refused:?}");
        tenancy.save_host_in(&tx, &host("free.example"), sites[0]).await.expect("the transaction is still good");
        tx.commit().await.expect("commits");
        tenancy.reload().await.expect("reloaded");
        assert_eq!(tenancy.resolve("main.demo.example").expect("known").tenant.slug.as_str(), "demo");
        assert_eq!(tenancy.resolve("free.example").expect("known").tenant.slug.as_str(), "other");
    }

    async fn a_slug_of_another_tenant_is_refused(db) {
        let (tenancy, ..) = open(&db).await;
        let tx = db.store.write(&scope()).await.expect("begins");
        let refused = tenancy.save_tenant_in(&tx, &new_tenant("demo")).await;
        assert!(matches!(refused, Err(TenancyError::SlugTaken { .. })), "{refused:?}");
    }

    async fn a_tenant_neither_sees_nor_changes_anothers_sites(db) {
        let (tenancy, demo, sites) = open(&db).await;
        let (other, others) = shop(&tenancy, &db, "other").await;
        let tx = db.store.write(&other).await.expect("begins");
        let seen: Vec<SiteId> = tenancy.sites_in(&tx).await.expect("read").iter().map(|site| site.id).collect();
        assert_eq!(seen, others);
        assert!(tenancy.hosts_in(&tx).await.expect("read").iter().all(|(_, site)| others.contains(site)));
        let closed = tenancy.set_site_state_in(&tx, sites[0], SiteState::Closed).await;
        assert!(matches!(closed, Err(TenancyError::NoSite { .. })), "{closed:?}");
        let captured = tenancy.save_host_in(&tx, &host("new.example"), sites[0]).await;
        assert!(matches!(captured, Err(TenancyError::NoSite { .. })), "{captured:?}");
        tenancy.set_tenant_state_in(&tx, TenantState::Closed).await.expect("its own");
        tenancy.save_site_in(&tx, &NewSite { theme: Theme::Clay, ..new_site("main", None) }).await.expect("its own");
        tx.commit().await.expect("commits");
        let tx = db.store.read(&demo).await.expect("begins");
        assert_eq!(tenancy.tenant_in(&tx).await.expect("read").expect("there").state, TenantState::Active);
        assert!(tenancy.sites_in(&tx).await.expect("read").iter().all(|site| site.theme == Theme::Grove));
    }

    async fn a_suspended_shop_still_resolves_and_says_so(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let changed = db.store.transact(&scope, async |tx| {
            tenancy.set_site_state_in(tx, sites[1], SiteState::Suspended).await?;
            tenancy.set_tenant_state_in(tx, TenantState::Closed).await
        });
        changed.await.expect("changed");
        tenancy.reload().await.expect("reloaded");
        let shop = tenancy.resolve("north.demo.example").expect("still known");
        assert_eq!((shop.site.state, shop.tenant.state), (SiteState::Suspended, TenantState::Closed));
    }

    async fn a_tenant_is_found_by_its_slug(db) {
        let (tenancy, scope, _) = open(&db).await;
        assert_eq!(tenancy.find_tenant(&slug("demo")).await.expect("read"), Some(scope.id()));
        assert_eq!(tenancy.find_tenant(&slug("nobody")).await.expect("read"), None);
    }

    async fn shops_lists_every_host_in_order(db) {
        let (tenancy, ..) = open(&db).await;
        let hosts: Vec<String> = tenancy.shops().into_iter().map(|(host, _)| host.into()).collect();
        assert_eq!(hosts, ["harbor.demo.example", "main.demo.example", "north.demo.example"]);
    }

    async fn an_unreadable_tenant_does_not_close_the_others(db) {
        let (tenancy, ..) = open(&db).await;
        shop(&tenancy, &db, "other").await;
        db.tamper("UPDATE sites SET theme = 'neon' WHERE slug = 'north' AND tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'demo')").await.expect("tampered");
        tenancy.reload().await.expect("reloaded");
        assert!(tenancy.resolve("main.demo.example").is_err());
        assert!(tenancy.resolve("main.other.example").is_ok());
    }

    async fn a_watch_brings_what_another_node_changed(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let other_node = Tenancy::new(db.store.clone());
        let watch = other_node.watch_every(std::time::Duration::from_millis(10));
        db.store.transact(&scope, async |tx| tenancy.save_host_in(tx, &host("late.example"), sites[0]).await).await.expect("saved");
        let arrived = async {
            while other_node.resolve("late.example").is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), arrived).await.expect("it arrives");
        drop(watch);
    }

    async fn two_packs_at_once_leave_one_tree(db) {
        let (tenancy, scope, sites) = open(&db).await;
        let make = |name: &'static str| {
            let (tenancy, db, scope) = (tenancy.clone(), db.store.clone(), scope);
            tokio::spawn(async move { db.transact(&scope, async |tx| tenancy.save_site_in(tx, &new_site(name, Some("main"))).await).await })
        };
        let saved = [make("twin"), make("twin"), make("twin")];
        let mut created = 0;
        for saved in saved {
            created += usize::from(matches!(saved.await.expect("runs"), Ok(Saved::Created(_))));
        }
        assert_eq!(created, 1);
        let tx = db.store.read(&scope).await.expect("begins");
        assert_eq!(tenancy.sites_in(&tx).await.expect("a tree").len(), sites.len() + 1);
    }
}

#[tokio::test]
async fn any_host_header_is_answered_without_panic() {
    let db = TestDb::sqlite().await;
    let (tenancy, _, sites) = open(&db).await;
    let tenancy = Arc::new(tenancy);
    proptest!(|(header in "\\PC{0,80}", case in any::<u64>(), port in prop::option::of(any::<u16>()), has_dot in any::<bool>())| {
        prop_assert!(tenancy.resolve(&header).is_err());
        let mixed: String = "main.demo.example".chars().enumerate()
            .map(|(index, c)| if case >> index & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect();
        let dot = if has_dot { "." } else { "" };
        let written = port.map_or_else(|| format!("{mixed}{dot}"), |port| format!("{mixed}{dot}:{port}"));
        prop_assert_eq!(tenancy.resolve(&written).map(|shop| shop.site.id), Ok(sites[0]));
    });
}
