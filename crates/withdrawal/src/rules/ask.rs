//! Whether an earner may ask for so much now.

use chrono::{DateTime, Utc};
use kernel::{Day, Money};

use crate::error::Refusal;
use crate::model::{Payee, Rules, State, Tax, Withdrawal, WithdrawalId};
use crate::rules::split;

/// What is known of the earner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What is available.
    pub available: Money,
    /// What is owed, above zero.
    pub debt: Money,
    /// Whether somebody holds him back.
    pub is_held: bool,
    /// What he has asked for before.
    pub today: Today,
}

/// What an earner has asked for before in this currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// What is not sent yet.
    pub open: Option<WithdrawalId>,
    /// How many were asked for today.
    pub count: u32,
    /// How often something was converted today.
    pub conversions: u32,
    /// What they come to, but for what was refused, called off or came back.
    pub sum: Money,
}

impl Today {
    /// Of these withdrawals of one earner, those of the day of `now` and the one that is open.
    pub fn of<'a>(known: impl IntoIterator<Item = &'a Withdrawal>, now: DateTime<Utc>, zero: Money) -> Self {
        let mut today = Self { open: None, count: 0, conversions: 0, sum: zero };
        for one in known.into_iter().filter(|one| one.amount.currency() == zero.currency()) {
            if one.state.is_open() {
                today.open = Some(one.id);
            }
            if Day::of(one.requested.0) != Day::of(now) {
                continue;
            }
            if one.state == State::Converted {
                today.conversions += 1;
            } else {
                today.count += 1;
                if !matches!(one.state, State::Rejected | State::Cancelled | State::Returned) {
                    today.sum = today.sum.plus(one.amount).unwrap_or(Money::new(i64::MAX, zero.currency()));
                }
            }
        }
        today
    }
}

/// Says whether the earner may ask for `amount` to be paid to `payee`, who is his own.
pub fn check_ask(
    rules: &Rules,
    amount: Money,
    (payee, invoice): (Option<&Payee>, Option<&str>),
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let money = |minor| Money::new(minor, amount.currency());
    if facts.is_held {
        return Err(Refusal::Held);
    }
    if let Some(withdrawal) = facts.today.open {
        return Err(Refusal::OneAtATime { withdrawal });
    }
    if amount.minor() < rules.minimum_minor {
        return Err(Refusal::BelowMinimum { minimum: money(rules.minimum_minor) });
    }
    if let Some(maximum) = rules.maximum_minor.filter(|maximum| amount.minor() > *maximum) {
        return Err(Refusal::AboveMaximum { maximum: money(maximum) });
    }
    check_funds(amount, facts)?;
    if facts.today.count >= rules.daily_count {
        return Err(Refusal::TooManyToday { most: rules.daily_count });
    }
    let left = rules.daily_minor.map(|most| most.saturating_sub(facts.today.sum.minor()).max(0));
    if let Some(left) = left.filter(|left| amount.minor() > *left) {
        return Err(Refusal::TooMuchToday { left: money(left) });
    }
    let payee = payee.filter(|payee| payee.removed_at.is_none()).ok_or(Refusal::NoPayee)?;
    if payee.usable_from > now {
        return Err(Refusal::PayeeCools { usable_from: payee.usable_from });
    }
    if rules.tax == Tax::Invoice && invoice.is_none() {
        return Err(Refusal::InvoiceMissing);
    }
    split(rules, amount).map(|_| ())
}

/// Says whether so much can be taken from what is available.
pub(crate) fn check_funds(amount: Money, facts: &Facts) -> Result<(), Refusal> {
    if facts.debt.minor() > 0 {
        return Err(Refusal::Owes { debt: facts.debt });
    }
    if amount.minor() > facts.available.minor() {
        return Err(Refusal::Insufficient { available: facts.available });
    }
    Ok(())
}
