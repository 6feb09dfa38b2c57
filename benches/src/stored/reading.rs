//! What people read of a shop that has sold for a year, and how long that takes.

use std::time::{Duration, Instant};

use catalog::{Catalog, Prices, SkuId, Subject};
use chrono::TimeDelta;
use identity::CustomerId;
use kernel::Currency;
use ledger::{Account, AccountKind, LineMark};
use order::machine::{DeliveryState, OrderState, PaymentState};
use order::{OrderFilter, OrderId};
use store::Tx;

use crate::shop::{Engine, Shop};

/// How long one kind of reading took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What was read.
    pub name: String,
    /// Each time, the shortest first.
    waits: Vec<Duration>,
}

impl Look {
    fn of(name: &str, mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self { name: name.to_owned(), waits }
    }

    /// What so many of 100 kept to.
    pub fn within(&self, share: usize) -> Duration {
        self.waits[(self.waits.len() * share / 100).min(self.waits.len() - 1)]
    }

    /// The same reading at another time, too.
    pub fn join(&mut self, mut other: Self) {
        self.waits.append(&mut other.waits);
        self.waits.sort_unstable();
    }
}

const PAGE: u64 = 50;
/// How long a list looks back for what sells best.
const LATELY: TimeDelta = TimeDelta::days(30);

/// Reads everything `times` times.
pub async fn look(shop: &Shop, engine: &Engine, times: usize) -> Vec<Look> {
    let mut looks = vec![
        timed("page of the goods, its reads", times, async || home(shop, engine).await).await,
        timed("what sold best", times, async || sold(shop).await).await,
    ];
    for (name, filter) in filters() {
        for (place, after) in [("newest", None), ("half a year ago", Some(deep_order()))] {
            let named = format!("orders, {name}, {place}");
            looks.push(timed(&named, times, async || orders(shop, engine, &filter, after).await).await);
        }
    }
    let (customer, _) = shop.invited()[0];
    let customer = CustomerId::from_uuid(customer);
    looks.push(timed("orders of a customer", times, async || own_orders(shop, engine, customer).await).await);
    looks.push(timed("statement of a wallet", times, async || statement(shop, customer).await).await);
    let stock = Account::own(AccountKind::StockAtCost, Currency::CNY);
    looks.push(timed("lines of the stock's account", times, async || lines(shop, stock, None).await).await);
    let deep = LineMark { entry: ledger::entry_id(deep_order().uuid(), "paid"), posting: 0 };
    looks.push(timed("... deep", times, async || lines(shop, stock, Some(deep)).await).await);
    looks
}

async fn timed(name: &str, times: usize, read: impl AsyncFn()) -> Look {
    let mut took = Vec::with_capacity(times);
    // The first one prepares its statements, as a server has long done.
    for _ in 0..=times {
        let began = Instant::now();
        read().await;
        took.push(began.elapsed());
    }
    took.remove(0);
    Look::of(name, took)
}

/// The list of all orders, and the list with each filter.
fn filters() -> Vec<(String, OrderFilter)> {
    let mut all = vec![("all".to_owned(), OrderFilter::default())];
    for state in OrderState::ALL {
        all.push((state.word().to_owned(), OrderFilter { orders: vec![*state], ..OrderFilter::default() }));
    }
    for state in PaymentState::ALL {
        all.push((state.word().to_owned(), OrderFilter { payments: vec![*state], ..OrderFilter::default() }));
    }
    for state in DeliveryState::ALL {
        all.push((state.word().to_owned(), OrderFilter { deliveries: vec![*state], ..OrderFilter::default() }));
    }
    all
}

/// An id of half a year ago.
fn deep_order() -> OrderId {
    let seconds = (chrono::Utc::now() - TimeDelta::days(180)).timestamp();
    let time = uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(seconds).unwrap_or_default(), 0);
    OrderId::from_uuid(uuid::Uuid::new_v7(time))
}

async fn orders(shop: &Shop, engine: &Engine, filter: &OrderFilter, after: Option<OrderId>) {
    let (_, scope, _) = shop.rooms();
    engine.orders().list(scope, filter, after, PAGE).await.expect("a list");
}

async fn own_orders(shop: &Shop, engine: &Engine, customer: CustomerId) {
    let (_, scope, chain) = shop.rooms();
    engine.orders().page(&scope.site(chain[3].site), customer, None).await.expect("a list");
}

async fn statement(shop: &Shop, customer: CustomerId) {
    let (store, scope, _) = shop.rooms();
    let wallet = Account::of(AccountKind::Wallet, customer.uuid(), Currency::CNY);
    let tx = store.read(scope).await.expect("a reader");
    ledger::statement_in(&tx, wallet, None, 20).await.expect("a statement");
}

async fn lines(shop: &Shop, account: Account, after: Option<LineMark>) {
    let (store, scope, _) = shop.rooms();
    let tx = store.read(scope).await.expect("a reader");
    ledger::lines_in(&tx, account.id(scope.id()), after, PAGE).await.expect("lines");
}

/// What the page of all goods reads, but for what it sold lately, which is kept for minutes.
async fn home(shop: &Shop, engine: &Engine) {
    let (store, scope, chain) = shop.rooms();
    let tx = store.read(&scope.site(chain[3].site)).await.expect("a reader");
    let all = Catalog::new(store.clone()).catalogue_in(&tx).await.expect("the goods");
    let asked: Vec<(SkuId, u32)> = all.skus.iter().map(|sku| (sku.id, 1)).collect();
    Prices::new(store.clone()).quotes_in(&tx, chain, &Subject::default(), &asked).await.expect("prices");
    drop(tx);
    let skus: Vec<SkuId> = asked.iter().map(|(sku, _)| *sku).collect();
    engine.orders().shelf().recount(scope, skus[0]);
    engine.orders().shelf().counts(scope, &skus).await.expect("counts");
}

async fn sold(shop: &Shop) {
    let (store, scope, chain) = shop.rooms();
    let tx = store.read(&scope.site(chain[3].site)).await.expect("a reader");
    order::sold_since_in(&tx, tx.now() - LATELY).await.expect("a ranking");
}
