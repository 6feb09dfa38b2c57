//! Pressing again: when a form shown anew is the same purchase, and when it is another one.

use axum::http::StatusCode;
use risk::Limits;

use super::browser::{number, order_of};
use super::fixture::{CONTACT, MAIN, QUERY_PASSWORD, Town, yuan};

testkit::on_both! {
    async fn a_buyer_who_is_frozen_presses_the_same_button_later(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[("quantity", "2")]).await;
        let (site, limits) = (town.grove.scope.site(town.grove.sites[0]), Limits::default());
        for _ in 0..limits.orders_per_address_and_minute {
            let here = "0.0.0.0".parse().expect("an address");
            town.state.orders.velocity().order(&site, here, &limits).await.expect("not frozen before the last");
        }
        let frozen = browser.submit(&page, &[]).await;
        assert_eq!(frozen.status, StatusCode::TOO_MANY_REQUESTS, "{}", frozen.text);
        assert!(frozen.text.contains("× 2") && !frozen.header("retry-after").is_empty(), "{}", frozen.text);
        assert_eq!(frozen.field("key"), page.field("key"));
        db.clock.advance(chrono::TimeDelta::minutes(16));
        // Both pages are the same purchase, however often and in whichever order they are sent.
        let first = order_of(&browser.submit(&frozen, &[]).await);
        let second = order_of(&browser.submit(&page, &[]).await);
        assert_eq!((first, town.wallet().await), (second, yuan("80.00")));
    }

    async fn a_form_that_was_filled_in_wrongly_keeps_its_key(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[]).await;
        let first = order_of(&browser.submit(&page, &[]).await);
        let asked = browser.submit(&page, &[("confirm", "")]).await;
        assert_eq!((asked.status, asked.field("key")), (StatusCode::UNPROCESSABLE_ENTITY, page.field("key")));
        assert_eq!(order_of(&browser.submit(&asked, &[]).await), first);
        assert_eq!(town.wallet().await, yuan("90.00"));
    }

    async fn what_was_refused_for_good_can_be_bought_when_the_reason_is_gone(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let mut orders = Vec::new();
        for _ in 0..3 {
            orders.push(browser.order_as_guest(&[]).await);
        }
        let fourth = browser.choose(&[]).await;
        let channel = fourth.pay_value();
        let fields = [("pay", channel.as_str()), ("contact", CONTACT), ("password", QUERY_PASSWORD)];
        let refused = browser.submit(&fourth, &fields).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text);
        assert_ne!(refused.field("key"), fourth.field("key"));
        town.pay(&number(&orders[0])).await;
        assert_eq!(browser.submit(&refused, &fields).await.status, StatusCode::SEE_OTHER);
    }

    async fn what_is_sold_out_keeps_its_key(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[("quantity", "5")]).await;
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "10")]).await);
        let few = browser.submit(&page, &[]).await;
        assert!(few.status == StatusCode::CONFLICT && few.field("key") != page.field("key"), "{}", few.text);
        let other = browser.choose(&[("quantity", "2")]).await;
        let channel = town.grove.channel.to_string();
        let held = town.buyer(MAIN).await.buy(&[("quantity", "2"), ("pay", &channel)]).await;
        assert_eq!(held.status, StatusCode::SEE_OTHER, "{}", held.text);
        let none = browser.submit(&other, &[]).await;
        assert_eq!((none.status, none.field("key")), (StatusCode::CONFLICT, other.field("key")), "{}", none.text);
    }

    async fn a_top_up_that_was_typed_wrongly_keeps_its_key(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let channel = town.grove.channel.to_string();
        let send = |amount| [("amount", amount), ("pay", channel.as_str()), ("key", "one-key")];
        assert_eq!(browser.post("/wallet/top-up", &send("x")).await.field("key"), "one-key");
        assert_ne!(browser.post("/wallet/top-up", &send("6000")).await.field("key"), "one-key");
    }
}
