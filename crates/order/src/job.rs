//! The room's jobs: data only.

use catalog::SkuId;
use outbox::Job;
use serde::{Deserialize, Serialize};

use crate::model::OrderId;

/// Orders that one batch delivered, or the cards of them, and the SKUs that it took cards from, for those or in the place of
/// cards that did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersDelivered {
    /// The orders.
    pub orders: Vec<OrderId>,
    /// The SKUs.
    pub skus: Vec<SkuId>,
}

impl Job for OrdersDelivered {
    const KIND: &'static str = "order.delivered";
}

/// Tells the operator about SKUs that run out: the handler of [`OrdersDelivered`].
pub struct LowStock {
    pub(crate) inventory: inventory::Inventory,
    pub(crate) store: store::Store,
}

/// Ends unpaid orders whose time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepHolds {}

impl Job for SweepHolds {
    const KIND: &'static str = "order.sweep_holds";
}
