//! Whether a new version of a plan takes something away.

use crate::model::{Mode, Plan, PlanVersion, Rule, Touch};

/// Whether somebody could earn less by `new` than by `old`, from any sale. Where that is not certain it is so: then a
/// notice is due.
pub fn pays_less(old: &Plan, new: &Plan) -> bool {
    if old.rules.is_empty() {
        return false;
    }
    let is_shorter = new.window_days < old.window_days || new.notice_days < old.notice_days;
    // A first link that counts for longer keeps a later one from counting.
    let keeps_others_out = old.touch == Touch::First && new.window_days != old.window_days;
    if is_shorter || keeps_others_out || (new.touch, new.mode) != (old.touch, old.mode) {
        return true;
    }
    match new.mode {
        // What one agent gets more, the one above him gets less.
        Mode::Difference => !is_same(&old.rules, &new.rules),
        Mode::Tiers => takes_away(&old.rules, &new.rules),
    }
}

/// Whether a site that sells could have to pay its agents more by `new` than by `old`: whatever is not the same may.
pub(crate) fn costs_more(old: &Plan, new: &Plan) -> bool {
    !new.rules.is_empty()
        && ((old.mode, old.touch) != (new.mode, new.touch)
            || old.window_days < new.window_days
            || !is_same(&old.rules, &new.rules))
}

/// Those of announced versions, the latest first, that will be in force some day: not those that a later one has replaced,
/// which begins with them or before; `now` is the number of the one in force.
pub(crate) fn still_to_come(announced: Vec<PlanVersion>, now: Option<i64>) -> Vec<PlanVersion> {
    let mut earliest = None;
    let mut to_come = Vec::new();
    for version in announced {
        let is_replaced = earliest.is_some_and(|earliest| earliest <= version.effective_from);
        if !is_replaced && now.is_none_or(|now| now < version.version) {
            earliest = Some(version.effective_from);
            to_come.push(version);
        }
    }
    to_come
}

fn takes_away(old: &[Rule], new: &[Rule]) -> bool {
    let is_kept = |rule: &Rule| {
        let same = new.iter().find(|other| is_alike(rule, other));
        same.is_some_and(|same| same.terms.are_as_good_as(&rule.terms))
    };
    // A new rule comes before those that are less specific: it must not pay less than any of them.
    let passes_over = |rule: &Rule, other: &Rule| other.tier == rule.tier && other.target.rank() < rule.target.rank();
    let is_worse = |rule: &Rule| {
        let is_added = !old.iter().any(|other| is_alike(rule, other));
        is_added && old.iter().any(|other| passes_over(rule, other) && !rule.terms.are_as_good_as(&other.terms))
    };
    // Who gets more takes it, where the margin is narrow, from those above him.
    let takes_from_above = |rule: &Rule| !old.contains(rule) && old.iter().any(|other| other.tier > rule.tier);
    !old.iter().all(is_kept) || new.iter().any(|rule| is_worse(rule) || takes_from_above(rule))
}

fn is_alike(one: &Rule, other: &Rule) -> bool {
    (&one.target, one.tier) == (&other.target, other.tier)
}

fn is_same(old: &[Rule], new: &[Rule]) -> bool {
    old.len() == new.len() && old.iter().all(|rule| new.contains(rule))
}
