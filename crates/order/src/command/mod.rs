//! The commands of the room: what a buyer asks of the lane.

use std::collections::BTreeMap;

use catalog::{QUANTITY_MAX, Quote, SiteLevel, SkuId, Subject};
use chrono::{DateTime, Utc};
use identity::CustomerId;
use inventory::Picks;
use kernel::{Coded, Currency, FaultKind, Money, SiteId};
use lane::{Command, CommandKey, Parts};
use ledger::{Account, AccountKind, Book, Entry, LedgerError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desk::{Desk, NewOrder, PricedLine};
use crate::machine::{OrderEvent, Rejected, States, step};
use crate::model::{OrderId, Wanted};
use crate::sale::{self, DEPTH_MAX};

/// The most lines of one order.
pub(crate) const LINES_MAX: usize = 20;

/// The chain of the selling site, the main site first.
pub type Chain = Vec<SiteLevel>;

/// Buys goods from stock with wallet money: placed, paid, delivered and posted in one batch, or refused.
#[derive(Debug, Clone)]
pub struct Place {
    /// The selling site's chain.
    pub chain: Chain,
    /// The tenant's currency.
    pub currency: Currency,
    /// Who buys.
    pub customer: CustomerId,
    /// What.
    pub lines: Vec<Wanted>,
    /// The caller's key: the same one is the same order.
    pub key: String,
    /// The id the order gets, chosen before, so that a retry inside the lane makes the same one.
    pub order: OrderId,
}

/// An order that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its id.
    pub order: OrderId,
    /// What it cost.
    pub total: Money,
}

/// Why an order was not placed. Nothing was taken and nothing was charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("an order has 1 to {LINES_MAX} lines of at least one piece")]
    Empty,
    #[error("sku {sku} is not for sale here")]
    NotForSale { sku: SkuId },
    #[error("a line of {sku} has {most} pieces at most")]
    TooMany { sku: SkuId, most: u32 },
    #[error("sku {sku} now costs {now}, was {seen}")]
    PriceChanged { sku: SkuId, seen: Money, now: Money },
    #[error("sku {sku} has {available} left, {wanted} wanted")]
    OutOfStock { sku: SkuId, available: u32, wanted: u32 },
    #[error("the wallet has {available}, {wanted} wanted")]
    InsufficientFunds { available: Money, wanted: Money },
    #[error("the shop cannot cover the loss of this sale")]
    LossNotCovered { sku: SkuId },
    #[error("{depth} sites would earn from this sale, {most} may")]
    DepthExceeded { depth: usize, most: usize },
    #[error("the amounts of this order do not fit")]
    TooLarge,
}

/// What a [`Place`] is answered.
pub type PlaceAnswer = Result<Placed, Refusal>;

impl Place {
    fn wallet(&self) -> Account {
        Account::of(AccountKind::Wallet, self.customer.uuid(), self.currency)
    }

    fn seller(&self) -> SiteId {
        self.chain.last().expect("a chain has at least the main site").site
    }

    fn subject(&self) -> Subject {
        Subject { buyer: Some(self.customer.uuid()), level: None }
    }

    /// Whether the wishes are of a size that the lane should look at; no database needs to be asked.
    pub(crate) fn check_size(&self) -> Result<(), Refusal> {
        let is_sized = (1..=LINES_MAX).contains(&self.lines.len());
        if !is_sized || self.lines.iter().any(|line| line.quantity == 0) {
            return Err(Refusal::Empty);
        }
        match self.lines.iter().find(|line| line.quantity > QUANTITY_MAX) {
            Some(line) => Err(Refusal::TooMany { sku: line.sku, most: QUANTITY_MAX }),
            None => Ok(()),
        }
    }

    /// Prices every line, or says which one cannot be sold. The most that an order may have of a SKU counts over all
    /// of its lines.
    fn price(&self, desk: &Desk, now: DateTime<Utc>) -> Result<Vec<PricedLine>, Refusal> {
        self.check_size()?;
        let mut lines = Vec::with_capacity(self.lines.len());
        for wanted in &self.lines {
            let sku = wanted.sku;
            let priced = desk.quote(&self.chain, sku, &self.subject(), wanted.quantity, now);
            let (ware, quote) = priced.ok_or(Refusal::NotForSale { sku })?;
            let pieces: u64 =
                self.lines.iter().filter(|line| line.sku == sku).map(|line| u64::from(line.quantity)).sum();
            if pieces > u64::from(ware.facts.quantity_max) {
                return Err(Refusal::TooMany { sku, most: ware.facts.quantity_max });
            }
            if quote.unit.currency() != self.currency || wanted.unit.currency() != self.currency {
                return Err(Refusal::NotForSale { sku });
            }
            if quote.unit.minor() > wanted.unit.minor() {
                return Err(Refusal::PriceChanged { sku, seen: wanted.unit, now: quote.unit });
            }
            check_depth(&quote)?;
            lines.push(PricedLine::new(ware, quote, wanted.quantity).ok_or(Refusal::TooLarge)?);
        }
        Ok(lines)
    }

    /// All entries of the sale, in the order they are posted.
    fn entries(&self, lines: &[PricedLine], total: Money) -> Result<Vec<Entry>, Refusal> {
        let order = self.order.uuid();
        let mut entries = vec![sale::paid(order, self.wallet(), total).map_err(|_| Refusal::TooLarge)?];
        for (number, line) in (1..).zip(lines) {
            let entry = sale::delivered(order, number, &line.quote, line.quantity);
            entries.push(entry.map_err(|_| Refusal::TooLarge)?);
        }
        Ok(entries)
    }

    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> PlaceAnswer {
        let lines = self.price(parts.part::<Desk>(), now)?;
        let mut total = Money::zero(self.currency);
        let mut stock: BTreeMap<SkuId, u32> = BTreeMap::new();
        for line in &lines {
            total = total.plus(line.total).map_err(|_| Refusal::TooLarge)?;
            let pieces = stock.entry(line.sku()).or_default();
            *pieces = pieces.checked_add(line.quantity).ok_or(Refusal::TooLarge)?;
        }
        for (sku, wanted) in stock {
            let available = parts.part::<Picks>().available(sku, now);
            if available < wanted {
                return Err(Refusal::OutOfStock { sku, available, wanted });
            }
        }
        let entries = self.entries(&lines, total)?;
        let losing = lines.iter().find(|line| line.quote.loss.is_some());
        parts.part::<Book>().post_all(entries).map_err(|error| self.money_refusal(error, losing))?;
        // From here on nothing can refuse: money is posted, the stock was counted, the states are those of a new order.
        let states = sold_at_once().expect("a new order can be paid and delivered");
        let mut order = NewOrder { id: self.order, site: self.seller(), customer: self.customer, total, states, lines };
        for (number, line) in (1..).zip(&mut order.lines) {
            let taken = parts.part::<Picks>().take(line.sku(), line.quantity, self.order.uuid(), number, now);
            line.cards = taken.expect("the stock was counted before");
        }
        parts.part::<Desk>().add(order);
        Ok(Placed { order: self.order, total })
    }

    fn money_refusal(&self, error: LedgerError, losing: Option<&PricedLine>) -> Refusal {
        match (error, losing) {
            (LedgerError::Insufficient { account, available, wanted }, _) if account == self.wallet() => {
                Refusal::InsufficientFunds { available, wanted }
            }
            (LedgerError::Insufficient { .. }, Some(line)) => Refusal::LossNotCovered { sku: line.sku() },
            _ => Refusal::TooLarge,
        }
    }
}

fn check_depth(quote: &Quote) -> Result<(), Refusal> {
    let depth = sale::depth(quote);
    if depth > DEPTH_MAX { Err(Refusal::DepthExceeded { depth, most: DEPTH_MAX }) } else { Ok(()) }
}

/// What wallet money and stock at hand make of a new order.
fn sold_at_once() -> Result<States, Rejected> {
    Desk::EVENTS_SOLD_AT_ONCE.iter().try_fold(States::NEW, |states, event: &OrderEvent| step(states, *event))
}

impl Command for Place {
    type Answer = PlaceAnswer;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.customer, &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.seller().uuid().as_bytes());
        for line in &self.lines {
            hash.update(line.sku.uuid().as_bytes());
            hash.update(line.quantity.to_be_bytes());
            hash.update(line.unit.minor().to_be_bytes());
        }
        hash.finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        let desk = parts.part::<Desk>();
        desk.want_chain(&self.chain);
        for line in &self.lines {
            parts.part::<Desk>().want_sku(line.sku);
            parts.part::<Picks>().want(line.sku, line.quantity);
        }
        let book = parts.part::<Book>();
        book.want(self.wallet());
        // A sale at an allowed loss is covered by the seller's prepaid money; whether it is one shows later.
        book.want(Account::of(AccountKind::SitePrepaid, self.seller().uuid(), self.currency));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> PlaceAnswer {
        self.decide_or_refuse(parts, now)
    }
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "order_empty",
            Self::NotForSale { .. } => "not_for_sale",
            Self::TooMany { .. } => "quantity_too_large",
            Self::PriceChanged { .. } => "price_changed",
            Self::OutOfStock { .. } => "out_of_stock",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::LossNotCovered { .. } => "loss_not_covered",
            Self::DepthExceeded { .. } => "depth_exceeded",
            Self::TooLarge => "amount_too_large",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Empty | Self::TooMany { .. } | Self::TooLarge => FaultKind::Invalid,
            Self::NotForSale { .. } => FaultKind::NotFound,
            Self::PriceChanged { .. } | Self::OutOfStock { .. } => FaultKind::Conflict,
            Self::InsufficientFunds { .. } | Self::LossNotCovered { .. } | Self::DepthExceeded { .. } => {
                FaultKind::Refused
            }
        }
    }
}
