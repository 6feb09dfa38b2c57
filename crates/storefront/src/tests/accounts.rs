//! What a customer reads of the own money.

use axum::http::StatusCode;

use super::browser::order_of;
use super::fixture::{MAIN, OTHER, Town};

testkit::on_both! {
    async fn a_wallet_says_what_happened_and_what_was_left(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[]).await);
        let page = browser.get("/wallet").await;
        let (_, statement) = page.text.split_once("id=\"statement\"").expect("a statement");
        let steps: Vec<usize> =
            ["−¥10.00", "¥90.00", "+¥100.00"].iter().map(|text| statement.find(text).expect(text)).collect();
        assert!(steps.is_sorted(), "the last step stands first: {}", page.text);
        assert!(page.text.contains(&format!("href=\"/orders/{order}\"")), "{}", page.text);
        assert!(page.text.contains("action=\"/logout\""), "{}", page.text);
        assert_eq!(browser.get("/wallet?before=x").await.status, StatusCode::BAD_REQUEST);
        let foreign = town.buyer(OTHER).await.get("/wallet").await;
        assert!(!foreign.text.contains(&order) && foreign.text.contains("+¥100.00"), "{}", foreign.text);
    }

    async fn a_long_statement_is_read_page_by_page(db) {
        let town = Town::open(&db).await;
        for n in 0..25 {
            town.give(&format!("0.{:02}", n + 1)).await;
        }
        let mut browser = town.buyer(MAIN).await;
        let first = browser.get("/wallet").await;
        assert!(first.text.contains("+¥0.25") && first.text.contains("+¥0.06") && !first.text.contains("+¥0.05"));
        let start = first.text.find("/wallet?before=").expect("a next page");
        let next = first.text[start..].split(['"', '#']).next().expect("an end");
        let second = browser.get(next).await;
        assert!(second.text.contains("+¥0.05") && second.text.contains("+¥100.00") && !second.text.contains("更早的记录"));
    }

    async fn top_ups_are_listed_as_they_stand(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        assert!(browser.get("/wallet/top-ups").await.text.contains("还没有充值"));
        let key = browser.get("/wallet").await.field("key");
        let channel = town.grove.channel.to_string();
        browser.post("/wallet/top-up", &[("key", &key), ("amount", "12.34"), ("pay", &channel)]).await;
        let list = browser.get("/wallet/top-ups").await;
        assert!(list.text.contains("¥12.34") && list.text.contains("待付款"), "{}", list.text);
        assert!(list.text.contains("href=\"/wallet/top-ups/int_"), "{}", list.text);
        let login = town.browser(MAIN).get("/wallet/top-ups").await;
        assert_eq!(login.header("location"), "/login?next=/wallet/top-ups");
        assert!(town.buyer(OTHER).await.get("/wallet/top-ups").await.text.contains("还没有充值"));
    }
}
