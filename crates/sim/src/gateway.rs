//! A gateway that pays when it likes, and remembers what it did.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::Money;
use payment::{Attempt, ChannelId, OutNo, Refund, RefundEvent, Seen};

use crate::dice::Dice;

/// Money that moved at the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Trade {
    pub channel: ChannelId,
    pub out_no: String,
    pub payee: String,
    pub amount: Money,
    pub paid_at: DateTime<Utc>,
}

/// A refund that the gateway has heard of.
#[derive(Debug, Clone)]
pub(crate) struct SentBack {
    pub channel: ChannelId,
    pub amount: Money,
    pub state: BackState,
}

/// What the gateway makes of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackState {
    Processing,
    Done,
    Failed,
}

/// How a buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Right,
    WrongAmount,
    WrongPayee,
    UnknownNumber,
}

/// One tenant's gateway.
#[derive(Default)]
pub(crate) struct Gateway {
    pub trades: BTreeMap<String, Trade>,
    of_number: BTreeMap<String, Vec<String>>,
    closed: BTreeSet<OutNo>,
    pub sent_back: BTreeMap<OutNo, SentBack>,
    /// From now on it does what it is asked for.
    pub is_kind: bool,
}

impl Gateway {
    /// A buyer pays; the number of the trade, none if the trade was closed.
    pub fn pay(&mut self, dice: &mut Dice, attempt: &Attempt, way: Way, now: DateTime<Utc>) -> Option<String> {
        if self.closed.contains(&attempt.out_no) {
            return None;
        }
        let trade_no = format!("T{:016x}", dice.throw());
        let minor = attempt.amount.minor();
        let paid = if way == Way::WrongAmount { (minor - 1).max(1) + i64::from(minor == 1) } else { minor };
        let out_no = match way {
            Way::UnknownNumber => dice.out_no().to_string(),
            _ => attempt.out_no.to_string(),
        };
        let payee = if way == Way::WrongPayee { "somebody-else".to_owned() } else { attempt.payee.clone() };
        let amount = Money::new(paid, attempt.amount.currency());
        self.of_number.entry(out_no.clone()).or_default().push(trade_no.clone());
        self.trades.insert(trade_no.clone(), Trade { channel: attempt.channel, out_no, payee, amount, paid_at: now });
        Some(trade_no)
    }

    /// What a message about a trade says; an answer to a question confirms.
    pub fn seen(&self, trade_no: &str, is_confirmed: bool) -> Seen {
        let Trade { channel, out_no, payee, amount, paid_at } = self.trades[trade_no].clone();
        Seen { channel, out_no, trade_no: trade_no.to_owned(), payee, amount, paid_at, is_confirmed }
    }

    /// Where a trade stands: what was paid first under our number.
    pub fn query(&self, out_no: &str) -> Option<Seen> {
        let first = self.of_number.get(out_no)?.first()?;
        Some(self.seen(first, true))
    }

    /// Nobody can pay this trade any more; `false` if somebody has.
    pub fn close(&mut self, out_no: OutNo) -> bool {
        if self.of_number.contains_key(&out_no.to_string()) {
            return false;
        }
        self.closed.insert(out_no);
        true
    }

    /// Sends money back, once a number. What the caller hears may be less than what happened.
    pub fn refund(&mut self, dice: &mut Dice, refund: &Refund) -> RefundEvent {
        if let Some(known) = self.sent_back.get_mut(&refund.refund_no) {
            if known.state == BackState::Failed {
                known.state = BackState::Processing;
            }
        } else if !self.is_kind && dice.is_hit(80) {
            return RefundEvent::Unknown { reason: "not sent".to_owned() };
        }
        let fate = if self.is_kind { 999 } else { dice.throw() % 1_000 };
        let known = self.sent_back.entry(refund.refund_no).or_insert_with(|| SentBack {
            channel: refund.channel,
            amount: refund.amount,
            state: BackState::Processing,
        });
        if known.state == BackState::Processing {
            known.state = match fate {
                0..100 => BackState::Failed,
                100..250 => BackState::Processing,
                _ => BackState::Done,
            };
        }
        match (fate, known.state) {
            (250..350, _) => RefundEvent::Unknown { reason: "no answer".to_owned() },
            (_, BackState::Done) => RefundEvent::Done,
            (_, BackState::Processing) => RefundEvent::Accepted,
            (_, BackState::Failed) => RefundEvent::Failed { reason: "no money".to_owned() },
        }
    }

    /// What became of a refund; none if the gateway has never heard of it. What was in work is done by now.
    pub fn refund_query(&mut self, refund_no: OutNo) -> Option<RefundEvent> {
        let known = self.sent_back.get_mut(&refund_no)?;
        if known.state == BackState::Processing {
            known.state = BackState::Done;
        }
        Some(match known.state {
            BackState::Failed => RefundEvent::Failed { reason: "no money".to_owned() },
            _ => RefundEvent::Done,
        })
    }
}
