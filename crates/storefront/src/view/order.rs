//! The page of one order: how it stands, what was bought, its codes.

use chrono::{DateTime, Utc};
use kernel::{Language, Money};
use order::machine::OrderEvent;
use order::{Event, LineView, Method, OrderView, Revealed, Sight};
use serde::Serialize;

use super::pay::{Bought, BoughtLine, MoneyView, Watch};
use super::stage::{StateView, Status, state_at};
use crate::format;
use crate::words::Words;

/// An order as somebody looks at it.
pub(crate) struct Look<'a> {
    pub view: &'a OrderView,
    pub sight: Sight,
    /// Its codes, if the view was just logged.
    pub revealed: Option<&'a [Revealed]>,
    pub now: DateTime<Utc>,
}

/// The keys of the page.
#[derive(Serialize)]
pub(crate) struct OrderPageView {
    order: OrderDetail,
    reveal: Reveal,
    watch: Option<Watch>,
    money: Vec<MoneyView>,
}

#[derive(Serialize)]
struct OrderDetail {
    number: String,
    placed_at: String,
    state: StateView,
    total: String,
    lines: Vec<Line>,
    events: Vec<EventView>,
}

#[derive(Serialize)]
struct Reveal {
    action: String,
    file_action: String,
    done: bool,
    allowed: bool,
}

#[derive(Serialize)]
struct Line {
    title: String,
    sku_name: String,
    quantity: u32,
    total: String,
    codes: Vec<Code>,
}

/// The text is a code in the open: this value has no `Debug`.
#[derive(Serialize)]
struct Code {
    index: usize,
    masked: Option<String>,
    text: Option<String>,
}

#[derive(Serialize)]
struct EventView {
    label: String,
    at: String,
}

impl Look<'_> {
    /// The one word for how the order stands.
    pub fn state(&self) -> &'static str {
        let order = &self.view.order;
        state_at(order.states, order.expires_at, self.now)
    }

    /// The address of the order's page.
    pub fn href(&self) -> String {
        order_href(self.view)
    }

    /// Until when it may be paid and how much, while it may.
    pub fn is_to_be_paid(&self) -> Option<(Money, DateTime<Utc>)> {
        let order = &self.view.order;
        let expires_at = order.expires_at.filter(|_| self.state() == "unpaid")?;
        Some((order.total, expires_at))
    }

    /// What was ordered.
    pub fn bought(&self, language: Language) -> Bought {
        let line = |line: &LineView| BoughtLine {
            title: line.title.get(language).to_owned(),
            sku_name: line.sku_name.get(language).to_owned(),
            quantity: line.quantity,
            total: format::money(line.total),
        };
        Bought { number: self.view.order.id.to_string(), lines: self.view.lines.iter().map(line).collect() }
    }
}

/// The address of an order's page: with its word, if it has one.
pub(crate) fn order_href(view: &OrderView) -> String {
    match &view.link {
        Some(link) => format!("/orders/{}/{}", view.order.id, link.as_str()),
        None => format!("/orders/{}", view.order.id),
    }
}

/// The codes of an order as a file to keep: one line each, the goods above them.
pub(crate) fn file(language: Language, view: &OrderView, revealed: &[Revealed]) -> String {
    let mut text = String::new();
    for line in &view.lines {
        let Some(open) = revealed.iter().find(|revealed| revealed.line == line.number) else { continue };
        text.push_str(&format!("# {} · {}\r\n", line.title.get(language), line.sku_name.get(language)));
        for code in &open.codes {
            text.push_str(code.reveal());
            text.push_str("\r\n");
        }
    }
    text
}

impl OrderPageView {
    /// The order; with codes in the open, it waits for nothing.
    pub fn new((words, language): (&Words, Language), look: &Look<'_>, money: Vec<MoneyView>) -> Self {
        let (view, href, state) = (look.view, look.href(), look.state());
        let lines = view.lines.iter().map(|line| self::line(language, line, look.revealed)).collect();
        let is_open = look.revealed.is_some();
        Self {
            order: OrderDetail {
                number: view.order.id.to_string(),
                placed_at: format::moment(view.order.placed_at),
                state: StateView::new(words, state),
                total: format::money(view.order.total),
                lines,
                events: events(words, view),
            },
            reveal: Reveal {
                action: format!("{href}/codes"),
                file_action: format!("{href}/file"),
                done: is_open,
                allowed: look.sight == Sight::Codes,
            },
            watch: Watch::of(&href, Status::of(state)).filter(|_| view.link.is_some() && !is_open),
            money,
        }
    }
}

fn line(language: Language, line: &LineView, revealed: Option<&[Revealed]>) -> Line {
    let open = revealed.and_then(|all| all.iter().find(|revealed| revealed.line == line.number));
    let codes = (0..line.cards.len()).map(|place| Code {
        index: place + 1,
        masked: None,
        text: open.and_then(|revealed| revealed.codes.get(place)).map(|code| code.reveal().to_owned()),
    });
    Line {
        title: line.title.get(language).to_owned(),
        sku_name: line.sku_name.get(language).to_owned(),
        quantity: line.quantity,
        total: format::money(line.total),
        codes: codes.collect(),
    }
}

/// Newest first, ending with the order itself.
fn events(words: &Words, view: &OrderView) -> Vec<EventView> {
    let happened = view.events.iter().rev().filter_map(|event| happened(words, view, event));
    let placed = EventView { label: words.get("order.event.placed", &[]), at: format::moment(view.order.placed_at) };
    happened.chain([placed]).collect()
}

/// What happened, in the buyer's words; steps that say nothing to him are left out.
fn happened(words: &Words, view: &OrderView, event: &Event) -> Option<EventView> {
    let amount = format::money(view.order.total);
    let count = view.lines.iter().map(|line| line.cards.len()).sum::<usize>().to_string();
    let is_wallet = view.order.method == Method::Wallet;
    let label = match event.event {
        OrderEvent::Paid if is_wallet => words.get("order.event.paid", &[("amount", &amount)]),
        OrderEvent::Paid => words.get("order.event.paid_channel", &[("amount", &amount)]),
        OrderEvent::PaidLate => words.get("order.event.paid_late", &[("amount", &amount)]),
        OrderEvent::Delivered if count == "1" => words.get("order.event.delivered_one", &[]),
        OrderEvent::Delivered => words.get("order.event.delivered", &[("count", &count)]),
        OrderEvent::DeliveryFailed => words.get("order.event.failed", &[]),
        OrderEvent::Refunded if is_wallet => words.get("order.event.refunded", &[("amount", &amount)]),
        OrderEvent::Refunded => words.get("order.event.refunded_channel", &[("amount", &amount)]),
        OrderEvent::Expired => words.get("order.event.expired", &[]),
        OrderEvent::PartDelivered => words.get("order.state.part_delivered", &[]),
        OrderEvent::PartRefunded => words.get("order.state.part_refunded", &[]),
        OrderEvent::Cancelled => words.get("order.state.cancelled", &[]),
        OrderEvent::Disputed => words.get("order.state.disputed", &[]),
        OrderEvent::PaymentStarted
        | OrderEvent::PaymentFailed
        | OrderEvent::DeliveryStarted
        | OrderEvent::DeliveryRetried
        | OrderEvent::RefundRequested
        | OrderEvent::DisputeSettled => return None,
    };
    Some(EventView { label, at: format::moment(event.at) })
}
