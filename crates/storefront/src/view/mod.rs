//! From the rooms' values to what a template shows. Pure: texts, numbers and lists only.

mod browse;
mod checkout;
mod common;
mod error;
mod goods;
mod home;
mod order;
mod orders;
mod pay;
mod rules;
mod stage;
mod wallet;

pub(crate) use browse::BrowseView;
pub(crate) use checkout::{CheckoutView, Counter, Typed};
pub(crate) use common::{Common, Me, Page};
pub(crate) use error::ErrorView;
pub(crate) use goods::{Choice, GoodsView, Offer, quantity_max};
pub(crate) use home::{HomeView, Sold};
pub(crate) use order::{Look, OrderPageView, file, order_href};
pub(crate) use orders::{LookUpView, OrdersView};
pub(crate) use pay::{Due, MoneyView, PayView, Ways};
pub(crate) use rules::{NoticeView, Rule, RuleView};
pub(crate) use stage::{Status, state_key, top_up_state};
pub(crate) use wallet::{TopUpView, WalletView, least, most};

use serde::Serialize;

/// Fewer than this many are few.
const STOCK_LOW_THRESHOLD: u64 = 10;

/// How much there is, as a buyer needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Stock {
    state: &'static str,
    left: u64,
}

impl Stock {
    pub const fn of(left: u64) -> Self {
        let state = match left {
            0 => "out",
            1..STOCK_LOW_THRESHOLD => "low",
            _ => "in",
        };
        Self { state, left }
    }

    pub const fn is_out(self) -> bool {
        self.left == 0
    }
}

/// A form's problem, shown above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FormError {
    pub code: &'static str,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_ten_are_few() {
        let states = [0, 1, 9, 10, 5000].map(|left| Stock::of(left).state);
        assert_eq!(states, ["out", "low", "low", "in", "in"]);
    }
}
