//! The page that waits for money, of an order or a top-up.

use chrono::{DateTime, Utc};
use kernel::{Language, Money};
use payment::{Channel, ChannelId, ExceptionKind, Payment, Refund, RefundState};
use serde::Serialize;
use tenancy::Shop;

use super::stage::Status;
use crate::format;
use crate::frame::seller;
use crate::words::Words;

/// The ways to pay that are open, as a page of a payment needs them.
pub(crate) struct Ways {
    pub channels: Vec<Channel>,
    /// The way that was chosen last.
    pub chosen: Option<ChannelId>,
    /// Whether the last try to pay led nowhere.
    pub is_unanswered: bool,
}

/// The keys of the page.
#[derive(Serialize)]
pub(crate) struct PayView {
    pay: Bill,
    order: Option<Bought>,
    watch: Watch,
    money: Vec<MoneyView>,
}

/// What is to be paid; also what the order's page needs of a payment.
#[derive(Serialize)]
struct Bill {
    kind: &'static str,
    amount: String,
    /// What is given beside a top-up.
    bonus: Option<String>,
    clock: String,
    minutes_left: i64,
    seconds_left: i64,
    action: String,
    ways: Vec<Way>,
    payee: Payee,
    unanswered: bool,
}

#[derive(Serialize)]
struct Way {
    value: String,
    name: String,
    chosen: bool,
}

/// Who takes the money.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Payee {
    name: String,
    own: bool,
}

/// What the page asks for to see whether something has happened.
#[derive(Serialize)]
pub(crate) struct Watch {
    href: String,
    state: String,
    /// Seconds between two questions.
    every: u32,
}

/// What was ordered, beside the payment.
#[derive(Serialize)]
pub(crate) struct Bought {
    pub number: String,
    pub lines: Vec<BoughtLine>,
}

/// One line of it.
#[derive(Serialize)]
pub(crate) struct BoughtLine {
    pub title: String,
    pub sku_name: String,
    pub quantity: u32,
    pub total: String,
}

/// Money that came and bought nothing, and where it is now.
#[derive(Debug, Serialize)]
pub(crate) struct MoneyView {
    what: String,
    now: String,
    done: bool,
}

/// What is paid, until when, and where its page is.
pub(crate) struct Due {
    pub kind: &'static str,
    pub amount: Money,
    /// What is given beside it.
    pub bonus: Option<Money>,
    pub expires_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    /// The address of its page.
    pub href: String,
}

impl PayView {
    pub fn new(
        language: Language,
        (due, shop): (&Due, &Shop),
        ways: &Ways,
        order: Option<Bought>,
        money: Vec<MoneyView>,
    ) -> Self {
        let seconds_left = (due.expires_at - due.now).num_seconds().max(0);
        let chosen = ways.chosen.filter(|chosen| ways.channels.iter().any(|channel| channel.id == *chosen));
        let chosen = chosen.or(ways.channels.first().map(|channel| channel.id));
        let way = |channel: &Channel| Way {
            value: channel.id.to_string(),
            name: channel.name.get(language).to_owned(),
            chosen: Some(channel.id) == chosen,
        };
        let pay = Bill {
            kind: due.kind,
            amount: format::money(due.amount),
            bonus: due.bonus.map(format::money),
            clock: format::clock(due.expires_at),
            minutes_left: (seconds_left + 59) / 60,
            seconds_left,
            action: format!("{}/pay", due.href),
            ways: ways.channels.iter().map(way).collect(),
            payee: Payee::of(language, shop, &ways.channels),
            unanswered: ways.is_unanswered,
        };
        let watch = Watch::of(&due.href, Status::of("unpaid")).expect("who waits has not come to an end");
        Self { pay, order, watch, money }
    }
}

impl Payee {
    /// The main site's seller of record, or the shop itself where it has channels of its own.
    pub fn of(language: Language, shop: &Shop, channels: &[Channel]) -> Self {
        let own = channels.iter().any(|channel| !channel.is_main);
        Self { name: seller(shop, language, own).0.to_owned(), own }
    }
}

impl Watch {
    /// Of a page whose state may still change.
    pub fn of(href: &str, status: Status) -> Option<Self> {
        (!status.is_final).then(|| Self { href: format!("{href}/status"), state: status.state, every: status.every })
    }
}

impl MoneyView {
    /// Of money that bought nothing, with its refunds.
    pub fn new(words: &Words, payment: &Payment, refunds: &[Refund]) -> Self {
        let last = refunds.last();
        let kind = last.and_then(|refund| ExceptionKind::parse(&refund.reason));
        let what = kind.map_or("other", ExceptionKind::word);
        let state = last.map(|refund| refund.state);
        Self {
            what: words.get(&format!("money.what.{what}"), &[("amount", &format::money(payment.amount))]),
            now: words.get(&format!("money.now.{}", refund_key(state)), &[]),
            done: state == Some(RefundState::Done),
        }
    }
}

/// What a buyer needs to know of a refund: that it is on its way, that it is back, or that somebody has to look.
const fn refund_key(state: Option<RefundState>) -> &'static str {
    match state {
        Some(RefundState::Approved | RefundState::Submitting | RefundState::Unknown) => "on_its_way",
        Some(RefundState::Done) => "done",
        Some(RefundState::Failed) => "failed",
        Some(RefundState::Requested | RefundState::Cancelled) | None => "with_seller",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_with_money_has_its_sentence() {
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for kind in ExceptionKind::ALL {
                assert!(words.find(&format!("money.what.{}", kind.word()), &[]).is_some(), "{kind:?}");
            }
            for state in RefundState::ALL.iter().copied().map(Some).chain([None]) {
                assert!(words.find(&format!("money.now.{}", refund_key(state)), &[]).is_some(), "{state:?}");
            }
            assert!(words.find("money.what.other", &[]).is_some());
        }
    }
}
