//! What goes over the wire, and what it means.

use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use payment::{
    BillKind, BillLine, ChannelId, GatewayError, OutNo, RefundOutcome, Seen, TradeState, Verified, VerifyError,
};
use serde::Deserialize;

const BILL_HEAD: &str = "kind,trade_no,out_no,refund_no,amount,currency,at";

/// A trade that was registered.
#[derive(Deserialize)]
pub(super) struct Made {
    pub trade_no: String,
    pub pay_url: String,
}

/// A trade as the gateway tells of it.
#[derive(Deserialize)]
pub(super) struct Trade {
    out_no: String,
    trade_no: String,
    status: TradeStatus,
    payee: String,
    paid_amount: String,
    currency: Currency,
    paid_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TradeStatus {
    Waiting,
    Paid,
    Closed,
    Refunded,
}

/// A refund as the gateway tells of it.
#[derive(Deserialize)]
pub(super) struct Refund {
    status: RefundStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Processing,
    Done,
    Failed,
}

impl Refund {
    pub fn outcome(self) -> RefundOutcome {
        match self.status {
            RefundStatus::Processing => RefundOutcome::Processing,
            RefundStatus::Done => RefundOutcome::Done,
            RefundStatus::Failed => RefundOutcome::Failed { reason: "the sandbox gateway says it failed".to_owned() },
        }
    }
}

/// A message to our notify address.
#[derive(Deserialize)]
struct Event {
    event_id: String,
    event: String,
    #[serde(default)]
    refund_no: Option<OutNo>,
}

/// What a message about a paid trade says beside.
#[derive(Deserialize)]
struct PaidEvent {
    out_no: String,
    trade_no: String,
    payee: String,
    amount: String,
    currency: Currency,
    paid_at: DateTime<Utc>,
}

/// The body of a refusal.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub error: FailureDetail,
}

#[derive(Deserialize)]
pub(super) struct FailureDetail {
    pub code: String,
    pub message: String,
}

/// What the gateway's word on a trade means. A refunded trade was paid.
pub(super) fn trade_state(trade: Trade, channel: ChannelId) -> Result<TradeState, GatewayError> {
    match trade.status {
        TradeStatus::Waiting => Ok(TradeState::Waiting),
        TradeStatus::Closed => Ok(TradeState::Closed),
        TradeStatus::Paid | TradeStatus::Refunded => {
            let unreadable = || GatewayError::Unknown("a paid trade lacks its amount or time".to_owned());
            let amount = read_amount(&trade.paid_amount, trade.currency).ok_or_else(unreadable)?;
            Ok(TradeState::Paid(Seen {
                channel,
                out_no: trade.out_no,
                trade_no: trade.trade_no,
                payee: trade.payee,
                amount,
                paid_at: trade.paid_at.ok_or_else(unreadable)?,
                is_confirmed: true,
            }))
        }
    }
}

/// What a message says, whose signature was verified.
pub(super) fn verified(body: &[u8], channel: ChannelId) -> Result<Verified, VerifyError> {
    let unreadable = |error: serde_json::Error| VerifyError::Unreadable(format!("{:?} error", error.classify()));
    let Event { event_id, event, refund_no } = serde_json::from_slice(body).map_err(unreadable)?;
    Ok(match (event.as_str(), refund_no) {
        ("trade.paid", _) => {
            let paid: PaidEvent = serde_json::from_slice(body).map_err(unreadable)?;
            let amount = read_amount(&paid.amount, paid.currency);
            let amount = amount.ok_or_else(|| VerifyError::Unreadable("not an amount".to_owned()))?;
            let seen = Seen {
                channel,
                out_no: paid.out_no,
                trade_no: paid.trade_no,
                payee: paid.payee,
                amount,
                paid_at: paid.paid_at,
                is_confirmed: false,
            };
            Verified::Paid { event_key: event_id, seen }
        }
        ("refund.done", Some(refund_no)) => Verified::RefundNews { event_key: event_id, refund_no },
        _ => Verified::Other { event_key: event_id },
    })
}

/// The lines of a bill. One that cannot be read makes all of it unknown: what is left out would look like money lost.
pub(super) fn bill(csv: &str) -> Result<Vec<BillLine>, GatewayError> {
    let mut lines = csv.lines();
    if lines.next() != Some(BILL_HEAD) {
        return Err(GatewayError::Unknown("the bill has another head".to_owned()));
    }
    let unreadable = |number| GatewayError::Unknown(format!("line {number} of the bill cannot be read"));
    lines.zip(2..).map(|(line, number)| bill_line(line).ok_or_else(|| unreadable(number))).collect()
}

fn bill_line(line: &str) -> Option<BillLine> {
    let columns: Vec<&str> = line.split(',').collect();
    let [kind, trade_no, out_no, refund_no, amount, currency, at] = columns.try_into().ok()?;
    let kind = BillKind::parse(kind)?;
    let number = match kind {
        BillKind::Payment => trade_no,
        BillKind::Refund => refund_no,
    };
    let amount = read_amount(amount, Currency::parse(currency).ok()?)?;
    let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
    (!number.is_empty()).then(|| BillLine { kind, number: number.to_owned(), out_no: out_no.to_owned(), amount, at })
}

/// `12.50`, without the currency.
pub(super) fn amount_text(amount: Money) -> String {
    let text = amount.to_string();
    text.split_once(' ').map_or(text.clone(), |(digits, _)| digits.to_owned())
}

fn read_amount(text: &str, currency: Currency) -> Option<Money> {
    Money::parse(text, currency).ok().filter(|amount| amount.minor() > 0)
}
