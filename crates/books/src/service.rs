//! Use cases: days closed, and papers read.

use chrono::{DateTime, Utc};
use inventory::Inventory;
use kernel::{Day, TenantScope};
use ledger::{Totals, last_untold_in, links_in, totals_in};
use sha2::{Digest, Sha256};
use store::{Store, Tx};

use crate::close::{Read, before, closing_of, disproof, trial};
use crate::error::BooksError;
use crate::model::{Closing, ClosingDocument, ClosingKeyId, FORM, Links, Previous, TrialRow};
use crate::repo::{self, KeptKey};
use crate::seal::{PublicKey, SigningKey};

/// What the secret half of a key is sealed for.
const KEY: &str = "closing";
/// Links of one reading.
const LINKS_AT_ONCE: u64 = 2_000;

/// The books. Clones share everything.
#[derive(Clone)]
pub struct Books {
    store: Store,
    inventory: Inventory,
}

/// What a look at the days has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    /// The days that this look has closed, the first first.
    pub days: Vec<Day>,
}

/// What the next closing says.
struct Next {
    day: Day,
    previous: Option<Previous>,
    rows: Vec<TrialRow>,
    links: Links,
}

impl Books {
    /// The books of this store; keys are sealed by `inventory`.
    pub const fn new(store: Store, inventory: Inventory) -> Self {
        Self { store, inventory }
    }

    /// Closes every day that is over and not closed, one after another. A tenant without a link has nothing to close. Where
    /// two nodes look at once, each day is closed by one of them.
    pub async fn close_days(&self, scope: &TenantScope) -> Result<Closed, BooksError> {
        let mut closed = Closed::default();
        while let Some((day, is_ours)) = self.close_next(scope).await? {
            if is_ours {
                closed.days.push(day);
            }
        }
        Ok(closed)
    }

    /// Closes the next day, if it is over; says which, and whether nobody else did.
    async fn close_next(&self, scope: &TenantScope) -> Result<Option<(Day, bool)>, BooksError> {
        let tx = self.store.snapshot(scope).await?;
        let Some(next) = next_in(&tx).await? else { return Ok(None) };
        drop(tx);
        let (id, key) = self.key(scope).await?;
        let tx = self.store.write(scope).await?;
        let Next { day, previous, rows, links } = next;
        let head_seq = links.last;
        let document = ClosingDocument {
            form: FORM.to_owned(),
            tenant: scope.id(),
            day,
            closed_at: tx.now(),
            previous,
            links,
            accounts: rows,
        };
        let text =
            serde_json::to_string_pretty(&document).map_err(|error| BooksError::File { reason: error.to_string() })?;
        let signature = key.sign(&text);
        let closing = Closing { day, closed_at: tx.now(), head_seq, text, signature, key: (id, key.public()) };
        let is_ours = repo::insert_first(&tx, &closing).await?;
        tx.commit().await?;
        Ok(Some((day, is_ours)))
    }

    /// The key that signs the tenant's closings; the first one is made here.
    async fn key(&self, scope: &TenantScope) -> Result<(ClosingKeyId, SigningKey), BooksError> {
        let tx = self.store.read(scope).await?;
        if let Some(kept) = repo::key(&tx).await? {
            let text = self.inventory.open_secret_in(&tx, KEY, kept.id.uuid(), kept.sealed).await?;
            let key = SigningKey::read(&text).filter(|key| key.public() == kept.public);
            return Ok((kept.id, key.ok_or(BooksError::Damaged { day: Day::of(tx.now()) })?));
        }
        drop(tx);
        let (id, key) = (ClosingKeyId::new(), SigningKey::generate());
        let tx = self.store.write(scope).await?;
        let sealed = self.inventory.seal_secret_in(&tx, KEY, id.uuid(), &key.export()).await?;
        repo::insert_key(&tx, &KeptKey { id, public: key.public(), sealed }).await?;
        tx.commit().await?;
        Ok((id, key))
    }

    /// The public half of the key that signs now; none before the first day was closed.
    pub async fn public_key_in(&self, tx: &impl Tx) -> Result<Option<PublicKey>, BooksError> {
        Ok(repo::key(tx).await?.map(|key| key.public))
    }

    /// At most `limit` closings before this day, the latest first.
    pub async fn closings_in(&self, tx: &impl Tx, before: Option<Day>, limit: u64) -> Result<Vec<Closing>, BooksError> {
        repo::before(tx, before, limit).await
    }

    /// At most `limit` closings after this day, the first first.
    pub async fn closings_after_in(
        &self,
        tx: &impl Tx,
        day: Option<Day>,
        limit: u64,
    ) -> Result<Vec<Closing>, BooksError> {
        repo::after(tx, day, limit).await
    }

    /// The closing of this day.
    pub async fn closing_in(&self, tx: &impl Tx, day: Day) -> Result<Option<Closing>, BooksError> {
        closing_in(tx, day).await
    }
}

/// The closing of this day.
pub async fn closing_in(tx: &impl Tx, day: Day) -> Result<Option<Closing>, BooksError> {
    repo::closing(tx, day).await
}

impl Closing {
    /// What was signed.
    pub fn document(&self) -> Result<ClosingDocument, BooksError> {
        serde_json::from_str(&self.text).map_err(|_| BooksError::Damaged { day: self.day })
    }

    /// SHA-256 of its document, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(self.text.as_bytes()).into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The next day that is over, with what it moved, proved by what is on the accounts: all of it read at one moment. None if
/// nothing is to be closed.
async fn next_in(tx: &impl Tx) -> Result<Option<Next>, BooksError> {
    let last = repo::before(tx, None, 1).await?.pop();
    let (day, through, known) = match &last {
        Some(last) => (last.day.after(1), last.head_seq, None),
        // What links of before have moved nobody knows: the books begin after the last of them.
        None => match (last_untold_in(tx).await?, links_in(tx, 0, 1).await?.pop()) {
            (Some(untold), _) => (Day::of(untold.at), untold.sequence, Some(untold.hash.to_string())),
            (None, Some(first)) => (Day::of(first.at), 0, None),
            (None, None) => return Ok(None),
        },
    };
    if !day.is_over(tx.now()) {
        return Ok(None);
    }
    let Read { mut moved, links, head, later, untold, .. } = read_in(tx, through, day.after(1).begins()).await?;
    let now = totals_in(tx).await?;
    // What was there before all that is known to have moved since.
    let derived = before(&before(&now, &later), &moved);
    let (opening, previous, known_head) = match &last {
        None if known.is_some() => (derived, None, known),
        None => (Totals::new(), None, None),
        Some(last) => {
            let document = last.document()?;
            let opening = closing_of(&document.accounts);
            if untold {
                // A program of before wrote links of this day: what they moved is known by what they left.
                for (key @ (kind, currency), there) in &derived {
                    moved.post(*kind, *currency, there - opening.get(key).copied().unwrap_or(0));
                }
            }
            (opening, Some(Previous { day: last.day, sha256: last.sha256() }), Some(document.links.head))
        }
    };
    let rows = trial(&opening, &moved);
    if let Some(finding) = disproof(&rows, &later, &now) {
        return Err(BooksError::Unproved { day, finding });
    }
    let (first, last) = match (links, &last) {
        (Some((_, last)), Some(_)) => (through + 1, last),
        (Some(links), None) => links,
        (None, _) => (through + 1, through),
    };
    let head = head.or(known_head).unwrap_or_default();
    Ok(Some(Next { day, previous, rows, links: Links { first, last, head } }))
}

/// The links after this one.
async fn read_in(tx: &impl Tx, through: i64, ends: DateTime<Utc>) -> Result<Read, BooksError> {
    let (mut read, mut after) = (Read::default(), through);
    loop {
        let links = links_in(tx, after, LINKS_AT_ONCE).await?;
        for link in &links {
            if !read.take(link, ends) {
                return Err(BooksError::Untold { sequence: link.sequence });
            }
            after = link.sequence;
        }
        if (links.len() as u64) < LINKS_AT_ONCE {
            return Ok(read);
        }
    }
}
