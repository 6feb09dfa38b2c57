//! Marks under a clock that moves only when told to.

use std::sync::atomic::AtomicUsize;

use chrono::{DateTime, TimeDelta};
use kernel::{FakeClock, Platform, TenantId};
use proptest::prelude::*;

use super::*;

const CROWD: usize = 100;

struct Scene {
    clock: FakeClock,
    marks: Marks,
    scope: TenantScope,
    sku: SkuId,
}

impl Scene {
    fn new() -> Self {
        let clock = FakeClock::at(DateTime::from_timestamp_secs(1_795_000_000).expect("a moment"));
        let marks = Marks::new(Arc::new(clock.clone()));
        Self { clock, marks, scope: Platform::assume().tenant(TenantId::new()), sku: SkuId::new() }
    }

    fn marked() -> Self {
        let scene = Self::new();
        scene.mark();
        scene
    }

    fn mark(&self) {
        self.marks.mark(&self.scope, self.sku);
    }

    fn wait(&self, millis: i64) {
        self.clock.advance(TimeDelta::milliseconds(millis));
    }

    fn passes(&self) -> bool {
        !self.marks.turns_away(&self.scope, self.sku)
    }

    /// How many of a crowd pass.
    fn crowd(&self) -> usize {
        (0..CROWD).filter(|_| self.passes()).count()
    }
}

#[test]
fn without_a_mark_everybody_passes() {
    assert_eq!(Scene::new().crowd(), CROWD);
}

#[test]
fn a_mark_turns_everybody_away_for_250_milliseconds() {
    let scene = Scene::marked();
    scene.wait(249);
    assert_eq!(scene.crowd(), 0);
}

#[test]
fn of_a_crowd_exactly_one_passes_when_the_mark_has_aged() {
    let scene = Scene::marked();
    scene.wait(250);
    assert_eq!(scene.crowd(), 1);
    scene.wait(249);
    assert_eq!(scene.crowd(), 0, "the probe is out");
}

#[test]
fn of_a_crowd_on_several_threads_exactly_one_passes() {
    let scene = Scene::marked();
    let passed = AtomicUsize::new(0);
    for _ in 0..3 {
        scene.wait(250);
        passed.store(0, Ordering::SeqCst);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| passed.fetch_add(scene.crowd(), Ordering::SeqCst));
            }
        });
        assert_eq!(passed.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_probe_that_finds_nothing_silences_the_crowd_again() {
    let scene = Scene::marked();
    scene.wait(300);
    assert!(scene.passes());
    scene.wait(100);
    scene.mark();
    scene.wait(249);
    assert_eq!(scene.crowd(), 0);
    scene.wait(1);
    assert_eq!(scene.crowd(), 1);
}

#[test]
fn a_probe_that_finds_something_lets_the_crowd_through() {
    let scene = Scene::marked();
    scene.wait(250);
    assert!(scene.passes());
    scene.marks.found(&scene.scope, &[scene.sku]);
    assert_eq!(scene.crowd(), CROWD);
}

#[test]
fn a_purchase_told_of_after_the_mark_does_not_take_it_away() {
    let scene = Scene::marked();
    scene.marks.found(&scene.scope, &[scene.sku]);
    assert_eq!(scene.crowd(), 0);
}

#[test]
fn a_lost_probe_is_followed_by_another_one() {
    let scene = Scene::marked();
    scene.wait(250);
    assert!(scene.passes());
    scene.wait(250);
    assert_eq!(scene.crowd(), 1);
}

#[test]
fn a_mark_without_news_is_gone_after_a_second() {
    let scene = Scene::marked();
    for _ in 0..3 {
        scene.wait(250);
        assert_eq!(scene.crowd(), 1);
    }
    scene.wait(250);
    assert_eq!(scene.crowd(), CROWD);
}

#[test]
fn a_clock_that_is_set_back_frees_the_mark() {
    let scene = Scene::marked();
    scene.wait(-3_600_000);
    assert_eq!(scene.crowd(), CROWD);
}

#[test]
fn a_mark_says_nothing_about_another_sku_or_to_another_tenant() {
    let scene = Scene::marked();
    let stranger = Platform::assume().tenant(TenantId::new());
    assert!(!scene.marks.turns_away(&stranger, scene.sku));
    assert!(!scene.marks.is_marked(&stranger, scene.sku));
    assert!(!scene.marks.turns_away(&scene.scope, SkuId::new()));
    // Nor can the stranger take it away.
    scene.marks.clear(&stranger, &[scene.sku]);
    assert!(!scene.passes());
}

#[test]
fn a_page_that_looks_takes_no_probe() {
    let scene = Scene::marked();
    assert!(scene.marks.is_marked(&scene.scope, scene.sku));
    scene.wait(250);
    assert!(!scene.marks.is_marked(&scene.scope, scene.sku));
    assert!(scene.passes());
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Try,
    Mark,
    Found,
    Restock,
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => Just(Act::Try),
        2 => Just(Act::Mark),
        1 => Just(Act::Found),
        1 => Just(Act::Restock),
        4 => (0..400i64).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..200)
}

proptest! {
    #[test]
    fn passes_are_bounded_and_a_restock_always_opens(acts in acts()) {
        let scene = Scene::new();
        let (mut now, mut marked_at, mut passed_at): (i64, Option<i64>, Option<i64>) = (0, None, None);
        for act in acts {
            match act {
                Act::Wait(millis) => {
                    scene.wait(millis);
                    now += millis;
                }
                Act::Mark => {
                    scene.mark();
                    (marked_at, passed_at) = (Some(now), None);
                }
                Act::Restock => {
                    scene.marks.clear(&scene.scope, &[scene.sku]);
                    marked_at = None;
                    prop_assert!(scene.passes());
                }
                Act::Found => {
                    scene.marks.found(&scene.scope, &[scene.sku]);
                    if passed_at.is_some() {
                        marked_at = None;
                    }
                }
                Act::Try => {
                    // Silent after the mark, and after each pass since it; open without a mark or news of it.
                    let last = marked_at.filter(|at| now - at < 1_000).map(|at| passed_at.unwrap_or(at));
                    let expected = last.is_none_or(|last| now - last >= 250);
                    prop_assert_eq!(scene.passes(), expected);
                    if last.is_some() && expected {
                        passed_at = Some(now);
                    }
                }
            }
        }
    }

    #[test]
    fn at_most_one_passes_in_any_window_while_the_lane_keeps_saying_no(waits in prop::collection::vec(0..400i64, 1..100)) {
        let scene = Scene::marked();
        let (mut now, mut passed) = (0, Vec::new());
        for wait in waits {
            scene.wait(wait);
            now += wait;
            let passes = scene.crowd();
            prop_assert!(passes <= 1);
            if passes == 1 {
                passed.push(now);
                scene.mark();
            }
        }
        prop_assert!(passed.windows(2).all(|pair| pair[1] - pair[0] >= 250));
    }
}
