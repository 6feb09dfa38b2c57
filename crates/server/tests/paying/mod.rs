//! Paying at a gateway: the real binary, the real sandbox gateway, and everything that can go wrong between them.

mod bills;
mod lies;

use std::time::{Duration, Instant};

use crate::binary::{Backend, Browser, Server, on_both};

/// What a page says once the goods are there, and once the money is on its way back.
const DELIVERED: &str = "\"state\":\"delivered\"";

/// Waits until `page` says `word`; what is waited for comes by a job within seconds.
async fn until(browser: &Browser, path: &str, word: &str) -> String {
    let began = Instant::now();
    loop {
        let page = browser.get(path).await;
        if page.contains(word) {
            return page;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{path} never says {word:?}:\n{page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

on_both! {
    async fn a_guest_pays_and_reads_the_code_and_nobody_else_does(server) {
        let guest = server.browser("breeze.two.localhost");
        let order = guest.order("chestnut", "guest@example.test", "ocean").await;
        let page = guest.pay(&order).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        let revealed = guest.post(&format!("{page}/codes"), &[]).await.text().await.expect("a page");
        assert!(revealed.contains(">CHN-"), "the page shows a code:\n{revealed}");

        let stranger = server.browser("breeze.two.localhost");
        assert!(!stranger.get(&page).await.contains("CHN-"));
        let refused = stranger.post(&format!("{page}/codes"), &[]).await;
        assert!(!refused.text().await.expect("a page").contains("CHN-"), "the link alone shows no code");
        let wrong = stranger.post("/lookup", &[("who", "guest@example.test"), ("password", "river")]).await;
        let unknown = stranger.post("/lookup", &[("who", "nobody@example.test"), ("password", "river")]).await;
        assert_eq!(wrong.status(), unknown.status());
        let found = stranger.post("/lookup", &[("who", "Guest@Example.test"), ("password", "ocean")]).await;
        assert!(found.status().is_success() || found.status().is_redirection());
        let revealed = stranger.post(&format!("{page}/codes"), &[]).await.text().await.expect("a page");
        assert!(revealed.contains(">CHN-"), "after the look-up:\n{revealed}");
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn fifty_callbacks_at_once_deliver_once_and_lies_deliver_nothing(server) {
        let guest = server.browser("two.localhost");
        let lied_about = guest.order("chestnut", "a@example.test", "ocean").await;
        let path = format!("trades/{}/notify", lied_about.out_no);
        let said = server.sandbox(&path, r#"{"times": 5, "forge": true, "wait": true}"#).await;
        assert!(said["statuses"].as_array().expect("a list").iter().all(|status| status == 401), "{said}");

        let paid = guest.order("chestnut", "b@example.test", "ocean").await;
        server.sandbox(&format!("trades/{}/pay", paid.out_no), r#"{"times": 50}"#).await;
        let page = guest.pay(&paid).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;

        // Another amount than was asked for: never delivered, and the money goes back by itself.
        let short = guest.order("chestnut", "c@example.test", "ocean").await;
        server.sandbox(&format!("trades/{}/pay", short.out_no), r#"{"amount": "0.01", "times": 3}"#).await;
        let refunded = "\"refunded_amount\":\"0.01\"";
        let began = Instant::now();
        while !server.trades().await.contains(refunded) {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing was refunded: {}", server.trades().await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let audit = server.run(&["audit"]);
        assert!(audit.contains("every invariant holds") && audit.contains("2 payments, 1 refunds"), "{audit}");
    }

    async fn a_lost_callback_delays_a_sale_by_seconds(server) {
        let guest = server.browser("two.localhost");
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        server.sandbox(&format!("trades/{}/pay", order.out_no), r#"{"notify": false}"#).await;
        let page = page_of_first(&guest).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn money_that_came_while_the_server_was_dead_is_found(server) {
        let guest = server.browser("two.localhost");
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        server.sandbox(&format!("trades/{}/pay", order.out_no), r#"{"notify": false}"#).await;
        let server = server.kill_and_start_again().await;
        let guest = server.browser_like(&guest, "two.localhost");
        let page = page_of_first(&guest).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }
}

/// The page of the browser's first order.
async fn page_of_first(browser: &Browser) -> String {
    let list = browser.get("/orders").await;
    let from = list.find("ord_").expect("an order on the list");
    let number: String =
        list[from..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    browser.leads_to(&format!("/orders/{number}")).await
}
