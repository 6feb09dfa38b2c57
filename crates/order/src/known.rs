//! Orders that exist, as a batch knows them: rows it has locked, and what it makes of them.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use inventory::Taken;
use kernel::{Money, SiteId};

use crate::machine::{OrderEvent, OrderState, PaymentState, Rejected, States, step};
use crate::model::OrderId;
use crate::sale::{Collection, FrozenHop, SoldLine};

/// An order whose row this batch has locked.
#[derive(Debug, Clone)]
pub(crate) struct KnownOrder {
    pub id: OrderId,
    pub site: SiteId,
    pub states: States,
    pub total: Money,
    /// The site whose own channel collects; none for the main site.
    pub collector: Option<SiteId>,
    /// What the selling site's prepaid account holds for it.
    pub held: Money,
    /// The number of its events.
    pub version: i32,
    pub expires_at: Option<DateTime<Utc>>,
    pub paid_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// The time of its last event.
    pub changed_at: DateTime<Utc>,
    pub lines: Vec<KnownLine>,
    /// What this batch made happen, with who did it.
    pub happened: Vec<(OrderEvent, String)>,
}

/// A line of it.
#[derive(Debug, Clone)]
pub(crate) struct KnownLine {
    pub number: i32,
    pub sku: SkuId,
    pub quantity: u32,
    pub cards: Taken,
    pub has_new_cards: bool,
    pub hops: Vec<FrozenHop>,
}

impl KnownOrder {
    /// Makes `event` happen, if the machine allows it.
    pub fn apply(&mut self, event: OrderEvent, actor: &str) -> Result<(), Rejected> {
        self.states = step(self.states, event)?;
        self.version += 1;
        self.happened.push((event, actor.to_owned()));
        Ok(())
    }

    /// Whether it waits for its money.
    pub fn is_waiting(&self) -> bool {
        self.states.order == OrderState::Open && self.is_unpaid()
    }

    /// Whether no money has come.
    pub const fn is_unpaid(&self) -> bool {
        matches!(self.states.payment, PaymentState::Unpaid | PaymentState::Paying)
    }

    /// Whether the time to pay is over at `now`.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Who takes the money.
    pub const fn collection(&self) -> Collection {
        match self.collector {
            Some(_) => Collection::Own,
            None => Collection::CentralHeld,
        }
    }

    /// Its lines as they were sold.
    pub fn sold(&self) -> Vec<SoldLine<'_>> {
        self.lines.iter().map(KnownLine::sold).collect()
    }
}

impl KnownLine {
    fn sold(&self) -> SoldLine<'_> {
        let is_stocked = !self.cards.is_shared;
        SoldLine { number: self.number, quantity: self.quantity, is_stocked, hops: &self.hops }
    }

    /// Whether one of its cards may not be sold any more.
    pub fn is_spoiled(&self, now: DateTime<Utc>) -> bool {
        self.cards.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Changes the cards it has.
    pub fn set_cards(&mut self, cards: Taken) {
        self.cards = cards;
        self.has_new_cards = true;
    }
}
