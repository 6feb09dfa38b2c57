//! From the rooms' values to what a template shows. Pure: texts, numbers and lists only.

mod browse;
mod checkout;
mod common;
mod error;
mod fields;
mod goods;
mod home;
mod order;
mod orders;
mod pay;
mod rules;
mod stage;
mod tiers;
mod wallet;

pub(crate) use browse::BrowseView;
pub(crate) use checkout::{CheckoutView, Counter, Typed};
pub(crate) use common::{Common, Me, Page};
pub(crate) use error::ErrorView;
pub(crate) use goods::{Choice, GoodsView, Looked, Offer, SellerOf, quantity_max};
pub(crate) use home::{HomeView, Shown, Sold};
pub(crate) use order::{Look, OrderPageView, file, order_href};
pub(crate) use orders::{LookUpView, OrdersView};
pub(crate) use pay::{Due, MoneyView, PayView, Ways};
pub(crate) use rules::{NoticeView, Rule, RuleView};
pub(crate) use stage::{Status, state_key, top_up_state};
pub(crate) use wallet::{RechargeView, TopUpView, TopUpsView, WalletView, least, most};

use catalog::{Goods, GoodsKind};
use serde::Serialize;

/// Fewer than this many are few; of more, a page does not say how many.
pub(crate) const STOCK_LOW_THRESHOLD: u32 = 10;

/// How much there is, as a buyer needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Stock {
    state: &'static str,
    left: u64,
    /// Within how many hours a person has done it, where one does.
    hours: u32,
}

impl Stock {
    /// So many pieces of these goods.
    pub fn of(goods: &Goods, left: u64) -> Self {
        let state = match left {
            _ if goods.kind == GoodsKind::Manual && left > 0 => "man",
            0 => "out",
            _ if left < u64::from(STOCK_LOW_THRESHOLD) => "low",
            _ => "in",
        };
        Self { state, left, hours: goods.fulfilment.within_hours }
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
