//! Settlement: what many orders have earned falls due on one day, for few earners or many.
//!
//! The orders are written as deliveries post them, two earners each, many in a transaction. Then the day comes: the lane
//! releases by earner and day. Beside it stands the careful naive way, which settles order by order: a transaction for each,
//! with its entry and the two accounts that it moves.

use std::time::{Duration, Instant};

use catalog::Prices;
use kernel::{Currency, Day, Money, TenantScope};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Earner, Entry, EntryKind, Posting, Purse, Side};
use settlement::Settlement;
use store::{Settings, Store, Time, Tx};
use testkit::TestDb;
use uuid::Uuid;

const CNY: Currency = Currency::CNY;
/// Orders of one transaction.
const CHUNK: u64 = 1_000;
/// What each order earns each of its two earners.
const EARNED: Money = Money::new(1_37, CNY);

/// A tenant whose orders have earned something.
pub struct Settling {
    store: Store,
    scope: TenantScope,
    settlement: Settlement,
    lanes: Lanes,
    earners: Vec<Earner>,
    orders: u64,
}

impl Settling {
    /// Writes `orders` deliveries of two of `earners` earners each, all of them due today.
    pub async fn fill(db: &TestDb, orders: u64, earners: u64) -> Self {
        let settings = Settings { time: Time::Database, ..db.settings.clone() };
        let store = Store::open(&settings).await.expect("the database opens");
        let scope = db.tenant().await;
        let lanes = Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| Vec::new());
        let settlement = Settlement::new(store.clone(), lanes.clone(), Prices::new(store.clone()));
        let earner = |_| Earner { side: Side::Agent, owner: Uuid::now_v7(), currency: CNY };
        let new = Self { store, scope, settlement, lanes, earners: (0..earners).map(earner).collect(), orders };
        for first in (0..orders).step_by(usize::try_from(CHUNK).expect("not so many")) {
            new.deliver(first..(first + CHUNK).min(orders)).await;
        }
        if db.backend == store::Backend::Postgres {
            db.psql("VACUUM ANALYZE");
        }
        new
    }

    fn of(&self, number: u64) -> [&Earner; 2] {
        let of = |number: u64| {
            let place = usize::try_from(number % self.earners.len() as u64).expect("not so many");
            &self.earners[place]
        };
        [of(number), of(number + 1)]
    }

    async fn deliver(&self, numbers: std::ops::Range<u64>) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let (mut book, today) = (Book::new(self.scope.id()), Day::of(tx.now()));
        for number in numbers {
            let deposits = Account::own(AccountKind::OrderDeposits, CNY);
            let mut postings = vec![Posting { account: deposits, amount: Money::new(-2 * EARNED.minor(), CNY) }];
            let earned = self.of(number).map(|earner| Posting { account: earner.pending(today), amount: EARNED });
            postings.extend(earned);
            let entry = Entry::try_new(EntryKind::LineDelivered, Uuid::now_v7(), "delivered:1", postings);
            book.post(entry.expect("balanced")).expect("posted");
        }
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    /// One pass over all that is due: how long it took.
    pub async fn settle(&self) -> Duration {
        let began = Instant::now();
        let released = self.settlement.release(&self.scope, false).await.expect("released");
        let took = began.elapsed();
        assert!(released.earners > 0, "something was due");
        took
    }

    /// The same, but it stops in the middle and is begun anew: how long both took together.
    pub async fn settle_in_two(&self, stop_after: Duration) -> Duration {
        let began = Instant::now();
        let first = tokio::time::timeout(stop_after, self.settlement.release(&self.scope, false)).await;
        assert!(first.is_err(), "it was to be stopped before its end");
        let _ = self.settlement.release(&self.scope, false).await.expect("released");
        began.elapsed()
    }

    /// Settles the first `count` orders one by one: how long that took.
    pub async fn settle_naively(&self, count: u64) -> Duration {
        let began = Instant::now();
        for number in 0..count {
            let tx = self.store.write(&self.scope).await.expect("a writer");
            let (mut book, today) = (Book::new(self.scope.id()), Day::of(tx.now()));
            let order = Uuid::now_v7();
            self.of(number).into_iter().for_each(|earner| book.want(earner.pending(today)));
            book.read_in(&tx).await.expect("read");
            let postings = self.of(number).into_iter().flat_map(|earner| {
                [
                    Posting { account: earner.pending(today), amount: Money::new(-EARNED.minor(), CNY) },
                    Posting { account: earner.available(), amount: EARNED },
                ]
            });
            let entry = Entry::try_new(EntryKind::EarningReleased, order, "released", postings);
            book.post(entry.expect("balanced")).expect("it is there");
            book.write_in(&tx, Uuid::now_v7()).await.expect("written");
            tx.commit().await.expect("committed");
        }
        began.elapsed()
    }

    /// Looks whether all that was earned is available now, to the cent, and the ledger is sound.
    pub async fn check(self) {
        self.lanes.stop().await;
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let purses = ledger::purses_in(&tx, &self.earners).await.expect("read");
        assert!(purses.iter().all(|Purse { pending, debt, .. }| pending.is_empty() && *debt == 0));
        let available: i128 = purses.iter().map(|purse| i128::from(purse.available)).sum();
        assert_eq!(available, i128::from(self.orders) * 2 * i128::from(EARNED.minor()));
        assert_eq!(ledger::audit_in(&tx).await.expect("an audit").breaches, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    testkit::on_both! {
        async fn every_cent_is_released_however_it_is_settled(db) {
            let at_once = Settling::fill(&db, 40, 7).await;
            at_once.settle().await;
            at_once.check().await;
            let one_by_one = Settling::fill(&db, 40, 7).await;
            one_by_one.settle_naively(40).await;
            one_by_one.check().await;
        }
    }
}
