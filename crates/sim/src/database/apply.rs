//! A commit: all that a batch has decided, written at once, or refused by a constraint.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use inventory::{CardId, CardMoves, CardState, Taking};
use ledger::{Account, Entry};
use order::{DeskNews, OrderId};
use payment::{IntentId, IntentState, Purpose, RefundState, TillNews, TillRows};
use uuid::Uuid;

use super::{Database, Job, KeyRow, NodeNumber, Waits};
use crate::map::HashMap;
use crate::run::Mutation;

/// What a batch writes.
#[derive(Default)]
pub(crate) struct Effects {
    pub keys: Vec<(String, KeyRow)>,
    pub desk: DeskNews,
    pub till: TillNews,
    pub cards: CardMoves,
    pub entries: Vec<Entry>,
    pub moves: Vec<(Account, i64)>,
}

/// What a commit has touched, for those who look after it.
pub(crate) struct Touched {
    pub orders: BTreeSet<OrderId>,
    pub cards: BTreeSet<CardId>,
    pub intents: BTreeSet<IntentId>,
    pub entries: std::ops::Range<usize>,
    pub accounts: Vec<Account>,
    /// The time of the batch.
    pub now: DateTime<Utc>,
    /// What no commit should have done.
    pub faults: Vec<String>,
}

/// Why a commit did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another node has a row that is to be written.
    Waits(Waits),
    /// A constraint says no.
    Barred(&'static str),
}

impl Touched {
    fn at(now: DateTime<Utc>) -> Self {
        Self {
            orders: BTreeSet::new(),
            cards: BTreeSet::new(),
            intents: BTreeSet::new(),
            entries: 0..0,
            accounts: Vec::new(),
            now,
            faults: Vec::new(),
        }
    }
}

impl Database {
    /// Takes the cards that a batch has decided on, as far as they are as it believes: `false` if one is not.
    pub fn claim(&mut self, node: NodeNumber, moves: &CardMoves, mutation: Mutation) -> bool {
        let mut now: HashMap<CardId, CardState> = HashMap::default();
        let taken = |taking| if taking == Taking::Sell { CardState::Sold } else { CardState::Held };
        let sold = moves.sold.iter().map(|card| (*card, CardState::Held, CardState::Sold));
        let released = moves.released.iter().map(|card| (*card, CardState::Held, CardState::Available));
        let got = moves.taken.iter().map(|(card, _, _, how)| (*card, CardState::Available, taken(*how)));
        let voided = moves.voided.iter().map(|card| (*card, CardState::Sold, CardState::Void));
        for (card, from, to) in sold.chain(released).chain(got).chain(voided) {
            let is_free = super::lock(&mut self.locks.cards, card, node).is_ok();
            let state = now.get(&card).copied().or_else(|| Some(self.cards.get(&card)?.state));
            if mutation != Mutation::NoClaim && (!is_free || state != Some(from)) {
                return false;
            }
            now.insert(card, to);
        }
        true
    }

    /// Whether a commit of these effects would be refused.
    pub fn check(&self, node: NodeNumber, effects: &Effects, mutation: Mutation) -> Result<(), Refused> {
        for intent in &effects.till.closing {
            if let Some(owner) = self.locks.intents.get(intent).filter(|owner| **owner != node) {
                return Err(Refused::Waits(Waits(*owner)));
            }
        }
        if effects.keys.iter().any(|(key, _)| self.keys.contains_key(key)) {
            return Err(Refused::Barred("a key is taken once"));
        }
        let is_known = |trade: &payment::Payment| self.by_trade.contains_key(&(trade.channel, trade.trade_no.clone()));
        if effects.till.new.payments.iter().any(is_known) {
            return Err(Refused::Barred("a trade has one payment"));
        }
        if effects.till.new.refunds.iter().any(|refund| refund.amount.minor() <= 0) {
            return Err(Refused::Barred("a refund is of something"));
        }
        if effects.entries.iter().any(|entry| self.entry_ids.contains(&entry.id())) {
            return Err(Refused::Barred("a fact has one entry"));
        }
        if effects.desk.new.iter().any(|order| self.orders.contains_key(&order.id())) {
            return Err(Refused::Barred("an order has one row"));
        }
        if effects.till.new.attempts.iter().any(|attempt| self.attempts.contains_key(&attempt.out_no)) {
            return Err(Refused::Barred("a number has one try"));
        }
        let is_below =
            |(account, delta): &(Account, i64)| account.kind.is_spendable() && self.balance(account) + delta < 0;
        if mutation != Mutation::NoBalanceCheck && effects.moves.iter().any(is_below) {
            return Err(Refused::Barred("a balance is not negative"));
        }
        let is_above = |(account, delta): &(Account, i64)| account.kind.is_debt() && self.balance(account) + delta > 0;
        if effects.moves.iter().any(is_above) {
            return Err(Refused::Barred("a debt is not above zero"));
        }
        Ok(())
    }

    /// Writes the effects of a batch that began at `now`.
    pub fn apply(&mut self, effects: Effects, now: DateTime<Utc>, mutation: Mutation) -> Touched {
        let mut touched = Touched::at(now);
        if mutation != Mutation::NoKeys {
            self.keys.extend(effects.keys);
        }
        self.apply_cards(&effects.cards, &mut touched);
        self.apply_orders(effects.desk, &mut touched);
        self.apply_payments(effects.till, &mut touched);
        touched.entries = self.entries.len()..self.entries.len() + effects.entries.len();
        for entry in effects.entries {
            self.entry_ids.insert(entry.id());
            for posting in entry.postings() {
                *self.posted.entry(posting.account).or_default() += i128::from(posting.amount.minor());
                touched.accounts.push(posting.account);
            }
            self.entries_about.entry(entry.subject()).or_default().push(self.entries.len());
            self.entries.push(entry);
        }
        for (account, delta) in effects.moves {
            *self.balances.entry(account).or_default() += delta;
        }
        if mutation == Mutation::LostJobs {
            self.jobs.clear();
        }
        touched
    }

    fn apply_cards(&mut self, moves: &CardMoves, touched: &mut Touched) {
        for card in &moves.sold {
            self.move_card(*card, CardState::Sold, None, touched);
        }
        for card in &moves.released {
            self.move_card(*card, CardState::Available, None, touched);
        }
        for (card, order, line, taking) in &moves.taken {
            let state = if *taking == Taking::Sell { CardState::Sold } else { CardState::Held };
            self.move_card(*card, state, Some((*order, *line)), touched);
        }
        for card in &moves.voided {
            self.move_card(*card, CardState::Void, None, touched);
        }
        for (sku, delta) in &moves.counts {
            let count = self.counts.entry(*sku).or_default();
            count.available += delta.available;
            count.held += delta.held;
            count.sold += delta.sold;
            count.void += delta.void;
            count.shared += delta.shared;
        }
    }

    fn move_card(&mut self, card: CardId, state: CardState, line: Option<(Uuid, i32)>, touched: &mut Touched) {
        let Some(row) = self.cards.get_mut(&card) else {
            return touched.faults.push(format!("card {card} is not there"));
        };
        use CardState::{Available, Held, Sold, Void};
        if !matches!((row.state, state), (Available, Held | Sold) | (Held, Sold | Available) | (Sold, Void)) {
            let (from, to) = (row.state.word(), state.word());
            touched.faults.push(format!("card {card} of {:?} goes from {from} to {to} for {line:?}", row.line));
        }
        if matches!(state, Held | Sold) && row.expires_at.is_some_and(|end| end <= touched.now) {
            touched.faults.push(format!("card {card} is {} after its end", state.word()));
        }
        row.state = state;
        row.line = match state {
            CardState::Available => None,
            _ => line.or(row.line),
        };
        let free = self.free.entry(row.sku).or_default();
        match state {
            CardState::Available => free.insert(card, row.expires_at),
            _ => free.remove(&card),
        };
        touched.cards.insert(card);
    }

    fn apply_orders(&mut self, news: DeskNews, touched: &mut Touched) {
        for order in news.new {
            touched.orders.insert(order.id());
            if let Some(end) = order.expires_at().filter(|_| order.is_waiting()) {
                self.holds.insert((end, order.id()));
                for line in order.lines() {
                    self.holds_of.entry(line.sku).or_default().insert((end, order.id()));
                }
            }
            self.orders.insert(order.id(), order);
        }
        for change in &news.changed {
            let order = self.orders.get_mut(&change.id()).expect("a locked order does not go away");
            order.change(change);
            touched.orders.insert(change.id());
            if let Some(end) = order.expires_at().filter(|_| !order.is_waiting()) {
                self.holds.remove(&(end, change.id()));
                for line in order.lines() {
                    self.holds_of.entry(line.sku).or_default().remove(&(end, change.id()));
                }
            }
        }
        self.jobs.extend(news.delivered.map(|job| Job::Delivered(job.orders)));
    }

    fn apply_payments(&mut self, news: TillNews, touched: &mut Touched) {
        let TillNews { new, changed, closing, jobs } = news;
        for attempt in &new.attempts {
            self.attempts_of.entry(attempt.intent).or_default().push(attempt.out_no);
        }
        for payment in &new.payments {
            self.by_trade.insert((payment.channel, payment.trade_no.clone()), payment.id);
            if let Some(intent) = payment.intent {
                self.payments_of.entry(intent).or_default().push(payment.id);
                touched.intents.insert(intent);
            }
        }
        for rows in [new, changed] {
            let TillRows { intents, attempts, payments, exceptions, refunds, .. } = rows;
            for intent in intents {
                touched.intents.insert(intent.id);
                self.note_top_up(&intent);
                self.intents.insert(intent.id, intent);
            }
            self.attempts.extend(attempts.into_iter().map(|row| (row.out_no, row)));
            self.payments.extend(payments.into_iter().map(|row| (row.id, row)));
            self.exceptions.extend(exceptions.into_iter().map(|row| (row.id, row)));
            for refund in refunds {
                match refund.state {
                    RefundState::Requested | RefundState::Failed => self.undecided.insert(refund.id),
                    _ => self.undecided.remove(&refund.id),
                };
                self.refunds.insert(refund.id, refund);
            }
        }
        for id in closing {
            if let Some(intent) = self.intents.get_mut(&id).filter(|intent| intent.state == IntentState::Open) {
                intent.state = IntentState::Closed;
                touched.intents.insert(id);
            }
        }
        self.jobs.extend(jobs.create.into_iter().map(|job| Job::Create(job.out_no)));
        self.jobs.extend(jobs.watch.map(|job| Job::Watch(job.out_nos)));
        self.jobs.extend(jobs.submit.into_iter().map(|job| Job::Refund(job.refund)));
        self.jobs.extend(jobs.returned.map(|job| Job::Returned(job.refunds)));
    }

    fn note_top_up(&mut self, intent: &payment::Intent) {
        let (Purpose::TopUp, Some(customer)) = (intent.purpose, intent.customer) else { return };
        let open = self.open_top_ups.entry(customer).or_default();
        match intent.state {
            IntentState::Open => open.insert(intent.id),
            IntentState::Paid | IntentState::Closed => open.remove(&intent.id),
        };
    }
}
