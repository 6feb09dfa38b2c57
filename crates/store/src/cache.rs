//! What was read a moment ago, kept in memory under its tenant.
//!
//! A crowd that asks for the same rows costs one query: those who come while it runs wait for it, and those who come
//! soon after are answered from memory.
//!
//! Invariants: there is no key without a tenant, and only a scope makes one; the number of values, or what they weigh
//! together, is bounded; a value
//! is handed out only while it is younger than the cache's life, counted from before it was read; what was read before
//! a removal is not kept after it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared, try_join_all};
use kernel::{Clock, TenantId, TenantScope};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::error::StoreError;
use crate::store::Store;

/// A bounded cache of values that live for a short time, each inside a tenant. Clones share the values.
pub struct ScopedCache<K, V> {
    inner: Arc<Inner<K, V>>,
}

/// What can be looked for in a cache.
pub trait CacheKey: Clone + Eq + Hash + Send + Sync + 'static {}
impl<K: Clone + Eq + Hash + Send + Sync + 'static> CacheKey for K {}

/// What can be kept in a cache; a clone should be cheap.
pub trait CacheValue: Clone + Send + Sync + 'static {}
impl<V: Clone + Send + Sync + 'static> CacheValue for V {}

type Place<K> = (TenantId, K);
type Found<K, V> = Result<Arc<HashMap<K, V>>, StoreError>;
type Reading<K, V> = BoxFuture<'static, Found<K, V>>;

struct Inner<K, V> {
    values: Cache<Place<K>, Held<V>>,
    /// Held for a few lookups at a time, never while something is read.
    flights: Mutex<Flights<K, V>>,
    clock: Arc<dyn Clock>,
    life: TimeDelta,
}

#[derive(Clone)]
struct Held<V> {
    value: V,
    read_at: DateTime<Utc>,
}

/// What is being read at this moment.
struct Flights<K, V> {
    last: u64,
    under_way: HashMap<Place<K>, Flight<K, V>>,
}

/// One reading that a key waits for. Weak: a reading that nobody waits for any more ends, and its transaction with it.
struct Flight<K, V> {
    number: u64,
    begun_at: DateTime<Utc>,
    reading: WeakShared<Reading<K, V>>,
}

/// Takes a flight off the list when it ends, however it ends.
struct Landing<K: CacheKey, V: CacheValue> {
    inner: Arc<Inner<K, V>>,
    places: Vec<Place<K>>,
    number: u64,
    begun_at: DateTime<Utc>,
}

/// What a caller has to wait for.
struct Boarding<K, V> {
    values: HashMap<K, V>,
    readings: Vec<Shared<Reading<K, V>>>,
}

/// Whether what is in memory is looked at before a reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Away,
}

/// A store tells its own time.
impl Clock for Store {
    fn now(&self) -> DateTime<Utc> {
        self.time()
    }
}

impl<K, V> Clone for ScopedCache<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: CacheKey, V: CacheValue> ScopedCache<K, V> {
    /// An empty cache of at most `values_max` values, which are good for `life` by `clock`.
    pub fn new(clock: Arc<dyn Clock>, values_max: u64, life: Duration) -> Self {
        Self::over(Cache::new(values_max), clock, life)
    }

    /// An empty cache of values that together weigh at most `weight_max`, each as much as `weigh` says.
    pub fn weighing(clock: Arc<dyn Clock>, (weight_max, weigh): (u64, fn(&V) -> u32), life: Duration) -> Self {
        let values = Cache::builder().max_capacity(weight_max);
        Self::over(values.weigher(move |_, held: &Held<V>| weigh(&held.value)).build(), clock, life)
    }

    /// As [`ScopedCache::weighing`], for values of which a newer one takes an older one's place under another key: room is
    /// made by the one that was longest not asked for. Where callers choose the keys, a flood of them would empty it.
    pub fn weighing_newest(clock: Arc<dyn Clock>, (weight_max, weigh): (u64, fn(&V) -> u32), life: Duration) -> Self {
        let values = Cache::builder().max_capacity(weight_max).eviction_policy(EvictionPolicy::lru());
        Self::over(values.weigher(move |_, held: &Held<V>| weigh(&held.value)).build(), clock, life)
    }

    fn over(values: Cache<Place<K>, Held<V>>, clock: Arc<dyn Clock>, life: Duration) -> Self {
        let life = TimeDelta::from_std(life).expect("the life of a cached value is short");
        let flights = Mutex::new(Flights { last: 0, under_way: HashMap::new() });
        Self { inner: Arc::new(Inner { values, flights, clock, life }) }
    }

    /// The value of `key`, if it is in memory and young enough.
    pub fn get(&self, scope: &TenantScope, key: &K) -> Option<V> {
        self.get_until(scope, key).map(|(value, _)| value)
    }

    /// As [`ScopedCache::get`], with the moment at which it is no longer young enough.
    pub fn get_until(&self, scope: &TenantScope, key: &K) -> Option<(V, DateTime<Utc>)> {
        self.inner.get(&(scope.id(), key.clone()))
    }

    /// The values of `keys`: from memory where they are young enough, by one `read` of all the others, or from a
    /// reading of somebody else that is under way. A key that `read` leaves out is left out.
    pub async fn get_all<R>(
        &self,
        scope: &TenantScope,
        keys: &[K],
        read: impl FnOnce(Vec<K>) -> R + Send + 'static,
    ) -> Result<HashMap<K, V>, StoreError>
    where
        R: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        let mut values = HashMap::with_capacity(keys.len());
        let mut missing = Vec::new();
        for key in keys {
            match self.get(scope, key) {
                Some(value) => drop(values.insert(key.clone(), value)),
                None => missing.push(key.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(values);
        }
        // In a box of its own: whoever finds everything in memory does not carry along what waits for a database.
        Box::pin(self.get_missing(scope, (values, missing), read)).await
    }

    async fn get_missing<R>(
        &self,
        scope: &TenantScope,
        (mut values, missing): (HashMap<K, V>, Vec<K>),
        read: impl FnOnce(Vec<K>) -> R + Send + 'static,
    ) -> Result<HashMap<K, V>, StoreError>
    where
        R: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        let boarding = Inner::board(&self.inner, scope.id(), (&missing, Look::First), read);
        values.extend(boarding.values);
        for read in try_join_all(boarding.readings).await? {
            let wanted = missing.iter().filter_map(|key| Some((key.clone(), read.get(key)?.clone())));
            values.extend(wanted);
        }
        Ok(values)
    }

    /// Reads `keys` anew by one `read` though they may be young enough, so that nobody has to wait when they are not any
    /// more. What is being read of them already is waited for.
    pub async fn renew<R>(
        &self,
        scope: &TenantScope,
        keys: &[K],
        read: impl FnOnce(Vec<K>) -> R + Send + 'static,
    ) -> Result<(), StoreError>
    where
        R: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        let boarding = Inner::board(&self.inner, scope.id(), (keys, Look::Away), read);
        try_join_all(boarding.readings).await.map(drop)
    }

    /// Keeps `value` from now on.
    pub fn insert(&self, scope: &TenantScope, key: K, value: V) {
        let place = (scope.id(), key);
        let mut flights = self.inner.flights();
        flights.under_way.remove(&place);
        self.inner.values.insert(place, Held { value, read_at: self.inner.clock.now() });
    }

    /// Forgets `keys`; what is being read of them now is not kept.
    pub fn remove(&self, scope: &TenantScope, keys: &[K]) {
        let mut flights = self.inner.flights();
        for key in keys {
            let place = (scope.id(), key.clone());
            flights.under_way.remove(&place);
            self.inner.values.invalidate(&place);
        }
    }
}

impl<K: CacheKey, V: CacheValue> Inner<K, V> {
    fn flights(&self) -> MutexGuard<'_, Flights<K, V>> {
        self.flights.lock().expect("no holder panics")
    }

    fn get(&self, place: &Place<K>) -> Option<(V, DateTime<Utc>)> {
        let held = self.values.get(place)?;
        self.is_young(held.read_at, self.clock.now()).then(|| (held.value, held.read_at + self.life))
    }

    /// A moment that lies ahead tells of a clock that was set back: nothing is known of the age.
    fn is_young(&self, moment: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        moment <= now && now - moment < self.life
    }

    /// Joins the readings that are under way, and begins one for the keys that nobody reads.
    fn board<R>(
        this: &Arc<Self>,
        tenant: TenantId,
        (keys, look): (&[K], Look),
        read: impl FnOnce(Vec<K>) -> R + Send + 'static,
    ) -> Boarding<K, V>
    where
        R: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        let mut flights = this.flights();
        let now = this.clock.now();
        let (mut values, mut joined, mut places) = (HashMap::new(), BTreeMap::new(), Vec::new());
        for key in keys {
            let place = (tenant, key.clone());
            // Somebody may have landed since the caller looked.
            let kept = if look == Look::First { this.get(&place) } else { None };
            if let Some((value, _)) = kept {
                values.insert(key.clone(), value);
            } else if let Some((number, reading)) = this.flight_of(&flights, &place, now) {
                joined.insert(number, reading);
            } else {
                places.push(place);
            }
        }
        if !places.is_empty() {
            flights.last += 1;
            let number = flights.last;
            let landing = Landing { inner: Arc::clone(this), places: places.clone(), number, begun_at: now };
            let reading = landing.fly(read).shared();
            for place in places {
                let reading = reading.downgrade().expect("it has not begun");
                flights.under_way.insert(place, Flight { number, begun_at: now, reading });
            }
            joined.insert(number, reading);
        }
        Boarding { values, readings: joined.into_values().collect() }
    }

    fn flight_of(
        &self,
        flights: &Flights<K, V>,
        place: &Place<K>,
        now: DateTime<Utc>,
    ) -> Option<(u64, Shared<Reading<K, V>>)> {
        let flight = flights.under_way.get(place).filter(|flight| self.is_young(flight.begun_at, now))?;
        Some((flight.number, flight.reading.upgrade()?))
    }
}

impl<K: CacheKey, V: CacheValue> Landing<K, V> {
    /// Reads once, when it is first waited for.
    fn fly<R>(self, read: impl FnOnce(Vec<K>) -> R + Send + 'static) -> Reading<K, V>
    where
        R: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        Box::pin(async move {
            let keys = self.places.iter().map(|(_, key)| key.clone()).collect();
            let read = read(keys).await?;
            self.keep(&read);
            Ok(Arc::new(read))
        })
    }

    fn keep(&self, read: &HashMap<K, V>) {
        let flights = self.inner.flights();
        for place in self.places.iter().filter(|place| flights.is_on(place, self.number)) {
            if let Some(value) = read.get(&place.1) {
                let held = Held { value: value.clone(), read_at: self.begun_at };
                self.inner.values.insert(place.clone(), held);
            }
        }
    }
}

impl<K: CacheKey, V: CacheValue> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut flights = self.inner.flights();
        for place in &self.places {
            if flights.is_on(place, self.number) {
                flights.under_way.remove(place);
            }
        }
    }
}

impl<K: CacheKey, V> Flights<K, V> {
    /// Whether `place` still waits for flight `number`: neither was it removed since, nor is it read anew.
    fn is_on(&self, place: &Place<K>, number: u64) -> bool {
        self.under_way.get(place).is_some_and(|flight| flight.number == number)
    }
}

#[cfg(test)]
mod tests;
