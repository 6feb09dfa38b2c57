//! Pages without a purchase: languages, log-in, files, what is not there.

use axum::http::{Method, StatusCode};

use super::browser::order_of;
use super::fixture::{MAIN, PASSWORD, Town};

testkit::on_both! {
    async fn a_guest_sees_goods_with_prices_and_stock(db) {
        let town = Town::open(&db).await;
        let home = town.browser(MAIN).get("/").await;
        assert_eq!(home.status, StatusCode::OK);
        assert!(home.text.contains("href=\"/goods/starfall\"") && home.text.contains("现货"), "{}", home.text);
        assert!(home.text.contains("/assets/art/starfall.svg") && home.text.contains("10.00"));
        assert_eq!(home.header("cache-control"), "private, no-cache");
        let goods = town.browser(MAIN).get("/goods/starfall").await;
        assert!(goods.text.contains("立即购买") && goods.text.contains("补货中"), "{}", goods.text);
    }

    async fn a_language_is_asked_for_once_and_kept(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        assert!(browser.get("/").await.text.contains("lang=\"zh-CN\""));
        let english = browser.get("/?lang=en").await;
        assert!(english.text.contains("<html lang=\"en\"") && english.text.contains("Starfall"), "{}", english.text);
        assert!(browser.get("/goods/starfall").await.text.contains("Buy now"));
        let accepted = town.browser(MAIN).ask(Method::GET, "/", &[("accept-language", "en-GB,zh;q=0.5")], None).await;
        assert!(accepted.text.contains("<html lang=\"en\""));
    }

    async fn every_page_speaks_english_too(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        browser.get("/?lang=en").await;
        let order = order_of(&browser.buy(&[]).await);
        for (path, says) in [
            ("/", "In stock"),
            ("/goods/starfall", "Buy now"),
            ("/wallet", "Top up"),
            ("/lookup", "Lookup password"),
            ("/orders", "My orders"),
            (&format!("/orders/{order}"), "Delivered, 1 code"),
            ("/nothing", "Page not found"),
        ] {
            let page = browser.get(path).await;
            assert!(page.text.contains("<html lang=\"en\"") && page.text.contains(says), "{path}: {}", page.text);
        }
        let mut guest = town.browser(MAIN);
        assert!(browser.choose(&[]).await.text.contains("Check your order"));
        assert!(guest.get("/login?lang=en&next=/orders").await.text.contains("href=\"/login?next=/orders&amp;lang=zh-CN\""));
        assert!(town.browser("localhost").get("/?lang=en").await.text.contains("Demo shops"));
    }

    async fn a_wrong_login_is_told_nothing_and_too_many_are_stopped(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for login in ["lin@example.com", "nobody@example.com"] {
            let refused = browser.post("/login", &[("login", login), ("password", "wrong password")]).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
            assert!(refused.text.contains("账号或密码不对") && refused.text.contains(login), "{}", refused.text);
            assert!(!browser.cookies.contains_key("session"));
        }
        for _ in 0..4 {
            browser.post("/login", &[("login", "lin@example.com"), ("password", "wrong password")]).await;
        }
        let stopped = browser.post("/login", &[("login", "lin@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(stopped.text.contains("等 15 分钟再试") && stopped.header("retry-after") == "900", "{}", stopped.text);
    }

    async fn a_log_in_never_leads_to_another_host(db) {
        let town = Town::open(&db).await;
        for next in ["//evil.example", "https://evil.example/", "/\\evil.example"] {
            let fields = [("login", "lin@example.com"), ("password", PASSWORD), ("next", next)];
            assert_eq!(town.browser(MAIN).post("/login", &fields).await.header("location"), "/", "{next}");
        }
    }

    async fn a_log_in_gives_a_new_session_and_a_log_out_ends_it(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let first = browser.cookies["session"].clone();
        browser.post("/login", &[("login", "lin@example.com"), ("password", PASSWORD)]).await;
        let second = browser.cookies["session"].clone();
        assert_ne!(first, second);
        for (session, status) in [(&first, StatusCode::SEE_OTHER), (&second, StatusCode::OK)] {
            browser.cookies.insert("session".to_owned(), session.clone());
            assert_eq!(browser.get("/wallet").await.status, status);
        }
        let out = browser.post("/logout", &[]).await;
        assert_eq!((out.header("location"), out.header("set-cookie").contains("Max-Age=0")), ("/", true));
        browser.cookies.insert("session".to_owned(), second);
        assert_eq!(browser.get("/wallet").await.status, StatusCode::SEE_OTHER);
    }

    async fn what_is_not_there_is_a_page_with_a_next_step(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        for path in ["/nothing", "/goods/nothing", "/goods/NOT-A-CODE", "/orders/ord_1", "/assets/nothing.css"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            assert!(page.text.contains("没有找到这一页") && page.text.contains("href=\"/\""), "{path}: {}", page.text);
            let id = page.header("x-request-id");
            assert!(id.len() == 36 && page.text.contains(id), "{path}");
        }
        let other = browser.ask(Method::DELETE, "/orders", &[], None).await;
        assert_eq!((other.status, other.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
        let odd = browser.get("/orders?before=x").await;
        assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    }

    async fn files_are_served_with_their_type_and_tag(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let css = browser.get("/assets/store.css").await;
        assert_eq!((css.status, css.header("content-type")), (StatusCode::OK, "text/css"));
        assert_eq!((css.header("x-content-type-options"), css.header("cache-control")), ("nosniff", "public, max-age=300"));
        let tag = css.header("etag").to_owned();
        let again = browser.ask(Method::GET, "/assets/store.css", &[("if-none-match", &tag)], None).await;
        assert_eq!((again.status, again.text.len()), (StatusCode::NOT_MODIFIED, 0));
        let picture = browser.get("/assets/art/starfall.svg").await;
        assert_eq!(picture.header("content-type"), "image/svg+xml");
        for path in ["/assets/../templates/base.html", "/assets/%2e%2e/templates/base.html", "/assets/"] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    async fn every_answer_has_the_security_headers(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for path in ["/", "/nothing", "/orders", "/assets/store.js"] {
            let answer = browser.get(path).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'self'"), "{path}");
            assert!(policy.ends_with("form-action 'self' http://cashier.example.com:8080"), "{path}: {policy}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        }
    }

    async fn a_page_is_compressed_for_who_can_read_it(db) {
        let town = Town::open(&db).await;
        let packed = town.browser(MAIN).ask(Method::GET, "/", &[("accept-encoding", "gzip")], None).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
    }
}
