//! What is queued becomes work; work that others disturb too often is divided.

use std::sync::Arc;

use crate::act::{Act, Ask};
use crate::database::KeyRow;
use crate::map::HashMap;

/// A command of a batch, with all who asked for it: the same key is carried out once.
pub(crate) struct Work {
    pub act: Arc<Act>,
    pub key: String,
    pub fingerprint: Vec<u8>,
    /// Each asker with the fingerprint of what he asked for.
    pub asks: Vec<(Vec<u8>, Ask)>,
}

/// What an asker is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// What is kept under the key, and whether it was before.
    Answer { answer: String, is_replay: bool },
    /// His key stands for something else.
    KeyReused,
    /// He is to ask again later.
    Unavailable,
}

/// The work of a queue: one piece for each key.
pub(crate) fn gather(queued: impl Iterator<Item = Ask>) -> Vec<Work> {
    let mut work: Vec<Work> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::default();
    for ask in queued {
        let (key, fingerprint) = (ask.act.key().as_str().to_owned(), ask.act.fingerprint());
        let place = *places.entry(key.clone()).or_insert(work.len());
        if place == work.len() {
            let act = Arc::clone(&ask.act);
            work.push(Work { act, key, fingerprint: fingerprint.clone(), asks: Vec::new() });
        }
        work[place].asks.push((fingerprint, ask));
    }
    work
}

/// Two halves, the second one first: the first is tried first.
pub(crate) fn divide(mut work: Vec<Work>) -> [Vec<Work>; 2] {
    let second = work.split_off(work.len() / 2);
    [second, work]
}

/// What everybody who asked for these is told; without an answer he is to ask again.
pub(crate) fn deliver(work: Vec<Work>, answers: Vec<Option<(KeyRow, bool)>>) -> Vec<(Ask, Told)> {
    let mut told = Vec::new();
    for (work, answer) in work.into_iter().zip(answers) {
        for (index, (fingerprint, ask)) in work.asks.into_iter().enumerate() {
            let own = match &answer {
                None => Told::Unavailable,
                Some((kept, _)) if fingerprint != kept.fingerprint => Told::KeyReused,
                Some((kept, is_replay)) => {
                    Told::Answer { answer: kept.answer.clone(), is_replay: *is_replay || index > 0 }
                }
            };
            told.push((ask, own));
        }
    }
    told
}
