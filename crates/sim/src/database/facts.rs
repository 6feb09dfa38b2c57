//! What batches read: the same questions as the rooms' statements.

use std::collections::BTreeSet;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use inventory::{CardId, SimulatedStock, StockCount};
use order::{About, OrderId, StoredOrder};
use payment::{ChannelId, IntentId, RefundId, Seen, TillRows, TillWishes};

use super::{Database, NodeNumber, Waits, lock};

/// Expired orders that one batch takes goods back from.
const OVERDUE_MAX: usize = 256;

/// The stock as a batch reads it: by the batch's time, not by the present one.
pub(crate) struct StockAt<'a>(pub &'a Database, pub DateTime<Utc>);

impl Database {
    /// Locks orders that are there, ascending.
    pub fn lock_orders(&mut self, node: NodeNumber, ids: &BTreeSet<OrderId>) -> Result<(), Waits> {
        for id in ids.iter().filter(|id| self.orders.contains_key(id)) {
            lock(&mut self.locks.orders, *id, node)?;
        }
        Ok(())
    }

    /// The orders among these that are there.
    pub fn orders_of<'a>(&'a self, ids: &'a BTreeSet<OrderId>) -> impl Iterator<Item = &'a StoredOrder> {
        ids.iter().filter_map(|id| self.orders.get(id))
    }

    /// Overdue orders that hold these goods, those locked that nobody else has, and whether others were passed over.
    pub fn lock_overdue(
        &mut self,
        node: NodeNumber,
        skus: &BTreeSet<SkuId>,
        (known, now): (&BTreeSet<OrderId>, DateTime<Utc>),
    ) -> (BTreeSet<OrderId>, bool) {
        let holds = skus.iter().filter_map(|sku| self.holds_of.get(sku));
        let due = holds.flat_map(|holds| holds.iter().take_while(|(end, _)| *end <= now).take(OVERDUE_MAX));
        let found: BTreeSet<(DateTime<Utc>, OrderId)> = due.copied().collect();
        let (mut locked, mut has_missed) = (BTreeSet::new(), false);
        for id in found.into_iter().take(OVERDUE_MAX).map(|(_, id)| id).filter(|id| !known.contains(id)) {
            match lock(&mut self.locks.orders, id, node) {
                Ok(()) => drop(locked.insert(id)),
                Err(_) => has_missed = true,
            }
        }
        (locked, has_missed)
    }

    /// Unpaid orders whose time is over, the oldest first.
    pub fn due(&self, limit: usize) -> Vec<OrderId> {
        self.holds.iter().take_while(|(end, _)| *end <= self.now).take(limit).map(|(_, id)| *id).collect()
    }

    /// The intents that a batch's wishes come to.
    pub fn intents_wanted(&self, wishes: &TillWishes) -> BTreeSet<IntentId> {
        let mut intents = wishes.intents.clone();
        intents.extend(wishes.out_nos.iter().filter_map(|out_no| Some(self.attempts.get(out_no)?.intent)));
        intents.extend(wishes.customers.iter().filter_map(|id| self.open_top_ups.get(id)).flatten());
        intents
    }

    /// Locks intents and then refunds, each ascending.
    pub fn lock_payments(
        &mut self,
        node: NodeNumber,
        intents: &BTreeSet<IntentId>,
        refunds: &BTreeSet<RefundId>,
    ) -> Result<(), Waits> {
        for id in intents.iter().filter(|id| self.intents.contains_key(id)) {
            lock(&mut self.locks.intents, *id, node)?;
        }
        for id in refunds.iter().filter(|id| self.refunds.contains_key(id)) {
            lock(&mut self.locks.refunds, *id, node)?;
        }
        Ok(())
    }

    /// The rows about payments that a batch asks for, once what it changes is locked.
    pub fn payment_rows(&self, wishes: &TillWishes, intents: &BTreeSet<IntentId>) -> TillRows {
        let mut rows = TillRows::default();
        for id in intents {
            rows.intents.extend(self.intents.get(id).cloned());
            let attempts = self.attempts_of.get(id).into_iter().flatten();
            rows.attempts.extend(attempts.map(|out_no| self.attempts[out_no].clone()));
        }
        for id in &wishes.refunds {
            let Some(refund) = self.refunds.get(id) else { continue };
            rows.payments.push(self.payments[&refund.payment].clone());
            rows.exceptions.extend(refund.exception.map(|id| self.exceptions[&id].clone()));
            rows.refunds.push(refund.clone());
        }
        let by_trade = wishes.trades.iter().filter_map(|trade| self.by_trade.get(trade));
        let by_intent = wishes.paid_intents.iter().filter_map(|id| self.payments_of.get(id)).flatten();
        rows.payments.extend(by_trade.chain(by_intent).map(|id| self.payments[id].clone()));
        let mut channels = wishes.channels.clone();
        channels.extend(rows.attempts.iter().map(|attempt| attempt.channel));
        channels.extend(rows.refunds.iter().map(|refund| refund.channel));
        channels.extend(rows.payments.iter().map(|payment| payment.channel));
        rows.channels.extend(channels.into_iter().filter_map(|id| self.layout.channel(id).cloned()));
        rows
    }

    /// What money seems to be for, read before its command is asked for.
    pub fn about(&self, seen: &Seen) -> Option<About> {
        let intent = self.attempts.get(&seen.number()?)?.intent;
        let order = self.orders.get(&OrderId::from_uuid(intent.uuid()));
        let soon = self.now + chrono::TimeDelta::seconds(60);
        let over = order.filter(|order| order.expires_at().is_some_and(|end| end <= soon));
        let goods = over.map(|order| order.lines().map(|line| (line.sku, line.quantity)).collect());
        Some(About { intent, goods: goods.unwrap_or_default() })
    }

    /// The merchant of a channel.
    pub fn payee(&self, id: ChannelId) -> &str {
        self.layout.channel(id).map_or("", |channel| channel.payee.as_str())
    }
}

impl SimulatedStock for StockAt<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.1
    }

    fn count(&self, sku: SkuId) -> Option<StockCount> {
        self.0.counts.get(&sku).copied()
    }

    fn free(
        &self,
        (sku, until): (SkuId, DateTime<Utc>),
        after: CardId,
        limit: usize,
    ) -> Vec<(CardId, Option<DateTime<Utc>>, i64)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let Some(free) = self.0.free.get(&sku) else { return Vec::new() };
        let found = free.range((Excluded(after), Unbounded));
        let living = found.filter(|(_, end)| end.is_none_or(|end| end > until));
        living.take(limit).map(|(card, end)| (*card, *end, self.0.cards[card].cost_minor)).collect()
    }

    fn shared(&self, sku: SkuId, _until: DateTime<Utc>) -> Vec<CardId> {
        self.0.shared.get(&sku).cloned().unwrap_or_default()
    }
}
