//! What is pending until when, and who owes what since when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{Currency, Day, Language, Money};
use ledger::{Account, AccountId, AccountKind, accounts_in, statement_in};
use store::Tx;
use uuid::Uuid;

use crate::error::BooksError;
use crate::paper::{Paper, PaperTable, Piece, moment};
use crate::service::Books;
use crate::words::{Word, account, word};

/// What falls due on a day, of sites or of agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// `site_pending` or `agent_pending`.
    pub kind: AccountKind,
    /// The day; none for what was earned before there were such days.
    pub due: Option<Day>,
    /// How much, of all of them together.
    pub amount: Money,
}

/// Somebody who owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debtor {
    /// `site_debt`, `agent_debt` or `site_credit`.
    pub kind: AccountKind,
    /// The site or the agent.
    pub owner: Uuid,
    /// How much.
    pub owed: Money,
    /// Since when the oldest part of it is owed: what was paid has paid the oldest parts first. None if the account has too
    /// many lines to tell.
    pub since: Option<DateTime<Utc>>,
}

/// Both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aging {
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// What is pending, by day.
    pub pending: Vec<Due>,
    /// Who owes: the largest debts first, at most [`DEBTORS_MAX`].
    pub debtors: Vec<Debtor>,
}

/// The most debtors that are told.
pub const DEBTORS_MAX: usize = 500;
/// Accounts of one reading.
const PAGE: u64 = 1_000;
/// Lines of a debt that are looked at.
const LINES_MAX: usize = 5_000;

/// The parts of a debt of `owed` that are not paid, the newest first. `made` are the debts in the order they were made, the
/// newest first: whoever pays has paid the oldest ones.
pub fn debt_ages<T: Copy>(owed: i64, made: impl IntoIterator<Item = (T, i64)>) -> Vec<DebtAge<T>> {
    let mut left = owed;
    let mut ages = Vec::new();
    for (since, amount) in made {
        if left <= 0 {
            break;
        }
        let part = amount.min(left);
        ages.push(DebtAge { since, part });
        left -= part;
    }
    ages
}

/// A part of a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebtAge<T> {
    /// Since when it is owed.
    pub since: T,
    /// How much.
    pub part: i64,
}

impl Books {
    /// What is pending by day, and who owes what since when. Let `tx` be a snapshot.
    pub async fn aging_in(&self, tx: &impl Tx) -> Result<Aging, BooksError> {
        let mut pending: BTreeMap<(AccountKind, Option<Day>, Currency), i64> = BTreeMap::new();
        for kind in [AccountKind::SitePending, AccountKind::AgentPending] {
            each(tx, kind, |account, minor| {
                *pending.entry((kind, account.due, account.currency)).or_default() += minor;
            })
            .await?;
        }
        let mut owed = Vec::new();
        for kind in [AccountKind::SiteDebt, AccountKind::AgentDebt, AccountKind::SiteCredit] {
            each(tx, kind, |account, minor| owed.push((account, -minor))).await?;
        }
        owed.sort_by_key(|(account, minor)| (std::cmp::Reverse(*minor), account.owner));
        owed.truncate(DEBTORS_MAX);
        let mut debtors = Vec::with_capacity(owed.len());
        for (account, minor) in owed {
            let since = since_in(tx, account, minor).await?;
            let Some(owner) = account.owner else { continue };
            debtors.push(Debtor { kind: account.kind, owner, owed: Money::new(minor, account.currency), since });
        }
        let pending = pending.into_iter().map(|((kind, due, currency), minor)| Due {
            kind,
            due,
            amount: Money::new(minor, currency),
        });
        Ok(Aging { made_at: tx.now(), pending: pending.collect(), debtors })
    }
}

/// Every account of the kind that has anything on it.
async fn each(tx: &impl Tx, kind: AccountKind, mut take: impl FnMut(Account, i64)) -> Result<(), BooksError> {
    let mut after: Option<AccountId> = None;
    loop {
        let page = accounts_in(tx, Some(kind), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for one in page.iter().filter(|one| one.balance.minor() != 0) {
            take(one.account, one.balance.minor());
        }
    }
}

async fn since_in(tx: &impl Tx, account: Account, owed: i64) -> Result<Option<DateTime<Utc>>, BooksError> {
    let lines = statement_in(tx, account, None, LINES_MAX).await?.lines;
    let made = lines.iter().filter(|line| line.amount.minor() < 0).map(|line| (line.at, -line.amount.minor()));
    let ages = debt_ages(owed, made);
    let told: i64 = ages.iter().map(|age| age.part).sum();
    Ok(ages.last().filter(|_| told == owed).map(|age| age.since))
}

impl Aging {
    /// The aging as a paper; `name` says who an owner is.
    pub fn paper(&self, language: Language, name: impl Fn(Uuid) -> String) -> Paper {
        let say = |one| word(one, language);
        let pending = self.pending.iter().map(|Due { kind, due, amount }| {
            vec![
                Piece::Plain(account(*kind, language).to_owned()),
                Piece::Plain(due.map_or_else(|| say(Word::NoDay).to_owned(), |day| day.to_string())),
                Piece::Amount(Some(*amount)),
            ]
        });
        let debts = self.debtors.iter().map(|Debtor { kind, owner, owed, since }| {
            let days = since.map(|since| (self.made_at - since).num_days().to_string());
            vec![
                Piece::Text(name(*owner)),
                Piece::Plain(account(*kind, language).to_owned()),
                Piece::Plain(since.map(moment).unwrap_or_default()),
                Piece::Plain(days.unwrap_or_default()),
                Piece::Amount(Some(*owed)),
            ]
        });
        let table = |caption, heading: &[Word], rows: Vec<Vec<Piece>>| PaperTable {
            caption: say(caption).to_owned(),
            heading: heading.iter().map(|one| say(*one)).collect(),
            rows,
        };
        let tables = vec![
            table(Word::Pending, &[Word::Account, Word::Due, Word::Amount], pending.collect()),
            table(
                Word::Debts,
                &[Word::Debtor, Word::Account, Word::Since, Word::DebtDays, Word::Owed],
                debts.collect(),
            ),
        ];
        Paper {
            language,
            title: say(Word::Aging).to_owned(),
            facts: vec![(say(Word::MadeAt), moment(self.made_at))],
            tables,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whoever_pays_has_paid_the_oldest_debts() {
        let made = [("may", 30), ("april", 50), ("march", 20)];
        let ages = |owed| debt_ages(owed, made).into_iter().map(|age| (age.since, age.part)).collect::<Vec<_>>();
        assert_eq!(ages(100), made);
        assert_eq!(ages(60), [("may", 30), ("april", 30)]);
        assert_eq!(ages(30), [("may", 30)]);
        assert_eq!(ages(0), []);
    }

    proptest! {
        /// Debts and payments in any order: what is left is what a queue of debts, paid from its front, has left.
        #[test]
        fn ages_are_those_of_a_queue(steps in prop::collection::vec((any::<bool>(), 1i64..100), 0..40)) {
            let mut queue: Vec<(usize, i64)> = Vec::new();
            let mut made: Vec<(usize, i64)> = Vec::new();
            for (number, (is_debt, amount)) in steps.into_iter().enumerate() {
                if is_debt {
                    queue.push((number, amount));
                    made.push((number, amount));
                    continue;
                }
                let mut left = amount.min(queue.iter().map(|(_, part)| part).sum());
                while left > 0 {
                    let paid = queue[0].1.min(left);
                    queue[0].1 -= paid;
                    left -= paid;
                    if queue[0].1 == 0 {
                        queue.remove(0);
                    }
                }
            }
            let owed = queue.iter().map(|(_, part)| part).sum();
            let mut ages: Vec<(usize, i64)> =
                debt_ages(owed, made.into_iter().rev()).into_iter().map(|age| (age.since, age.part)).collect();
            ages.reverse();
            prop_assert_eq!(ages, queue);
        }
    }
}
