//! What can be asked of a lane.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::part::Parts;

/// The name of a command inside its tenant: the same name is carried out once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandKey(String);

impl CommandKey {
    /// The longest key taken from outside, in bytes.
    pub const LEN_MAX: usize = 255;
    pub(crate) const REQUEST: &'static str = "req:";

    /// A key that a caller chose, apart from those of other actors; kept 72 hours.
    pub fn request(actor: impl fmt::Display, key: &str) -> Self {
        Self(format!("{}{actor}:{key}", Self::REQUEST))
    }

    /// A key that follows from a business fact; kept for ever.
    pub fn fact(subject: impl fmt::Display, event: &str) -> Self {
        Self(format!("fact:{subject}:{event}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name as one of a command's actors.
pub fn actor(name: &impl Hash) -> u64 {
    // Of this process alone, but the same for all of its commands.
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Something that changes money, stock or order state.
pub trait Command: Send + Sync + 'static {
    /// What the caller learns. Rejections are answers too: they are kept under the key like the others.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The command's name.
    fn key(&self) -> CommandKey;

    /// What distinguishes this command from another one under the same key.
    fn fingerprint(&self) -> Vec<u8>;

    /// Whom it is for, by every name that is counted, each as a hash of its own. Commands that share one are never in two
    /// batches at a time: what one buyer may do is decided in the order in which he asked.
    fn actors(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Whether it may be decided by heart, over what the parts keep from earlier batches ([`crate::Look`]): then
    /// [`Command::holds`] says of each answer whether it may stand so.
    fn may_be_by_heart(&self) -> bool {
        false
    }

    /// Whether an answer that was decided by heart may stand: everything that it rests on is proved by what is written. A
    /// rejection writes nothing, so it is decided again over facts that were read.
    fn holds(_answer: &Self::Answer) -> bool {
        false
    }

    /// Asks the parts for the facts that deciding needs.
    fn want(&self, parts: &mut Parts);

    /// Decides, over the facts and over what earlier commands of the batch did, without I/O. A rejection
    /// leaves the parts as they were.
    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer;
}

/// A lane's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What was decided.
    pub answer: T,
    /// Whether it was decided before, under the same key.
    pub is_replay: bool,
}

/// A command whose answer's type only its caller knows.
pub(crate) trait ErasedCommand: Send + Sync {
    fn key(&self) -> CommandKey;
    fn fingerprint(&self) -> Vec<u8>;
    fn want(&self, parts: &mut Parts);
    fn may_be_by_heart(&self) -> bool;
    /// The answer, and whether it may stand if it was decided by heart.
    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<(String, bool), serde_json::Error>;
}

impl<C: Command> ErasedCommand for C {
    fn key(&self) -> CommandKey {
        Command::key(self)
    }

    fn fingerprint(&self) -> Vec<u8> {
        Command::fingerprint(self)
    }

    fn want(&self, parts: &mut Parts) {
        Command::want(self, parts);
    }

    fn may_be_by_heart(&self) -> bool {
        Command::may_be_by_heart(self)
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<(String, bool), serde_json::Error> {
        let answer = Command::decide(self, parts, now);
        Ok((serde_json::to_string(&answer)?, C::holds(&answer)))
    }
}
