//! A till without a database, for simulations: what is asked for, rows to know, and what a batch has made of them, as
//! plain data.

use std::collections::BTreeSet;

use identity::CustomerId;
use lane::{Known, news};

use super::Till;
use crate::job::{CreateTrade, OrdersReturned, SubmitRefund, WatchTrades};
use crate::model::{Attempt, Channel, ChannelId, Exception, Intent, IntentId, Payment, Refund, RefundId};
use crate::number::OutNo;

/// What the commands of a batch have asked for; each says what is to be read as [`Till`]'s methods of that name do.
#[derive(Debug, Default)]
pub struct TillWishes {
    /// Intents, with their tries and channels.
    pub intents: BTreeSet<IntentId>,
    /// Intents whose money is asked for.
    pub paid_intents: BTreeSet<IntentId>,
    /// Customers whose open top-ups are asked for.
    pub customers: BTreeSet<CustomerId>,
    /// Tries, with their intents.
    pub out_nos: BTreeSet<OutNo>,
    /// Payments by the gateways' numbers.
    pub trades: BTreeSet<(ChannelId, String)>,
    /// Refunds, with their payments, exceptions and channels.
    pub refunds: BTreeSet<RefundId>,
    /// Channels.
    pub channels: BTreeSet<ChannelId>,
}

/// Rows about payments.
#[derive(Debug, Clone, Default)]
pub struct TillRows {
    /// Channels; a batch never changes them.
    pub channels: Vec<Channel>,
    /// What is to be paid.
    pub intents: Vec<Intent>,
    /// Tries to pay.
    pub attempts: Vec<Attempt>,
    /// Money that came.
    pub payments: Vec<Payment>,
    /// What was wrong with it.
    pub exceptions: Vec<Exception>,
    /// Money on its way back.
    pub refunds: Vec<Refund>,
}

/// What is to happen after a batch.
#[derive(Debug, Clone, Default)]
pub struct TillJobs {
    /// New tries, for their gateways.
    pub create: Vec<CreateTrade>,
    /// The same, to be looked after.
    pub watch: Option<WatchTrades>,
    /// Refunds that may be sent.
    pub submit: Vec<SubmitRefund>,
    /// Refunds of orders that are done.
    pub returned: Option<OrdersReturned>,
}

/// What a batch writes.
#[derive(Debug, Clone, Default)]
pub struct TillNews {
    /// Rows that are new.
    pub new: TillRows,
    /// Rows that were there, as they are now.
    pub changed: TillRows,
    /// Intents that are closed if they still wait, unread.
    pub closing: BTreeSet<IntentId>,
    /// What is to happen after the commit.
    pub jobs: TillJobs,
}

impl Till {
    /// What the commands have asked for since the last reading.
    pub fn take_wishes(&mut self) -> TillWishes {
        let wanted = std::mem::take(&mut self.wanted);
        TillWishes {
            intents: wanted.intents,
            paid_intents: wanted.paid_intents,
            customers: wanted.customers,
            out_nos: wanted.out_nos,
            trades: wanted.trades,
            refunds: wanted.refunds,
            channels: wanted.channels,
        }
    }

    /// Takes rows as read.
    pub fn assume(&mut self, rows: TillRows) {
        let TillRows { channels, intents, attempts, payments, exceptions, refunds } = rows;
        self.channels.extend(channels.into_iter().map(|row| (row.id, row)));
        self.intents.extend(intents.into_iter().map(|row| (row.id, Known::read(row))));
        self.attempts.extend(attempts.into_iter().map(|row| (row.out_no, Known::read(row))));
        self.by_trade.extend(payments.iter().map(|row| ((row.channel, row.trade_no.clone()), row.id)));
        self.payments.extend(payments.into_iter().map(|row| (row.id, Known::read(row))));
        self.exceptions.extend(exceptions.into_iter().map(|row| (row.id, Known::read(row))));
        self.refunds.extend(refunds.into_iter().map(|row| (row.id, Known::read(row))));
    }

    /// What the batch has decided.
    pub fn news(&self) -> TillNews {
        let (mut new, mut changed) = (TillRows::default(), TillRows::default());
        (new.intents, changed.intents) = split(news(&self.intents));
        (new.attempts, changed.attempts) = split(news(&self.attempts));
        (new.payments, _) = split(news(&self.payments));
        (new.exceptions, changed.exceptions) = split(news(&self.exceptions));
        (new.refunds, changed.refunds) = split(news(&self.refunds));
        TillNews { new, changed, closing: self.closing.clone(), jobs: self.jobs() }
    }
}

fn split<T: Clone>((new, changed): (Vec<&T>, Vec<&T>)) -> (Vec<T>, Vec<T>) {
    (new.into_iter().cloned().collect(), changed.into_iter().cloned().collect())
}
