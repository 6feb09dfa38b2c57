//! Values of the room.

use chrono::{DateTime, Utc};
use kernel::Secret;

use crate::error::InventoryError;

kernel::kinds! {
    /// One card of stock.
    CardId = CardMark "crd";
}

/// A card's code in the open. Nothing prints it by accident: it has no `Debug`, `Display` or `Serialize`.
pub struct CardCode(Secret<String>);

impl CardCode {
    /// The longest code, in bytes.
    pub const LEN_MAX: usize = 1024;

    /// Takes a code as the operator gave it, without the white space around it.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let text = text.trim();
        if text.is_empty() || text.len() > Self::LEN_MAX || text.contains(char::is_control) {
            return Err(InventoryError::UnreadableCode);
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    pub(crate) fn trusted(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The text, for the one place that shows it to the buyer.
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }
}

/// A card to be put in stock.
pub struct NewCard {
    /// Its code.
    pub code: CardCode,
    /// Not sold from this moment on.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// How many cards were added.
    pub added: u64,
    /// The places, counted from 0, of the cards whose code is in stock or was sold before, or stands twice in the list.
    pub duplicates: Vec<usize>,
}

/// How a line of an order takes cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// They are delivered in the same batch.
    Sell,
    /// They wait for the money.
    Hold,
}

impl Taking {
    /// The state of a card taken so.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Sell => "sold",
            Self::Hold => "held",
        }
    }
}

/// Cards that a line of an order has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Which.
    pub cards: Vec<CardId>,
    /// When the first of them may not be sold any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether they are everybody's: nothing was taken, and nothing is freed.
    pub is_shared: bool,
    /// What they were put in stock for, in the currency of their SKU: what leaves the stock's value with them. Nothing
    /// for what is everybody's.
    pub cost_minor: i64,
}

impl Taken {
    /// Whether no card is this line's own, so that nothing moves with it.
    pub(crate) const fn is_nobodys(&self) -> bool {
        self.is_shared || self.cards.is_empty()
    }
}

/// How many cards of a SKU are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StockCount {
    /// Free to be sold.
    pub available: i64,
    /// Held by unpaid orders.
    pub held: i64,
    /// Delivered.
    pub sold: i64,
    /// Taken out.
    pub void: i64,
    /// Codes that every buyer gets, never used up.
    pub shared: i64,
}

impl StockCount {
    /// How many a buyer can have: what is free, or no end of what is shared.
    pub fn left(&self) -> u32 {
        if self.shared > 0 { u32::MAX } else { u32::try_from(self.available.max(0)).unwrap_or(u32::MAX) }
    }
}

/// How codes are put in stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stocking {
    /// Each is sold once.
    Unique,
    /// Each goes to every buyer.
    Shared,
}
