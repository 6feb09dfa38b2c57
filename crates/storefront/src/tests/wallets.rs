//! Money on its way into a wallet.

use axum::http::StatusCode;
use payment::{BonusRules, BonusTier, Gives, IntentId};
use uuid::Uuid;

use super::browser::{Answer, Browser, number};
use super::fixture::{CASHIER, MAIN, OTHER, SUB, Town, yuan};
use super::gateway::Mood;

async fn top_up(town: &Town, browser: &mut Browser, amount: &str) -> Answer {
    let page = browser.get("/wallet").await;
    let (key, channel) = (page.field("key"), town.grove.channel.to_string());
    browser.post("/wallet/top-up", &[("key", &key), ("amount", amount), ("pay", &channel)]).await
}

/// Begins a top-up whose gateway is silent, so that the answer names its page.
async fn waiting(town: &Town, browser: &mut Browser, amount: &str) -> String {
    town.gateway.is(Mood::Silent);
    let sent = top_up(town, browser, amount).await;
    town.gateway.is(Mood::Open);
    let page = sent.header("location").strip_suffix("?pay=unanswered").expect("a page").to_owned();
    assert!(page.starts_with("/wallet/top-ups/int_"), "{page}");
    page
}

testkit::on_both! {
    async fn a_top_up_leads_to_the_cashier_and_into_the_wallet(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let sent = top_up(&town, &mut browser, "50").await;
        assert!(sent.header("location").starts_with(&format!("{CASHIER}/cashier/")), "{}", sent.text);
        let page = waiting(&town, &mut browser, "20.50").await;
        let shown = browser.get(&page).await;
        assert!(shown.text.contains("充值待付款") && shown.text.contains("20.50"), "{}", shown.text);
        let status = browser.get(&format!("{page}/status")).await;
        assert_eq!(status.text, "{\"state\":\"unpaid\",\"is_final\":false}");
        browser.post(&format!("{page}/pay"), &[]).await;
        town.gateway.is(Mood::Paid(yuan("20.50")));
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert_eq!(sent.header("location"), page);
        let done = browser.get(&page).await;
        assert!(done.text.contains("已到账 ¥20.50") && done.text.contains("¥120.50"), "{}", done.text);
        assert_eq!(town.wallet().await, yuan("120.50"));
        let status = browser.get(&format!("{page}/status")).await;
        assert_eq!(status.text, "{\"state\":\"completed\",\"is_final\":true}");
    }

    async fn who_left_three_top_ups_unpaid_is_told_so_and_not_that_the_amount_is_wrong(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        for amount in ["1", "2", "3"] {
            waiting(&town, &mut browser, amount).await;
        }
        let refused = top_up(&town, &mut browser, "4").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("还有几笔充值没付款"), "{}", refused.text);
        assert!(!refused.text.contains("aria-invalid=\"true\""), "{}", refused.text);
    }

    async fn an_amount_that_cannot_be_is_told_and_kept(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        for amount in ["0.99", "5000.01", "4950.00", "1.001", "-5", "x", ""] {
            let asked = top_up(&town, &mut browser, amount).await;
            assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{amount}");
            assert!(asked.text.contains("金额要在 ¥1.00 到 ¥5,000.00 之间"), "{amount}: {}", asked.text);
            assert!(asked.text.contains(&format!("value=\"{amount}\"")), "{amount}");
        }
        let asked = browser.post("/wallet/top-up", &[("amount", "10"), ("pay", &payment::ChannelId::new().to_string())]).await;
        assert!(asked.text.contains("选一种付款方式"), "{}", asked.text);
    }

    async fn a_wallet_is_filled_by_the_main_site_wherever_its_owner_is(db) {
        let town = Town::open(&db).await;
        let own = town.open_own_channel().await;
        let mut browser = town.buyer(SUB).await;
        let page = browser.get("/wallet").await;
        assert!(page.text.contains(&town.grove.channel.to_string()) && !page.text.contains(&own.to_string()), "{}", page.text);
        let refused = browser.post("/wallet/top-up", &[("amount", "10"), ("pay", &own.to_string())]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn anothers_top_up_is_not_there(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = waiting(&town, &mut browser, "10").await;
        let order = browser.order_as_guest(&[]).await;
        let order = order::OrderId::parse(&number(&order)).expect("a number");
        let intent = IntentId::from_uuid(order.uuid());
        assert_eq!(browser.get(&format!("/wallet/top-ups/{intent}")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(town.buyer(OTHER).await.get(&page).await.status, StatusCode::NOT_FOUND);
        assert_eq!(town.browser(MAIN).get(&page).await.status, StatusCode::SEE_OTHER);
    }

    async fn what_is_given_beside_a_top_up_is_said_before_and_after(db) {
        let town = Town::open(&db).await;
        let fixed = BonusTier { from_minor: 40_00, gives: Gives::Fixed { minor: 5_00 } };
        let share = BonusTier { from_minor: 500_00, gives: Gives::Share { rate_ppm: 125_000 } };
        let rules = BonusRules { tiers: vec![fixed, share], most_minor: Some(80_00), month_minor: None };
        let tx = town.state.store.write(&town.grove.scope).await.expect("a writer");
        town.state.orders.payments().save_bonus_rules_in(&tx, rules, None, Uuid::now_v7()).await.expect("saved");
        tx.commit().await.expect("committed");
        let mut browser = town.buyer(MAIN).await;
        let page = browser.get("/wallet").await;
        assert!(page.text.contains("充 ¥40.00 起送 ¥5.00 · 充 ¥500.00 起送 12.5% · 单笔最多送 ¥80.00"), "{}", page.text);
        let page = waiting(&town, &mut browser, "50").await;
        let shown = browser.get(&page).await;
        assert!(shown.text.contains("到账另送 ¥5.00"), "{}", shown.text);
        browser.post(&format!("{page}/pay"), &[]).await;
        town.gateway.is(Mood::Paid(yuan("50.00")));
        browser.post(&format!("{page}/pay"), &[]).await;
        let done = browser.get(&page).await;
        assert!(done.text.contains("充值赠送") && done.text.contains("¥155.00"), "{}", done.text);
        assert!(browser.get("/wallet").await.text.contains("+¥5.00"));
    }
}
