//! A reviewer, or the earner himself, has a word on a withdrawal that is not sent.

use chrono::{DateTime, Utc};
use lane::{Command, CommandKey, Parts};
use ledger::{Book, Earner};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ask::Asked;
use crate::error::Refusal;
use crate::model::{EventKind, State, Withdrawal, WithdrawalId};
use crate::rules::{Step, postings, step};
use crate::teller::Teller;

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// It may be sent.
    Approve {
        /// He has seen that the payee's name is the earner's.
        is_name_checked: bool,
    },
    /// It is refused, for this reason.
    Reject {
        /// Why.
        reason: String,
    },
    /// The earner wants it no more.
    Cancel,
}

impl Word {
    const fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Cancel => "cancel",
        }
    }
}

/// Somebody's word on a withdrawal. Each press of the button is a command of its own: whether it can happen is up to the
/// withdrawal's state now, and an earlier refusal says nothing about that.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub id: WithdrawalId,
    /// Whose it is.
    pub earner: Earner,
    pub word: Word,
    pub by: Uuid,
    /// The caller's key: the same one is the same press.
    pub key: String,
}

impl Review {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Asked, Refusal> {
        let teller = parts.part::<Teller>();
        let mut withdrawal = teller.withdrawal(self.id).cloned().ok_or(Refusal::NotFound)?;
        let (next, kind) = match &self.word {
            Word::Approve { is_name_checked } => self.approve(teller, &mut withdrawal, *is_name_checked)?,
            Word::Reject { reason } => {
                withdrawal.note = Some(reason.clone());
                (moved(&withdrawal, Step::Reject)?, EventKind::Rejected)
            }
            Word::Cancel => (moved(&withdrawal, Step::Cancel)?, EventKind::Cancelled),
        };
        withdrawal.state = next;
        withdrawal.changed_at = now;
        let answer = Asked { id: self.id, amount: withdrawal.amount, state: next };
        teller.change(withdrawal, (kind, self.by));
        if !next.is_open() {
            let book = parts.part::<Book>();
            let [_, locked, owed] = self.earner.ends().map(|account| book.balance(&account));
            let (locked, owed) = (locked.expect("asked for").minor(), owed.expect("asked for").minor());
            let entry = postings::freed(self.id.uuid(), &self.earner, locked, -owed).expect("what is freed goes back");
            book.post(entry).expect("what is locked was looked at");
        }
        Ok(answer)
    }

    fn approve(
        &self,
        teller: &mut Teller,
        withdrawal: &mut Withdrawal,
        is_name_checked: bool,
    ) -> Result<(State, EventKind), Refusal> {
        // What cannot be approved any more says so before anything else.
        moved(withdrawal, Step::Approve { is_enough: true })?;
        if withdrawal.requested.1 == self.by || withdrawal.approved_by.contains(&self.by) {
            return Err(Refusal::SamePerson);
        }
        // Who named the account says nothing about whether it is right.
        let payee = withdrawal.payee.and_then(|payee| teller.payee(payee));
        if payee.is_some_and(|payee| payee.created_by == self.by) {
            return Err(Refusal::SamePerson);
        }
        check_payable(teller, withdrawal)?;
        if !teller.is_name_checked(withdrawal.earner) && !is_name_checked {
            return Err(Refusal::NameUnchecked);
        }
        let threshold = teller.rules(withdrawal.rules_version).two_persons_from_minor;
        let needed = if threshold.is_some_and(|from| withdrawal.amount.minor() >= from) { 2 } else { 1 };
        withdrawal.approved_by.push(self.by);
        let is_enough = withdrawal.approved_by.len() >= needed;
        // Of two persons both say so: what the second one refuses leaves the name unchecked.
        if is_enough {
            teller.check_name(withdrawal.earner, self.by);
        }
        let kind = if is_enough { EventKind::Approved } else { EventKind::Seconded };
        Ok((moved(withdrawal, Step::Approve { is_enough })?, kind))
    }
}

/// Says whether the money may leave to where it is to go.
pub(super) fn check_payable(teller: &Teller, withdrawal: &Withdrawal) -> Result<(), Refusal> {
    if teller.is_held(withdrawal.earner) {
        return Err(Refusal::Held);
    }
    let payee = withdrawal.payee.and_then(|payee| teller.payee(payee));
    payee.filter(|payee| payee.removed_at.is_none()).map(|_| ()).ok_or(Refusal::NoPayee)
}

pub(super) fn moved(withdrawal: &Withdrawal, wanted: Step) -> Result<State, Refusal> {
    step(withdrawal.state, wanted).ok_or(Refusal::State { state: withdrawal.state })
}

impl Command for Review {
    type Answer = Result<Asked, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("withdrawal:{}:{}:{}", self.id, self.word.name(), self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        Sha256::digest(serde_json::to_vec(&self.word).expect("plain data")).to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Teller>().want(self.id);
        let book = parts.part::<Book>();
        self.earner.ends().into_iter().for_each(|account| book.want(account));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
