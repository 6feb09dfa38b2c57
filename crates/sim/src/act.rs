//! What is asked of a lane, and by whom.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::Money;
use lane::{Command, CommandKey, Parts};
use ledger::{Account, AccountKind, Book, Earner, Entry, EntryKind, Posting};
use order::{EndRefund, Expire, Fulfil, Place, Receive, RefundOrder, ReplaceCodes};
use payment::{MoveRefund, OpenTopUp, RefundId, StartAttempt};
use settlement::ReleaseDue;
use uuid::Uuid;

/// A command. All but the grants and what is taken out are the rooms' own.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Place(Box<Place>),
    Receive(Receive),
    Expire(Expire),
    Fulfil(Fulfil),
    Refund(RefundOrder),
    Replace(ReplaceCodes),
    EndRefund(EndRefund),
    TopUp(OpenTopUp),
    Attempt(StartAttempt),
    Move(MoveRefund),
    Grant(Grant),
    Release(ReleaseDue),
    TakeOut(TakeOut),
}

/// Gives money out of the opening account, as an operator does for prepaid money.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub name: Uuid,
    pub to: Account,
    pub amount: Money,
}

/// Locks half of what an earner may take out, or takes out what is locked by now, as a withdrawal does.
#[derive(Debug, Clone)]
pub(crate) struct TakeOut {
    pub name: Uuid,
    pub from: Earner,
}

/// Calls a method of whichever command it is.
macro_rules! of_each {
    ($act:expr, $command:ident => $call:expr) => {
        match $act {
            Act::Place($command) => $call,
            Act::Receive($command) => $call,
            Act::Expire($command) => $call,
            Act::Fulfil($command) => $call,
            Act::Refund($command) => $call,
            Act::Replace($command) => $call,
            Act::EndRefund($command) => $call,
            Act::TopUp($command) => $call,
            Act::Attempt($command) => $call,
            Act::Move($command) => $call,
            Act::Grant($command) => $call,
            Act::Release($command) => $call,
            Act::TakeOut($command) => $call,
        }
    };
}

impl Act {
    pub fn key(&self) -> CommandKey {
        of_each!(self, command => command.key())
    }

    pub fn fingerprint(&self) -> Vec<u8> {
        of_each!(self, command => command.fingerprint())
    }

    pub fn want(&self, parts: &mut Parts) {
        of_each!(self, command => command.want(parts));
    }

    /// Decides, and answers as the key keeps it.
    pub fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> String {
        let text = of_each!(self, command => serde_json::to_string(&command.decide(parts, now)));
        text.expect("an answer has a text")
    }
}

impl Command for Grant {
    type Answer = bool;

    fn key(&self) -> CommandKey {
        CommandKey::fact(self.name, "granted")
    }

    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Book>().want(self.to);
    }

    fn decide(&self, parts: &mut Parts, _now: DateTime<Utc>) -> bool {
        let opening = Account::own(AccountKind::Opening, self.amount.currency());
        let less = Money::new(-self.amount.minor(), self.amount.currency());
        let postings = [Posting { account: self.to, amount: self.amount }, Posting { account: opening, amount: less }];
        let entry = Entry::try_new(EntryKind::Adjustment, self.name, "granted", postings);
        parts.part::<Book>().post(entry.expect("a grant is balanced")).is_ok()
    }
}

impl Command for TakeOut {
    type Answer = bool;

    fn key(&self) -> CommandKey {
        CommandKey::fact(self.name, "taken_out")
    }

    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        self.from.ends().into_iter().for_each(|account| parts.part::<Book>().want(account));
    }

    fn decide(&self, parts: &mut Parts, _now: DateTime<Utc>) -> bool {
        let book = parts.part::<Book>();
        let on = |account| book.balance(&account).map_or(0, |balance| balance.minor());
        let [available, locked, _] = self.from.ends();
        let opening = Account::own(AccountKind::Opening, self.from.currency);
        let (account, to, minor) = match on(locked) {
            0 => (available, locked, on(available) / 2),
            all => (locked, opening, all),
        };
        let postings = [(account, -minor), (to, minor)];
        let postings = postings.map(|(account, minor)| Posting { account, amount: self.from.money(minor) });
        let entry = Entry::try_new(EntryKind::Adjustment, self.name, "taken_out", postings);
        book.post(entry.expect("what is taken out is balanced")).is_ok()
    }
}

/// A command with somebody who waits for its answer.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub tenant: usize,
    pub act: Arc<Act>,
    pub asker: Asker,
}

/// Who waits, and so what follows from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Somebody at a page; he asks again until he knows.
    Person,
    /// Somebody who uses a key a second time for something else.
    Cheat,
    /// A gateway's message: it lies in its inbox until it has a place.
    Message,
    /// A job, which comes again by itself.
    Job,
    /// The job that sends a refund, which goes on with the answer.
    Refunder(RefundId),
}
