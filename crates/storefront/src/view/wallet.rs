//! The wallet: what is in it, how money gets there.

use kernel::{Currency, Language, Money};
use payment::Channel;
use serde::Serialize;

use super::stage::StateView;
use super::{FormError, MoneyView};
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
    state: StateView,
    money: Vec<MoneyView>,
}

impl WalletView {
    /// With what was typed before: the amount and the way; and the form's key.
    pub fn new(
        language: Language,
        (balance, channels): (Money, &[Channel]),
        (amount, pay, key): (&str, &str, String),
        error: Option<FormError>,
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
        }
    }
}

impl TopUpView {
    /// A top-up in this state.
    pub fn new(words: &Words, amount: Money, state: &'static str, money: Vec<MoneyView>) -> Self {
        Self { amount: format::money(amount), state: StateView::new(words, state), money }
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
