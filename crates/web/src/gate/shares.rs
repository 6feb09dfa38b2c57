//! Places that are shared fairly by those who come, however many of them there are.
//!
//! Somebody may hold [`FAIR`] times as many places as are free. One who comes alone gets four fifths of all; of several
//! floods each gets the same; and there is always room for somebody new.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many times what is free one may hold.
const FAIR: usize = 4;

/// Places of one kind. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Shares<K> {
    most: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    /// Only those who hold any.
    by: HashMap<K, usize>,
}

/// A place; it is free again when this goes.
#[derive(Debug)]
pub(crate) struct Place<K: Copy + Eq + Hash> {
    of: Shares<K>,
    who: K,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// For nobody.
    All,
    /// For him, who holds his share.
    Share,
}

/// Whether somebody who holds `own` of `all` taken places may have one more. Pure.
fn check(own: usize, all: usize, most: usize) -> Result<(), Full> {
    let free = most.saturating_sub(all);
    match free {
        0 => Err(Full::All),
        free if own < FAIR * free => Ok(()),
        _ => Err(Full::Share),
    }
}

impl<K: Copy + Eq + Hash> Shares<K> {
    pub fn new(most: usize) -> Self {
        Self { most, taken: Arc::new(Mutex::new(Taken { all: 0, by: HashMap::new() })) }
    }

    /// Takes a place for `who`, or says why there is none.
    pub fn enter(&self, who: K) -> Result<Place<K>, Full> {
        self.enter_within(who, self.most)
    }

    /// The same for somebody who may hold `most` of them, however many are free.
    pub fn enter_within(&self, who: K, most: usize) -> Result<Place<K>, Full> {
        let mut taken = self.taken();
        let own = taken.by.get(&who).copied().unwrap_or_default();
        check(own, taken.all, self.most)?;
        if own >= most {
            return Err(Full::Share);
        }
        taken.all += 1;
        taken.by.insert(who, own + 1);
        drop(taken);
        Ok(Place { of: self.clone(), who })
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all -= 1;
        if let Entry::Occupied(mut own) = taken.by.entry(self.who) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flood(shares: &Shares<u32>, who: u32) -> Vec<Place<u32>> {
        std::iter::from_fn(|| shares.enter(who).ok()).collect()
    }

    #[test]
    fn a_flood_leaves_a_fifth_and_a_newcomer_gets_in() {
        let shares = Shares::new(500);
        let first = flood(&shares, 1);
        assert_eq!(first.len(), 400);
        assert_eq!(shares.enter(1).err(), Some(Full::Share));
        let newcomer = shares.enter(2).expect("there is room for another");
        drop((first, newcomer));
        assert_eq!(flood(&shares, 2).len(), 400, "all places are free again");
    }

    #[test]
    fn floods_that_come_one_after_another_end_at_equal_shares() {
        let shares = Shares::new(900);
        let (mut first, mut second) = (flood(&shares, 1), Vec::new());
        // What is answered is free for whoever asks next.
        for _ in 0..2_000 {
            first.pop();
            second.extend(shares.enter(2));
            first.extend(shares.enter(1));
            second.pop();
            second.extend(shares.enter(2));
        }
        assert!(first.len().abs_diff(second.len()) <= 8, "{} and {}", first.len(), second.len());
        assert!(shares.enter(3).is_ok());
    }

    #[test]
    fn who_may_hold_so_many_holds_no_more_however_many_are_free() {
        let shares = Shares::new(500);
        let held: Vec<_> = std::iter::from_fn(|| shares.enter_within(1, 7).ok()).collect();
        assert_eq!((held.len(), shares.enter_within(1, 7).err()), (7, Some(Full::Share)));
        assert!(shares.enter_within(2, 7).is_ok());
    }

    proptest! {
        #[test]
        fn never_more_than_there_are_and_somebody_new_gets_in(
            steps in proptest::collection::vec((0u32..6, any::<bool>()), 1..400), most in 2usize..40
        ) {
            let (shares, mut held) = (Shares::new(most), Vec::new());
            for (who, enters) in steps {
                if enters {
                    held.extend(shares.enter(who));
                } else if let Some(at) = held.iter().position(|place: &Place<u32>| place.who == who) {
                    held.swap_remove(at);
                }
                prop_assert!(held.len() <= most && shares.taken().all == held.len());
                prop_assert_eq!(shares.taken().by.values().sum::<usize>(), held.len());
                let is_room = held.len() < most;
                prop_assert_eq!(shares.enter(99).is_ok(), is_room);
            }
        }
    }
}
