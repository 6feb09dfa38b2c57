//! Which shop a host leads to, and what is said where none does.

use axum::http::{Method, StatusCode};
use tenancy::TenantState;
use web::Bounds;

use super::fixture::{MAIN, Town};

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

    async fn a_full_server_sends_away_at_once(db) {
        let bounds = Bounds { requests_max: 0, ..Bounds::default() };
        let town = Town::open_with(&db, bounds, kernel::Wording::new("星", "Star")).await;
        let page = town.browser(MAIN).get("/").await;
        assert_eq!((page.status, page.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert!(page.text.contains("店铺正忙"), "{}", page.text);
    }

    async fn a_body_over_the_bound_is_refused(db) {
        let town = Town::open(&db).await;
        let large = "x".repeat(65 * 1024);
        let page = town.browser(MAIN).post("/login", &[("login", &large), ("password", "x")]).await;
        assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
