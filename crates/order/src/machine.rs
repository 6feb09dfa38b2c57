//! The machines of an order, as one pure function over three small states.
//!
//! The whole table is in the snapshot `machine/snapshots`, for an operator to read. Payment says where the money is,
//! delivery where the goods are, the order state what a person sees in a list.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

kernel::words! {
    /// What a person sees.
    OrderState {
        /// Something is still to happen.
        Open = "open",
        /// Delivered.
        Completed = "completed",
        /// Not paid in time.
        Expired = "expired",
        /// Called off, nothing is owed.
        Cancelled = "cancelled",
        /// The buyer or the channel objects.
        Disputed = "disputed",
    }
}

kernel::words! {
    /// Where the buyer's money is.
    PaymentState {
        /// With the buyer.
        Unpaid = "unpaid",
        /// An attempt is under way.
        Paying = "paying",
        /// With us, in full.
        Paid = "paid",
        /// Some of it went back.
        PartRefunded = "part_refunded",
        /// All of it went back.
        Refunded = "refunded",
    }
}

kernel::words! {
    /// Where the goods are.
    DeliveryState {
        /// Nothing is to be delivered yet.
        None = "none",
        /// Paid, waiting for delivery.
        Queued = "queued",
        /// Somebody works on it.
        Delivering = "delivering",
        /// Some lines are with the buyer.
        PartDelivered = "part_delivered",
        /// All lines are with the buyer.
        Delivered = "delivered",
        /// It did not work; an exception is open.
        Failed = "failed",
    }
}

kernel::words! {
    /// What can happen to an order.
    OrderEvent {
        /// A payment attempt begins.
        PaymentStarted = "payment_started",
        /// The attempt failed, nothing was charged.
        PaymentFailed = "payment_failed",
        /// The full amount arrived.
        Paid = "paid",
        /// The full amount arrived after the order had expired, and goods and price still allow it.
        PaidLate = "paid_late",
        /// Delivery begins.
        DeliveryStarted = "delivery_started",
        /// Some lines were delivered.
        PartDelivered = "part_delivered",
        /// The last line was delivered.
        Delivered = "delivered",
        /// Codes that did not work were replaced by new ones.
        CodesReplaced = "codes_replaced",
        /// Delivery failed.
        DeliveryFailed = "delivery_failed",
        /// Delivery is tried again.
        DeliveryRetried = "delivery_retried",
        /// Money is to go back; what of it was not delivered is called off.
        RefundRequested = "refund_requested",
        /// Some of the money went back.
        PartRefunded = "part_refunded",
        /// The last of the money went back.
        Refunded = "refunded",
        /// The time to pay is over.
        Expired = "expired",
        /// Called off before payment.
        Cancelled = "cancelled",
        /// Somebody objects.
        Disputed = "disputed",
        /// The objection is settled.
        DisputeSettled = "dispute_settled",
    }
}

impl PaymentState {
    /// Whether the full amount came, whatever went back since.
    pub const fn has_come(self) -> bool {
        matches!(self, Self::Paid | Self::PartRefunded | Self::Refunded)
    }
}

/// The three states together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct States {
    /// What a person sees.
    pub order: OrderState,
    /// Where the money is.
    pub payment: PaymentState,
    /// Where the goods are.
    pub delivery: DeliveryState,
}

/// The event is not possible in these states; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is not possible in {}/{}/{}", event.word(), states.order.word(), states.payment.word(), states.delivery.word())]
pub struct Rejected {
    /// What was to happen.
    pub event: OrderEvent,
    /// Where the order is.
    pub states: States,
}

impl States {
    /// A new order.
    pub const NEW: Self =
        Self { order: OrderState::Open, payment: PaymentState::Unpaid, delivery: DeliveryState::None };

    /// Whether it went as it should and nothing is to come: so nearly all orders are, and a list finds them wherever it
    /// begins. All others have an index.
    pub const fn is_settled(&self) -> bool {
        matches!((self.order, self.payment), (OrderState::Completed, PaymentState::Paid))
    }
}

/// All states that events lead to from a new order.
pub fn reachable() -> BTreeSet<States> {
    let mut found = BTreeSet::from([States::NEW]);
    let mut edge = vec![States::NEW];
    while let Some(states) = edge.pop() {
        let next = OrderEvent::ALL.iter().filter_map(|event| step(states, *event).ok());
        edge.extend(next.filter(|next| found.insert(*next)).collect::<Vec<_>>());
    }
    found
}

/// What `event` makes of `states`.
pub fn step(states: States, event: OrderEvent) -> Result<States, Rejected> {
    use DeliveryState as D;
    use OrderEvent as E;
    use OrderState as O;
    use PaymentState as P;

    let States { order, payment, delivery } = states;
    let is_open = order == O::Open;
    let is_waiting = matches!(payment, P::Unpaid | P::Paying);
    let has_money = matches!(payment, P::Paid | P::PartRefunded);
    let is_moving = matches!(delivery, D::Queued | D::Delivering | D::PartDelivered);
    let has_failed = delivery == D::Failed;
    let next = match event {
        E::PaymentStarted if is_open && payment == P::Unpaid => States { payment: P::Paying, ..states },
        E::PaymentFailed if is_open && payment == P::Paying => States { payment: P::Unpaid, ..states },
        E::Paid if is_open && is_waiting => States { payment: P::Paid, delivery: D::Queued, ..states },
        E::PaidLate if order == O::Expired && is_waiting => {
            States { order: O::Open, payment: P::Paid, delivery: D::Queued }
        }
        E::DeliveryStarted if is_open && has_money && delivery == D::Queued => {
            States { delivery: D::Delivering, ..states }
        }
        E::PartDelivered if is_open && has_money && (is_moving || has_failed) => {
            States { delivery: D::PartDelivered, ..states }
        }
        E::Delivered if is_open && has_money && is_moving => {
            States { order: O::Completed, delivery: D::Delivered, ..states }
        }
        // What is with the buyer stays there, whatever becomes of the other lines.
        E::DeliveryFailed | E::DeliveryRetried if is_open && has_money && delivery == D::PartDelivered => states,
        E::DeliveryFailed if is_open && has_money && (is_moving || has_failed) => {
            States { delivery: D::Failed, ..states }
        }
        E::DeliveryRetried if is_open && has_money && has_failed => States { delivery: D::Queued, ..states },
        E::CodesReplaced if has_money && matches!(delivery, D::Delivered | D::PartDelivered) => states,
        E::RefundRequested if has_money => states,
        E::PartRefunded if has_money => States { payment: P::PartRefunded, ..states },
        // What was delivered stays completed; what was not is over.
        E::Refunded if has_money && matches!(delivery, D::Delivered | D::PartDelivered) => {
            States { order: O::Completed, payment: P::Refunded, ..states }
        }
        E::Refunded if has_money => States { order: O::Cancelled, payment: P::Refunded, delivery: D::None },
        E::Expired if is_open && is_waiting => States { order: O::Expired, ..states },
        E::Cancelled if is_open && payment == P::Unpaid => States { order: O::Cancelled, ..states },
        E::Disputed if has_money && matches!(order, O::Open | O::Completed) => States { order: O::Disputed, ..states },
        E::DisputeSettled if order == O::Disputed => {
            let order = if delivery == D::Delivered { O::Completed } else { O::Open };
            States { order, ..states }
        }
        _ => return Err(Rejected { event, states }),
    };
    Ok(next)
}
