//! Pure decisions: what money is, what a refund does next, when to look at a trade again.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Attempt, AttemptState, ExceptionKind, Intent, IntentState, Payment, RefundState, Seen};

/// What money that was seen at a gateway is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// It was recorded before: there is nothing to do.
    Known,
    /// The right amount, for the right payee, for something that is not paid yet. Whether it is in time is for the
    /// room to say whose order it pays.
    Good,
    /// Another amount or currency than was asked for.
    WrongAmount,
    /// It went to another merchant.
    WrongPayee,
    /// It names no try of ours on this channel.
    Unmatched,
    /// What it pays was paid by another trade.
    Double,
}

impl Judgement {
    /// The exception that such money is; none for money that is good or known.
    pub const fn exception(self) -> Option<ExceptionKind> {
        match self {
            Self::Known | Self::Good => None,
            Self::WrongAmount => Some(ExceptionKind::WrongAmount),
            Self::WrongPayee => Some(ExceptionKind::WrongPayee),
            Self::Unmatched => Some(ExceptionKind::Unmatched),
            Self::Double => Some(ExceptionKind::Double),
        }
    }
}

/// Judges money by the try it names, what that pays, and whether its trade was recorded before.
pub fn judge(attempt: Option<&Attempt>, intent: Option<&Intent>, seen: &Seen, earlier: Option<&Payment>) -> Judgement {
    if earlier.is_some() {
        return Judgement::Known;
    }
    let (Some(attempt), Some(intent)) = (attempt, intent) else { return Judgement::Unmatched };
    if attempt.channel != seen.channel || attempt.intent != intent.id || Some(attempt.out_no) != seen.number() {
        Judgement::Unmatched
    } else if attempt.payee != seen.payee {
        Judgement::WrongPayee
    } else if attempt.amount != seen.amount {
        Judgement::WrongAmount
    } else if intent.state == IntentState::Paid {
        Judgement::Double
    } else {
        Judgement::Good
    }
}

/// What happens to a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RefundEvent {
    /// A person lets it go out.
    Approve,
    /// It is about to be sent.
    Submit,
    /// It is about to be sent again, because the gateway has said for certain that it has no such refund. A fact of its
    /// own: one that came too late says nothing about the sending after a failure.
    SubmitAgain,
    /// The gateway has taken it and will decide.
    Accepted,
    /// The gateway's answer is not known.
    Unknown {
        /// Why not.
        reason: String,
    },
    /// The money went back.
    Done,
    /// The gateway refused; no money moved.
    Failed {
        /// In the gateway's words.
        reason: String,
    },
    /// A person decides that it is not to be sent.
    Cancel,
}

impl RefundEvent {
    /// The word in command keys.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Submit => "submit",
            Self::SubmitAgain => "submit_again",
            Self::Accepted => "accepted",
            Self::Unknown { .. } => "unknown",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Cancel => "cancel",
        }
    }
}

/// The state after `event`; none if it cannot happen now.
pub const fn refund_step(state: RefundState, event: &RefundEvent) -> Option<RefundState> {
    use RefundState as S;
    match (state, event) {
        // A refused one may be sent again: what the gateway refused for may be over.
        (S::Requested | S::Failed, RefundEvent::Approve) => Some(S::Approved),
        (S::Requested | S::Approved, RefundEvent::Cancel) => Some(S::Cancelled),
        (S::Approved, RefundEvent::Submit) | (S::Unknown, RefundEvent::SubmitAgain) => Some(S::Submitting),
        (S::Submitting, RefundEvent::Accepted) => Some(S::Submitting),
        (S::Unknown, RefundEvent::Accepted) => Some(S::Unknown),
        (S::Submitting | S::Unknown, RefundEvent::Unknown { .. }) => Some(S::Unknown),
        (S::Submitting | S::Unknown, RefundEvent::Done) => Some(S::Done),
        (S::Submitting | S::Unknown, RefundEvent::Failed { .. }) => Some(S::Failed),
        _ => None,
    }
}

/// When an unpaid trade is asked after, in seconds since it was made.
const ASK_AT_S: [i64; 7] = [5, 15, 30, 60, 120, 300, 600];
/// When the first of them is.
pub(crate) const FIRST_ASK: TimeDelta = TimeDelta::seconds(ASK_AT_S[0]);
/// How long after it was closed a trade is asked after once more.
pub(crate) const LAST_ASK: TimeDelta = TimeDelta::seconds(60);

/// What to do with a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Ask whether it was paid.
    Ask,
    /// See to it that it cannot be paid any more.
    Close,
    /// Ask for the last time.
    Last,
    /// Nothing: its end is known.
    Leave,
}

/// What to do at `now` with a trade that nobody has told us about.
pub(crate) fn look(attempt: &Attempt, intent: &Intent, now: DateTime<Utc>) -> Look {
    match attempt.state {
        AttemptState::Paid | AttemptState::Mismatched | AttemptState::Failed => Look::Leave,
        AttemptState::Closed => Look::Last,
        AttemptState::New | AttemptState::Waiting if intent.is_payable(now) => Look::Ask,
        AttemptState::New | AttemptState::Waiting => Look::Close,
    }
}

/// When to look again at a trade that waits; at its end at the latest.
pub(crate) fn next_look(created_at: DateTime<Utc>, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let mut asks = ASK_AT_S.iter().map(|after| created_at + TimeDelta::seconds(*after));
    asks.find(|at| *at > now && *at < expires_at).unwrap_or(expires_at.max(now))
}

/// When to look again at a trade that is over, after the `round`th look that did not work, from 0; none a day after its
/// end, when it is for a person. That the day is over is not enough: a clock that runs ahead says so at the first look.
pub(crate) fn look_again(expires_at: DateTime<Utc>, round: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = match round {
        0 => TimeDelta::minutes(1),
        1 => TimeDelta::minutes(10),
        _ => TimeDelta::hours(1),
    };
    (now < expires_at + PURSUED_FOR || round < FAILED_LOOKS_MAX).then(|| now + wait)
}

/// How many looks at a trade that is over may fail, whatever the clock says, before it is for a person.
const FAILED_LOOKS_MAX: u32 = 3;

/// How long money is pursued: late money buys for 24 hours, and then it still has to be sent back.
pub(crate) const PURSUED_FOR: TimeDelta = TimeDelta::hours(25);

/// How long to wait after the `round`th time that money which was seen could not be given its place, from 0; none after
/// 25 hours, when it is for a person.
pub fn money_wait(round: u32) -> Option<TimeDelta> {
    const WAITS_S: [i64; 4] = [10, 30, 60, 600];
    const HOURLY_MAX: usize = 25;
    let round = usize::try_from(round).unwrap_or(usize::MAX);
    match WAITS_S.get(round) {
        Some(seconds) => Some(TimeDelta::seconds(*seconds)),
        None => (round < WAITS_S.len() + HOURLY_MAX).then(|| TimeDelta::hours(1)),
    }
}

/// How long a job waits that found no room: a second or two. `dice` is any number.
pub fn room_wait(dice: Uuid) -> TimeDelta {
    TimeDelta::milliseconds(1_000 + i64::from(dice.as_bytes()[15]) * 4)
}

/// How long to wait before the `round`th question after a refund, from 0; once a day after about a day.
pub(crate) fn refund_wait(round: u32) -> TimeDelta {
    const WAITS_S: [i64; 8] = [5, 15, 30, 60, 120, 300, 600, 1800];
    match WAITS_S.get(usize::try_from(round).unwrap_or(usize::MAX)) {
        Some(seconds) => TimeDelta::seconds(*seconds),
        None if round < REFUND_DAILY_FROM => TimeDelta::hours(1),
        None => TimeDelta::days(1),
    }
}

/// The round from which on a refund is asked after once a day.
pub(crate) const REFUND_DAILY_FROM: u32 = 8 + 24;

/// The round of a question that is asked once, because the gateway has sent news.
pub(crate) const ROUND_ONCE: u32 = u32::MAX;

/// What a top-up may be: at least one and at most five thousand of the currency, and no more than five thousand in the
/// wallet afterwards. `balance` is what is in it, together with what is on its way there.
pub(crate) fn top_up_limits(amount: Money, balance: Money) -> Result<(), (Money, Money)> {
    let currency = amount.currency();
    let one = 10_i64.pow(currency.decimals());
    let (least, most) = (Money::new(one, currency), Money::new(one * TOP_UP_MAX, currency));
    let after = balance.plus(amount).map(|sum| sum.minor());
    let is_within = (least.minor()..=most.minor()).contains(&amount.minor());
    let room = wallet_room(balance);
    if is_within && after.is_ok_and(|after| after <= most.minor()) {
        return Ok(());
    }
    Err((least, if room.minor() < most.minor() { room } else { most }))
}

/// How much a wallet with this balance may still take.
pub(crate) fn wallet_room(balance: Money) -> Money {
    let most = 10_i64.pow(balance.currency().decimals()) * TOP_UP_MAX;
    Money::new((most - balance.minor()).max(0), balance.currency())
}

/// The most of a currency's whole units that a wallet may be filled to.
const TOP_UP_MAX: i64 = 5_000;

#[cfg(test)]
mod tests;
