//! Each conversation with the real gateway, and each way it can go wrong.

use kernel::FakeClock;
use payment::{CloseOutcome, Gateway, GatewayError, OutNo, PayAction, RefundOrder, RefundOutcome, TradeState};
use serde_json::json;
use url::Url;

use super::world::{Sandbox, access, adapter, cents, start, trade};

fn refund_of(out_no: OutNo, minor: i64) -> RefundOrder {
    RefundOrder { refund_no: OutNo::new(), out_no: out_no.to_string(), amount: cents(minor), reason: "late".to_owned() }
}

async fn open() -> (Sandbox, crate::SandboxGateway, payment::ChannelAccess) {
    let clock = FakeClock::at(start());
    let sandbox = Sandbox::start(&clock).await;
    let adapter = adapter(Some(&sandbox.url), clock);
    (sandbox, adapter, access("merchant", &"07".repeat(32)))
}

#[tokio::test]
async fn a_trade_is_created_paid_and_refunded() {
    let (sandbox, adapter, access) = open().await;
    let trade = trade(12_50);
    let PayAction::Redirect { url, trade_no } = adapter.create(&access, &trade).await.expect("created");
    assert!(url.starts_with(sandbox.url.as_str()), "{url}");
    assert_eq!(adapter.query(&access, &trade.out_no).await, Ok(TradeState::Waiting));
    sandbox.control(&format!("trades/{}/pay", trade.out_no), json!({ "notify": false })).await;
    let Ok(TradeState::Paid(seen)) = adapter.query(&access, &trade.out_no).await else { panic!("paid") };
    assert_eq!((seen.amount, seen.payee.as_str()), (cents(12_50), "merchant"));
    assert_eq!((Some(seen.trade_no.clone()), seen.number()), (trade_no, Some(trade.out_no)));
    assert!(seen.is_confirmed);
    assert_eq!(adapter.close(&access, &trade.out_no).await, Ok(CloseOutcome::AlreadyPaid));
    let refund = refund_of(trade.out_no, 12_50);
    assert_eq!(adapter.refund_query(&access, &refund.refund_no).await, Ok(None));
    for _ in 0..2 {
        assert_eq!(adapter.refund(&access, &refund).await, Ok(RefundOutcome::Done));
    }
    assert_eq!(adapter.refund_query(&access, &refund.refund_no).await, Ok(Some(RefundOutcome::Done)));
    let again = adapter.refund(&access, &refund_of(trade.out_no, 1)).await;
    assert!(matches!(again, Err(GatewayError::Refused { code, .. }) if code == "refund_too_large"));
    assert!(matches!(adapter.query(&access, &trade.out_no).await, Ok(TradeState::Paid(_))), "it was paid all the same");
}

#[tokio::test]
async fn the_same_trade_again_is_the_same_and_another_one_is_refused() {
    let (_sandbox, adapter, access) = open().await;
    let trade = trade(12_50);
    let first = adapter.create(&access, &trade).await.expect("created");
    assert_eq!(adapter.create(&access, &trade).await, Ok(first));
    let other = payment::NewTrade { amount: cents(13_00), ..trade };
    let refused = adapter.create(&access, &other).await;
    assert!(matches!(refused, Err(GatewayError::Refused { code, .. }) if code == "out_no_used"));
}

#[tokio::test]
async fn a_closed_trade_is_closed_and_an_unheard_of_one_unknown() {
    let (_sandbox, adapter, access) = open().await;
    let trade = trade(12_50);
    assert_eq!(adapter.query(&access, &trade.out_no).await, Ok(TradeState::Unknown));
    adapter.create(&access, &trade).await.expect("created");
    assert_eq!(adapter.close(&access, &trade.out_no).await, Ok(CloseOutcome::Closed));
    assert_eq!(adapter.query(&access, &trade.out_no).await, Ok(TradeState::Closed));
}

#[tokio::test]
async fn a_merchant_with_another_secret_is_refused_and_nothing_is_done() {
    let (_sandbox, adapter, ours) = open().await;
    adapter.create(&ours, &trade(1_00)).await.expect("created");
    let stranger = adapter.create(&access("merchant", &"08".repeat(32)), &trade(1_00)).await;
    assert!(matches!(stranger, Err(GatewayError::NotSent(_))), "the signature is refused, not the trade");
    let unusable = adapter.create(&access("merchant", "short"), &trade(1_00)).await;
    assert!(matches!(unusable, Err(GatewayError::NotSent(_))));
}

#[tokio::test]
async fn a_gateway_that_is_not_there_was_not_reached() {
    let nobody: Url = "http://127.0.0.1:9/".parse().expect("a URL");
    let adapter = adapter(Some(&nobody), FakeClock::at(start()));
    let mut access = access("merchant", &"07".repeat(32));
    assert!(matches!(adapter.create(&access, &trade(1_00)).await, Err(GatewayError::NotSent(_))));
    access.channel.settings = json!({ "base_url": "file:///etc" });
    assert!(matches!(adapter.create(&access, &trade(1_00)).await, Err(GatewayError::NotSent(_))));
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_found_by_asking() {
    let (sandbox, adapter, access) = open().await;
    let trade = trade(12_50);
    adapter.create(&access, &trade).await.expect("created");
    sandbox.control(&format!("trades/{}/pay", trade.out_no), json!({ "notify": false })).await;
    sandbox.control("plans", json!({ "merchant": "merchant", "refund": "commit_then_timeout", "times": 1 })).await;
    let refund = refund_of(trade.out_no, 12_50);
    assert!(matches!(adapter.refund(&access, &refund).await, Err(GatewayError::Unknown(_))));
    assert_eq!(adapter.refund_query(&access, &refund.refund_no).await, Ok(Some(RefundOutcome::Done)));
}
