//! Whether new rules take something away.

use crate::model::{LevelRules, Rung};

/// Whether anybody could stand lower by `new` than by `old`, or be told later that he falls. Another window or other days
/// of judgment may do so to somebody, whichever way they change.
pub fn takes_away(old: &LevelRules, new: &LevelRules) -> bool {
    let is_other = (old.window_days, old.judged) != (new.window_days, new.judged);
    let is_sooner = new.grace_days < old.grace_days || new.notice_days < old.notice_days;
    is_other || is_sooner || is_harder(&old.sites, &new.sites) || is_harder(&old.agents, &new.agents)
}

/// Whether what reached a rung of `old` may not reach it by `new`.
fn is_harder(old: &[Rung], new: &[Rung]) -> bool {
    let is_as_easy = |rung: &Rung| {
        let same = new.iter().find(|other| other.level == rung.level);
        same.is_some_and(|same| rung.needs.are_no_less_than(&same.needs))
    };
    !old.iter().all(is_as_easy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figures;
    use crate::rules::judge::reached;
    use crate::rules::strategies::{figures, rules};
    use ledger::Side;
    use proptest::prelude::*;

    /// Whether these figures are enough for a rung that has the level of the one they reach by `old`.
    fn keeps(old: &LevelRules, new: &LevelRules, figures: &Figures) -> bool {
        let Some(by_old) = reached(old.ladder(Side::Agent), figures) else { return true };
        let same = new.ladder(Side::Agent).iter().find(|rung| rung.level == by_old.level);
        same.is_some_and(|same| same.needs.are_met_by(figures))
    }

    proptest! {
        #[test]
        fn rules_that_take_nothing_away_leave_everybody_his_rung(
            old in rules(), new in rules(), seen in prop::collection::vec(figures(), 20),
        ) {
            prop_assert!(!takes_away(&old, &old));
            let new = LevelRules { window_days: old.window_days, ..new };
            if !takes_away(&old, &new) {
                prop_assert!(new.grace_days >= old.grace_days && new.notice_days >= old.notice_days);
                for figures in &seen {
                    prop_assert!(keeps(&old, &new, figures));
                }
            }
            if seen.iter().any(|figures| !keeps(&old, &new, figures)) {
                prop_assert!(takes_away(&old, &new));
            }
        }
    }
}
