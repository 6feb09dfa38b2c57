//! The wallet: what is in it, how money gets there.

use chrono::{DateTime, Utc};
use kernel::{Currency, Language, Money};
use ledger::{EntryKind, Statement, StatementLine};
use order::OrderId;
use payment::{BonusRules, BonusTier, Channel, Gives, Intent, IntentId};
use serde::Serialize;

use super::stage::{StateView, top_up_state};
use super::{FormError, MoneyView};
use crate::form::form_key;
use crate::format;
use crate::words::Words;

/// The least of one top-up, in units of the currency.
const TOP_UP_MIN: i64 = 1;
/// The most of one top-up, and of a wallet after it.
const TOP_UP_MAX: i64 = 5_000;

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct WalletView {
    wallet: String,
    least: String,
    most: String,
    amount: String,
    ways: Vec<Way>,
    error: Option<FormError>,
    form: FormView,
    recharge: RechargeView,
    /// What is given beside a top-up, a line each.
    bonuses: Vec<String>,
    /// The statement, the last step first.
    entries: Vec<EntryView>,
    next_href: Option<String>,
}

/// The form of a recharge card.
#[derive(Serialize)]
pub(crate) struct RechargeView {
    code: String,
    error: Option<FormError>,
    form: FormView,
    /// Whether one was just redeemed.
    is_done: bool,
}

/// One step of a wallet.
#[derive(Serialize)]
struct EntryView {
    label: String,
    at: String,
    amount: String,
    is_in: bool,
    balance: Option<String>,
    href: Option<String>,
}

/// The keys of the list of top-ups.
#[derive(Serialize)]
pub(crate) struct TopUpsView {
    rows: Vec<TopUpRow>,
    next_href: Option<String>,
}

#[derive(Serialize)]
struct TopUpRow {
    href: String,
    amount: String,
    at: String,
    state: StateView,
}

#[derive(Serialize)]
struct FormView {
    action: &'static str,
    key: String,
}

#[derive(Serialize)]
struct Way {
    value: String,
    name: String,
    checked: bool,
}

/// The keys of the page of a top-up that is over.
#[derive(Serialize)]
pub(crate) struct TopUpView {
    amount: String,
    /// What is given beside it.
    bonus: Option<String>,
    state: StateView,
    money: Vec<MoneyView>,
}

impl RechargeView {
    const ACTION: &str = "/wallet/recharge";

    /// An empty form.
    pub fn new(is_done: bool) -> Self {
        Self { code: String::new(), error: None, form: FormView { action: Self::ACTION, key: form_key() }, is_done }
    }

    /// The form with what was typed, and why it was refused.
    pub const fn refused(code: String, key: String, error: FormError) -> Self {
        Self { code, error: Some(error), form: FormView { action: Self::ACTION, key }, is_done: false }
    }
}

impl WalletView {
    /// With what was typed before: the amount and the way; and the form's key.
    pub fn new(
        (words, language): (&Words, Language),
        (balance, channels, statement): (Money, &[Channel], &Statement),
        ((amount, pay, key), bonuses): ((&str, &str, String), &BonusRules),
        (error, recharge): (Option<FormError>, RechargeView),
    ) -> Self {
        let currency = balance.currency();
        let is_known = channels.iter().any(|channel| channel.id.to_string() == pay);
        let way = |(place, channel): (usize, &Channel)| {
            let value = channel.id.to_string();
            let checked = if is_known { value == pay } else { place == 0 };
            Way { value, name: channel.name.get(language).to_owned(), checked }
        };
        Self {
            wallet: format::money(balance),
            least: format::money(least(currency)),
            most: format::money(most(currency)),
            amount: amount.to_owned(),
            ways: channels.iter().enumerate().map(way).collect(),
            error,
            form: FormView { action: "/wallet/top-up", key },
            recharge,
            bonuses: offered(words, bonuses, currency),
            entries: statement.lines.iter().map(|line| entry(words, line)).collect(),
            next_href: statement.next.map(|before| format!("/wallet?before={before}#statement")),
        }
    }
}

impl TopUpView {
    /// A top-up in this state.
    pub fn new(
        words: &Words,
        (amount, bonus): (Money, Option<Money>),
        state: &'static str,
        money: Vec<MoneyView>,
    ) -> Self {
        let (amount, bonus) = (format::money(amount), bonus.map(format::money));
        Self { amount, bonus, state: StateView::new(words, state), money }
    }
}

impl TopUpsView {
    /// These top-ups, as they stand at `now`.
    pub fn new(words: &Words, top_ups: &[Intent], next: Option<IntentId>, now: DateTime<Utc>) -> Self {
        let row = |intent: &Intent| TopUpRow {
            href: format!("/wallet/top-ups/{}", intent.id),
            amount: format::money(intent.amount),
            at: format::moment(intent.created_at),
            state: StateView::new(words, top_up_state(intent, now)),
        };
        let next_href = next.map(|before| format!("/wallet/top-ups?before={before}"));
        Self { rows: top_ups.iter().map(row).collect(), next_href }
    }
}

/// What the rules give, tier by tier, and the bounds of it.
fn offered(words: &Words, rules: &BonusRules, currency: Currency) -> Vec<String> {
    let money = |minor: i64| format::money(Money::new(minor, currency));
    let tier = |tier: &BonusTier| {
        let from = money(tier.from_minor);
        match tier.gives {
            Gives::Fixed { minor } => words.get("wallet.bonus.fixed", &[("from", &from), ("bonus", &money(minor))]),
            Gives::Share { rate_ppm } => {
                words.get("wallet.bonus.share", &[("from", &from), ("percent", &format::percent(rate_ppm))])
            }
        }
    };
    let mut lines: Vec<String> = rules.tiers.iter().map(tier).collect();
    if !lines.is_empty() {
        let bound = |key: &str, minor: Option<i64>| minor.map(|minor| words.get(key, &[("most", &money(minor))]));
        lines.extend(bound("wallet.bonus.most", rules.most_minor));
        lines.extend(bound("wallet.bonus.month", rules.month_minor));
    }
    lines
}

/// A step in the customer's words, with the way to its order.
fn entry(words: &Words, line: &StatementLine) -> EntryView {
    let is_in = !line.amount.is_negative();
    let is_order = matches!(line.kind, EntryKind::OrderPaid | EntryKind::OrderRefunded);
    let amount = format::money(line.amount);
    EntryView {
        label: words.get(&format!("wallet.entry.{}", line.kind.name()), &[]),
        at: format::moment(line.at),
        amount: if is_in { format!("+{amount}") } else { amount },
        is_in,
        balance: line.balance.map(format::money),
        href: is_order.then(|| format!("/orders/{}", OrderId::from_uuid(line.subject))),
    }
}

/// The least of one top-up.
pub(crate) fn least(currency: Currency) -> Money {
    units(TOP_UP_MIN, currency)
}

/// The most of one top-up.
pub(crate) fn most(currency: Currency) -> Money {
    units(TOP_UP_MAX, currency)
}

fn units(count: i64, currency: Currency) -> Money {
    Money::new(count * 10_i64.pow(currency.decimals()), currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_wallet_has_its_sentence() {
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for kind in EntryKind::ALL {
                assert!(words.find(&format!("wallet.entry.{}", kind.name()), &[]).is_some(), "{kind:?}");
            }
        }
    }
}
