//! Out of what something is taken back, and what becomes of what falls due.

use kernel::{Day, Money};
use ledger::{Account, Earner, Posting, Purse};

/// The most days, beside a line's own, that are taken from for one earner.
const DAYS_MAX: usize = 6;

/// Takes `amount` back that an earner has got on `own`: from there as far as it is still pending, then from what else is
/// pending, the nearest day first, then from what is available, then from what is asked for and not on its way yet; what is
/// missing then is owed. The postings sum to minus `amount`, and none of them takes more than there is. At most six other days are taken from: an entry has places for all
/// who earn from a line, and what is owed although more is pending is paid by the next release.
pub fn take_back(earner: &Earner, purse: &Purse, own: Option<Account>, amount: Money) -> Vec<Posting> {
    let mut left = amount.minor();
    let mut postings = Vec::new();
    let mut take = |account: Account, most: i64| {
        let minor = left.min(most);
        if minor > 0 {
            left -= minor;
            postings.push(Posting { account, amount: earner.money(-minor) });
        }
    };
    let (first, others): (Vec<_>, Vec<_>) = purse.pending.iter().copied().partition(|one| Some(one.0) == own);
    first.into_iter().chain(others.into_iter().take(DAYS_MAX)).for_each(|(account, most)| take(account, most));
    take(earner.available(), purse.available);
    take(earner.locked(), purse.locked);
    take(earner.debt(), i64::MAX);
    postings
}

/// What falls due until `day` pays the earner's debt first, and the rest is available. No postings if nothing is due.
pub fn release(earner: &Earner, purse: &Purse, day: Day) -> Vec<Posting> {
    let mut postings = Vec::new();
    let mut sum: i64 = 0;
    for (account, minor) in purse.pending.iter().filter(|(account, _)| account.due.is_none_or(|due| due <= day)) {
        let Some(more) = sum.checked_add(*minor) else { break };
        sum = more;
        postings.push(Posting { account: *account, amount: earner.money(-minor) });
    }
    let paid = sum.min(purse.debt);
    for (account, minor) in [(earner.debt(), paid), (earner.available(), sum - paid)] {
        if minor > 0 {
            postings.push(Posting { account, amount: earner.money(minor) });
        }
    }
    postings
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;
    use ledger::Side;
    use proptest::prelude::*;
    use uuid::Uuid;

    const EARNER: Earner = Earner { side: Side::Agent, owner: Uuid::nil(), currency: Currency::CNY };

    fn day(ahead: u16) -> Day {
        Day::parse("2026-11-01").expect("a day").after(ahead)
    }

    fn purse(pending: &[(u16, i64)], (available, locked): (i64, i64), debt: i64) -> Purse {
        let mut pending: Vec<_> = pending.iter().map(|(ahead, minor)| (EARNER.pending(day(*ahead)), *minor)).collect();
        pending.sort_by_key(|(account, _)| account.due);
        pending.dedup_by_key(|(account, _)| account.due);
        Purse { pending, available, locked, debt }
    }

    fn on(postings: &[Posting], account: Account) -> i64 {
        postings.iter().filter(|posting| posting.account == account).map(|posting| posting.amount.minor()).sum()
    }

    #[test]
    fn the_lines_own_day_comes_first_then_the_nearest_then_what_is_available_or_locked_then_debt() {
        let purse = purse(&[(1, 10), (2, 20), (3, 30)], (5, 7), 0);
        let own = EARNER.pending(day(2));
        let taken = |minor| take_back(&EARNER, &purse, Some(own), EARNER.money(minor));
        let days = |postings: &[Posting]| {
            let sums = [1, 2, 3].map(|ahead| on(postings, EARNER.pending(day(ahead))));
            (sums, EARNER.ends().map(|account| on(postings, account)))
        };
        assert_eq!(days(&taken(15)), ([0, -15, 0], [0, 0, 0]));
        assert_eq!(days(&taken(25)), ([-5, -20, 0], [0, 0, 0]));
        assert_eq!(days(&taken(62)), ([-10, -20, -30], [-2, 0, 0]));
        assert_eq!(days(&taken(66)), ([-10, -20, -30], [-5, -1, 0]));
        assert_eq!(days(&taken(80)), ([-10, -20, -30], [-5, -7, -8]));
    }

    proptest! {
        /// All of it is taken, nothing below zero, and debt only when nothing else is left.
        #[test]
        fn what_is_taken_back_is_all_of_it_and_no_more(
            pending in prop::collection::vec((0u16..20, 1i64..1_000), 0..12), ready in (0i64..1_000, 0i64..1_000),
            own in 0u16..20, amount in 0i64..5_000,
        ) {
            let purse = purse(&pending, ready, 0);
            let postings = take_back(&EARNER, &purse, Some(EARNER.pending(day(own))), EARNER.money(amount));
            prop_assert_eq!(postings.iter().map(|posting| posting.amount.minor()).sum::<i64>(), -amount);
            let ends = [(EARNER.available(), purse.available), (EARNER.locked(), purse.locked)];
            for (account, has) in purse.pending.iter().copied().chain(ends) {
                prop_assert!(on(&postings, account) <= 0 && on(&postings, account) >= -has);
            }
            prop_assert!(postings.len() <= DAYS_MAX + 4);
            // Own day first, wherever it lies, and no more than so many others.
            let own = EARNER.pending(day(own));
            let (own, others): (Vec<_>, Vec<_>) = purse.pending.iter().partition(|(account, _)| *account == own);
            let reach = own.into_iter().chain(others.into_iter().take(DAYS_MAX)).map(|(_, minor)| minor).sum::<i64>();
            prop_assert_eq!(on(&postings, EARNER.debt()), -(amount - reach - ready.0 - ready.1).max(0));
            prop_assert!(on(&postings, EARNER.locked()) == 0 || on(&postings, EARNER.available()) == -ready.0);
        }

        /// What is due leaves its days whole, nothing else moves, and debt is paid before anything is available.
        #[test]
        fn what_is_released_was_due_and_pays_debt_first(
            pending in prop::collection::vec((0u16..20, 1i64..1_000), 0..6), debt in 0i64..2_000, until in 0u16..20,
        ) {
            let purse = purse(&pending, (0, 0), debt);
            let postings = release(&EARNER, &purse, day(until));
            prop_assert_eq!(postings.iter().map(|posting| posting.amount.minor()).sum::<i64>(), 0);
            let mut due = 0;
            for (account, minor) in &purse.pending {
                let is_due = account.due.is_some_and(|due| due <= day(until));
                due += if is_due { *minor } else { 0 };
                prop_assert_eq!(on(&postings, *account), if is_due { -minor } else { 0 });
            }
            prop_assert_eq!(on(&postings, EARNER.debt()), due.min(debt));
            prop_assert_eq!(on(&postings, EARNER.available()), (due - debt).max(0));
        }
    }
}
