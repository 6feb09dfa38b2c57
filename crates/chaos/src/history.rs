//! Whether what buyers were told fits one order of events. Pure.
//!
//! Stock and wallets are counters, and each answer was true at some moment between question and answer. For counters
//! no search is needed: what had certainly happened by a moment and what may have happened by then bound the counter,
//! and an answer outside of the bounds fits no order. The check is sound (it never accuses a right history) and, as long
//! as nothing comes back by itself, sharp.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::pack::{Pack, amount};
use crate::purchase::{Kind, Purchase, Span};
use crate::sandbox::Manner;

/// Somebody wanted some of a SKU.
#[derive(Debug, Clone, Copy)]
pub struct Take {
    /// Between sending and answer.
    pub span: Span,
    /// How many.
    pub quantity: i64,
    /// What he was told.
    pub answer: Taken,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// They are his.
    Yes,
    /// They were his and came back, nobody knows when, because he did not pay in time.
    Returned,
    /// Only so many were left.
    No {
        /// How many.
        left: i64,
    },
}

/// Somebody read the page of a wallet.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whose.
    pub login: String,
    /// Between sending and answer.
    pub span: Span,
    /// What it said, in hundredths.
    pub minor: i64,
}

/// What moved a wallet, or may have.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    /// An order was paid.
    Paid(Span, i64),
    /// Money was on its way since this moment; it came later, or never.
    Coming(Instant, i64),
}

/// Everything in a round that does not fit.
pub fn check(pack: &Pack, purchases: &[(Purchase, String)], looks: &[Look]) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, item) in pack.items.iter().enumerate() {
        let own = purchases.iter().filter(|(purchase, _)| purchase.wish.item == number);
        let takes: Vec<Take> = own.filter_map(|(purchase, state)| take(purchase, state)).collect();
        broken.extend(of_stock(item.stock as i64, &takes).into_iter().map(|what| format!("{}: {what}", item.code)));
    }
    let mut by_login: BTreeMap<&str, (Vec<Move>, Vec<&Look>)> = BTreeMap::new();
    for (purchase, _) in purchases {
        if let (Some(login), Some(moved)) = (&purchase.wish.login, moved(purchase)) {
            by_login.entry(login).or_default().0.push(moved);
        }
    }
    for look in looks {
        by_login.entry(&look.login).or_default().1.push(look);
    }
    for (login, (moves, looks)) in by_login {
        let found = of_wallet(pack.wallet_minor, &moves, &looks);
        broken.extend(found.into_iter().map(|what| format!("{login}: {what}")));
    }
    broken
}

fn take(purchase: &Purchase, state: &str) -> Option<Take> {
    let answer = match (purchase.wish.kind, purchase.left) {
        (Kind::TopUp, _) => return None,
        (_, Some(left)) => Taken::No { left: i64::from(left) },
        (_, None) if state == "expired" => Taken::Returned,
        (_, None) => Taken::Yes,
    };
    Some(Take { span: purchase.span, quantity: i64::from(purchase.wish.quantity), answer })
}

fn moved(purchase: &Purchase) -> Option<Move> {
    let wish = &purchase.wish;
    match (wish.kind, purchase.paid_at, &purchase.trade) {
        (Kind::Wallet, ..) if purchase.is_acknowledged() => Some(Move::Paid(purchase.span, wish.total_minor)),
        (Kind::TopUp, Some(at), Some((_, manner))) if !matches!(manner, Manner::Short | Manner::Never) => {
            Some(Move::Coming(at, wish.total_minor))
        }
        _ => None,
    }
}

/// What does not fit in the history of one SKU that had `stock` at first.
pub fn of_stock(stock: i64, takes: &[Take]) -> Vec<String> {
    let sum = |is: &dyn Fn(&Take) -> bool| takes.iter().filter(|take| is(take)).map(|take| take.quantity).sum::<i64>();
    let returned = sum(&|take| take.answer == Taken::Returned);
    let mut broken = Vec::new();
    for take in takes {
        let Span { start, end } = take.span;
        // What was certainly gone when he asked; what came back counts as never gone.
        let gone = sum(&|other| other.answer == Taken::Yes && other.span.end < start);
        let Taken::No { left } = take.answer else {
            if gone + take.quantity > stock && take.answer == Taken::Yes {
                broken.push(format!("{} were sold when {gone} of {stock} were gone", take.quantity));
            }
            continue;
        };
        let may_be_gone = sum(&|other| !matches!(other.answer, Taken::No { .. }) && other.span.start < end);
        let (least, most) = (stock - may_be_gone, stock - gone);
        if left < least || left > most || left >= take.quantity {
            let wanted = take.quantity;
            broken.push(format!("{wanted} were refused because of {left} left when {least} to {most} were there"));
        }
        let later = sum(&|other| other.answer == Taken::Yes && other.span.start > end);
        if later > left + returned {
            broken.push(format!("{later} were sold after {left} were left"));
        }
    }
    broken
}

/// What does not fit in the history of one wallet that had `opening` at first.
pub fn of_wallet(opening: i64, moves: &[Move], looks: &[&Look]) -> Vec<String> {
    let mut broken = Vec::new();
    for look in looks {
        let change = look.minor - opening;
        if !fits(change, moves, (None, look.span)) {
            broken.push(format!("it showed {} and never held that", amount(look.minor.max(0))));
        }
    }
    for before in looks {
        let later = looks.iter().filter(|after| before.span.end < after.span.start);
        let Some(after) = later.min_by_key(|after| after.span.start) else { continue };
        if !fits(after.minor - before.minor, moves, (Some(before.span), after.span)) {
            let (one, other) = (amount(before.minor.max(0)), amount(after.minor.max(0)));
            broken.push(format!("it showed {one} and then {other}, and nothing explains that"));
        }
    }
    broken
}

/// Whether moves between two looks, or from the beginning to a look, can make up `change`.
fn fits(change: i64, moves: &[Move], (before, after): (Option<Span>, Span)) -> bool {
    let mut certain = 0;
    let mut possible = Vec::new();
    for moved in moves {
        match moved {
            Move::Paid(span, minor) => {
                let may = span.start < after.end && before.is_none_or(|before| span.end > before.start);
                let must = span.end < after.start && before.is_none_or(|before| span.start > before.end);
                if must {
                    certain -= minor;
                } else if may {
                    possible.push(-minor);
                }
            }
            Move::Coming(since, minor) if *since < after.end => possible.push(*minor),
            Move::Coming(..) => {}
        }
    }
    sums(&possible).contains(&(change - certain))
}

/// Every sum of some of `numbers`.
fn sums(numbers: &[i64]) -> BTreeSet<i64> {
    let mut sums = BTreeSet::from([0]);
    for number in numbers {
        sums.extend(sums.iter().map(|sum| sum + number).collect::<Vec<_>>());
    }
    sums
}

#[cfg(test)]
mod tests;
