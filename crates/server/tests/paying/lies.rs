//! Reports that are signed by somebody else, sent to somebody else, about somebody else's money, too late or in disorder.
//! One delivery, or an exception of its kind, or nothing; and the books hold.

use std::time::{Duration, Instant};

use super::{DELIVERED, page_of_first, until};
use crate::binary::{Backend, Browser, Order, Server, client, on_both};

/// A merchant of the sandbox gateway, with the secret that its callbacks are signed with and where they go.
struct Merchant {
    name: String,
    secret: Vec<u8>,
    address: String,
}

impl Merchant {
    /// From the sandbox's own journal: the merchant that this order waits for.
    fn of(server: &Server, order: &Order) -> Self {
        let journal = std::fs::read_to_string(server.path("var/sandbox/journal.jsonl")).expect("a journal");
        let lines: Vec<serde_json::Value> =
            journal.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let trade = lines.iter().map(|line| &line["trade"]).find(|trade| trade["request"]["out_no"] == *order.out_no);
        let trade = trade.expect("the trade is in the journal");
        let name = trade["merchant"].as_str().expect("a name").to_owned();
        let merchant = lines.iter().map(|line| &line["merchant"]).find(|merchant| merchant["name"] == *name);
        let secret = merchant.and_then(|merchant| merchant["secret"].as_str()).expect("a secret");
        let address = trade["request"]["notify_url"].as_str().expect("an address").to_owned();
        Self { name, secret: sandbox_gateway::sign::unhex(secret).expect("hexadecimal"), address }
    }

    /// What it would report of this order's money.
    fn report(&self, order: &Order, trade_no: &str) -> String {
        serde_json::json!({
            "event_id": format!("paid-{trade_no}"), "event": "trade.paid", "out_no": order.out_no, "trade_no": trade_no,
            "payee": self.name, "amount": "25.00", "currency": "CNY", "paid_at": chrono::Utc::now().to_rfc3339(),
        })
        .to_string()
    }

    /// Signs `body` in the name of `named` and sends it to `address`; answers the status.
    async fn sends(&self, server: &Server, (named, address): (&str, &str), body: &str) -> u16 {
        use sandbox_gateway::sign;
        let path = address.split_once("/pay/").map(|(_, path)| format!("/pay/{path}")).expect("a notify address");
        let (now, nonce) = (chrono::Utc::now().timestamp(), uuid::Uuid::now_v7().simple().to_string());
        let signature = sign::signature(&self.secret, now, &nonce, "POST", &path, body.as_bytes());
        let request = client().post(format!("http://127.0.0.1:{}{path}", server.port()));
        let request = request.header("host", format!("cashier.localhost:{}", server.port()));
        let request = request.header("content-type", "application/json").header(sign::MERCHANT_HEADER, named);
        let request = request.header(sign::TIMESTAMP_HEADER, now).header(sign::NONCE_HEADER, nonce);
        let request = request.header(sign::SIGNATURE_HEADER, signature).body(body.to_owned());
        request.send().await.expect("an answer").status().as_u16()
    }
}

/// Waits until the audit counts so many payments and refunds, over all shops.
async fn until_counted(server: &Server, counts: &str) -> String {
    let began = Instant::now();
    loop {
        let audit = server.run(&["audit"]);
        assert!(audit.contains("every invariant holds"), "{audit}");
        if audit.contains(counts) {
            return audit;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never {counts}: {audit}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn is_waiting(browser: &Browser) -> String {
    let page = page_of_first(browser).await;
    let status = browser.get(&format!("{page}/status")).await;
    assert!(status.contains("\"state\":\"unpaid\""), "{status}");
    page
}

on_both! {
    async fn another_tenants_key_and_address_deliver_nothing(server) {
        let (guest, stranger) = (server.browser("two.localhost"), server.browser("one.localhost"));
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        let theirs = stranger.order("chestnut", "b@example.test", "ocean").await;
        let (ours, other) = (Merchant::of(&server, &order), Merchant::of(&server, &theirs));
        assert!(ours.name != other.name && ours.address != other.address && ours.secret != other.secret);
        let body = ours.report(&order, "T-forged");
        // Signed by the other tenant's merchant, under either name; ours at the other's address. Fifty at once.
        let lies = (0..50).map(|n| {
            let (server, ours, other, body) = (&server, &ours, &other, &body);
            async move {
                match n % 3 {
                    0 => other.sends(server, (&other.name, &ours.address), body).await,
                    1 => other.sends(server, (&ours.name, &ours.address), body).await,
                    _ => ours.sends(server, (&ours.name, &other.address), body).await,
                }
            }
        });
        let statuses = futures::future::join_all(lies).await;
        assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
        let page = is_waiting(&guest).await;
        let audit = server.run(&["audit"]);
        assert!(audit.contains("every invariant holds") && !audit.contains("1 payments"), "{audit}");

        // Well signed by the other tenant at its own address, about a number that it never gave out: money for nothing
        // known, in its own books and nobody else's.
        let body = other.report(&order, "T-foreign");
        let copies = (0..50).map(|_| other.sends(&server, (&other.name, &other.address), &body));
        let statuses = futures::future::join_all(copies).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        until_counted(&server, "1 payments, 1 refunds").await;
        assert_eq!(is_waiting(&guest).await, page);

        server.sandbox(&format!("trades/{}/pay", order.out_no), "{}").await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        is_waiting(&stranger).await;
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn money_for_another_payee_delivers_nothing_and_waits_for_a_person(server) {
        let guest = server.browser("two.localhost");
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        server.sandbox(&format!("trades/{}/pay", order.out_no), r#"{"payee": "somebody-else", "times": 50}"#).await;
        until_counted(&server, "1 payments, 1 refunds").await;
        let page = page_of_first(&guest).await;
        let status = guest.get(&format!("{page}/status")).await;
        assert!(!status.contains(DELIVERED), "{status}");
        assert!(server.trades().await.contains("\"refunded_amount\":\"0.00\""), "{}", server.trades().await);
    }

    async fn reports_in_disorder_and_late_ones_deliver_each_order_once(server) {
        let (first, second) = (server.browser("two.localhost"), server.browser("two.localhost"));
        let one = first.order("chestnut", "a@example.test", "ocean").await;
        let two = second.order("chestnut", "b@example.test", "ocean").await;
        server.sandbox("plans", r#"{"reorder": true, "duplicate_notify": 50, "delay_notify_ms": 1500, "times": 1}"#).await;
        for order in [&one, &two] {
            server.sandbox(&format!("trades/{}/pay", order.out_no), "{}").await;
        }
        for guest in [&first, &second] {
            let page = page_of_first(guest).await;
            until(guest, &format!("{page}/status"), DELIVERED).await;
            let revealed = guest.post(&format!("{page}/codes"), &[]).await.text().await.expect("a page");
            assert_eq!(revealed.matches(">CHN-").count(), 1, "{revealed}");
        }
        until_counted(&server, "2 payments, 0 refunds").await;
    }

    async fn money_after_the_order_is_over_still_buys_once(server) {
        let guest = server.browser("two.localhost");
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        let page = is_waiting(&guest).await;
        // Its time is over at once, in place of a quarter of an hour later.
        server.tamper("UPDATE order_holds SET expires_at = (SELECT placed_at FROM orders WHERE orders.id = order_holds.order_id)").await;
        server.tamper("UPDATE orders SET expires_at = placed_at WHERE payment_state = 'paying'").await;
        server.tamper("UPDATE intents SET expires_at = created_at").await;
        until(&guest, &format!("{page}/status"), "\"state\":\"expired\"").await;
        server.sandbox(&format!("trades/{}/pay", order.out_no), r#"{"late": true, "times": 50}"#).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        until_counted(&server, "1 payments, 0 refunds").await;
    }
}
