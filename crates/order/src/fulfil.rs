//! What a person does for a paid line: the states, what leads from one to the next, and how it is shown. Pure.
//!
//! A line of manual goods waits from its payment on. An operator takes it, does what the buyer asked for, and completes
//! it with a proof, or says why it failed; what failed, or was taken and left, goes back to those that wait. A refund
//! cancels what is not done.

use std::fmt;

use catalog::{Answer, SkuId};
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::{Coded, FaultKind, SiteId, Wording};
use serde::{Deserialize, Serialize};

use crate::machine::States;
use crate::model::OrderId;

/// The longest proof, in characters.
pub const PROOF_CHARS_MAX: usize = 2_000;
/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

kernel::words! {
    /// Where the work on a line stands.
    FulfilState {
        /// Nobody has begun.
        Waiting = "waiting",
        /// An operator works on it.
        Taken = "taken",
        /// It is with the buyer.
        Done = "done",
        /// It did not work; the reason says why.
        Failed = "failed",
        /// The line is refunded whole.
        Cancelled = "cancelled",
    }
}

/// A line of an order: how fulfilments are named and paged. Its text is the order's with the line behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineRef {
    /// The order.
    pub order: OrderId,
    /// The line's place in it, from 1.
    pub line: i32,
}

/// What an operator does with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FulfilAct {
    /// Begins to work on it: nobody else does then.
    Take,
    /// Has done it.
    Complete {
        /// What shows that it is done, for the buyer.
        proof: String,
    },
    /// Could not do it.
    Fail {
        /// Why, for the buyer and for the others.
        reason: String,
    },
    /// Puts back what failed, or what somebody took and left.
    Retry,
}

/// What a line came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilled {
    /// Where the work stands.
    pub state: FulfilState,
    /// Where the order stands.
    pub order: States,
}

/// Why nothing happened to a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FulfilRefusal {
    #[error("there is no such line for a person to fulfil")]
    NotFound,
    #[error("operator {by} works on it since {since}")]
    Taken { by: OperatorId, since: DateTime<Utc> },
    #[error("a line that is {} cannot do this", state.word())]
    State { state: FulfilState },
    #[error("the line is refunded")]
    Refunded,
    #[error("the order is not open")]
    NotOpen,
}

impl Coded for FulfilRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "fulfilment_not_found",
            Self::Taken { .. } => "fulfilment_taken",
            Self::State { .. } => "fulfilment_state",
            Self::Refunded => "order_refunded",
            Self::NotOpen => "order_not_open",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::Taken { .. } | Self::State { .. } | Self::Refunded | Self::NotOpen => FaultKind::Conflict,
        }
    }
}

/// A line of manual goods as whoever may see the order's codes sees it; to others it says the times only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualLine {
    /// Where the work stands; none as long as the order is not paid.
    pub state: Option<FulfilState>,
    /// How many hours after the payment it is to be done.
    pub within_hours: u32,
    /// Until when it is to be done.
    pub due_at: Option<DateTime<Utc>>,
    /// What the buyer filled in.
    pub answers: Vec<Answer>,
    /// Since when it is done.
    pub done_at: Option<DateTime<Utc>>,
    /// What shows that it is done.
    pub proof: Option<String>,
    /// Why it did not work.
    pub reason: Option<String>,
}

impl ManualLine {
    /// The same without what is the buyer's business alone.
    pub(crate) fn without_answers(self) -> Self {
        Self { answers: Vec::new(), proof: None, reason: None, ..self }
    }
}

/// A line at the fulfilment desk. Who bought it, and how he is reached, is none of the desk's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentRow {
    /// Which.
    pub at: LineRef,
    /// The site that sold it.
    pub site: SiteId,
    /// What is to be done.
    pub sku: SkuId,
    /// The goods' title at the time of the order.
    pub title: Wording,
    /// The SKU's name at the time of the order.
    pub sku_name: Wording,
    /// How many.
    pub quantity: u32,
    /// Where it stands.
    pub state: FulfilState,
    /// What the buyer filled in; nothing once it is done or cancelled.
    pub answers: Vec<Answer>,
    /// Since when it waits: the payment.
    pub since: DateTime<Utc>,
    /// Until when it is to be done.
    pub due_at: DateTime<Utc>,
    /// Who works on it, or did.
    pub taken_by: Option<OperatorId>,
    /// Since when.
    pub taken_at: Option<DateTime<Utc>>,
    /// What shows that it is done.
    pub proof: Option<String>,
    /// Why it did not work.
    pub reason: Option<String>,
    /// When it was done, failed or was cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A page of the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentPage {
    /// The lines: those that are to be done oldest first, the others newest first.
    pub rows: Vec<FulfilmentRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<LineRef>,
}

/// What `act` of the operator `by` makes of a line in `state`; `taken` says who has it, and since when.
pub(crate) fn step(
    (state, taken): (FulfilState, Option<(OperatorId, DateTime<Utc>)>),
    act: &FulfilAct,
    by: OperatorId,
) -> Result<FulfilState, FulfilRefusal> {
    use FulfilState as S;
    match (state, act) {
        (S::Failed | S::Taken, FulfilAct::Retry) => Ok(S::Waiting),
        (S::Waiting, FulfilAct::Take) => Ok(S::Taken),
        (S::Taken, _) => match (taken, act) {
            (Some((other, since)), _) if other != by => Err(FulfilRefusal::Taken { by: other, since }),
            (_, FulfilAct::Complete { .. }) => Ok(S::Done),
            (_, FulfilAct::Fail { .. }) => Ok(S::Failed),
            (_, FulfilAct::Take | FulfilAct::Retry) => Ok(S::Taken),
        },
        _ => Err(FulfilRefusal::State { state }),
    }
}

impl LineRef {
    /// Reads the text of a line: `ord_…-1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (order, line) = text.rsplit_once('-')?;
        let line: i32 = line.parse().ok().filter(|line| *line > 0)?;
        Some(Self { order: OrderId::parse(order).ok()?, line })
    }
}

impl fmt::Display for LineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.order, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_took_a_line_ends_it() {
        let (mine, other) = (OperatorId::new(), OperatorId::new());
        let since = DateTime::UNIX_EPOCH;
        let taken = (FulfilState::Taken, Some((mine, since)));
        let done = FulfilAct::Complete { proof: "done".to_owned() };
        let failed = FulfilAct::Fail { reason: "no".to_owned() };
        assert_eq!(step((FulfilState::Waiting, None), &FulfilAct::Take, mine), Ok(FulfilState::Taken));
        assert_eq!(step(taken, &FulfilAct::Take, mine), Ok(FulfilState::Taken));
        assert_eq!(step(taken, &done, mine), Ok(FulfilState::Done));
        assert_eq!(step(taken, &failed, mine), Ok(FulfilState::Failed));
        for act in [FulfilAct::Take, done.clone(), failed] {
            assert_eq!(step(taken, &act, other), Err(FulfilRefusal::Taken { by: mine, since }));
        }
        // What was left lying can be put back by anybody.
        assert_eq!(step(taken, &FulfilAct::Retry, other), Ok(FulfilState::Waiting));
        assert_eq!(step((FulfilState::Failed, None), &FulfilAct::Retry, other), Ok(FulfilState::Waiting));
        assert_eq!(
            step((FulfilState::Waiting, None), &done, mine),
            Err(FulfilRefusal::State { state: FulfilState::Waiting })
        );
        for state in [FulfilState::Done, FulfilState::Cancelled] {
            for act in [FulfilAct::Take, FulfilAct::Retry, done.clone()] {
                assert_eq!(step((state, Some((mine, since))), &act, mine), Err(FulfilRefusal::State { state }));
            }
        }
    }

    #[test]
    fn a_line_reads_back_from_its_text() {
        let at = LineRef { order: OrderId::new(), line: 12 };
        assert_eq!(LineRef::parse(&at.to_string()), Some(at));
        assert_eq!(LineRef::parse(&format!("{}-0", at.order)), None);
        assert_eq!(LineRef::parse("ord_-1"), None);
    }
}
