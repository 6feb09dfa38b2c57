//! Jobs as values.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

kernel::kinds! {
    /// A job.
    JobId = JobKind "job";
}

/// What is to be done, as data. Fields are added with `#[serde(default)]`: rows outlive a release.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stable name of this kind of job, `room.verb` in lower case; checked when the program is compiled.
    const KIND: &'static str;
    /// After how many failed attempts the job is dead.
    const ATTEMPTS_MAX: u32 = 12;
}

/// A job that failed for good, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Which job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed, 500 characters at most.
    pub last_error: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// How many jobs ended how, in one [`crate::Runner::run_once`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Succeeded; their rows are gone.
    pub done: u32,
    /// Failed and wait for their next attempt.
    pub retried: u32,
    /// Failed for good.
    pub dead: u32,
    /// Put back without an attempt: of a kind this node does not know, or claimed too long ago.
    pub put_back: u32,
    /// Whose lease ended before they did, or whose end could not be written; they will be claimed again.
    pub lost: u32,
}

/// How one claimed job ended; see the fields of [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Retried,
    Dead,
    PutBack,
    Lost,
}

impl Ending {
    /// The word of it in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::PutBack => "put_back",
            Self::Lost => "lost",
        }
    }
}

/// A job about to be written.
pub(crate) struct NewJob {
    pub id: JobId,
    pub kind: &'static str,
    pub payload: String,
    pub run_at: DateTime<Utc>,
}

/// A claimed job as its row says it.
pub(crate) struct ClaimedJob {
    pub kind: String,
    pub payload: String,
    pub attempt: u32,
    pub lease_until: DateTime<Utc>,
}

/// What proves that a node may still decide over a job: nobody has claimed the row since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub job: JobId,
    pub node: String,
    pub attempt: u32,
}

/// What a job row is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Running,
    Dead,
}

impl State {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }

    /// Reads the word in the table, whose CHECK knows these three only.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Dead].into_iter().find(|state| state.word() == word)
    }
}

impl Tally {
    pub(crate) const fn count(&mut self, ending: Ending) {
        let counter = match ending {
            Ending::Done => &mut self.done,
            Ending::Retried => &mut self.retried,
            Ending::Dead => &mut self.dead,
            Ending::PutBack => &mut self.put_back,
            Ending::Lost => &mut self.lost,
        };
        *counter += 1;
    }
}
