//! Orders that exist, as a batch knows them: rows it has locked, and what it makes of them.

use std::collections::BTreeSet;

use catalog::{RefundRule, SkuId};
use chrono::{DateTime, TimeDelta, Utc};
use identity::{CustomerId, OperatorId};
use inventory::{CardId, Taken};
use kernel::{Currency, Money, SiteId};
use ledger::{Earner, Side};
use payment::RefundId;

use crate::claim::{Claim, ClaimState};
use crate::fulfil::FulfilState;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, Rejected, States, step};
use crate::model::{Method, OrderId};
use crate::refund::{BuyerRefund, LineStanding, RefundTo, ReturnedLine};
use crate::replace::{BuyerReplacement, OrderReplacement};
use crate::sale::{self, Collection, FrozenCommission, FrozenHop, SaleError, SoldLine};

/// An order whose row this batch has locked.
#[derive(Debug, Clone)]
pub(crate) struct KnownOrder {
    pub id: OrderId,
    pub site: SiteId,
    pub customer: Option<CustomerId>,
    pub method: Method,
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
    /// What went back of it, the first return first.
    pub returns: Vec<KnownReturn>,
    /// What its buyer asks for, the first claim first; read only where it was asked for.
    pub claims: Vec<KnownClaim>,
    /// The lines whose codes were looked at; read with the claims.
    pub seen: BTreeSet<i32>,
    /// Its cards that were replaced, the first one first; read only where they were asked for.
    pub replacements: Vec<KnownReplacement>,
    /// What this batch made happen, with who did it.
    pub happened: Vec<(OrderEvent, String)>,
}

/// A line of it.
#[derive(Debug, Clone)]
pub(crate) struct KnownLine {
    pub number: i32,
    pub sku: SkuId,
    pub quantity: u32,
    /// Of its amounts.
    pub currency: Currency,
    pub cards: Taken,
    pub has_new_cards: bool,
    pub hops: Vec<FrozenHop>,
    pub commissions: Vec<FrozenCommission>,
    /// By when the buyer may ask for his money back.
    pub refunds: RefundRule,
    /// What a person does for it; none for cards.
    pub manual: Option<Manual>,
}

/// The part of a line that only goods of the kind `manual` have.
#[derive(Debug, Clone)]
pub(crate) struct Manual {
    pub within_hours: u32,
    /// The work on it; none as long as the order is not paid.
    pub work: Option<Work>,
}

/// The work of a person on a paid line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub state: FulfilState,
    pub since: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub taken: Option<(OperatorId, DateTime<Utc>)>,
    pub proof: Option<String>,
    pub reason: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    /// How this batch found it, and what it made of it.
    pub news: News,
}

/// Money of an order on its way back.
#[derive(Debug, Clone)]
pub(crate) struct KnownReturn {
    /// Its place among the returns of the order, from 1.
    pub number: i32,
    pub amount: Money,
    pub lines: Vec<ReturnedLine>,
    pub to: RefundTo,
    pub refund: Option<RefundId>,
    /// What the seller's prepaid account holds until the seller's channel has sent it.
    pub held: Money,
    pub reason: String,
    pub by: OperatorId,
    pub at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
    pub news: News,
}

/// What a buyer asks for, and what a batch makes of it.
#[derive(Debug, Clone)]
pub(crate) struct KnownClaim {
    pub claim: Claim,
    pub news: News,
}

/// A card of an order that gave its place to another one.
#[derive(Debug, Clone)]
pub(crate) struct KnownReplacement {
    /// Its place among the replacements of the order, from 1.
    pub number: i32,
    pub line: i32,
    /// The place in the line, from 1.
    pub piece: u32,
    pub old: CardId,
    pub new: CardId,
    /// What the new card was put in stock for.
    pub cost: Money,
    pub reason: String,
    pub by: OperatorId,
    pub at: DateTime<Utc>,
    pub news: News,
}

/// What a batch has to write of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It is as it was.
    None,
    /// It is new.
    New,
    /// It has changed.
    Changed,
}

impl KnownReturn {
    /// What the buyer sees of it.
    pub fn for_buyer(&self) -> BuyerRefund {
        let is_to_wallet = self.refund.is_none();
        BuyerRefund { amount: self.amount, is_to_wallet, at: self.at, settled_at: self.settled_at }
    }
}

impl KnownReplacement {
    /// What the buyer sees of it.
    pub const fn for_buyer(&self) -> BuyerReplacement {
        BuyerReplacement { line: self.line, piece: self.piece, at: self.at }
    }

    /// What operators see of it.
    pub fn for_desk(self) -> OrderReplacement {
        let Self { number, line, piece, reason, by, at, .. } = self;
        OrderReplacement { number, line, piece, reason: Some(reason), by: Some(by), at }
    }
}

impl KnownClaim {
    /// It is decided; a row of this batch stays a new one.
    pub fn end(&mut self, state: ClaimState, now: DateTime<Utc>) {
        self.claim.state = state;
        self.claim.decided_at = Some(now);
        if self.news == News::None {
            self.news = News::Changed;
        }
    }
}

impl Work {
    /// The work on a line that is paid at `now`.
    pub fn begin(within_hours: u32, now: DateTime<Utc>) -> Self {
        Self {
            state: FulfilState::Waiting,
            since: now,
            due_at: now + TimeDelta::hours(i64::from(within_hours)),
            taken: None,
            proof: None,
            reason: None,
            ended_at: None,
            news: News::New,
        }
    }

    /// The work gets into another state; a row of this batch stays a new one.
    pub fn change(&mut self, state: FulfilState, now: DateTime<Utc>) {
        self.state = state;
        let has_ended = !matches!(state, FulfilState::Waiting | FulfilState::Taken);
        self.ended_at = has_ended.then_some(now);
        if self.news == News::None {
            self.news = News::Changed;
        }
    }
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

    /// Whether it may give back what it holds: its time is over, or something it holds went bad.
    pub fn may_end(&self, now: DateTime<Utc>) -> bool {
        self.is_waiting() && (self.is_overdue(now) || self.lines.iter().any(|line| line.is_spoiled(now)))
    }

    /// What the seller's prepaid account holds once the lines that `is_open` names are all that is left to deliver.
    pub fn held_for(&self, is_open: impl Fn(&KnownLine) -> bool) -> Result<Money, SaleError> {
        match self.collection() {
            // The purchase price is the order's deposit since the payment, but for what is on its way back.
            Collection::Own => {
                let on_its_way = self.returns.iter().filter(|back| back.settled_at.is_none());
                let none = Money::zero(self.total.currency());
                Ok(on_its_way.map(|back| back.held).try_fold(none, Money::plus)?)
            }
            collection => {
                let open: Vec<SoldLine<'_>> =
                    self.lines.iter().filter(|line| is_open(line)).map(KnownLine::sold).collect();
                sale::to_hold(&open, collection, self.total.currency())
            }
        }
    }

    /// Who takes the money.
    pub const fn collection(&self) -> Collection {
        match self.collector {
            Some(_) => Collection::Own,
            None => Collection::CentralHeld,
        }
    }

    /// Whether this line is with the buyer: cards since the payment, other things once they are done.
    pub fn is_delivered(&self, line: &KnownLine) -> bool {
        let has_money = !self.is_unpaid();
        has_money
            && line
                .manual
                .as_ref()
                .is_none_or(|manual| manual.work.as_ref().is_some_and(|work| work.state == FulfilState::Done))
    }

    /// Whether something is still to be done for this line: it is neither with the buyer nor called off.
    pub fn is_open(&self, line: &KnownLine) -> bool {
        !self.is_delivered(line) && !self.is_over(line)
    }

    /// Whether nothing is left of this line's price: it is refunded whole.
    pub fn is_over(&self, line: &KnownLine) -> bool {
        self.returned_of(line).any(|back| back.is_last)
    }

    /// Whether all of its money is back with the buyer, or on its way to him.
    pub fn is_going_back(&self) -> bool {
        self.lines.iter().all(|line| self.is_over(line))
    }

    /// What went back of a line, act by act.
    pub fn returned_of<'a>(&'a self, line: &KnownLine) -> impl Iterator<Item = &'a ReturnedLine> {
        let number = line.number;
        self.returns.iter().flat_map(|back| &back.lines).filter(move |back| back.line == number)
    }

    /// Its lines, as a refund has to know them.
    pub fn standing(&self) -> Vec<LineStanding> {
        let line = |line: &KnownLine| {
            let price = line.sold().total().expect("what was sold has a price");
            let back: i64 = self.returned_of(line).map(|back| back.amount.minor()).sum();
            let has_own = line.manual.is_none() && !line.cards.is_shared;
            LineStanding {
                line: line.number,
                unit: line.hops.last().map_or(price, |seller| seller.price),
                left: Money::new(price.minor() - back, line.currency),
                is_over: self.is_over(line),
                is_delivered: self.is_delivered(line),
                is_shared: line.cards.is_shared,
                cards: if has_own { line.cards.cards.clone() } else { Vec::new() },
                void: self.returned_of(line).flat_map(|back| back.cards.iter().copied()).collect::<BTreeSet<CardId>>(),
            }
        };
        self.lines.iter().map(line).collect()
    }

    /// When this line was delivered; none if it was not.
    pub fn delivered_at(&self, line: &KnownLine) -> Option<DateTime<Utc>> {
        let at = match &line.manual {
            None => self.paid_at,
            Some(manual) => manual.work.as_ref().and_then(|work| work.ended_at),
        };
        at.filter(|_| self.is_delivered(line))
    }

    /// What its buyer asks for, if somebody has still to decide it.
    pub fn open_claim(&mut self) -> Option<&mut KnownClaim> {
        self.claims.iter_mut().find(|known| known.claim.state == ClaimState::Open)
    }

    /// The work of people on its lines begins.
    pub fn begin_work(&mut self, now: DateTime<Utc>) {
        for manual in self.lines.iter_mut().filter_map(|line| line.manual.as_mut()) {
            manual.work = Some(Work::begin(manual.within_hours, now));
        }
    }

    /// What has been delivered is noted: the last line, or one of them. A line that was called off is not waited for.
    pub fn note_delivery(&mut self, actor: &str, now: DateTime<Utc>) -> Result<(), Rejected> {
        if !self.lines.iter().any(|line| self.is_delivered(line)) {
            return Ok(());
        }
        if self.lines.iter().any(|line| self.is_open(line)) {
            return self.apply(OrderEvent::PartDelivered, actor);
        }
        self.delivered_at = Some(now);
        self.apply(OrderEvent::Delivered, actor)
    }

    /// Work that had failed waits again, or is called off: the order is not a failed one any more, unless another line has
    /// failed as well. It may have got there by another line: then nothing happens to it, and its history says nothing.
    pub fn note_retry(&mut self, actor: &str) {
        let is = |wanted| move |work: &Work| work.state == wanted;
        let has_failed = self.states.delivery == DeliveryState::Failed;
        if has_failed && self.works().any(is(FulfilState::Failed)) {
            return;
        }
        let has_moved = self.apply(OrderEvent::DeliveryRetried, actor).is_ok();
        if has_moved && self.works().any(is(FulfilState::Taken)) {
            // Somebody is at another line: the order does not wait for anybody to begin.
            let _ = self.apply(OrderEvent::DeliveryStarted, actor);
        }
    }

    fn works(&self) -> impl Iterator<Item = &Work> {
        self.lines.iter().filter_map(|line| line.manual.as_ref()?.work.as_ref())
    }

    /// Its lines as they were sold.
    pub fn sold(&self) -> Vec<SoldLine<'_>> {
        self.lines.iter().map(KnownLine::sold).collect()
    }
}

impl KnownLine {
    /// Who may earn from it once it is delivered.
    pub fn earners(&self) -> impl Iterator<Item = Earner> {
        let currency = self.currency;
        let sites = self.hops.iter().skip(1).map(|hop| (Side::Site, hop.site.uuid()));
        let agents = self.commissions.iter().map(|one| (Side::Agent, one.agent.uuid()));
        sites.chain(agents).map(move |(side, owner)| Earner { side, owner, currency })
    }

    /// The line as it was sold.
    pub fn sold(&self) -> SoldLine<'_> {
        let cost_of_goods = Money::new(self.cards.cost_minor, self.currency);
        let (hops, commissions) = (&self.hops, &self.commissions);
        SoldLine { number: self.number, quantity: self.quantity, cost_of_goods, hops, commissions }
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
