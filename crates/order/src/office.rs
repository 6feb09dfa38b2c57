//! Orders as operators and owners of sites see them: values. A main site's operator sees every hop and no buyer; the
//! owner of a site sees his own buyers, and of the prices his own.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use commission::AgentId;
use identity::{CustomerId, OperatorId};
use kernel::{Money, SiteId, Wording};
use payment::{ChannelId, PaymentId};

use crate::claim::Claim;
use crate::fulfil::ManualLine;
use crate::machine::{self, DeliveryState, OrderState, PaymentState, States};
use crate::model::{Event, Method, OrderId};
use crate::number::OrderNumber;
use crate::refund::OrderRefund;
use crate::replace::OrderReplacement;
use crate::sale::FrozenCommission;

/// Which orders a list shows; an empty condition lets all through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Sold by this site.
    pub site: Option<SiteId>,
    /// In one of these states.
    pub orders: Vec<OrderState>,
    /// With their money in one of these states.
    pub payments: Vec<PaymentState>,
    /// With their goods in one of these states.
    pub deliveries: Vec<DeliveryState>,
    /// With a line of this SKU.
    pub sku: Option<SkuId>,
    /// With this number.
    pub number: Option<OrderNumber>,
    /// Placed at this moment or later.
    pub placed_from: Option<DateTime<Utc>>,
    /// Placed before this moment.
    pub placed_to: Option<DateTime<Utc>>,
}

impl OrderFilter {
    /// In which states those are that it lets through; none if no order can be so.
    pub(crate) fn states(&self) -> Vec<States> {
        fn has<T: PartialEq>(wanted: &[T], state: &T) -> bool {
            wanted.is_empty() || wanted.contains(state)
        }
        let is_meant = |states: &States| {
            has(&self.orders, &states.order)
                && has(&self.payments, &states.payment)
                && has(&self.deliveries, &states.delivery)
        };
        machine::reachable().into_iter().filter(is_meant).collect()
    }
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its id.
    pub id: OrderId,
    /// What people call it.
    pub number: OrderNumber,
    /// The selling site.
    pub site: SiteId,
    /// How it is paid.
    pub method: Method,
    /// Where it stands.
    pub states: States,
    /// What the buyer pays.
    pub total: Money,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// Until when it is, or was, to be paid; none if it was paid at once.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When its last line was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The title of its first line.
    pub title: Wording,
    /// How many lines it has.
    pub lines: u32,
    /// How many pieces.
    pub pieces: u32,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderList {
    /// The orders; a page may be short although there is a next one.
    pub rows: Vec<OrderRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<OrderId>,
}

/// What one site pays and asks for one piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskHop {
    /// The site.
    pub site: SiteId,
    /// What it pays.
    pub cost: Money,
    /// What it asks.
    pub price: Money,
    /// The rule that said so, with its version.
    pub rule: String,
}

/// A line of an order, as far as it is nobody's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskLine {
    /// Its place in the order, from 1.
    pub number: i32,
    /// What was bought.
    pub sku: SkuId,
    /// The goods' title at the time of the order.
    pub title: Wording,
    /// The SKU's name at the time of the order.
    pub sku_name: Wording,
    /// How many.
    pub quantity: u32,
    /// What one cost.
    pub unit: Money,
    /// What all cost.
    pub total: Money,
    /// The chain, the main site first; of a site's own view only its own.
    pub hops: Vec<DeskHop>,
    /// What agents earn from it once it is delivered, the one who brought the buyer first.
    pub commissions: Vec<FrozenCommission>,
    /// What a person does for it; none for cards.
    pub manual: Option<ManualLine>,
}

/// Money that came for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskPayment {
    /// Its id.
    pub id: PaymentId,
    /// The channel.
    pub channel: ChannelId,
    /// The channel's name.
    pub name: Wording,
    /// The gateway's number.
    pub trade_no: String,
    /// How much.
    pub amount: Money,
    /// When, by the gateway's clock.
    pub paid_at: DateTime<Utc>,
}

/// An order at the main site's desk: without contact, link, codes and cards, answers and proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskView {
    /// The order.
    pub order: OrderRow,
    /// The site whose own channel collects; none for the main site.
    pub collector: Option<SiteId>,
    /// Its lines with their chains.
    pub lines: Vec<DeskLine>,
    /// What happened, oldest first; the buyer is `buyer`.
    pub events: Vec<Event>,
    /// The money that came.
    pub payments: Vec<DeskPayment>,
    /// Its money on the way back, or back, the first return first.
    pub refunds: Vec<OrderRefund>,
    /// What its buyer has asked to have back, the first claim first.
    pub claims: Vec<Claim>,
    /// Its cards that were replaced, the first one first.
    pub replacements: Vec<OrderReplacement>,
    /// Who brought the buyer.
    pub agent: Option<AgentId>,
}

/// An order as the site that sold it sees it: its own buyer, its own hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnView {
    /// The order, with only this site's hop in each line.
    pub desk: DeskView,
    /// How the buyer is reached.
    pub contact: Option<String>,
    /// The buyer's account.
    pub customer: Option<CustomerId>,
}

/// Who works at the fulfilment desk, and the name of what he does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FulfilBy<'a> {
    /// The operator.
    pub operator: OperatorId,
    /// The caller's key: the same one is the same act.
    pub key: &'a str,
}
