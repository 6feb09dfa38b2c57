//! What a day's closing says. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::Currency;
use ledger::{AccountKind, MovedLink, Totals, Turnover};

use crate::model::TrialRow;

/// Links that were read, in the order of the chain, as far as they belong to the day and those after it.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What those of the day moved.
    pub moved: Turnover,
    /// The first of them that is told, and the last.
    pub links: Option<(i64, i64)>,
    /// The hash of the last.
    pub head: Option<String>,
    /// What came after the day.
    pub later: Turnover,
    /// A link of the day that says nothing: all before it is only known by what it left.
    pub untold: bool,
    is_past: bool,
}

impl Read {
    /// Takes the next link. A day ends with the first link of a later time, so that every link is in one day. False if one of
    /// a later time says nothing of what it moved.
    pub fn take(&mut self, link: &MovedLink, ends: DateTime<Utc>) -> bool {
        self.is_past |= link.at >= ends;
        let Some(moved) = &link.moved else {
            let was_past = self.is_past;
            if !was_past {
                // What was moved before it cannot be told from what it moved itself.
                *self = Self { untold: true, head: Some(link.hash.to_string()), ..Self::default() };
                self.links = Some((link.sequence + 1, link.sequence));
            }
            return !was_past;
        };
        if self.is_past {
            self.later.add(moved);
        } else {
            self.moved.add(moved);
            let first = self.links.map_or(link.sequence, |(first, _)| first);
            self.links = Some((first, link.sequence));
            self.head = Some(link.hash.to_string());
        }
        true
    }
}

/// The trial balance of what was there before and what was moved: all kinds that are in either, in the order of the chart.
pub fn trial(opening: &Totals, moved: &Turnover) -> Vec<TrialRow> {
    let keys: BTreeSet<(AccountKind, Currency)> =
        opening.keys().copied().chain(moved.iter().map(|(key, _)| key)).collect();
    let row = |key @ (kind, currency): (AccountKind, Currency)| {
        let (opening, sides) = (opening.get(&key).copied().unwrap_or(0), moved.sides(kind, currency));
        let closing = opening + sides.net();
        let (debits, credits) = (sides.debits, sides.credits);
        TrialRow {
            kind: kind.name().to_owned(),
            currency: currency.code().to_owned(),
            opening,
            debits,
            credits,
            closing,
        }
    };
    keys.into_iter().map(row).collect()
}

/// What a trial balance closes with.
pub(crate) fn closing_of(rows: &[TrialRow]) -> Totals {
    let known =
        rows.iter().filter_map(|row| Some(((row.account()?, Currency::parse(&row.currency).ok()?), row.closing)));
    known.collect()
}

/// `totals` without what was moved.
pub(crate) fn before(totals: &Totals, moved: &Turnover) -> Totals {
    let mut before = totals.clone();
    for (key, sides) in moved.iter() {
        *before.entry(key).or_default() -= sides.net();
    }
    before
}

/// Why the rows are no proof of what is there: they sum to something, or `now` less what came later is something else.
pub(crate) fn disproof(rows: &[TrialRow], later: &Turnover, now: &Totals) -> Option<String> {
    let currencies: BTreeSet<&str> = rows.iter().map(|row| row.currency.as_str()).collect();
    for currency in currencies {
        let of_it = || rows.iter().filter(|row| row.currency == currency);
        let sums: [i128; 3] = [
            of_it().map(|row| row.opening).sum(),
            of_it().map(|row| row.credits - row.debits).sum(),
            of_it().map(|row| row.closing).sum(),
        ];
        if sums != [0; 3] {
            return Some(format!("the balances in {currency} sum to {sums:?}"));
        }
    }
    let (closing, there) = (closing_of(rows), before(now, later));
    let keys: BTreeSet<_> = closing.keys().chain(there.keys()).copied().collect();
    let sides = |key| (closing.get(key).copied().unwrap_or(0), there.get(key).copied().unwrap_or(0));
    keys.iter().map(|key| (key, sides(key))).find(|(_, (closed, there))| closed != there).map(
        |((kind, currency), (closed, there))| {
            format!("{} in {currency} closes with {closed}, and there was {there}", kind.name())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CNY: Currency = Currency::CNY;

    fn moved(text: &str) -> Turnover {
        Turnover::parse(text).expect("a turnover")
    }

    fn totals(rows: &[(AccountKind, i128)]) -> Totals {
        rows.iter().map(|(kind, minor)| ((*kind, CNY), *minor)).collect()
    }

    #[test]
    fn a_trial_balance_has_every_kind_that_was_there_or_moved() {
        let opening = totals(&[(AccountKind::Wallet, 100), (AccountKind::Opening, -100)]);
        let rows = trial(&opening, &moved("wallet CNY 30 0;revenue CNY 0 30"));
        let told: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.opening, row.closing)).collect();
        assert_eq!(told, [("wallet", 100, 70), ("revenue", 0, 30), ("opening", -100, -100)]);
        assert_eq!(
            before(&closing_of(&rows), &moved("wallet CNY 30 0;revenue CNY 0 30"))[&(AccountKind::Wallet, CNY)],
            100
        );
    }

    #[test]
    fn what_does_not_prove_is_named() {
        let opening = totals(&[(AccountKind::Wallet, 100), (AccountKind::Opening, -100)]);
        let (day, later) = (moved("wallet CNY 30 0;revenue CNY 0 30"), moved("wallet CNY 0 5;opening CNY 5 0"));
        let rows = trial(&opening, &day);
        let now = totals(&[(AccountKind::Wallet, 75), (AccountKind::Revenue, 30), (AccountKind::Opening, -105)]);
        assert_eq!(disproof(&rows, &later, &now), None);
        let lost = totals(&[(AccountKind::Wallet, 74), (AccountKind::Revenue, 30), (AccountKind::Opening, -105)]);
        assert!(
            disproof(&rows, &later, &lost)
                .expect("a finding")
                .contains("wallet in CNY closes with 70, and there was 69")
        );
        let uneven = trial(&totals(&[(AccountKind::Wallet, 1)]), &Turnover::default());
        assert!(disproof(&uneven, &Turnover::default(), &totals(&[(AccountKind::Wallet, 1)])).is_some());
    }
}
