//! Becoming a customer.

use axum::http::StatusCode;

use super::fixture::{MAIN, OTHER, PASSWORD, SUB, Town};

testkit::on_both! {
    async fn a_new_customer_is_logged_in_on_the_site_that_won_him(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(SUB);
        let form = browser.get("/register?next=/wallet").await;
        assert!(form.text.contains("href=\"/login?next=/wallet\"") && form.header("cache-control") == "no-store", "{}", form.text);
        let fields = [("login", "New@Example.com"), ("password", PASSWORD), ("agree", "yes"), ("next", "/wallet")];
        let sent = browser.post("/register", &fields).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, "/wallet"), "{}", sent.text);
        assert!(sent.header("set-cookie").starts_with("session=") && sent.header("set-cookie").contains("HttpOnly"));
        assert!(browser.get("/wallet").await.text.contains("¥0.00"));
        assert!(browser.get("/").await.text.contains(">new<"));
        let mut later = town.browser(MAIN);
        let back = later.post("/login", &[("login", "new@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    }

    async fn what_is_wrong_is_said_and_what_was_typed_is_kept(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for (login, password, agree, status, says) in [
            ("ab", PASSWORD, "yes", 422, "填一个手机号"),
            ("new@example.com", "short", "yes", 422, "密码要有 8 到 128 位"),
            ("new@example.com", PASSWORD, "", 422, "先勾选同意"),
            ("LIN@example.com", PASSWORD, "yes", 409, "已经注册过"),
        ] {
            let fields = [("login", login), ("password", password), ("agree", agree)];
            let refused = browser.post("/register", &fields).await;
            assert_eq!(refused.status.as_u16(), status, "{login}: {}", refused.text);
            assert!(refused.text.contains(says) && refused.text.contains(login), "{login}: {}", refused.text);
            assert!(!refused.text.contains(PASSWORD) && browser.cookies.is_empty());
        }
    }

    async fn a_login_of_another_main_site_is_free(db) {
        let town = Town::open(&db).await;
        let fields = [("login", "only-here@example.com"), ("password", PASSWORD), ("agree", "yes")];
        for host in [MAIN, OTHER] {
            let sent = town.browser(host).post("/register", &fields).await;
            assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, "/"), "{host}");
        }
    }
}
