//! Many shops in one database, some of them much busier than others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use lane::Lanes;
use order::Orders;
use testkit::TestDb;

use crate::callers::{Counter, Way};
use crate::http::{Dice, Zipf};
use crate::load::{histogram, micros};
use crate::naive::Naive;
use crate::shop::Shop;

/// Customers of each shop.
const CUSTOMERS: usize = 32;

/// The shops, and what sells from all of them. The first has the most buyers: twice as many as the second, three times as
/// many as the third, and so on.
pub struct Market<E> {
    shops: Vec<Arc<Shop>>,
    engine: E,
    zipf: Zipf,
    bought: AtomicU64,
    waits: Vec<Mutex<Histogram<u64>>>,
}

/// Sells one piece of a shop of many.
pub trait Seller: Send + Sync + 'static {
    /// Buys one piece of the shop at `place` for `caller`.
    fn sell(&self, shop: &Shop, place: usize, caller: usize) -> impl Future<Output = ()> + Send;
}

/// The engine, a lane for each shop.
pub struct ManyLanes {
    lanes: Lanes,
    orders: Orders,
}

/// The careful naive way, a transaction for each order.
pub struct ManyNaive(Vec<Naive>);

impl Market<ManyLanes> {
    /// Makes so many shops in an empty database.
    pub async fn open(db: &TestDb, tenants: usize) -> Self {
        let shops = shops(db, tenants).await;
        let lanes = shops[0].lanes();
        let orders = shops[0].orders(&lanes);
        Self::of(shops, ManyLanes { lanes, orders })
    }

    /// Carries out what is queued, and ends.
    pub async fn stop(&self) {
        self.engine.lanes.stop().await;
    }
}

impl Market<ManyNaive> {
    /// The same shops, without the engine.
    pub async fn open_naive(db: &TestDb, tenants: usize) -> Self {
        let shops = shops(db, tenants).await;
        let naive = Naive::open_all(db, &shops).await;
        Self::of(shops, ManyNaive(naive))
    }
}

impl<E> Market<E> {
    fn of(shops: Vec<Arc<Shop>>, engine: E) -> Self {
        let waits = shops.iter().map(|_| Mutex::new(histogram())).collect();
        Self { zipf: Zipf::of(shops.len()), shops, engine, bought: AtomicU64::new(0), waits }
    }

    /// Sees to it that `pieces` can be sold now by all shops together.
    pub async fn stock_up(&self, pieces: u64) {
        for (place, shop) in self.shops.iter().enumerate() {
            let share = pieces * self.zipf.share_ppm(place) / 1_000_000;
            shop.stock_up(share + share / 4 + 64).await;
        }
    }

    /// What does not hold in any of the shops after selling this way.
    pub async fn breaches(&self, way: Way) -> Vec<String> {
        let mut all = Vec::new();
        for shop in &self.shops {
            all.extend(shop.breaches(way).await);
        }
        all
    }

    /// How long the buyers of each shop waited since this was asked before, in microseconds; the busiest shop first.
    pub fn take_waits(&self) -> Vec<Histogram<u64>> {
        let lock = |wait: &Mutex<Histogram<u64>>| {
            std::mem::replace(&mut *wait.lock().unwrap_or_else(PoisonError::into_inner), histogram())
        };
        self.waits.iter().map(lock).collect()
    }
}

async fn shops(db: &TestDb, tenants: usize) -> Vec<Arc<Shop>> {
    let first = Shop::open(db).await;
    let ground = first.ground();
    let mut shops = vec![Arc::new(first)];
    for _ in 1..tenants {
        shops.push(Arc::new(Shop::open_beside(db, ground.clone(), CUSTOMERS).await));
    }
    shops
}

impl Seller for ManyLanes {
    async fn sell(&self, shop: &Shop, _: usize, caller: usize) {
        shop.place(&self.orders, caller).await;
    }
}

impl Seller for ManyNaive {
    async fn sell(&self, _: &Shop, place: usize, caller: usize) {
        self.0[place].buy(caller).await;
    }
}

impl<E: Seller> Counter for Market<E> {
    async fn buy(&self, caller: usize) {
        let mut dice = Dice::new(self.bought.fetch_add(1, Ordering::Relaxed) + 1);
        let (place, asked) = (self.zipf.pick(&mut dice), Instant::now());
        self.engine.sell(&self.shops[place], place, caller).await;
        let mut waits = self.waits[place].lock().unwrap_or_else(PoisonError::into_inner);
        waits.saturating_record(micros(asked));
    }
}
