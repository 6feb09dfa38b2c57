use chrono::{DateTime, TimeDelta, Utc};
use kernel::Currency;
use proptest::prelude::*;

use super::*;
use crate::model::{RefundRequest, RefundStatus, TradeStatus, WebUrl};

const OUT_NO: &str = "01JD0000000000000000000001";

fn start() -> DateTime<Utc> {
    "2026-11-22T15:30:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn request(out_no: &str) -> TradeRequest {
    TradeRequest {
        out_no: out_no.into(),
        amount: amount("100.00"),
        currency: Currency::CNY,
        subject: "card".into(),
        notify_url: WebUrl::parse("http://shop.example/notify").unwrap(),
        return_url: WebUrl::parse("http://shop.example/back").unwrap(),
        expires_at: after(900),
    }
}

fn refund_request(refund_no: &str, text: &str) -> RefundRequest {
    RefundRequest { out_no: OUT_NO.into(), refund_no: refund_no.into(), amount: amount(text), reason: String::new() }
}

fn key() -> Key {
    Key::new("shop", OUT_NO)
}

/// A book with one trade of 100.00 that waits.
fn waiting() -> Book {
    let mut book = Book::default();
    book.create("shop", request(OUT_NO), "T1".into(), start()).unwrap();
    book
}

/// The same trade, paid.
fn paid() -> Book {
    let mut book = waiting();
    book.pay(&key(), Payment::default(), after(60)).unwrap();
    book
}

fn refund(book: &mut Book, refund_no: &str, text: &str, status: RefundStatus) -> Result<Made<Refund>, GatewayError> {
    book.refund("shop", refund_request(refund_no, text), || status, after(120))
}

#[test]
fn the_same_creation_is_the_same_trade_and_another_is_refused() {
    let mut book = waiting();
    let again = book.create("shop", request(OUT_NO), "T2".into(), after(5_000)).unwrap();
    assert!(matches!(again, Made::Same(trade) if trade.trade_no == "T1"));
    let other = TradeRequest { amount: amount("100.01"), ..request(OUT_NO) };
    assert!(matches!(book.create("shop", other, "T2".into(), start()), Err(GatewayError::OutNoUsed)));
    assert!(matches!(book.create("other", request(OUT_NO), "T2".into(), start()), Ok(Made::New(_))));
    assert!(matches!(book.find_trade(OUT_NO, None), Err(GatewayError::Ambiguous)));
    assert_eq!(book.find_trade(OUT_NO, Some("other")).unwrap().trade_no, "T2");
}

#[test]
fn a_trade_is_paid_once() {
    let mut book = paid();
    assert!(matches!(book.pay(&key(), Payment::default(), after(61)), Err(GatewayError::AlreadyPaid)));
    assert_eq!(book.trade(&key()).unwrap().paid_at(), Some(after(60)));
}

#[test]
fn an_expired_trade_is_closed_and_takes_only_a_late_payment() {
    let mut book = waiting();
    assert_eq!(book.trade(&key()).unwrap().status(after(899)), TradeStatus::Waiting);
    assert_eq!(book.trade(&key()).unwrap().status(after(900)), TradeStatus::Closed);
    assert!(matches!(book.pay(&key(), Payment::default(), after(900)), Err(GatewayError::TradeClosed)));
    let late = Payment { timing: Timing::Late, ..Payment::default() };
    assert_eq!(book.pay(&key(), late, after(900)).unwrap().status(after(901)), TradeStatus::Paid);
}

#[test]
fn a_closed_trade_closes_again_and_is_not_paid() {
    let mut book = waiting();
    assert!(book.close(&key()).is_ok() && book.close(&key()).is_ok());
    assert!(matches!(book.pay(&key(), Payment::default(), after(1)), Err(GatewayError::TradeClosed)));
}

#[test]
fn a_paid_trade_is_not_closed() {
    assert!(matches!(paid().close(&key()), Err(GatewayError::AlreadyPaid)));
}

#[test]
fn an_unpaid_trade_is_not_refunded() {
    assert!(matches!(refund(&mut waiting(), "R1", "1", RefundStatus::Done), Err(GatewayError::NotPaid)));
}

#[test]
fn the_same_refund_gives_back_once() {
    let mut book = paid();
    refund(&mut book, "R1", "40", RefundStatus::Done).unwrap();
    assert!(matches!(refund(&mut book, "R1", "40", RefundStatus::Failed), Ok(Made::Same(_))));
    assert!(matches!(refund(&mut book, "R1", "41", RefundStatus::Done), Err(GatewayError::RefundNoUsed)));
    assert_eq!(book.trade(&key()).unwrap().refunded, amount("40"));
}

#[test]
fn a_refund_in_progress_takes_room_and_a_failed_one_gives_it_back() {
    let mut book = paid();
    refund(&mut book, "R1", "60", RefundStatus::Processing).unwrap();
    assert!(matches!(refund(&mut book, "R2", "60", RefundStatus::Done), Err(GatewayError::RefundTooLarge)));
    let settled = |book: &mut Book, status| book.settle(&Key::new("shop", "R1"), status, after(180));
    assert!(matches!(settled(&mut book, RefundStatus::Failed), Ok(Made::New(_))));
    assert!(matches!(settled(&mut book, RefundStatus::Failed), Ok(Made::Same(_))));
    assert!(matches!(settled(&mut book, RefundStatus::Done), Err(GatewayError::RefundSettled)));
    refund(&mut book, "R2", "100", RefundStatus::Done).unwrap();
    assert_eq!(book.trade(&key()).unwrap().status(after(181)), TradeStatus::Refunded);
}

#[test]
fn the_oldest_trade_makes_room_with_its_refunds() {
    let mut book = Book::with_trades_max(1);
    book.create("shop", request(OUT_NO), "T1".into(), start()).unwrap();
    book.pay(&key(), Payment::default(), after(1)).unwrap();
    refund(&mut book, "R1", "1", RefundStatus::Done).unwrap();
    book.create("shop", request("01JD0000000000000000000002"), "T2".into(), start()).unwrap();
    assert!(matches!(book.trade(&key()), Err(GatewayError::TradeNotFound)));
    assert!(matches!(book.refund_of(&Key::new("shop", "R1")), Err(GatewayError::RefundNotFound)));
    assert_eq!(book.records().count(), 1);
}

#[test]
fn a_bill_holds_one_beijing_day_of_one_merchant() {
    let mut book = paid(); // 23:31 in Beijing
    refund(&mut book, "R1", "40", RefundStatus::Done).unwrap();
    refund(&mut book, "R2", "1", RefundStatus::Processing).unwrap();
    book.settle(&Key::new("shop", "R2"), RefundStatus::Done, after(3_600)).unwrap(); // 00:30 of the next day
    let day = |text: &str| bill(&book, "shop", text.parse().unwrap());
    let head = "kind,trade_no,out_no,refund_no,amount,currency,at\n";
    assert_eq!(
        day("2026-11-22"),
        format!(
            "{head}payment,T1,{OUT_NO},,100.00,CNY,2026-11-22T23:31:00+08:00\n\
             refund,T1,{OUT_NO},R1,40.00,CNY,2026-11-22T23:32:00+08:00\n"
        )
    );
    assert_eq!(day("2026-11-23"), format!("{head}refund,T1,{OUT_NO},R2,1.00,CNY,2026-11-23T00:30:00+08:00\n"));
    assert_eq!(bill(&book, "other", "2026-11-22".parse().unwrap()), head);
}

proptest! {
    /// Whatever is asked, in whatever order, no more goes back than came in, and the records make the same book.
    #[test]
    fn refunds_never_exceed_the_payment(asked in prop::collection::vec((0_u8..6, 1_u32..120, 0_u8..3), 1..20)) {
        let mut book = paid();
        for (number, whole, status) in asked {
            let status = [RefundStatus::Done, RefundStatus::Processing, RefundStatus::Failed][usize::from(status)];
            let _ = refund(&mut book, &format!("R{number}"), &whole.to_string(), status);
            let _ = book.settle(&Key::new("shop", &format!("R{number}")), RefundStatus::Done, after(200));
            prop_assert!(book.trade(&key()).unwrap().refunded <= amount("100"));
        }
        let mut copy = Book::default();
        book.records().for_each(|record| copy.replay(record));
        prop_assert!(copy.records().eq(book.records()));
    }
}
