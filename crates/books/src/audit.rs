//! The audit: closings follow one another, say what the links say, and are signed.

use kernel::Currency;
use ledger::{Turnover, link_hash_in, links_in};
use store::{Inside, Tx};

use crate::close::{closing_of, trial};
use crate::error::BooksError;
use crate::model::{Closing, ClosingDocument};
use crate::repo;
use crate::seal::verify;

/// What an audit of a tenant's closings found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BooksAudit {
    /// Days that are closed.
    pub closings: u64,
    /// What does not hold, with the number of the invariant; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 200;
const LINKS_AT_ONCE: u64 = 2_000;
const BREACHES_MAX: usize = 100;

/// Audits the closings of the transaction's tenant (invariant 12): each is signed, stands on the one before, opens with what
/// that closed with, and says of its links what they say of themselves. That links say what their entries moved is the
/// ledger's own audit.
pub async fn audit_in(tx: &impl Tx) -> Result<BooksAudit, BooksError> {
    let (mut audit, mut last): (BooksAudit, Option<Closing>) = (BooksAudit::default(), None);
    loop {
        let page = repo::after(tx, last.as_ref().map(|last| last.day), PAGE).await?;
        if page.is_empty() {
            return Ok(audit);
        }
        for closing in page {
            audit.closings += 1;
            let findings = findings_of(tx, &closing, last.as_ref()).await?;
            let room = BREACHES_MAX.saturating_sub(audit.breaches.len());
            let told = findings.into_iter().take(room);
            audit.breaches.extend(told.map(|finding| (12, format!("the closing of {} {finding}", closing.day))));
            last = Some(closing);
        }
    }
}

async fn findings_of(tx: &impl Tx, closing: &Closing, last: Option<&Closing>) -> Result<Vec<String>, BooksError> {
    let mut findings = Vec::new();
    if !verify(&closing.key.1, closing.text.as_bytes(), &closing.signature) {
        findings.push("is not signed by its key".to_owned());
    }
    let Ok(document) = closing.document() else {
        findings.push("cannot be read".to_owned());
        return Ok(findings);
    };
    if (document.tenant, document.day, document.links.last) != (tx.scope().tenant(), closing.day, closing.head_seq) {
        findings.push("is of another day, or of another tenant".to_owned());
    }
    let links = &document.links;
    if links.last > 0 {
        let head = link_hash_in(tx, links.last).await?.map(|hash| hash.to_string());
        if head.as_deref() != Some(links.head.as_str()) {
            findings.push(format!("names another hash of link {}", links.last));
        }
    }
    if let Some(last) = last {
        findings.extend(breaks(&document, last)?);
    }
    let moved = moved_in(tx, (links.first, links.last)).await?;
    let opening = document
        .accounts
        .iter()
        .filter_map(|row| Some(((row.account()?, Currency::parse(&row.currency).ok()?), row.opening)));
    if moved.is_some_and(|moved| trial(&opening.collect(), &moved) != document.accounts) {
        findings.push("says something else than its links".to_owned());
    }
    Ok(findings)
}

/// Where a closing does not follow the one before.
fn breaks(document: &ClosingDocument, last: &Closing) -> Result<Vec<String>, BooksError> {
    let mut findings = Vec::new();
    let before = last.document()?;
    let previous = document.previous.as_ref().map(|previous| (previous.day, previous.sha256.as_str()));
    if previous != Some((last.day, last.sha256().as_str())) || last.day.after(1) != document.day {
        findings.push(format!("does not stand on that of {}", last.day));
    }
    if document.links.first != before.links.last + 1 {
        findings.push(format!(
            "begins with link {}, and the day before ended with {}",
            document.links.first, before.links.last
        ));
    }
    let (closed, opens) = (closing_of(&before.accounts), document.accounts.iter());
    let opens = opens.filter(|row| row.opening != 0).count();
    let same = document.accounts.iter().all(|row| {
        let key = row.account().zip(Currency::parse(&row.currency).ok());
        key.is_some_and(|key| closed.get(&key).copied().unwrap_or(0) == row.opening)
    });
    if !same || opens != closed.values().filter(|minor| **minor != 0).count() {
        findings.push("does not open with what the day before closed with".to_owned());
    }
    Ok(findings)
}

/// What these links say that they moved; none if one of them says nothing.
async fn moved_in(tx: &impl Tx, (first, last): (i64, i64)) -> Result<Option<Turnover>, BooksError> {
    let (mut moved, mut after) = (Turnover::default(), first - 1);
    while after < last {
        let links = links_in(tx, after, LINKS_AT_ONCE).await?;
        if links.is_empty() {
            return Ok(None);
        }
        for link in links.into_iter().take_while(|link| link.sequence <= last) {
            let Some(told) = link.moved else { return Ok(None) };
            moved.add(&told);
            after = link.sequence;
        }
    }
    Ok(Some(moved))
}
