//! Many shops in one database, some of them much busier than others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lane::Lanes;
use order::Orders;
use testkit::TestDb;

use crate::callers::{Counter, Way};
use crate::http::{Dice, Zipf};
use crate::shop::Shop;

/// Customers of each shop.
const CUSTOMERS: usize = 32;

/// The shops, and the engine that sells from all of them. The first has the most buyers: twice as many as the second, three
/// times as many as the third, and so on.
pub struct Market {
    shops: Vec<Arc<Shop>>,
    lanes: Lanes,
    orders: Orders,
    zipf: Zipf,
    bought: AtomicU64,
}

impl Market {
    /// Makes so many shops in an empty database.
    pub async fn open(db: &TestDb, tenants: usize) -> Self {
        let first = Shop::open(db).await;
        let (lanes, ground) = (first.lanes(), first.ground());
        let orders = first.orders(&lanes);
        let mut shops = vec![Arc::new(first)];
        for _ in 1..tenants {
            shops.push(Arc::new(Shop::open_beside(db, ground.clone(), CUSTOMERS).await));
        }
        Self { shops, lanes, orders, zipf: Zipf::of(tenants), bought: AtomicU64::new(0) }
    }

    /// Sees to it that `pieces` can be sold now by all shops together.
    pub async fn stock_up(&self, pieces: u64) {
        for (place, shop) in self.shops.iter().enumerate() {
            let share = pieces * self.zipf.share_ppm(place) / 1_000_000;
            shop.stock_up(share + share / 4 + 64).await;
        }
    }

    /// Carries out what is queued, and ends.
    pub async fn stop(&self) {
        self.lanes.stop().await;
    }

    /// What does not hold in any of the shops.
    pub async fn breaches(&self) -> Vec<String> {
        let mut all = Vec::new();
        for shop in &self.shops {
            all.extend(shop.breaches(Way::Lane).await);
        }
        all
    }
}

impl Counter for Market {
    async fn buy(&self, caller: usize) {
        let mut dice = Dice::new(self.bought.fetch_add(1, Ordering::Relaxed) + 1);
        let place = self.zipf.pick(&mut dice);
        self.shops[place].place(&self.orders, caller).await;
    }
}
