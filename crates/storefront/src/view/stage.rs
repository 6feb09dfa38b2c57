//! Where an order or a top-up stands, in the one word a buyer asks for. Pure.

use chrono::{DateTime, Utc};
use order::machine::{DeliveryState, OrderState, PaymentState, States};
use order::{FulfilState, OrderView};
use payment::{Intent, IntentState};
use serde::Serialize;

use crate::words::Words;

/// A state as a page shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StateView {
    pub key: &'static str,
    label: String,
}

/// What a waiting page asks for again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    /// Changes whenever the page would look different.
    pub state: String,
    pub is_final: bool,
    /// Seconds between two questions.
    #[serde(skip)]
    pub every: u32,
}

/// Machines are done within seconds, persons are not.
const EVERY: u32 = 2;
const EVERY_FOR_PERSONS: u32 = 20;

impl StateView {
    pub fn new(words: &Words, key: &'static str) -> Self {
        Self { key, label: words.get(&format!("order.state.{key}"), &[]) }
    }
}

impl StateView {
    /// Where what a buyer asks for stands.
    pub fn of_claim(words: &Words, key: &'static str) -> Self {
        Self { key, label: words.get(&format!("claim.state.{key}"), &[]) }
    }

    /// Where the work of a person stands.
    pub fn of_work(words: &Words, key: &'static str) -> Self {
        Self { key, label: words.get(&format!("order.work.{key}"), &[]) }
    }
}

impl Status {
    /// Of a state that nothing but time may change, or that will change soon.
    pub fn of(state: &'static str) -> Self {
        let is_moving = matches!(state, "unpaid" | "paid" | "delivering" | "part_delivered");
        Self { state: state.to_owned(), is_final: !is_moving, every: EVERY }
    }

    /// Of an order in this state: with what persons do for it, and with its money on the way back.
    pub fn of_order(state: &'static str, view: &OrderView) -> Self {
        let mut status = Self::of(state);
        let mut is_worked_on = false;
        for work in view.lines.iter().filter_map(|line| line.manual.as_ref()?.state) {
            status.state.push_str(&format!(".{}", work.word()));
            status.every = EVERY_FOR_PERSONS;
            is_worked_on |= matches!(work, FulfilState::Waiting | FulfilState::Taken);
        }
        for refund in &view.refunds {
            status.state.push_str(if refund.settled_at.is_some() { ".back" } else { ".going_back" });
            status.every = EVERY_FOR_PERSONS;
        }
        if !view.refunds.is_empty() {
            let is_settled = view.refunds.iter().all(|refund| refund.settled_at.is_some());
            status.is_final = is_settled && !is_worked_on;
        }
        status
    }
}

/// The one word for the three states.
pub(crate) fn state_key(states: States) -> &'static str {
    match (states.order, states.payment, states.delivery) {
        (OrderState::Disputed, ..) => "disputed",
        (_, PaymentState::Refunded, _) => "refunded",
        (OrderState::Cancelled, ..) => "cancelled",
        (OrderState::Expired, ..) => "expired",
        // As long as something is still to come, that is what counts.
        (OrderState::Completed, PaymentState::PartRefunded, _) => "part_refunded",
        (_, _, DeliveryState::Delivered) => "delivered",
        (OrderState::Completed, ..) => "completed",
        (_, _, DeliveryState::Failed) => "failed",
        (_, _, DeliveryState::PartDelivered) => "part_delivered",
        (_, _, DeliveryState::Delivering | DeliveryState::Queued) => "delivering",
        (_, PaymentState::PartRefunded, _) => "part_refunded",
        (_, PaymentState::Paid, _) => "paid",
        (_, PaymentState::Unpaid | PaymentState::Paying, _) => "unpaid",
    }
}

/// The word at `now`: an unpaid order whose time is over has expired, even if nobody has said so yet.
pub(crate) fn state_at(states: States, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> &'static str {
    match state_key(states) {
        "unpaid" if expires_at.is_some_and(|expires_at| expires_at <= now) => "expired",
        key => key,
    }
}

/// The word for a top-up at `now`.
pub(crate) fn top_up_state(intent: &Intent, now: DateTime<Utc>) -> &'static str {
    match intent.state {
        IntentState::Open if intent.is_payable(now) => "unpaid",
        IntentState::Open | IntentState::Closed => "expired",
        IntentState::Paid => "completed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use kernel::Language;
    use order::FulfilState;

    #[test]
    fn every_state_has_its_sentence() {
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

    #[test]
    fn an_unpaid_order_has_expired_when_its_time_is_over() {
        let now = Utc::now();
        let at = |minutes| state_at(States::NEW, Some(now + TimeDelta::minutes(minutes)), now);
        assert_eq!([at(1), at(0), at(-1)], ["unpaid", "expired", "expired"]);
        assert_eq!(state_at(States::NEW, None, now), "unpaid");
    }

    #[test]
    fn a_page_asks_on_until_nothing_more_is_to_come() {
        let finals = ["unpaid", "paid", "delivering", "delivered", "expired", "refunded", "failed"];
        let finals = finals.map(|state| Status::of(state).is_final);
        let works = FulfilState::ALL.iter().map(|state| format!("order.work.{}", state.word()));
        let [chinese, english] = Language::ALL.map(|language| Words::read(language).expect("sentences"));
        assert!(works.into_iter().all(|key| chinese.find(&key, &[]).is_some() && english.find(&key, &[]).is_some()));
        assert_eq!(finals, [false, false, false, true, true, true, true]);
    }
}
