//! A desk without a database, for simulations: what is asked for, prices and orders to know, and what a batch has made of
//! them, as plain data. An [`StoredOrder`] keeps what the database keeps, and a change reaches no more of it than the
//! database's statements do.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{RuleBook, SkuId, Ware};
use chrono::{DateTime, Utc};
use commission::PlanVersion;
use identity::CustomerId;
use inventory::CardId;
use kernel::{Money, SiteId};
use payment::RefundId;
use settlement::Paydays;

use super::{Desk, NewOrder};
use crate::fulfil::FulfilState;
use crate::job::OrdersDelivered;
use crate::known::{KnownLine, KnownOrder, KnownReplacement, KnownReturn, Manual, News, Work};
use crate::machine::{DeliveryState, OrderEvent, States};
use crate::model::{Method, OrderId};
use crate::refund::ReturnedLine;
use crate::sale::{FrozenCommission, FrozenHop};

/// What the commands of a batch have asked for.
#[derive(Debug, Default)]
pub struct DeskWishes {
    /// Orders, to be locked.
    pub orders: BTreeSet<OrderId>,
    /// SKUs to be priced.
    pub skus: BTreeSet<SkuId>,
}

/// An order as a database keeps it, with its lines and what happened to it.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    known: KnownOrder,
    events: Vec<(OrderEvent, DateTime<Utc>)>,
}

/// What a batch writes of an order that was there.
#[derive(Debug, Clone)]
pub struct OrderChange {
    known: KnownOrder,
    at: DateTime<Utc>,
}

/// A line of an order.
#[derive(Debug, Clone, Copy)]
pub struct LineRow<'a> {
    /// Its place, from 1.
    pub number: i32,
    /// What was bought.
    pub sku: SkuId,
    /// How many.
    pub quantity: u32,
    /// The cards it has, or holds.
    pub cards: &'a [CardId],
    /// Whether they are everybody's.
    pub is_shared: bool,
    /// Whether a person fulfils it.
    pub is_manual: bool,
    /// Where the work of a person on it stands, if it has begun.
    pub work: Option<FulfilState>,
    /// The chain with its prices.
    pub hops: &'a [FrozenHop],
    /// What agents earn.
    pub commissions: &'a [FrozenCommission],
}

/// What a batch writes of orders.
#[derive(Debug, Clone, Default)]
pub struct DeskNews {
    /// New orders.
    pub new: Vec<StoredOrder>,
    /// Orders that were there.
    pub changed: Vec<OrderChange>,
    /// What is to happen after the commit.
    pub delivered: Option<OrdersDelivered>,
}

impl Desk {
    /// A desk that is told everything and reads nothing.
    pub fn simulated() -> Self {
        Self::unasked()
    }

    /// What the commands have asked for.
    pub fn wishes(&self) -> DeskWishes {
        DeskWishes { orders: self.wanted.clone(), skus: self.skus.clone() }
    }

    /// Takes wares as read, and the rules of all sites if the epoch is not the one that is known.
    pub fn assume_prices(&mut self, epoch: i64, rules: &RuleBook, wares: impl IntoIterator<Item = Ware>) {
        if self.rules_of.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.rules = rules.clone();
            self.rules_of = Some((epoch, BTreeSet::new()));
        }
        self.wares = wares.into_iter().map(|ware| (ware.facts.sku, ware)).collect();
    }

    /// Takes the plan as read.
    pub fn assume_plan(&mut self, plan: &Arc<PlanVersion>) {
        self.plan = Some(Arc::clone(plan));
    }

    /// Takes terms and calendar as read.
    pub fn assume_paydays(&mut self, paydays: &Arc<Paydays>) {
        self.paydays = Arc::clone(paydays);
    }

    /// Takes orders as locked and read, for this run of the batch.
    pub fn assume_orders<'a>(&mut self, rows: impl IntoIterator<Item = &'a StoredOrder>, attempt: u32) {
        self.attempt = attempt;
        self.known = rows.into_iter().map(|row| (row.known.id, row.known.clone())).collect();
    }

    /// Takes overdue orders as locked and read, once goods turned out to be short; `has_missed` if others hold some.
    pub fn assume_overdue<'a>(&mut self, rows: impl IntoIterator<Item = &'a StoredOrder>, has_missed: bool) {
        self.has_missed = has_missed;
        self.known.extend(rows.into_iter().map(|row| (row.known.id, row.known.clone())));
    }

    /// The selling sites of the orders that are known: their prepaid money is read beside them.
    pub fn sellers(&self) -> impl Iterator<Item = (SiteId, Money)> {
        self.known.values().map(|order| (order.site, order.total))
    }

    /// Whether the batch is to be decided again because others hold overdue orders.
    pub const fn looks_again(&self) -> bool {
        self.looks_again
    }

    /// What the batch has decided at `now`.
    pub fn news(&self, now: DateTime<Utc>) -> DeskNews {
        let is_changed = |order: &&KnownOrder| {
            let works = order.lines.iter().filter_map(|line| line.manual.as_ref()?.work.as_ref());
            !order.happened.is_empty()
                || order.returns.iter().any(|back| back.news != News::None)
                || works.into_iter().any(|work| work.news != News::None)
        };
        let changed = self.known.values().filter(is_changed);
        let change = |known: &KnownOrder| OrderChange { at: now.max(known.changed_at), known: known.clone() };
        DeskNews {
            new: self.new.iter().map(|order| StoredOrder::new(order, now)).collect(),
            changed: changed.map(change).collect(),
            delivered: self.delivered(),
        }
    }
}

impl StoredOrder {
    fn new(order: &NewOrder, now: DateTime<Utc>) -> Self {
        let is_paid = order.expires_at.is_none();
        let lines = (1..).zip(&order.lines).map(|(number, line)| KnownLine {
            number,
            currency: order.total.currency(),
            sku: line.sku(),
            quantity: line.quantity,
            cards: line.cards.clone(),
            has_new_cards: false,
            hops: line.hops.clone(),
            commissions: line.commissions.clone(),
            refunds: line.ware.refunds,
            manual: line.within_hours().map(|within_hours| {
                let work = is_paid.then(|| Work { news: News::None, ..Work::begin(within_hours, now) });
                Manual { within_hours, work }
            }),
        });
        let paid_at = is_paid.then_some(now);
        let known = KnownOrder {
            id: order.id,
            site: order.site,
            customer: order.buyer.customer,
            method: order.method,
            states: order.states,
            total: order.total,
            collector: order.collector,
            held: order.held,
            version: i32::try_from(order.events.len()).expect("a new order has few events"),
            expires_at: order.expires_at,
            paid_at,
            delivered_at: paid_at.filter(|_| order.states.delivery == DeliveryState::Delivered),
            changed_at: now,
            lines: lines.collect(),
            returns: Vec::new(),
            claims: Vec::new(),
            seen: BTreeSet::new(),
            replacements: Vec::new(),
            happened: Vec::new(),
        };
        Self { known, events: order.events.iter().map(|event| (*event, now)).collect() }
    }

    /// Writes what a batch has decided about this order.
    pub fn change(&mut self, change: &OrderChange) {
        let (own, new) = (&mut self.known, &change.known);
        assert_eq!(own.id, new.id, "a change is of this order");
        if !new.happened.is_empty() {
            (own.states, own.held, own.version) = (new.states, new.held, new.version);
            (own.paid_at, own.delivered_at, own.changed_at) = (new.paid_at, new.delivered_at, change.at);
            self.events.extend(new.happened.iter().map(|(event, _)| (*event, change.at)));
        }
        let is_over = !own.is_waiting();
        for (own, new) in own.lines.iter_mut().zip(&new.lines) {
            if new.has_new_cards {
                own.cards.cards.clone_from(&new.cards.cards);
                own.cards.is_shared = new.cards.is_shared;
            }
            if is_over {
                // The end of its cards stands in the hold, which is gone.
                own.cards.expires_at = None;
            }
            let (Some(own), Some(new)) = (&mut own.manual, &new.manual) else { continue };
            if let Some(work) = new.work.as_ref().filter(|work| work.news != News::None) {
                own.work = Some(Work { news: News::None, ..work.clone() });
            }
        }
        let fresh = new.replacements.iter().filter(|known| known.news == News::New);
        own.replacements.extend(fresh.map(|known| KnownReplacement { news: News::None, ..known.clone() }));
        for back in &new.returns {
            match back.news {
                News::None => {}
                News::New => own.returns.push(KnownReturn { news: News::None, ..back.clone() }),
                News::Changed => {
                    let known = own.returns.iter_mut().find(|known| known.number == back.number);
                    known.expect("a return that changes is there").settled_at = back.settled_at;
                }
            }
        }
    }

    /// Its id.
    pub const fn id(&self) -> OrderId {
        self.known.id
    }

    /// The selling site.
    pub const fn site(&self) -> SiteId {
        self.known.site
    }

    /// Who bought, if he has an account.
    pub const fn customer(&self) -> Option<CustomerId> {
        self.known.customer
    }

    /// How it is paid.
    pub const fn method(&self) -> Method {
        self.known.method
    }

    /// Where it stands.
    pub const fn states(&self) -> States {
        self.known.states
    }

    /// What the buyer pays.
    pub const fn total(&self) -> Money {
        self.known.total
    }

    /// The site whose own channel collects.
    pub const fn collector(&self) -> Option<SiteId> {
        self.known.collector
    }

    /// What the selling site's prepaid account holds for it.
    pub const fn held(&self) -> Money {
        self.known.held
    }

    /// The number of its events.
    pub const fn version(&self) -> i32 {
        self.known.version
    }

    /// Until when it is to be paid.
    pub const fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.known.expires_at
    }

    /// Whether it waits for its money, and so has holds.
    pub fn is_waiting(&self) -> bool {
        self.known.is_waiting()
    }

    /// What went back of it: how much of which lines, by which refund of a channel, and whether it is settled.
    pub fn returns(&self) -> impl Iterator<Item = (Money, &[ReturnedLine], Option<RefundId>, bool)> {
        let back = |back: &KnownReturn| back.settled_at.is_some();
        self.known.returns.iter().map(move |one| (one.amount, one.lines.as_slice(), one.refund, back(one)))
    }

    /// Its cards that were replaced: of which line, the old one and the new one.
    pub fn replaced(&self) -> impl Iterator<Item = (i32, CardId, CardId)> {
        self.known.replacements.iter().map(|known| (known.line, known.old, known.new))
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = LineRow<'_>> {
        self.known.lines.iter().map(|line| LineRow {
            number: line.number,
            sku: line.sku,
            quantity: line.quantity,
            cards: &line.cards.cards,
            is_shared: line.cards.is_shared,
            is_manual: line.manual.is_some(),
            work: line.manual.as_ref().and_then(|manual| Some(manual.work.as_ref()?.state)),
            hops: &line.hops,
            commissions: &line.commissions,
        })
    }

    /// What happened to it, and when.
    pub fn events(&self) -> &[(OrderEvent, DateTime<Utc>)] {
        &self.events
    }
}

impl OrderChange {
    /// Which order.
    pub const fn id(&self) -> OrderId {
        self.known.id
    }
}
