//! What becomes of one level.

use catalog::Code;
use kernel::Day;

use crate::model::{Figures, LevelRules, Rung, Standing, Warning};

/// What becomes of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Stay,
    /// It is this one from now on: a higher one.
    Promote(Code),
    /// It is to be a lower one.
    Warn(Warning),
    /// What he was told does not come.
    Spare,
    /// It is this one from now on: a lower one, of which he was told.
    Demote(Code),
}

/// The highest rung that these figures reach; none of a ladder without rungs.
pub fn reached<'r>(rungs: &'r [Rung], figures: &Figures) -> Option<&'r Rung> {
    rungs.iter().rfind(|rung| rung.needs.are_met_by(figures))
}

/// What becomes of somebody's level by what he sold, on a day on which he is judged.
///
/// A higher rung is his at once. A lower one is told him first, once he has had his own for the days of grace, and comes
/// after the days of notice: the one he was told of, or a higher one if he has reached it by then. A level that stands on
/// no rung is nobody's business but the operator's, and so is a pinned one.
pub fn judge(rungs: &[Rung], rules: &LevelRules, standing: &Standing, figures: &Figures, today: Day) -> Verdict {
    let unmoved = || if standing.warned.is_some() { Verdict::Spare } else { Verdict::Stay };
    if standing.pin.is_some() {
        return unmoved();
    }
    let Some(reached) = rungs.iter().rposition(|rung| rung.needs.are_met_by(figures)) else { return unmoved() };
    let place_of = |level: &Code| rungs.iter().position(|rung| rung.level == *level);
    let level_at = |place: usize| rungs[place].level.clone();
    let Some(level) = &standing.level else { return Verdict::Promote(level_at(reached)) };
    let Some(own) = place_of(level) else { return unmoved() };
    if reached > own {
        return Verdict::Promote(level_at(reached));
    }
    if reached == own {
        return unmoved();
    }
    match &standing.warned {
        None if today < standing.since.after(rules.grace_days) => Verdict::Stay,
        None => Verdict::Warn(Warning { to: level_at(reached), on: today.after(rules.notice_days) }),
        Some(warning) if today < warning.on => Verdict::Stay,
        Some(warning) => match place_of(&warning.to).filter(|told| *told < own) {
            Some(told) => Verdict::Demote(level_at(told.max(reached))),
            // The rung that he was told of is gone: he is told anew.
            None => Verdict::Spare,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::strategies::{figures, rules, standing_of};
    use ledger::Side;
    use proptest::prelude::*;

    fn place(rungs: &[Rung], level: &Code) -> usize {
        rungs.iter().position(|rung| rung.level == *level).expect("it is a rung")
    }

    proptest! {
        /// Over many judgments with whatever figures: who falls was told so as many days before as the rules say and falls no
        /// lower than he was told, he was not told within the days of grace, and who rises stands on the rung he has reached.
        #[test]
        fn nobody_falls_unwarned(
            rules in rules(),
            start in 0usize..6,
            judged in prop::collection::vec((1u16..40, figures()), 1..40),
        ) {
            prop_assert!(rules.check().is_ok());
            let rungs = rules.ladder(Side::Agent);
            let mut today = Day::parse("2026-11-24").expect("a day");
            let mut standing = standing_of(rungs.get(start).map(|rung| rung.level.clone()), today);
            let mut told: Option<(Day, Warning)> = None;
            for (days, figures) in judged {
                today = today.after(days);
                let verdict = judge(rungs, &rules, &standing, &figures, today);
                let reached = reached(rungs, &figures).map(|rung| rung.level.clone());
                match verdict {
                    Verdict::Stay => {}
                    Verdict::Promote(to) => {
                        prop_assert_eq!(Some(&to), reached.as_ref());
                        prop_assert!(standing.level.as_ref().is_none_or(|own| place(rungs, &to) > place(rungs, own)));
                        standing = standing_of(Some(to), today);
                        told = None;
                    }
                    Verdict::Warn(warning) => {
                        prop_assert!(today >= standing.since.after(rules.grace_days));
                        prop_assert!(warning.on >= today.after(rules.notice_days));
                        prop_assert!(told.is_none());
                        told = Some((today, warning.clone()));
                        standing.warned = Some(warning);
                    }
                    Verdict::Spare => {
                        prop_assert_eq!(reached.as_ref(), standing.level.as_ref());
                        standing.warned = None;
                        told = None;
                    }
                    Verdict::Demote(to) => {
                        let (since, warning) = told.take().expect("he was told");
                        prop_assert!(today >= since.after(rules.notice_days));
                        prop_assert!(place(rungs, &to) >= place(rungs, &warning.to));
                        prop_assert!(place(rungs, &to) < place(rungs, standing.level.as_ref().expect("he had one")));
                        prop_assert!(place(rungs, &to) >= place(rungs, reached.as_ref().expect("the lowest")));
                        standing = standing_of(Some(to), today);
                    }
                }
            }
        }

        /// Who sold more, to more, with fewer complaints, is never lower for it.
        #[test]
        fn better_figures_reach_no_lower_rung(rules in rules(), one in figures(), more in figures()) {
            let rungs = rules.ladder(Side::Agent);
            let better = Figures {
                sales_minor: one.sales_minor.max(more.sales_minor),
                buyers: one.buyers.max(more.buyers),
                orders: one.orders,
                complaints: one.complaints.min(more.complaints),
            };
            let of = |figures: &Figures| reached(rungs, figures).map(|rung| place(rungs, &rung.level));
            prop_assert!(of(&better) >= of(&one));
        }

        #[test]
        fn what_is_pinned_or_stands_on_no_rung_stays(rules in rules(), figures in figures(), days in 0u16..400) {
            let rungs = rules.ladder(Side::Agent);
            let begins = Day::parse("2026-11-24").expect("a day");
            let by_hand = standing_of(Some(Code::parse("by-hand").expect("a code")), begins);
            let lowest = rungs.first().map(|rung| rung.level.clone());
            let pin = crate::model::Pin { reason: "a friend".into(), by: uuid::Uuid::nil(), at: begins.begins() };
            let pinned = Standing { pin: Some(pin), ..standing_of(lowest, begins) };
            for standing in [by_hand, pinned] {
                prop_assert_eq!(judge(rungs, &rules, &standing, &figures, begins.after(days)), Verdict::Stay);
            }
        }
    }

    #[test]
    fn of_few_orders_no_complaint_counts() {
        let needs = crate::model::Needs { complaints_ppm_max: Some(50_000), ..Default::default() };
        let of = |orders, complaints| needs.are_met_by(&Figures { orders, complaints, ..Figures::default() });
        assert_eq!([of(19, 19), of(20, 1), of(20, 2), of(40, 2), of(40, 3)], [true, true, false, true, false]);
    }
}
