//! Other ways to pay, and gateways that do not answer.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use kernel::Wording;
use payment::AttemptState;
use web::Bounds;

use super::browser::number;
use super::fixture::{CASHIER, CONTACT, MAIN, QUERY_PASSWORD, Town, yuan};
use super::gateway::Mood;

/// A town whose pages wait for nobody for long.
async fn hasty(db: &testkit::TestDb) -> Town {
    let bounds = Bounds { outside_timeout: Duration::from_millis(600), ..Bounds::default() };
    Town::open_with(db, bounds, Wording::new("星陨点券", "Starfall")).await
}

testkit::on_both! {
    async fn who_has_paid_by_one_way_is_not_sent_to_pay_by_another(db) {
        let town = Town::open(&db).await;
        let second = town.open_second_channel().await.to_string();
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[("pay", &town.grove.channel.to_string())]).await;
        let first = town.attempts(&number(&page)).await.remove(0);
        assert_ne!(first.channel.to_string(), second);
        town.gateway.is_of(first.out_no, Mood::Paid(yuan("10.00")));
        let sent = browser.post(&format!("{page}/pay"), &[("channel", &second)]).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, page.as_str()), "{}", sent.text);
        assert_eq!(town.attempts(&number(&page)).await.len(), 1);
        assert!(browser.get(&page).await.text.contains("已交付"));
    }

    async fn another_way_to_pay_ends_nothing(db) {
        let town = Town::open(&db).await;
        let second = town.open_second_channel().await.to_string();
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[("pay", &town.grove.channel.to_string())]).await;
        for _ in 0..2 {
            let sent = browser.post(&format!("{page}/pay"), &[("channel", &second)]).await;
            assert!(sent.header("location").starts_with(&format!("{CASHIER}/cashier/")), "{}", sent.header("location"));
        }
        let attempts = town.attempts(&number(&page)).await;
        let states: Vec<_> = attempts.iter().map(|attempt| attempt.state).collect();
        assert_eq!(states, [AttemptState::Waiting, AttemptState::Waiting]);
    }

    async fn a_gateway_that_hangs_is_one_that_does_not_answer(db) {
        let town = hasty(&db).await;
        let mut browser = town.browser(MAIN);
        town.gateway.is(Mood::Hanging);
        let began = Instant::now();
        let sent = browser.buy_as_guest(&[]).await;
        let page = sent.header("location").to_owned();
        assert!(sent.status == StatusCode::SEE_OTHER && page.ends_with("?pay=unanswered"), "{} {page}", sent.status);
        let page = page.strip_suffix("?pay=unanswered").expect("a note").to_owned();
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert_eq!(sent.header("location"), format!("{page}?pay=unanswered"), "{}", sent.status);
        assert!(began.elapsed() < Bounds::default().timeout, "{:?}", began.elapsed());
        assert!(browser.get(&format!("{page}?pay=unanswered")).await.text.contains("现在没有回应"));
        town.gateway.is(Mood::Open);
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert!(sent.header("location").starts_with(CASHIER), "{}", sent.header("location"));
        assert_eq!(town.attempts(&number(&page)).await.len(), 1);
    }

    async fn a_way_that_hangs_does_not_keep_a_buyer_from_another(db) {
        let town = hasty(&db).await;
        let second = town.open_second_channel().await.to_string();
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[("pay", &town.grove.channel.to_string())]).await;
        let first = town.attempts(&number(&page)).await.remove(0);
        town.gateway.is_of(first.out_no, Mood::Hanging);
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert_eq!(sent.header("location"), format!("{page}?pay=unanswered"));
        let sent = browser.post(&format!("{page}/pay"), &[("channel", &second)]).await;
        assert!(sent.header("location").starts_with(CASHIER), "{}", sent.header("location"));
    }

    async fn who_logs_out_leaves_no_code_behind(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.order_as_guest(&[]).await;
        town.pay(&number(&page)).await;
        let found = browser.post("/lookup", &[("who", CONTACT), ("password", QUERY_PASSWORD)]).await;
        assert_eq!(found.status, StatusCode::SEE_OTHER);
        assert!(browser.cookies.contains_key("visitor") && browser.cookies.contains_key("lookup"));
        browser.post("/logout", &[]).await;
        for name in ["session", "visitor", "lookup"] {
            assert_eq!(browser.cookies.get(name).map(String::as_str), Some(""), "{name}");
        }
        let refused = browser.post(&format!("{page}/codes"), &[]).await;
        assert!(refused.status == StatusCode::NOT_FOUND && !refused.text.contains("CODE-"), "{}", refused.text);
        assert!(browser.get("/orders").await.text.contains("还没有订单"));
    }
}
