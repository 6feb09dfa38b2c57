//! What this process has just changed, so that it shows the change at once and does not wait until it looks again.
//!
//! Invariant: a number rises after the commit and before whoever committed hears of it, so that what was read under the
//! new number contains the change. It also rises when nothing was committed: then somebody looks once in vain. Of other
//! processes it says nothing. Where a commit is not answered, the number rises before it is known: if the change took effect
//! after all, it is seen once what was kept is too old.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use kernel::TenantId;
use uuid::Uuid;

/// Things that share a number are looked at once in vain when the other one changes.
const THINGS: usize = 4096;

/// One number for each tenant that this process has changed anything of, as many as there are tenants at most; and a
/// bounded lot of numbers that single things of all tenants share.
pub(crate) struct News {
    tenants: RwLock<HashMap<TenantId, u64>>,
    things: Box<[AtomicU64]>,
    place_of: RandomState,
}

impl Default for News {
    fn default() -> Self {
        let things = (0..THINGS).map(|_| AtomicU64::new(0)).collect();
        Self { tenants: RwLock::default(), things, place_of: RandomState::new() }
    }
}

impl News {
    pub fn of(&self, tenant: TenantId) -> u64 {
        self.tenants.read().expect("no holder panics").get(&tenant).copied().unwrap_or_default()
    }

    pub fn about(&self, tenant: TenantId, thing: Uuid) -> u64 {
        self.things[self.place(tenant, thing)].load(Ordering::Acquire)
    }

    fn place(&self, tenant: TenantId, thing: Uuid) -> usize {
        usize::try_from(self.place_of.hash_one((tenant, thing)) % THINGS as u64).expect("it is small")
    }

    fn raise(&self, tenant: TenantId) {
        *self.tenants.write().expect("no holder panics").entry(tenant).or_default() += 1;
    }
}

/// What a transaction will have to tell: told when its connection is let go, however it ended.
pub(crate) struct ToTell {
    news: Arc<News>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    tenants: Vec<TenantId>,
    places: Vec<usize>,
}

impl ToTell {
    pub fn new(news: Arc<News>) -> Self {
        Self { news, told: Mutex::default() }
    }

    pub fn add(&self, tenant: TenantId) {
        let mut told = self.told.lock().expect("no holder panics");
        if !told.tenants.contains(&tenant) {
            told.tenants.push(tenant);
        }
    }

    pub fn add_thing(&self, tenant: TenantId, thing: Uuid) {
        let place = self.news.place(tenant, thing);
        self.told.lock().expect("no holder panics").places.push(place);
    }
}

impl Drop for ToTell {
    fn drop(&mut self) {
        let told = self.told.get_mut().expect("no holder panics");
        told.tenants.drain(..).for_each(|tenant| self.news.raise(tenant));
        for place in told.places.drain(..) {
            self.news.things[place].fetch_add(1, Ordering::Release);
        }
    }
}
