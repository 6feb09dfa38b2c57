//! A gateway's bill of a day beside our own rows, line by line. Pure.
//!
//! Bills are cut at midnight in Beijing, whatever gateway it is.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{Day, Money};

/// The most lines of one bill, theirs or ours, that are compared.
pub const BILL_LINES_MAX: usize = 100_000;

kernel::words! {
    /// What a line of a bill is about.
    BillKind {
        /// Money that came.
        Payment = "payment",
        /// Money that went back.
        Refund = "refund",
    }
}

/// A line of a bill, the gateway's or ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// Which way the money went.
    pub kind: BillKind,
    /// The gateway's number of a payment; our number of a refund. Both name one line each.
    pub number: String,
    /// Our number of the payment.
    pub out_no: String,
    /// How much.
    pub amount: Money,
    /// When: by the gateway's clock, but for a refund of ours, which says when we heard of it.
    pub at: DateTime<Utc>,
}

/// Something in which a bill and our rows are not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The gateway has it, and we never heard of it.
    MissingHere(BillLine),
    /// We have it, and the gateway does not.
    MissingThere(BillLine),
    /// Both have it, with other amounts.
    OtherAmount {
        /// The gateway's line.
        theirs: BillLine,
        /// Ours.
        ours: BillLine,
    },
}

/// What comparing a bill came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BillReport {
    /// Lines that are the same on both sides.
    pub agreed: usize,
    /// The others: the gateway's in its order, then what it lacks.
    pub differences: Vec<Difference>,
}

impl BillLine {
    fn key(&self) -> (BillKind, &str) {
        (self.kind, &self.number)
    }
}

/// The first moment of a bill's day, and the first after it.
pub fn bill_day(day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
    let ends = day.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, |next| Day::from(next).begins());
    (Day::from(day).begins(), ends)
}

/// Compares both sides; each line stands for itself, so that a number that comes twice on one side and once on the
/// other is a difference.
pub fn compare(theirs: &[BillLine], ours: &[BillLine]) -> BillReport {
    let mut left: HashMap<(BillKind, &str), Vec<&BillLine>> = HashMap::new();
    for line in ours.iter().rev() {
        left.entry(line.key()).or_default().push(line);
    }
    let mut report = BillReport::default();
    for line in theirs {
        match left.get_mut(&line.key()).and_then(Vec::pop) {
            Some(own) if own.amount == line.amount => report.agreed += 1,
            Some(own) => {
                report.differences.push(Difference::OtherAmount { theirs: line.clone(), ours: own.clone() });
            }
            None => report.differences.push(Difference::MissingHere(line.clone())),
        }
    }
    for line in ours {
        if let Some(rest) = left.get_mut(&line.key())
            && rest.pop().is_some()
        {
            report.differences.push(Difference::MissingThere(line.clone()));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;

    fn line(kind: BillKind, number: &str, minor: i64) -> BillLine {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        BillLine {
            kind,
            number: number.to_owned(),
            out_no: String::new(),
            amount: Money::new(minor, Currency::CNY),
            at,
        }
    }

    fn paid(number: &str, minor: i64) -> BillLine {
        line(BillKind::Payment, number, minor)
    }

    #[test]
    fn a_day_begins_and_ends_at_midnight_in_beijing() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment");
        let day = bill_day("2026-11-22".parse().expect("a day"));
        assert_eq!(day, (moment("2026-11-21T16:00:00Z"), moment("2026-11-22T16:00:00Z")));
        assert_eq!(bill_day(NaiveDate::MAX).1, DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn each_way_to_differ_is_told_apart() {
        let theirs = [paid("same", 1), paid("new", 2), paid("other", 3), line(BillKind::Refund, "lost", 4)];
        let ours = [paid("lost", 4), paid("other", 30), paid("same", 1)];
        let report = compare(&theirs, &ours);
        assert_eq!(report.agreed, 1);
        assert_eq!(
            report.differences,
            [
                Difference::MissingHere(theirs[1].clone()),
                Difference::OtherAmount { theirs: theirs[2].clone(), ours: ours[1].clone() },
                Difference::MissingHere(theirs[3].clone()),
                Difference::MissingThere(ours[0].clone()),
            ]
        );
    }

    #[test]
    fn an_amount_in_another_currency_is_another_amount() {
        let theirs = BillLine { amount: Money::new(1, Currency::JPY), ..paid("same", 1) };
        assert!(matches!(compare(&[theirs], &[paid("same", 1)]).differences[..], [Difference::OtherAmount { .. }]));
    }

    #[test]
    fn a_line_that_is_billed_twice_is_missing_here_once() {
        let report = compare(&[paid("a", 1), paid("a", 1)], &[paid("a", 1)]);
        assert_eq!((report.agreed, report.differences), (1, vec![Difference::MissingHere(paid("a", 1))]));
    }

    fn lines() -> impl Strategy<Value = Vec<BillLine>> {
        let kind = prop::sample::select(BillKind::ALL.to_vec());
        let one = (kind, 0u8..6, 1i64..4).prop_map(|(kind, number, minor)| line(kind, &number.to_string(), minor));
        prop::collection::vec(one, 0..12)
    }

    proptest! {
        #[test]
        fn every_line_of_both_sides_is_told_of_once(theirs in lines(), ours in lines()) {
            let report = compare(&theirs, &ours);
            let count = |is: fn(&Difference) -> bool| report.differences.iter().filter(|one| is(one)).count();
            let here = count(|one| matches!(one, Difference::MissingHere(_)));
            let there = count(|one| matches!(one, Difference::MissingThere(_)));
            let other = count(|one| matches!(one, Difference::OtherAmount { .. }));
            prop_assert_eq!((report.agreed + other + here, report.agreed + other + there), (theirs.len(), ours.len()));
            prop_assert_eq!(compare(&theirs, &theirs), BillReport { agreed: theirs.len(), differences: Vec::new() });
        }
    }
}
