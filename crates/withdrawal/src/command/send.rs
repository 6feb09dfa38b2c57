//! What is approved is sent together, and the bank says what became of it.

use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use lane::{Command, CommandKey, Parts};
use ledger::{Book, Earner};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::review::{check_payable, moved};
use crate::error::Refusal;
use crate::model::{EventKind, Payout, PayoutId, Split, State, WithdrawalId};
use crate::rules::{self, Step, postings};
use crate::teller::Teller;

/// What was sent together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The payout.
    pub id: PayoutId,
    /// What all of them get.
    pub net: Money,
    /// What was sent.
    pub sent: Vec<WithdrawalId>,
    /// What was not, and why.
    pub left: Vec<(WithdrawalId, Refusal)>,
}

/// Sends withdrawals together. Those that cannot be sent stay as they are.
#[derive(Debug, Clone)]
pub(crate) struct Send {
    /// The id it gets, chosen before.
    pub id: PayoutId,
    /// Which, with those who asked for them.
    pub withdrawals: Vec<(WithdrawalId, Earner)>,
    pub currency: Currency,
    pub by: Uuid,
    pub key: String,
}

impl Send {
    fn send(
        &self,
        parts: &mut Parts,
        (id, earner): (WithdrawalId, &Earner),
        now: DateTime<Utc>,
    ) -> Result<Money, Refusal> {
        let teller = parts.part::<Teller>();
        let mut withdrawal = teller.withdrawal(id).cloned().ok_or(Refusal::NotFound)?;
        let state = moved(&withdrawal, Step::Send)?;
        check_payable(teller, &withdrawal)?;
        let rules = teller.rules(withdrawal.rules_version);
        let book = parts.part::<Book>();
        // A refund may have taken a part of it back.
        let locked = book.balance(&earner.locked()).expect("asked for");
        let split = rules::split(&rules, locked)?;
        let entry = postings::sent(id.uuid(), earner, split).expect("what is sent is what was locked");
        book.post(entry).expect("what is locked was looked at");
        withdrawal.state = state;
        withdrawal.changed_at = now;
        withdrawal.sent = Some((self.id, split));
        parts.part::<Teller>().change(withdrawal, (EventKind::Sent, self.by));
        Ok(split.net)
    }
}

impl Command for Send {
    type Answer = Result<Sent, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("payout:{}", self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let ids: Vec<WithdrawalId> = self.withdrawals.iter().map(|(id, _)| *id).collect();
        Sha256::digest(serde_json::to_vec(&ids).expect("plain data")).to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        for (id, earner) in &self.withdrawals {
            parts.part::<Teller>().want(*id);
            parts.part::<Book>().want(earner.locked());
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        let mut answer = Sent { id: self.id, net: Money::zero(self.currency), sent: Vec::new(), left: Vec::new() };
        for (id, earner) in &self.withdrawals {
            match self.send(parts, (*id, earner), now) {
                Ok(net) => {
                    answer.net = answer.net.plus(net).unwrap_or(answer.net);
                    answer.sent.push(*id);
                }
                Err(refusal) => answer.left.push((*id, refusal)),
            }
        }
        if answer.sent.is_empty() {
            return Err(answer.left.pop().map_or(Refusal::NothingToSend, |(_, refusal)| refusal));
        }
        let count = u32::try_from(answer.sent.len()).unwrap_or(u32::MAX);
        parts.part::<Teller>().pay_out(Payout { id: self.id, count, net: answer.net, created: (now, self.by) });
        Ok(answer)
    }
}

/// What became of a withdrawal that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It has arrived; what the bank calls it.
    Arrived {
        /// The bank's number, if it is known.
        reference: Option<String>,
    },
    /// It came back.
    Returned {
        /// Why.
        reason: String,
    },
}

/// How a withdrawal stands after the bank's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its state.
    pub state: State,
    /// Whether it was so before.
    pub was_so: bool,
}

/// The bank has a word on what was sent. Each telling is a command of its own, so that an earlier refusal says nothing; the
/// same word told again changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub id: WithdrawalId,
    pub earner: Earner,
    pub outcome: Outcome,
    pub by: Uuid,
    pub key: String,
}

impl End {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Ended, Refusal> {
        let teller = parts.part::<Teller>();
        let mut withdrawal = teller.withdrawal(self.id).cloned().ok_or(Refusal::NotFound)?;
        let was = withdrawal.state;
        let (wanted, told, kind, note) = match &self.outcome {
            Outcome::Arrived { reference } => (Step::Arrive, State::Paid, EventKind::Paid, reference.clone()),
            Outcome::Returned { reason } => (Step::Return, State::Returned, EventKind::Returned, Some(reason.clone())),
        };
        if was == told {
            return Ok(Ended { state: was, was_so: true });
        }
        withdrawal.state = moved(&withdrawal, wanted)?;
        withdrawal.changed_at = now;
        withdrawal.note = note;
        let (_, split) = withdrawal.sent.ok_or(Refusal::State { state: was })?;
        let answer = Ended { state: withdrawal.state, was_so: false };
        teller.change(withdrawal, (kind, self.by));
        let entry = self.entry(parts.part::<Book>(), split, was == State::Paid);
        parts.part::<Book>().post(entry).expect("what is on its way was read");
        Ok(answer)
    }

    fn entry(&self, book: &Book, split: Split, was_paid: bool) -> ledger::Entry {
        let (id, earner) = (self.id.uuid(), &self.earner);
        let entry = match self.outcome {
            Outcome::Arrived { .. } => postings::paid(id, earner, split),
            Outcome::Returned { .. } => {
                let debt = -book.balance(&earner.debt()).expect("asked for").minor();
                postings::returned(id, earner, split, (was_paid, debt))
            }
        };
        entry.expect("what was sent is a whole")
    }
}

impl Command for End {
    type Answer = Result<Ended, Refusal>;

    fn key(&self) -> CommandKey {
        let word = match self.outcome {
            Outcome::Arrived { .. } => "arrived",
            Outcome::Returned { .. } => "returned",
        };
        CommandKey::request(self.by, &format!("withdrawal:{}:{word}:{}", self.id, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        Sha256::digest(serde_json::to_vec(&self.outcome).expect("plain data")).to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Teller>().want(self.id);
        let book = parts.part::<Book>();
        book.want(postings::in_transit(&self.earner));
        self.earner.ends().into_iter().for_each(|account| book.want(account));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
