//! Lists of orders: an account's, a browser's, a look-up's.

use kernel::{Language, Money, Wording};
use order::{Order, OrderPage};
use serde::Serialize;

use super::FormError;
use super::stage::{StateView, state_key};
use crate::format;
use crate::words::Words;

/// The keys of the list of an account or a browser.
#[derive(Serialize)]
pub(crate) struct OrdersView {
    orders: Vec<Row>,
    wallet: Option<String>,
    next_href: Option<String>,
}

/// The keys of the look-up's page.
#[derive(Serialize)]
pub(crate) struct LookUpView {
    who: String,
    error: Option<FormError>,
    found: Option<Vec<Row>>,
}

#[derive(Serialize)]
pub(crate) struct Row {
    href: String,
    number: String,
    title: String,
    total: String,
    state: StateView,
    placed_at: String,
}

impl OrdersView {
    /// With the wallet of whoever is logged in.
    pub fn new(language: (&Words, Language), page: &OrderPage, wallet: Option<Money>) -> Self {
        Self {
            orders: rows(language, page),
            wallet: wallet.map(format::money),
            next_href: page.next.map(|before| format!("/orders?before={before}")),
        }
    }
}

impl LookUpView {
    /// The empty form.
    pub const fn empty() -> Self {
        Self { who: String::new(), error: None, found: None }
    }

    /// The form again, with what is wrong; the password is typed anew.
    pub fn refused(who: String, error: FormError) -> Self {
        Self { who, error: Some(error), found: None }
    }

    /// What was found.
    pub fn found(language: (&Words, Language), who: String, page: &OrderPage) -> Self {
        Self { who, error: None, found: Some(rows(language, page)) }
    }
}

fn rows((words, language): (&Words, Language), page: &OrderPage) -> Vec<Row> {
    let row = |(order, title): &(Order, Wording)| Row {
        href: format!("/orders/{}", order.id),
        number: order.number.to_string(),
        title: title.get(language).to_owned(),
        total: format::money(order.total),
        state: StateView::new(words, state_key(order.states)),
        placed_at: format::moment(order.placed_at),
    };
    page.orders.iter().map(row).collect()
}
