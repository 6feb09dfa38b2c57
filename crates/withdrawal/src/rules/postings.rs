//! What a withdrawal posts.

use kernel::Money;
use ledger::{Account, AccountKind, Earner, Entry, EntryKind, LedgerError, Posting};
use uuid::Uuid;

use crate::model::Split;

const fn posting(account: Account, minor: i64) -> Posting {
    Posting { account, amount: Money::new(minor, account.currency) }
}

const fn own(kind: AccountKind, earner: &Earner) -> Account {
    Account::own(kind, earner.currency)
}

/// What is on its way out.
pub const fn in_transit(earner: &Earner) -> Account {
    own(AccountKind::WithdrawalsInTransit, earner)
}

/// So much of what is available is locked.
pub fn asked(id: Uuid, earner: &Earner, amount: Money) -> Result<Entry, LedgerError> {
    let minor = amount.minor();
    let postings = [posting(earner.available(), -minor), posting(earner.locked(), minor)];
    Entry::try_new(EntryKind::WithdrawalAsked, id, "asked", postings)
}

/// What is still locked goes back.
pub fn freed(id: Uuid, earner: &Earner, locked: i64, debt: i64) -> Result<Entry, LedgerError> {
    let back = [posting(earner.locked(), -locked)].into_iter().chain(given_back(earner, locked, debt));
    Entry::try_new(EntryKind::WithdrawalFreed, id, "freed", back)
}

/// What is locked is on its way, but for fee and tax.
pub fn sent(id: Uuid, earner: &Earner, split: Split) -> Result<Entry, LedgerError> {
    let Split { net, fee, tax } = split;
    let postings = [
        posting(earner.locked(), -split.whole().minor()),
        posting(in_transit(earner), net.minor()),
        posting(own(AccountKind::WithdrawalFees, earner), fee.minor()),
        posting(own(AccountKind::TaxWithheld, earner), tax.minor()),
    ];
    Entry::try_new(EntryKind::WithdrawalSent, id, "sent", postings)
}

/// What was on its way has left.
pub fn paid(id: Uuid, earner: &Earner, split: Split) -> Result<Entry, LedgerError> {
    let net = split.net.minor();
    let postings = [posting(in_transit(earner), -net), posting(own(AccountKind::PayoutClearing, earner), net)];
    Entry::try_new(EntryKind::WithdrawalPaid, id, "paid", postings)
}

/// What was sent goes back whole, fee and tax too: from what is on its way, or from where it had gone if it `was_paid`.
pub fn returned(id: Uuid, earner: &Earner, split: Split, (was_paid, debt): (bool, i64)) -> Result<Entry, LedgerError> {
    let Split { net, fee, tax } = split;
    let from = if was_paid { own(AccountKind::PayoutClearing, earner) } else { in_transit(earner) };
    let postings = [
        posting(from, -net.minor()),
        posting(own(AccountKind::WithdrawalFees, earner), -fee.minor()),
        posting(own(AccountKind::TaxWithheld, earner), -tax.minor()),
    ];
    let postings = postings.into_iter().chain(given_back(earner, split.whole().minor(), debt));
    Entry::try_new(EntryKind::WithdrawalReturned, id, "returned", postings)
}

/// What is available becomes money to buy with, on `to`.
pub fn converted(id: Uuid, earner: &Earner, to: Account, amount: Money) -> Result<Entry, LedgerError> {
    let postings = [posting(earner.available(), -amount.minor()), posting(to, amount.minor())];
    Entry::try_new(EntryKind::EarningConverted, id, "converted", postings)
}

/// Debts first, and the rest is available.
fn given_back(earner: &Earner, minor: i64, debt: i64) -> [Posting; 2] {
    let paid = minor.min(debt);
    [posting(earner.debt(), paid), posting(earner.available(), minor - paid)]
}
