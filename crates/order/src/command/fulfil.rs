//! An operator works on a line: takes it, completes it, says that it failed, or puts it back.

use chrono::{DateTime, Utc};
use identity::OperatorId;
use lane::{Command, CommandKey, Parts};
use ledger::Book;
use sha2::{Digest, Sha256};

use crate::desk::Desk;
use crate::fulfil::{FulfilAct, FulfilRefusal, FulfilState, Fulfilled, LineRef, step};
use crate::known::{KnownOrder, Work};
use crate::machine::{OrderEvent, OrderState};
use crate::sale;

/// Does something with a line that a person fulfils.
#[derive(Debug, Clone)]
pub struct Fulfil {
    /// Which line.
    pub at: LineRef,
    /// What.
    pub act: FulfilAct,
    /// Who.
    pub by: OperatorId,
    /// The caller's key: the same one is the same act.
    pub key: String,
}

impl Fulfil {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Fulfilled, FulfilRefusal> {
        let known = parts.part::<Desk>().order(self.at.order).cloned();
        let mut order = known.ok_or(FulfilRefusal::NotFound)?;
        let work = work_of(&mut order, self.at.line).ok_or(FulfilRefusal::NotFound)?;
        let (before, taken) = (work.state, work.taken);
        if order.lines.iter().any(|line| line.number == self.at.line && order.is_over(line)) {
            return Err(FulfilRefusal::Refunded);
        }
        let state = step((before, taken), &self.act, self.by)?;
        if order.states.order != OrderState::Open {
            return Err(FulfilRefusal::NotOpen);
        }
        if state == before {
            return Ok(Fulfilled { state, order: order.states });
        }
        self.change(&mut order, state, now);
        if state == FulfilState::Done {
            self.deliver(parts, &mut order, now);
        }
        let answer = Fulfilled { state, order: order.states };
        parts.part::<Desk>().put(order);
        Ok(answer)
    }

    fn change(&self, order: &mut KnownOrder, state: FulfilState, now: DateTime<Utc>) {
        let work = work_of(order, self.at.line).expect("the line was looked at before");
        work.change(state, now);
        match &self.act {
            FulfilAct::Take => work.taken = Some((self.by, now)),
            FulfilAct::Complete { proof } => work.proof = Some(proof.clone()),
            FulfilAct::Fail { reason } => work.reason = Some(reason.clone()),
            FulfilAct::Retry => (work.taken, work.reason) = (None, None),
        }
        let event = match state {
            FulfilState::Taken => OrderEvent::DeliveryStarted,
            FulfilState::Failed => OrderEvent::DeliveryFailed,
            FulfilState::Waiting => OrderEvent::DeliveryRetried,
            FulfilState::Done | FulfilState::Cancelled => return,
        };
        let by = self.by.to_string();
        if event == OrderEvent::DeliveryRetried {
            return order.note_retry(&by);
        }
        // With several lines the order may have got there by another one: then nothing happens to it, and its history
        // says nothing.
        let _ = order.apply(event, &by);
    }

    /// The line is with the buyer: its deposit becomes what everybody has earned.
    fn deliver(&self, parts: &mut Parts, order: &mut KnownOrder, now: DateTime<Utc>) {
        let line = order.lines.iter().find(|line| line.number == self.at.line);
        let sold = line.expect("the line was looked at before").sold();
        let payday = parts.part::<Desk>().payday(now);
        let entry = sale::delivered(order.id.uuid(), sold, order.collection(), &payday);
        let entry = entry.expect("what was frozen can be posted");
        parts.part::<Book>().post(entry).expect("what the line needs is held");
        order.held = order.held_for(|line| order.is_open(line)).expect("what was held before can be counted");
        order.note_delivery(&self.by.to_string(), now).expect("an open order that is paid can be delivered");
    }
}

fn work_of(order: &mut KnownOrder, number: i32) -> Option<&mut Work> {
    order.lines.iter_mut().find(|line| line.number == number)?.manual.as_mut()?.work.as_mut()
}

impl Command for Fulfil {
    type Answer = Result<Fulfilled, FulfilRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("fulfil:{}:{}", self.at, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let (word, text) = match &self.act {
            FulfilAct::Take => ("take", ""),
            FulfilAct::Complete { proof } => ("complete", proof.as_str()),
            FulfilAct::Fail { reason } => ("fail", reason.as_str()),
            FulfilAct::Retry => ("retry", ""),
        };
        Sha256::new().chain_update(word).chain_update([0]).chain_update(text).finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        let desk = parts.part::<Desk>();
        desk.want_order(self.at.order);
        desk.want_paydays();
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
