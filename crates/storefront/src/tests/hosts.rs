//! Which shop a host leads to, and what is said where none does.

use axum::http::{Method, StatusCode};
use tenancy::{Host, SiteState, TenantState};

use super::fixture::{MAIN, OTHER, SUB, Town};

testkit::on_both! {
    async fn an_unknown_host_is_named_with_the_command_that_adds_it(db) {
        let town = Town::open(&db).await;
        let page = town.browser("<b>shop.unknown.example").get("/").await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let page = town.browser("shop.unknown.example").get("/orders").await;
        assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
        assert!(page.text.contains("shop.unknown.example") && page.text.contains("cardgrove tenant apply"), "{}", page.text);
        let css = town.browser("shop.unknown.example").get("/assets/store.css").await;
        assert_eq!(css.status, StatusCode::OK);
    }

    async fn one_shop_answers_however_its_host_is_written(db) {
        let town = Town::open(&db).await;
        for host in ["GROVE.example.com", "grove.example.com:8080", "grove.example.com."] {
            assert_eq!(town.browser(host).get("/").await.status, StatusCode::OK, "{host}");
        }
    }

    async fn two_hosts_or_a_host_that_is_not_the_targets_are_refused(db) {
        let town = Town::open(&db).await;
        let two = town.browser(MAIN).ask(Method::GET, "/", &[("host", "other.example.com")], None).await;
        assert_eq!(two.status, StatusCode::BAD_REQUEST);
        let mismatch = town.browser(MAIN).get("http://other.example.com/").await;
        assert_eq!(mismatch.status, StatusCode::BAD_REQUEST);
        let absolute = town.browser(MAIN).get("http://grove.example.com/").await;
        assert_eq!(absolute.status, StatusCode::OK);
    }

    async fn a_forwarded_host_of_a_stranger_is_not_believed(db) {
        let town = Town::open(&db).await;
        let headers = [("x-forwarded-host", "grove.example.com"), ("x-forwarded-proto", "https")];
        let page = town.browser("shop.unknown.example").ask(Method::GET, "/", &headers, None).await;
        assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
    }

    async fn the_demo_is_listed_at_localhost_only(db) {
        let town = Town::open(&db).await;
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080"] {
            let page = town.browser(host).get("/").await;
            assert_eq!(page.status, StatusCode::OK, "{host}");
            assert!(page.text.contains("http://grove.example.com"), "{}", page.text);
            assert_eq!(page.header("cache-control"), "no-store");
        }
        assert_eq!(town.browser("127.0.0.2").get("/").await.status, StatusCode::MISDIRECTED_REQUEST);
        let mut state = town.state.clone();
        state.settings.demo = None;
        let plain = town.browser_of(crate::router(state), "localhost").get("/").await;
        assert_eq!(plain.status, StatusCode::MISDIRECTED_REQUEST);
    }

    async fn other_hosts_of_a_shop_lead_to_the_same_page_at_its_home(db) {
        let town = Town::open(&db).await;
        town.clock.advance(chrono::TimeDelta::seconds(1));
        let tenancy = &town.state.tenancy;
        let add = async |name: &str, site: usize| {
            let (host, site) = (Host::parse(name).unwrap(), town.grove.sites[site]);
            town.write(async |tx| tenancy.save_host_in(tx, &host, site).await.expect("a host")).await;
            tenancy.reload().await.expect("the host table");
        };
        add("a-shop.example", 0).await;
        for (host, path, home) in [
            ("a-shop.example", "/goods/starfall?lang=en&x=1", "http://grove.example.com/goods/starfall?lang=en&x=1"),
            ("A-shop.example:8080", "/", "http://grove.example.com:8080/"),
            ("a-shop.example", "/no-such-page", "http://grove.example.com/no-such-page"),
            ("a-shop.example", "//evil.example/", "http://grove.example.com//evil.example/"),
        ] {
            let moved = town.browser(host).get(path).await;
            assert_eq!((moved.status, moved.header("location")), (StatusCode::MOVED_PERMANENTLY, home));
            assert_eq!(moved.header("cache-control"), "no-store");
        }
        let head = town.browser("a-shop.example").ask(Method::HEAD, "/", &[], None).await;
        assert_eq!(head.status, StatusCode::MOVED_PERMANENTLY);
        let posted = town.browser("a-shop.example").post("/login", &[("login", "x"), ("password", "y")]).await;
        assert_eq!(posted.status, StatusCode::UNAUTHORIZED, "what is posted is answered where it was sent");
        let file = town.browser("a-shop.example").get("/assets/store.css").await;
        assert_eq!(file.status, StatusCode::OK, "files are the same everywhere");
        // Its home and a site of its own are where they are; its pages name themselves.
        assert_eq!(town.browser(MAIN).get("/").await.status, StatusCode::OK);
        let sub = town.browser(SUB).get("/").await;
        assert!(sub.status == StatusCode::OK && sub.text.contains("rel=\"canonical\" href=\"http://sub.grove.example.com/"));
        let main = Host::parse("a-shop.example").unwrap();
        let site = town.grove.sites[0];
        town.write(async |tx| tenancy.save_home_in(tx, site, &main).await.expect("saved")).await;
        tenancy.reload().await.expect("the host table");
        assert_eq!(town.browser(MAIN).get("/x").await.header("location"), "http://a-shop.example/x");
        assert_eq!(town.browser("a-shop.example").get("/").await.status, StatusCode::OK);
    }

    async fn each_state_of_a_site_has_its_page(db) {
        let town = Town::open(&db).await;
        let told = async |host| {
            let page = town.browser(host).get("/goods/starfall").await;
            let headers = [page.header("retry-after").to_owned(), page.header("x-robots-tag").to_owned()];
            let bought = town.browser(host).post("/goods/starfall", &[("quantity", "1")]).await;
            assert!(page.status == StatusCode::OK || bought.status == page.status, "nothing is sold either");
            (page.status.as_u16(), headers, page.text)
        };
        let plain = |status, retry: &str, robots: &str| (status, [retry.to_owned(), robots.to_owned()]);
        for (state, status, words) in [
            (SiteState::Active, plain(200, "", ""), "立即购买"),
            (SiteState::Suspended, plain(503, "3600", "noindex"), "店铺暂停营业"),
            (SiteState::Closed, plain(410, "", "noindex"), "这家店已经关闭"),
            (SiteState::Active, plain(200, "", ""), "立即购买"),
        ] {
            town.set_site_state(1, state).await;
            let (code, headers, text) = told(SUB).await;
            assert_eq!((code, headers), status, "{state:?}");
            assert!(text.contains(words), "{text}");
            assert_eq!(told(MAIN).await.0, 200, "the site above goes on");
        }
    }

    async fn a_site_that_is_stopped_stops_the_sites_below_it(db) {
        let town = Town::open(&db).await;
        for (state, status) in [(SiteState::Suspended, 503), (SiteState::Closed, 410), (SiteState::Active, 200)] {
            town.set_site_state(0, state).await;
            for host in [MAIN, SUB] {
                assert_eq!(town.browser(host).get("/").await.status.as_u16(), status, "{state:?} {host}");
            }
            assert_eq!(town.browser(OTHER).get("/").await.status, StatusCode::OK);
        }
    }

    async fn a_stopped_shop_says_for_how_long(db) {
        let town = Town::open(&db).await;
        town.set_tenant_state(TenantState::Suspended).await;
        let page = town.browser(MAIN).get("/goods/starfall").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.text.contains("店铺暂停营业") && page.text.contains("树林数卡"), "{}", page.text);
        town.set_tenant_state(TenantState::Closed).await;
        let page = town.browser(MAIN).get("/").await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.text.contains("这家店已经关闭"), "{}", page.text);
    }

    async fn a_body_over_the_bound_is_refused(db) {
        let town = Town::open(&db).await;
        let large = "x".repeat(65 * 1024);
        let page = town.browser(MAIN).post("/login", &[("login", &large), ("password", "x")]).await;
        assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
