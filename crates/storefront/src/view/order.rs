//! Orders: one with its codes, and the list of them.

use kernel::{Language, Money};
use order::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, States};
use order::{Event, LineView, Order, OrderPage, OrderView, Revealed};
use serde::Serialize;

use crate::format;
use crate::words::Words;

/// The keys of the page of one order.
#[derive(Serialize)]
pub(crate) struct OrderPageView {
    order: OrderDetail,
    reveal: Reveal,
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
    done: bool,
}

#[derive(Serialize)]
struct StateView {
    key: &'static str,
    label: String,
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

/// The keys of the list.
#[derive(Serialize)]
pub(crate) struct OrdersView {
    orders: Vec<Row>,
    wallet: String,
    next_href: Option<String>,
}

#[derive(Serialize)]
struct Row {
    href: String,
    number: String,
    title: String,
    total: String,
    state: StateView,
    placed_at: String,
}

impl OrderPageView {
    /// The order; with `revealed`, its codes are in the open.
    pub fn new((words, language): (&Words, Language), view: &OrderView, revealed: Option<&[Revealed]>) -> Self {
        let order = &view.order;
        let lines = view.lines.iter().map(|line| self::line(language, line, revealed)).collect();
        let mut events: Vec<EventView> =
            view.events.iter().rev().filter_map(|event| happened(words, view, event)).collect();
        events.push(EventView { label: words.get("order.event.placed", &[]), at: format::moment(order.placed_at) });
        Self {
            order: OrderDetail {
                number: order.id.to_string(),
                placed_at: format::moment(order.placed_at),
                state: state(words, order.states),
                total: format::money(order.total),
                lines,
                events,
            },
            reveal: Reveal { action: format!("/orders/{}/codes", order.id), done: revealed.is_some() },
        }
    }
}

impl OrdersView {
    pub fn new((words, language): (&Words, Language), page: &OrderPage, wallet: Money) -> Self {
        let row = |order: &Order, title: &kernel::Wording| Row {
            href: format!("/orders/{}", order.id),
            number: order.id.to_string(),
            title: title.get(language).to_owned(),
            total: format::money(order.total),
            state: state(words, order.states),
            placed_at: format::moment(order.placed_at),
        };
        Self {
            orders: page.orders.iter().map(|(order, title)| row(order, title)).collect(),
            wallet: format::money(wallet),
            next_href: page.next.map(|before| format!("/orders?before={before}")),
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

fn state(words: &Words, states: States) -> StateView {
    let key = state_key(states);
    StateView { key, label: words.get(&format!("order.state.{key}"), &[]) }
}

/// The one word for the three states: what the buyer asks himself first.
fn state_key(states: States) -> &'static str {
    match (states.order, states.payment, states.delivery) {
        (OrderState::Disputed, ..) => "disputed",
        (_, PaymentState::Refunded, _) => "refunded",
        (OrderState::Cancelled, ..) => "cancelled",
        (OrderState::Expired, ..) => "expired",
        (_, PaymentState::PartRefunded, _) => "part_refunded",
        (_, _, DeliveryState::Delivered) => "delivered",
        (OrderState::Completed, ..) => "completed",
        (_, _, DeliveryState::Failed) => "failed",
        (_, _, DeliveryState::PartDelivered) => "part_delivered",
        (_, _, DeliveryState::Delivering | DeliveryState::Queued) => "delivering",
        (_, PaymentState::Paid, _) => "paid",
        (_, PaymentState::Unpaid | PaymentState::Paying, _) => "unpaid",
    }
}

/// What happened, in the buyer's words; steps that say nothing to him are left out.
fn happened(words: &Words, view: &OrderView, event: &Event) -> Option<EventView> {
    let amount = format::money(view.order.total);
    let count = view.lines.iter().map(|line| line.cards.len()).sum::<usize>().to_string();
    let label = match event.event {
        OrderEvent::Paid | OrderEvent::PaidLate => words.get("order.event.paid", &[("amount", &amount)]),
        OrderEvent::Delivered if count == "1" => words.get("order.event.delivered_one", &[]),
        OrderEvent::Delivered => words.get("order.event.delivered", &[("count", &count)]),
        OrderEvent::DeliveryFailed => words.get("order.event.failed", &[]),
        OrderEvent::Refunded => words.get("order.event.refunded", &[("amount", &amount)]),
        OrderEvent::Expired => words.get("order.event.expired", &[]),
        OrderEvent::PartDelivered => words.get("order.state.part_delivered", &[]),
        OrderEvent::PartRefunded => words.get("order.state.part_refunded", &[]),
        OrderEvent::Cancelled => words.get("order.state.cancelled", &[]),
        OrderEvent::Disputed => words.get("order.state.disputed", &[]),
        OrderEvent::PaymentStarted
        | OrderEvent::PaymentFailed
        | OrderEvent::DeliveryStarted
        | OrderEvent::DeliveryRetried
        | OrderEvent::DisputeSettled => return None,
    };
    Some(EventView { label, at: format::moment(event.at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_event_has_its_sentence() {
        let [chinese, english] = Language::ALL.map(|language| Words::read(language).expect("sentences"));
        for &order in OrderState::ALL {
            for &payment in PaymentState::ALL {
                for &delivery in DeliveryState::ALL {
                    let key = format!("order.state.{}", state_key(States { order, payment, delivery }));
                    assert!(chinese.find(&key, &[]).is_some() && english.find(&key, &[]).is_some(), "{key}");
                }
            }
        }
    }
}
