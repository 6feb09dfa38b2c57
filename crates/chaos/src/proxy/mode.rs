//! What a wire does.

use std::time::Duration;

/// How a wire hurts, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Pass,
    /// Every chunk comes so much later.
    Delay(Duration),
    /// No more than so many bytes a second, in each direction.
    Throttle(u64),
    /// Nothing goes on, and nothing ends.
    Freeze,
    /// A connection is reset once it has answered so many bytes.
    ResetAfter(u64),
    /// Of `every` commits one has no answer: not sent, sent and cut off at once, or cut off when the answer came.
    LoseCommits {
        /// Of how many.
        every: u64,
    },
    /// After so many commits the next one is held, or its answer; nothing more of that connection goes on.
    HoldCommit {
        /// Commits that pass before.
        passed: u64,
        /// Whether the database carries it out, and only the answer is held.
        is_answer: bool,
    },
    /// So many of a hundred new connections are reset at once.
    Drop(u64),
    /// Whoever asks is answered this by the wire itself.
    Answer(&'static [u8]),
}

/// Where a commit that has no answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The database never hears of it.
    OnTheWay,
    /// Nobody waits whether the database hears of it.
    AtOnce,
    /// The database has carried it out.
    OnTheWayBack,
}

impl Lost {
    /// What becomes of commit number `number`, from 0, if one of `every` is lost.
    pub(super) const fn of(number: u64, every: u64) -> Option<Self> {
        if number % every != every - 1 {
            return None;
        }
        Some(match number / every % 3 {
            0 => Self::OnTheWayBack,
            1 => Self::OnTheWay,
            _ => Self::AtOnce,
        })
    }
}
