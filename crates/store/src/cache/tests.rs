//! The cache under a clock that moves only when told to, without a database.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join, join_all};
use kernel::{FakeClock, Platform};
use tokio::sync::Semaphore;

use super::*;

/// A cache of numbers, and somewhere to read them that counts how often it is asked.
struct Scene {
    clock: FakeClock,
    cache: ScopedCache<u32, u32>,
    scope: TenantScope,
    source: Arc<Source>,
}

struct Source {
    asked: Mutex<Vec<Vec<u32>>>,
    value: AtomicUsize,
    /// A reading waits for one of these.
    permits: Semaphore,
}

impl Scene {
    fn new() -> Self {
        let clock = FakeClock::at(DateTime::from_timestamp_secs(1_795_000_000).expect("a moment"));
        let cache = ScopedCache::new(Arc::new(clock.clone()), 1_000, Duration::from_secs(1));
        let permits = Semaphore::new(1_000);
        let source = Source { asked: Mutex::default(), value: AtomicUsize::new(7), permits };
        Self { clock, cache, scope: Platform::assume().tenant(TenantId::new()), source: Arc::new(source) }
    }

    /// A scene in which a reading waits until it is told to end.
    fn slow() -> Self {
        let scene = Self::new();
        scene.source.permits.forget_permits(1_000);
        scene
    }

    async fn get(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, StoreError> {
        self.get_as(&self.scope, keys).await
    }

    async fn get_as(&self, scope: &TenantScope, keys: &[u32]) -> Result<HashMap<u32, u32>, StoreError> {
        let source = Arc::clone(&self.source);
        self.cache.get_all(scope, keys, move |keys| async move { source.read(keys).await }).await
    }

    fn set(&self, value: usize) {
        self.source.value.store(value, Ordering::SeqCst);
    }

    fn wait(&self, millis: i64) {
        self.clock.advance(TimeDelta::milliseconds(millis));
    }

    fn asked(&self) -> Vec<Vec<u32>> {
        self.source.asked.lock().expect("no holder panics").clone()
    }
}

impl Source {
    /// Reads the value as it is when the reading begins; 0 is a failure.
    async fn read(&self, keys: Vec<u32>) -> Result<HashMap<u32, u32>, StoreError> {
        let value = u32::try_from(self.value.load(Ordering::SeqCst)).expect("small");
        self.asked.lock().expect("no holder panics").push(keys.clone());
        self.permits.acquire().await.expect("open").forget();
        if value == 0 {
            return Err(StoreError::Busy);
        }
        Ok(keys.into_iter().map(|key| (key, value)).collect())
    }
}

#[tokio::test]
async fn a_value_lives_for_less_than_its_life() {
    let scene = Scene::new();
    assert_eq!(scene.get(&[1]).await.expect("read"), HashMap::from([(1, 7)]));
    scene.set(8);
    scene.wait(999);
    assert_eq!(scene.get(&[1]).await.expect("read"), HashMap::from([(1, 7)]));
    assert_eq!(scene.cache.get(&scene.scope, &1), Some(7));
    scene.wait(1);
    assert_eq!(scene.cache.get(&scene.scope, &1), None);
    assert_eq!(scene.get(&[1]).await.expect("read"), HashMap::from([(1, 8)]));
}

#[tokio::test]
async fn only_what_is_missing_is_read_and_in_one_go() {
    let scene = Scene::new();
    scene.get(&[1, 2]).await.expect("read");
    assert_eq!(scene.get(&[1, 2, 3, 4]).await.expect("read").len(), 4);
    assert_eq!(scene.asked(), [vec![1, 2], vec![3, 4]]);
}

#[tokio::test]
async fn a_crowd_reads_once() {
    let scene = Scene::slow();
    let crowd = join_all((0..100).map(|_| scene.get(&[1, 2])));
    let release = async { scene.source.permits.add_permits(100) };
    let (answers, ()) = join(crowd, release).await;
    assert!(answers.into_iter().all(|answer| answer.expect("read") == HashMap::from([(1, 7), (2, 7)])));
    assert_eq!(scene.asked(), [[1, 2]]);
}

#[tokio::test]
async fn who_wants_more_than_is_being_read_reads_the_rest() {
    let scene = Scene::slow();
    let release = async { scene.source.permits.add_permits(100) };
    let both = join(scene.get(&[1, 2]), scene.get(&[2, 3]));
    let ((first, second), ()) = join(both, release).await;
    assert_eq!(first.expect("read"), HashMap::from([(1, 7), (2, 7)]));
    assert_eq!(second.expect("read"), HashMap::from([(2, 7), (3, 7)]));
    assert_eq!(scene.asked(), [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_not_kept() {
    let scene = Scene::slow();
    scene.set(0);
    let release = async { scene.source.permits.add_permits(100) };
    let (answers, ()) = join(join_all((0..10).map(|_| scene.get(&[1]))), release).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Busy))));
    assert_eq!(scene.asked().len(), 1);
    scene.set(8);
    assert_eq!(scene.get(&[1]).await.expect("read"), HashMap::from([(1, 8)]));
}

#[tokio::test]
async fn a_reading_that_was_given_up_is_begun_anew() {
    let scene = Scene::slow();
    {
        let mut reading = std::pin::pin!(scene.get(&[1]));
        assert!(futures::poll!(reading.as_mut()).is_pending());
    }
    assert!(scene.cache.inner.flights().under_way.is_empty(), "nothing is left of it");
    scene.source.permits.add_permits(1);
    assert_eq!(scene.get(&[1]).await.expect("read"), HashMap::from([(1, 7)]));
    assert_eq!(scene.asked().len(), 2);
}

#[tokio::test]
async fn who_waits_goes_on_when_the_first_one_gives_up() {
    let scene = Scene::slow();
    let mut second = Box::pin(scene.get(&[1]));
    {
        let mut first = std::pin::pin!(scene.get(&[1]));
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
    }
    scene.source.permits.add_permits(1);
    assert_eq!(second.await.expect("read"), HashMap::from([(1, 7)]));
    assert_eq!(scene.asked().len(), 1);
}

#[tokio::test]
async fn what_was_read_before_a_removal_is_not_kept_after_it() {
    let scene = Scene::slow();
    let mut old = Box::pin(scene.get(&[1, 2]));
    assert!(futures::poll!(old.as_mut()).is_pending());
    scene.set(8);
    scene.cache.remove(&scene.scope, &[1]);
    scene.source.permits.add_permits(2);
    // Who comes after the removal does not wait for the old reading, but for what it left alone.
    let (old, new) = join(old, scene.get(&[1, 2])).await;
    assert_eq!(old.expect("read"), HashMap::from([(1, 7), (2, 7)]));
    assert_eq!(new.expect("read"), HashMap::from([(1, 8), (2, 7)]));
    assert_eq!(scene.cache.get(&scene.scope, &1), Some(8));
    assert_eq!(scene.cache.get(&scene.scope, &2), Some(7));
}

#[tokio::test]
async fn a_reading_older_than_a_life_is_not_joined_and_its_value_is_dead_on_arrival() {
    let scene = Scene::slow();
    let mut old = Box::pin(scene.get(&[1]));
    assert!(futures::poll!(old.as_mut()).is_pending());
    scene.set(8);
    scene.wait(1_000);
    scene.source.permits.add_permits(2);
    let (new, old) = join(scene.get(&[1]), old).await;
    assert_eq!((old.expect("read")[&1], new.expect("read")[&1]), (7, 8));
    assert_eq!(scene.cache.get(&scene.scope, &1), Some(8));
}

#[tokio::test]
async fn one_tenants_value_is_not_anothers() {
    let scene = Scene::new();
    scene.get(&[1]).await.expect("read");
    let stranger = Platform::assume().tenant(TenantId::new());
    assert_eq!(scene.cache.get(&stranger, &1), None);
    scene.cache.remove(&stranger, &[1]);
    scene.cache.insert(&stranger, 1, 9);
    assert_eq!(scene.cache.get(&scene.scope, &1), Some(7));
    scene.set(8);
    assert_eq!(scene.get_as(&stranger, &[1, 2]).await.expect("read"), HashMap::from([(1, 9), (2, 8)]));
}

#[tokio::test]
async fn a_value_put_in_by_hand_wins_over_an_older_reading() {
    let scene = Scene::slow();
    let mut old = Box::pin(scene.get(&[1]));
    assert!(futures::poll!(old.as_mut()).is_pending());
    scene.cache.insert(&scene.scope, 1, 9);
    scene.source.permits.add_permits(1);
    old.await.expect("read");
    assert_eq!(scene.cache.get(&scene.scope, &1), Some(9));
}

#[test]
fn a_clock_that_is_set_back_makes_values_old() {
    let scene = Scene::new();
    scene.cache.insert(&scene.scope, 1, 9);
    scene.wait(-1);
    assert_eq!(scene.cache.get(&scene.scope, &1), None);
}

#[test]
fn the_number_of_values_is_bounded() {
    let scene = Scene::new();
    for key in 0..10_000 {
        scene.cache.insert(&scene.scope, key, 1);
    }
    scene.cache.inner.values.run_pending_tasks();
    assert!(scene.cache.inner.values.entry_count() <= 1_000);
}

#[test]
fn the_weight_of_all_values_is_bounded() {
    let scene = Scene::new();
    let clock = Arc::new(scene.clock.clone());
    let cache: ScopedCache<u32, u32> = ScopedCache::weighing(clock, (1_000, |value| *value), Duration::from_secs(1));
    for key in 0..100 {
        cache.insert(&scene.scope, key, 300);
    }
    cache.insert(&scene.scope, 100, 1_001);
    cache.inner.values.run_pending_tasks();
    assert!(cache.inner.values.weighted_size() <= 1_000 && cache.inner.values.entry_count() <= 3);
    assert_eq!(cache.get(&scene.scope, &100), None, "heavier than all may be together");
}

#[test]
fn what_is_asked_for_now_is_kept_however_often_others_were_before() {
    let scene = Scene::new();
    let clock = Arc::new(scene.clock.clone());
    let cache: ScopedCache<u32, u32> =
        ScopedCache::weighing_newest(clock, (1_000, |value| *value), Duration::from_secs(60));
    for epoch in 0..100 {
        cache.insert(&scene.scope, epoch, 300);
        for _ in 0..50 {
            cache.inner.values.run_pending_tasks();
            assert_eq!(cache.get(&scene.scope, &epoch), Some(300), "epoch {epoch}");
        }
    }
}

#[test]
fn a_value_tells_until_when_it_is_good() {
    let scene = Scene::new();
    scene.cache.insert(&scene.scope, 1, 9);
    let end = scene.clock.now() + TimeDelta::seconds(1);
    scene.wait(999);
    assert_eq!(scene.cache.get_until(&scene.scope, &1), Some((9, end)));
    scene.wait(1);
    assert_eq!(scene.cache.get_until(&scene.scope, &1), None);
}
