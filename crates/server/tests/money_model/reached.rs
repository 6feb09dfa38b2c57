//! What the cases of a run have reached: a model that never meets a debt says nothing about debts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

static REACHED: Mutex<BTreeMap<&str, u32>> = Mutex::new(BTreeMap::new());

fn reached() -> MutexGuard<'static, BTreeMap<&'static str, u32>> {
    REACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts it once more, if it is so.
pub fn note(is_so: bool, what: &'static str) {
    if is_so {
        *reached().entry(what).or_default() += 1;
    }
}

/// All that was reached, and how often.
pub fn told() -> String {
    reached().iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
}
