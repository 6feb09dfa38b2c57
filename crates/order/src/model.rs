//! Values of the room.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use identity::CustomerId;
use inventory::{CardCode, CardId};
use kernel::{Money, SiteId, Wording};
use serde::{Deserialize, Serialize};

use crate::machine::{OrderEvent, States};

kernel::kinds! {
    /// An order. Its text is the number the buyer sees.
    OrderId = OrderMark "ord";
}

/// One thing that a buyer wants, at the price that was shown to him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub sku: SkuId,
    /// How many.
    pub quantity: u32,
    /// The unit price he saw: dearer asks again, cheaper is charged cheaper.
    pub unit: Money,
}

/// An order as its site sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The selling site.
    pub site: SiteId,
    /// The buyer's account.
    pub customer: Option<CustomerId>,
    /// Where it stands.
    pub states: States,
    /// What the buyer pays.
    pub total: Money,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
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
    /// The cards that were delivered.
    pub cards: Vec<CardId>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub event: OrderEvent,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
}

/// An order with its lines and what happened to it, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Its lines.
    pub lines: Vec<LineView>,
    /// Its events.
    pub events: Vec<Event>,
}

/// One page of a customer's orders, newest first, each with its first line's title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<(Order, Wording)>,
    /// Where the next page begins, if there is one.
    pub next: Option<OrderId>,
}

/// What somebody looks with, as his program calls itself: kept beside each view of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    const CHARS_MAX: usize = 200;

    /// Takes the name of a program, such as a `User-Agent` header; cut, and without control characters.
    pub fn named(text: &str) -> Self {
        Self(text.chars().filter(|character| !character.is_control()).take(Self::CHARS_MAX).collect())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The codes of a line, opened after the view was logged.
pub struct Revealed {
    /// The line.
    pub line: i32,
    /// Its codes.
    pub codes: Vec<CardCode>,
}
