//! The hash chain: one link a batch, over all that the batch posted.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash of a link. The first link stands on 32 zero bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash([u8; 32]);

/// One entry as the chain sees it; no personal data, so that erasing a person breaks no chain.
pub(crate) struct LinkedEntry {
    pub id: Uuid,
    pub kind: String,
    pub subject: Uuid,
    pub posted_at: DateTime<Utc>,
    pub postings: Vec<(Uuid, i64, String)>,
}

impl ChainHash {
    /// What the first link stands on.
    pub const ROOT: Self = Self([0; 32]);

    /// Takes the 32 bytes the database holds.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What every link's hash begins with.
    pub(crate) const WORDS: &[u8] = b"cardgrove link v2\0";

    /// The hash of the link `sequence` over a batch of this content, which stands on this one: SHA-256 over [`Self::WORDS`],
    /// this hash, the number as eight bytes, and the content. PostgreSQL makes it by itself ([`store::Chained`]).
    pub(crate) fn next(&self, sequence: i64, content: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(Self::WORDS);
        hash.update(self.0);
        hash.update(sequence.to_be_bytes());
        hash.update(content);
        Self(hash.finalize().into())
    }
}

/// The content of a batch of these entries. They are taken in ascending order of id, the postings of one in the order
/// written; every part has a fixed length or a length before it.
pub(crate) fn content(entries: &mut [LinkedEntry]) -> [u8; 32] {
    entries.sort_by_key(|entry| entry.id);
    let mut hash = Sha256::new();
    hash.update(b"cardgrove entries v1\0");
    hash.update((entries.len() as u64).to_be_bytes());
    for entry in entries {
        hash.update(entry.id.as_bytes());
        text(&mut hash, &entry.kind);
        hash.update(entry.subject.as_bytes());
        hash.update(entry.posted_at.timestamp_micros().to_be_bytes());
        hash.update((entry.postings.len() as u64).to_be_bytes());
        for (account, amount, currency) in &entry.postings {
            hash.update(account.as_bytes());
            hash.update(amount.to_be_bytes());
            text(&mut hash, currency);
        }
    }
    hash.finalize().into()
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
