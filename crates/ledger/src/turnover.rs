//! What batches moved, kind of account by kind: what a day's closing adds up, without reading a posting.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use kernel::Currency;
use sea_orm::ColumnTrait;
use store::Tx;

use crate::account::AccountKind;
use crate::chain::ChainHash;
use crate::entry::{Entry, Posting};
use crate::error::LedgerError;
use crate::table::{account, link};

/// What was posted to the accounts of a kind, each side by itself; neither is below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// What was taken from them.
    pub debits: i128,
    /// What was put on them.
    pub credits: i128,
}

/// The sides of all kinds, in minor units of each currency. As text: `wallet CNY 120 0;revenue CNY 0 120`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turnover {
    kinds: BTreeMap<(AccountKind, Currency), Sides>,
}

/// What is on all accounts of a kind together, in minor units of each currency.
pub type Totals = BTreeMap<(AccountKind, Currency), i128>;

/// A link with what it moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedLink {
    /// Its number.
    pub sequence: i64,
    /// Its hash.
    pub hash: ChainHash,
    /// When its entries were posted.
    pub at: DateTime<Utc>,
    /// What they moved; none in links of before that was noted.
    pub moved: Option<Turnover>,
}

impl Sides {
    /// What they leave, above zero to the credit.
    pub const fn net(self) -> i128 {
        self.credits - self.debits
    }
}

impl Turnover {
    /// What these entries move.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut turnover = Self::default();
        for Posting { account, amount } in entries.into_iter().flat_map(Entry::postings) {
            turnover.post(account.kind, account.currency, i128::from(amount.minor()));
        }
        turnover
    }

    /// Adds one posting: above zero to the credits, below to the debits.
    pub fn post(&mut self, kind: AccountKind, currency: Currency, minor: i128) {
        let sides = self.kinds.entry((kind, currency)).or_default();
        let side = if minor < 0 { &mut sides.debits } else { &mut sides.credits };
        *side += minor.abs();
    }

    /// Adds what others moved.
    pub fn add(&mut self, other: &Self) {
        for (key, sides) in &other.kinds {
            let sum = self.kinds.entry(*key).or_default();
            sum.debits += sides.debits;
            sum.credits += sides.credits;
        }
    }

    /// What was moved of a kind.
    pub fn sides(&self, kind: AccountKind, currency: Currency) -> Sides {
        self.kinds.get(&(kind, currency)).copied().unwrap_or_default()
    }

    /// All kinds that were moved, in the order of the chart.
    pub fn iter(&self) -> impl Iterator<Item = ((AccountKind, Currency), Sides)> {
        self.kinds.iter().map(|(key, sides)| (*key, *sides))
    }

    /// Reads the text back.
    pub fn parse(text: &str) -> Option<Self> {
        let mut turnover = Self::default();
        for part in text.split_terminator(';') {
            let words: Vec<&str> = part.split(' ').collect();
            let [kind, currency, debits, credits] = words.try_into().ok()?;
            let sides = Sides { debits: debits.parse().ok()?, credits: credits.parse().ok()? };
            turnover.kinds.insert((AccountKind::parse(kind)?, Currency::parse(currency).ok()?), sides);
        }
        Some(turnover)
    }
}

impl fmt::Display for Turnover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, ((kind, currency), sides)) in self.kinds.iter().enumerate() {
            let mark = if place == 0 { "" } else { ";" };
            write!(f, "{mark}{} {} {} {}", kind.name(), currency.code(), sides.debits, sides.credits)?;
        }
        Ok(())
    }
}

/// At most `limit` links after this number, in the order of the chain.
pub async fn links_in(tx: &impl Tx, after: i64, limit: u64) -> Result<Vec<MovedLink>, LedgerError> {
    let find = tx.find::<link::Entity>().filter(link::Column::Seq.gt(after)).ascending(link::Column::Seq);
    let rows = find.limit(limit).all().await?;
    Ok(rows.iter().filter_map(moved_of).collect())
}

/// The last link that says nothing of what it moved.
pub async fn last_untold_in(tx: &impl Tx) -> Result<Option<MovedLink>, LedgerError> {
    let find = tx.find::<link::Entity>().filter(link::Column::Moved.is_null()).descending(link::Column::Seq);
    Ok(find.limit(1).one().await?.as_ref().and_then(moved_of))
}

/// What is on all accounts now, kind by kind; kinds without an account are left out.
pub async fn totals_in(tx: &impl Tx) -> Result<Totals, LedgerError> {
    use account::Column::{BalanceMinor, Currency as In, Kind};
    let mut totals = Totals::new();
    for (code, _) in tx.find::<account::Entity>().count_by::<String>(In).await? {
        let Ok(currency) = Currency::parse(&code) else { continue };
        let sums = tx.find::<account::Entity>().filter(In.eq(code)).sum_by::<String>(Kind, BalanceMinor).await?;
        let sums = sums.into_iter().filter_map(|(kind, sum)| Some((AccountKind::parse(&kind)?, sum)));
        totals.extend(sums.map(|(kind, sum)| ((kind, currency), i128::from(sum))));
    }
    Ok(totals)
}

fn moved_of(row: &link::Model) -> Option<MovedLink> {
    let moved = row.moved.as_deref().and_then(Turnover::parse);
    Some(MovedLink { sequence: row.seq, hash: ChainHash::from_bytes(&row.hash)?, at: row.linked_at, moved })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turnover_is_read_as_it_was_written() {
        let mut turnover = Turnover::default();
        assert_eq!(Turnover::parse(&turnover.to_string()), Some(Turnover::default()));
        turnover.post(AccountKind::Wallet, Currency::CNY, -70);
        turnover.post(AccountKind::Wallet, Currency::CNY, 20);
        turnover.post(AccountKind::Revenue, Currency::CNY, 50);
        assert_eq!(turnover.to_string(), "wallet CNY 70 20;revenue CNY 0 50");
        let mut twice = Turnover::parse(&turnover.to_string()).expect("what was written");
        assert_eq!(twice, turnover);
        twice.add(&turnover);
        assert_eq!(twice.sides(AccountKind::Wallet, Currency::CNY), Sides { debits: 140, credits: 40 });
        assert_eq!(twice.sides(AccountKind::Wallet, Currency::CNY).net(), -100);
    }

    #[test]
    fn what_is_no_turnover_is_not_read() {
        for text in ["wallet", "wallet CNY 1", "purse CNY 1 1", "wallet ??? 1 1", "wallet CNY 1 x", "wallet CNY 1 1 1"]
        {
            assert_eq!(Turnover::parse(text), None, "{text}");
        }
    }
}
