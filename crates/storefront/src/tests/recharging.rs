//! A recharge card on the page of the wallet.

use axum::http::StatusCode;
use funds::{NewRechargeBatch, Origin, RechargeCode};
use uuid::Uuid;

use super::fixture::{MAIN, OTHER, SUB, Town, yuan};

/// So many cards of this worth.
async fn cards(town: &Town, face: &str, count: u32) -> Vec<String> {
    let (funds, scope, by) = (&town.state.funds, &town.grove.scope, Uuid::now_v7());
    let new =
        NewRechargeBatch { name: "Cards".to_owned(), face: yuan(face), count, origin: Origin::Gift, expires_at: None };
    let batch = funds.make_batch(scope, new, (by, "cards")).await.expect("made").answer.id;
    let (_, codes) = funds.export(scope, batch, (by, "to give")).await.expect("opened");
    codes.into_iter().map(|(_, code)| code.grouped().expose().clone()).collect()
}

testkit::on_both! {
    async fn a_card_is_redeemed_on_any_site_of_its_main_site(db) {
        let town = Town::open(&db).await;
        let codes = cards(&town, "30.00", 2).await;
        let mut browser = town.buyer(SUB).await;
        let key = browser.get("/wallet").await.field("key");
        let form = [("key", key.as_str()), ("code", codes[0].as_str())];
        let done = browser.post("/wallet/recharge", &form).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/wallet?recharged=1#recharge"));
        assert_eq!(town.wallet().await, yuan("130.00"));
        let page = browser.get("/wallet?recharged=1").await;
        assert!(page.text.contains("充值卡已兑换，现在余额 ¥130.00") && page.text.contains("+¥30.00"), "{}", page.text);
        // The second click is the same; the same card by another form is told where it went.
        assert_eq!(browser.post("/wallet/recharge", &form).await.status, StatusCode::SEE_OTHER);
        let again = browser.post("/wallet/recharge", &[("code", &codes[0])]).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.text.contains("这张卡您已经兑换过"), "{}", again.text);
        assert_eq!(town.wallet().await, yuan("130.00"));
        let lower = codes[1].to_lowercase().replace('-', " ");
        assert_eq!(browser.post("/wallet/recharge", &[("code", &lower)]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(town.wallet().await, yuan("160.00"));
        let guest = town.browser(MAIN).post("/wallet/recharge", &[("code", &codes[1])]).await;
        assert!(guest.header("location").starts_with("/login"), "{}", guest.text);
    }

    async fn what_is_no_card_stays_in_its_field_and_takes_nothing(db) {
        let town = Town::open(&db).await;
        let codes = cards(&town, "900.00", 1).await;
        town.give("4200.00").await;
        let mut browser = town.buyer(MAIN).await;
        let full = browser.post("/wallet/recharge", &[("code", &codes[0])]).await;
        assert_eq!(full.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(full.text.contains("钱包最多还能存 ¥700.00") && full.text.contains(&codes[0]), "{}", full.text);
        let typed = browser.post("/wallet/recharge", &[("code", "<b>nothing</b>")]).await;
        assert!(typed.text.contains("卡密有误") && typed.text.contains("&lt;b&gt;nothing"), "{}", typed.text);
        assert!(!typed.text.contains("<b>nothing"), "{}", typed.text);
        // Another main site's card is none here, and who guesses has to wait.
        let mut foreign = town.buyer(OTHER).await;
        let unknown = foreign.post("/wallet/recharge", &[("code", &codes[0])]).await;
        assert!(unknown.text.contains("本店没有这张卡"), "{}", unknown.text);
        for _ in 0..4 {
            let code = RechargeCode::draw().grouped();
            foreign.post("/wallet/recharge", &[("code", code.expose())]).await;
        }
        let code = RechargeCode::draw().grouped();
        let waits = foreign.post("/wallet/recharge", &[("code", code.expose())]).await;
        assert_eq!((waits.status, waits.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "900"));
        assert_eq!(town.wallet().await, yuan("4300.00"));
    }
}
