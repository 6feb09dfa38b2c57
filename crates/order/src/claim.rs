//! What a buyer asks to have back (售后申请), and what becomes of it. Pure.
//!
//! Whoever may see an order's codes may ask for the money of its lines, or of single cards, within the window that was frozen
//! with the line. An operator decides: what he approves is refunded in the same transaction, what he rejects has an answer
//! for the buyer. One claim of an order waits at a time.

use catalog::RefundRule;
use chrono::{DateTime, TimeDelta, Utc};
use identity::OperatorId;
use kernel::{Coded, FaultKind, SiteId};
use serde::{Deserialize, Serialize};

use crate::model::OrderId;
use crate::refund::{LinePart, LineStanding, RefundAsked, RefundRefusal, RefundWish, returned};

kernel::kinds! {
    /// What a buyer asks to have back.
    ClaimId = ClaimMark "clm";
}

/// The most claims of one order.
pub const CLAIMS_MAX: usize = 10;

kernel::words! {
    /// Where a claim stands.
    ClaimState {
        /// Somebody has to decide.
        Open = "open",
        /// It was refunded.
        Approved = "approved",
        /// It was refused, with an answer.
        Rejected = "rejected",
        /// The buyer does not want it any more.
        Withdrawn = "withdrawn",
    }
}

/// What a buyer asks to have back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: ClaimId,
    /// Of which order.
    pub order: OrderId,
    /// The site that sold it.
    pub site: SiteId,
    /// Of which lines, and where to.
    pub wish: RefundWish,
    /// Why, in the buyer's words.
    pub reason: String,
    /// Where it stands.
    pub state: ClaimState,
    /// Who asked, as the order's history names him.
    pub asked_by: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What the buyer is told.
    pub answer: Option<String>,
    /// Who decided; none if it was the buyer, or where it is not told.
    pub decided_by: Option<OperatorId>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// The return of the order that it became.
    pub returned: Option<i32>,
}

impl Claim {
    /// The same as its buyer sees it: who decided is not told.
    pub(crate) fn for_buyer(self) -> Self {
        Self { decided_by: None, ..self }
    }
}

/// What an operator says to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is refunded.
    Approve,
    /// It is not.
    Reject {
        /// Why not, for the buyer.
        answer: String,
    },
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimDecided {
    /// Where it stands.
    pub state: ClaimState,
    /// The refund that it became.
    pub refund: Option<RefundAsked>,
}

/// Why nothing came of it. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ClaimRefusal {
    #[error("there is no such claim")]
    NotFound,
    #[error("the claim is {}", state.word())]
    State { state: ClaimState },
    #[error("one claim of the order waits already")]
    Waits,
    #[error("an order has {most} claims, no more")]
    TooMany { most: usize },
    #[error("a buyer asks for lines or cards, not for an amount")]
    NoAmount,
    #[error("line {line} could be asked for until {until}")]
    Late { line: i32, until: DateTime<Utc> },
    #[error("line {line} is not taken back once it is delivered")]
    Never { line: i32 },
    #[error("the codes of line {line} were looked at")]
    Seen { line: i32 },
    #[error("less is left than when it was asked for: more of line {line} would be void")]
    Changed { line: i32 },
    #[error("{refusal}")]
    Refund { refusal: RefundRefusal },
}

impl Coded for ClaimRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "claim_not_found",
            Self::State { .. } => "claim_state",
            Self::Waits => "claim_waits",
            Self::TooMany { .. } => "claim_too_many",
            Self::NoAmount => "claim_amount",
            Self::Late { .. } => "claim_late",
            Self::Never { .. } => "claim_never",
            Self::Seen { .. } => "claim_seen",
            Self::Changed { .. } => "claim_changed",
            Self::Refund { refusal } => refusal.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::State { .. } | Self::Waits | Self::Changed { .. } => FaultKind::Conflict,
            Self::TooMany { .. } | Self::NoAmount | Self::Late { .. } | Self::Never { .. } | Self::Seen { .. } => {
                FaultKind::Refused
            }
            Self::Refund { refusal } => refusal.kind(),
        }
    }
}

impl From<RefundRefusal> for ClaimRefusal {
    fn from(refusal: RefundRefusal) -> Self {
        Self::Refund { refusal }
    }
}

/// A line as far as a claim has to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineAge {
    /// Its place in the order, from 1.
    pub line: i32,
    /// The rule that was frozen with it.
    pub rule: RefundRule,
    /// Since when it is with the buyer; what he does not have yet he may always ask back.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Whether its codes were looked at.
    pub is_seen: bool,
}

impl LineAge {
    /// Until when it may be asked for at all; none if there is no end.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        Some(self.delivered_at? + TimeDelta::hours(i64::from(self.rule.within_hours)))
    }

    /// Whether it may be asked for at `now`.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), ClaimRefusal> {
        let line = self.line;
        match self.until() {
            None => Ok(()),
            Some(_) if self.rule.within_hours == 0 => Err(ClaimRefusal::Never { line }),
            Some(_) if self.rule.until_seen && self.is_seen => Err(ClaimRefusal::Seen { line }),
            Some(until) if until < now => Err(ClaimRefusal::Late { line, until }),
            Some(_) => Ok(()),
        }
    }
}

/// Whether a buyer may ask for this at `now`.
pub(crate) fn check(wish: &RefundWish, lines: &[LineAge], now: DateTime<Utc>) -> Result<(), ClaimRefusal> {
    if wish.lines.iter().any(|wish| matches!(wish.part, LinePart::Amount(_))) {
        return Err(ClaimRefusal::NoAmount);
    }
    let is_asked = |line: &&LineAge| wish.lines.is_empty() || wish.lines.iter().any(|wish| wish.line == line.line);
    lines.iter().filter(is_asked).try_for_each(|line| line.check(now))
}

/// Whether this may still be given at the word of an operator: nobody has looked since at what only the unseen may ask for, and
/// no card is void that was not named. By hand he may give it all the same.
pub(crate) fn still(wish: &RefundWish, lines: &[LineAge], standing: &[LineStanding]) -> Result<(), ClaimRefusal> {
    let is_asked = |line: &&LineAge| wish.lines.is_empty() || wish.lines.iter().any(|wish| wish.line == line.line);
    let is_lost = |line: &&LineAge| line.rule.until_seen && line.is_seen && line.delivered_at.is_some();
    if let Some(line) = lines.iter().filter(is_asked).find(is_lost) {
        return Err(ClaimRefusal::Seen { line: line.line });
    }
    for back in returned(standing, wish)? {
        let named = wish.lines.iter().find(|wish| wish.line == back.line).map(|wish| &wish.part);
        if matches!(named, Some(LinePart::Pieces(pieces)) if back.is_last && back.cards.len() != pieces.len()) {
            return Err(ClaimRefusal::Changed { line: back.line });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_asked_for_in_its_time() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let line = |within_hours, until_seen, is_seen| LineAge {
            line: 1,
            rule: RefundRule { within_hours, until_seen },
            delivered_at: Some(at),
            is_seen,
        };
        let hours = TimeDelta::hours;
        assert_eq!(line(2, false, true).check(at + hours(2)), Ok(()));
        let late = ClaimRefusal::Late { line: 1, until: at + hours(2) };
        assert_eq!(line(2, false, false).check(at + hours(2) + TimeDelta::seconds(1)), Err(late));
        assert_eq!(line(2, true, false).check(at), Ok(()));
        assert_eq!(line(2, true, true).check(at), Err(ClaimRefusal::Seen { line: 1 }));
        assert_eq!(line(0, false, false).check(at), Err(ClaimRefusal::Never { line: 1 }));
        // What is not delivered can always be asked back.
        let waiting = LineAge { delivered_at: None, ..line(0, true, true) };
        assert_eq!(waiting.check(at + hours(9_999)), Ok(()));
    }
}
