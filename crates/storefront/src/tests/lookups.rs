//! Finding an order again with contact or number, and the query password.

use axum::http::StatusCode;

use super::browser::{number, shown_number};
use super::fixture::{CONTACT, MAIN, QUERY_PASSWORD, SUB, Town};

testkit::on_both! {
    async fn one_order_opens_with_its_codes(db) {
        let town = Town::open(&db).await;
        let page = town.browser(MAIN).order_as_guest(&[]).await;
        town.pay(&number(&page)).await;
        let link = town.browser(MAIN).get(&page).await;
        let shown = shown_number(&link);
        assert!(order::OrderNumber::parse(&shown).is_ok(), "{shown}");
        for who in ["GUEST @example.com", &number(&page), &shown, &shown.replace('-', " ")] {
            let mut browser = town.browser(MAIN);
            let found = browser.post("/lookup", &[("who", who), ("password", QUERY_PASSWORD)]).await;
            assert_eq!(found.header("location"), format!("/orders/{}", number(&page)), "{}", found.text);
            let cookie = found.header("set-cookie");
            assert!(cookie.starts_with("lookup=") && cookie.contains("HttpOnly") && cookie.contains("Max-Age=900"), "{cookie}");
            assert_eq!(browser.get(found.header("location")).await.header("location"), page);
            let shown = browser.post(&format!("{page}/codes"), &[]).await;
            assert!(shown.text.contains("CODE-grove-"), "{}", shown.text);
        }
    }

    async fn several_orders_are_listed(db) {
        let town = Town::open(&db).await;
        let mut buyer = town.browser(MAIN);
        for _ in 0..2 {
            buyer.order_as_guest(&[]).await;
        }
        let found = town.browser(MAIN).post("/lookup", &[("who", CONTACT), ("password", QUERY_PASSWORD)]).await;
        assert_eq!((found.status, found.text.matches("href=\"/orders/ord_").count()), (StatusCode::OK, 2), "{}", found.text);
        assert_eq!(found.header("cache-control"), "no-store");
    }

    async fn whatever_is_wrong_the_answer_is_the_same(db) {
        let town = Town::open(&db).await;
        let page = town.browser(MAIN).order_as_guest(&[]).await;
        let (order, unknown) = (number(&page), order::OrderId::new().to_string());
        let mut answers = Vec::new();
        for (who, password) in [
            (CONTACT, "another"),
            ("nobody@example.com", QUERY_PASSWORD),
            (order.as_str(), "another"),
            (unknown.as_str(), QUERY_PASSWORD),
            ("", ""),
        ] {
            let answer = town.browser(MAIN).post("/lookup", &[("who", who), ("password", password)]).await;
            assert!(answer.text.contains("没有找到订单。核对联系方式和查询密码"), "{}", answer.text);
            assert!(!answer.headers.contains_key("set-cookie"));
            let id = answer.header("x-request-id").to_owned();
            let text = answer.text.replace(&format!("value=\"{who}\""), "value=\"\"").replace(&id, "");
            answers.push((answer.status, text));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == StatusCode::NOT_FOUND));
        let elsewhere = town.browser(SUB).post("/lookup", &[("who", CONTACT), ("password", QUERY_PASSWORD)]).await;
        assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    }

    async fn tries_are_limited_by_what_is_asked_for_and_by_address(db) {
        let town = Town::open(&db).await;
        town.browser(MAIN).order_as_guest(&[]).await;
        let mut browser = town.browser(MAIN);
        for _ in 0..5 {
            let asked = browser.post("/lookup", &[("who", CONTACT), ("password", "another")]).await;
            assert_eq!(asked.header("ratelimit-policy"), "\"lookup\";q=5;w=900, \"address\";q=20;w=900");
        }
        let stopped = browser.post("/lookup", &[("who", CONTACT), ("password", QUERY_PASSWORD)]).await;
        assert_eq!((stopped.status, stopped.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "900"));
        assert_eq!(stopped.header("ratelimit"), "\"lookup\";r=0;t=900, \"address\";r=15;t=900");
        assert!(stopped.text.contains("等 15 分钟再试"), "{}", stopped.text);
        let page = town.browser(MAIN).order_as_guest(&[("contact", "else@example.com")]).await;
        let shown = shown_number(&town.browser(MAIN).get(&page).await);
        // However it is written, it is the same number.
        for place in 0..5 {
            let who = format!("{}-{}", &shown.replace('-', "")[..place], &shown.replace('-', "")[place..]);
            let asked = town.browser(MAIN).post("/lookup", &[("who", &who), ("password", "another")]).await;
            assert_eq!(asked.status, StatusCode::NOT_FOUND, "{who}");
        }
        let stopped = town.browser(MAIN).post("/lookup", &[("who", &shown), ("password", QUERY_PASSWORD)]).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "{}", stopped.text);
        for number in 0..10 {
            let who = format!("guest-{number}@example.com");
            let asked = browser.post("/lookup", &[("who", &who), ("password", "another")]).await;
            assert_eq!(asked.status, StatusCode::NOT_FOUND, "{number}");
        }
        let stopped = browser.post("/lookup", &[("who", "new@example.com"), ("password", "another")]).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
        db.clock.advance(chrono::TimeDelta::minutes(15));
        let found = browser.post("/lookup", &[("who", CONTACT), ("password", QUERY_PASSWORD)]).await;
        assert_eq!(found.status, StatusCode::SEE_OTHER);
    }

    async fn a_found_order_is_not_opened_by_anothers_look_up(db) {
        let town = Town::open(&db).await;
        let page = town.browser(MAIN).order_as_guest(&[]).await;
        town.pay(&number(&page)).await;
        let mut other = town.browser(MAIN);
        other.order_as_guest(&[("contact", "other@example.com")]).await;
        other.cookies.clear();
        let found = other.post("/lookup", &[("who", "other@example.com"), ("password", QUERY_PASSWORD)]).await;
        assert_eq!(found.status, StatusCode::SEE_OTHER);
        let codes = other.post(&format!("{page}/codes"), &[]).await;
        assert!(codes.status == StatusCode::NOT_FOUND && !codes.text.contains("CODE-"));
    }
}
