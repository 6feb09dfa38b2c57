//! Where somebody stands, and how he came there.

use catalog::Code;
use chrono::{DateTime, Utc};
use kernel::Day;
use settlement::EarnerRef;
use uuid::Uuid;

kernel::kinds! {
    /// A line of the history of levels.
    ChangeId = ChangeMark "lch";
}

/// What somebody sold within a window of days: of his own shop, or to whom he brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// What buyers paid for what was delivered, less what they were given back, in minor units; below zero if more went back
    /// than was sold.
    pub sales_minor: i64,
    /// How many different buyers: accounts, and guests by their contact.
    pub buyers: u64,
    /// Orders of which something was delivered, on each day.
    pub orders: u64,
    /// Orders whose buyer asked for his money back and was right.
    pub complaints: u64,
}

/// Somebody is to fall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// To which level, and no lower.
    pub to: Code,
    /// On which day, unless he has reached his own again by then.
    pub on: Day,
}

/// Somebody's level stays as an operator gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Why.
    pub reason: String,
    /// The operator.
    pub by: Uuid,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Where somebody stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub earner: EarnerRef,
    /// His level when that was last looked at.
    pub level: Option<Code>,
    /// Since which day it was known.
    pub since: Day,
    /// What he was told.
    pub warned: Option<Warning>,
    /// Whether it stays.
    pub pin: Option<Pin>,
}

kernel::words! {
    /// What happened to somebody's level.
    What {
        /// It was seen for the first time, or somebody had given another one by hand.
        Given = "given",
        /// He has reached a higher rung.
        Promoted = "promoted",
        /// He was told that he falls.
        Warned = "warned",
        /// He does not fall after all.
        Spared = "spared",
        /// He fell.
        Demoted = "demoted",
        /// An operator gave it, and it stays.
        Pinned = "pinned",
        /// It is judged again.
        Unpinned = "unpinned",
    }
}

/// A line of the history; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id; later ones are greater.
    pub id: ChangeId,
    /// Whose level.
    pub earner: EarnerRef,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: What,
    /// His level before it.
    pub from: Option<Code>,
    /// His level after it; of a warning the one he is to fall to.
    pub to: Option<Code>,
    /// When he is to fall; of a warning only.
    pub takes_effect: Option<Day>,
    /// By which figures, where it was a judgment.
    pub figures: Option<Figures>,
    /// By which version of the rules, where it was a judgment.
    pub rules: Option<i64>,
    /// Why, and which operator, where it was a decision.
    pub decided: Option<(String, Uuid)>,
}
