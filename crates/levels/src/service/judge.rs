//! Judging everybody, on the days that the rules name; and on any day those who were told that they fall on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::Code;
use kernel::{Day, TenantScope};
use ledger::Side;
use settlement::EarnerRef;
use store::{ReadTx, Tx};
use uuid::Uuid;

use super::{AT_ONCE, Levels, Move, change_of};
use crate::error::LevelError;
use crate::model::{Change, Figures, RulesVersion, Schedule, Standing, What};
use crate::repo;
use crate::repo::rules::KeptDay;
use crate::rules::{Verdict, judge};

/// Counted days among which the last judgment is looked for.
const DAYS_BACK: u64 = 62;

/// What is to become of somebody: where he stood when it was decided, where he stands then, and what is told of it.
struct Decision {
    seen: Option<Standing>,
    level: Option<Code>,
    then: Standing,
    told: Vec<Change>,
}

impl Decision {
    /// The level that is to be another one.
    fn moves(&self) -> Option<Move> {
        let to = self.then.level.clone().filter(|_| self.then.level != self.level)?;
        Some((self.then.earner, (self.level.clone(), to)))
    }
}

impl Levels {
    /// Judges by the days until yesterday, if yesterday was counted and nobody has: everybody if the rules name a day since
    /// the last time, or else those who were told that they fall by today. Answers what happened to how many.
    pub async fn judge(&self, scope: &TenantScope) -> Result<BTreeMap<What, u64>, LevelError> {
        let tx = self.store.snapshot(scope).await?;
        let mut happened = BTreeMap::new();
        let today = Day::of(tx.now());
        let days = repo::rules::days(&tx, DAYS_BACK).await?;
        let open = days.first().filter(|last| last.day.after(1) == today && last.judged_at.is_none());
        let (Some(last), Some(rules)) = (open, self.in_force_in(&tx).await?) else { return Ok(happened) };
        let is_whole = is_due(rules.rules.judged, &days, today);
        let mut decisions = Vec::new();
        for side in [Side::Site, Side::Agent] {
            self.decide_in(&tx, &rules, (side, is_whole), (last.day, today), &mut decisions).await?;
        }
        drop(tx);
        let tx = self.store.write(scope).await?;
        // An operator's decision and this follow one another.
        self.tenancy.hold_in(&tx).await?;
        if !repo::rules::judge_day(&tx, last.day, is_whole).await? {
            return Ok(happened);
        }
        let mut known: HashMap<Uuid, Standing> = HashMap::new();
        for side in [Side::Site, Side::Agent] {
            let owners = decisions.iter().map(|of: &Decision| of.then.earner.key());
            let owners: Vec<Uuid> = owners.filter(|(of, _)| *of == side).map(|(_, owner)| owner).collect();
            for some in owners.chunks(AT_ONCE) {
                known.extend(repo::standings::of(&tx, side, some).await?);
            }
        }
        decisions.retain(|of| known.get(&of.then.earner.key().1) == of.seen.as_ref());
        // Somebody may have changed one by hand meanwhile: that is seen the next time.
        let moves: Vec<Move> = decisions.iter().filter_map(Decision::moves).collect();
        let moved = self.move_in(&tx, &moves).await?;
        decisions.retain(|of| of.level == of.then.level || moved.contains(&of.then.earner));
        let standings: Vec<Standing> = decisions.iter().map(|of| of.then.clone()).collect();
        let told: Vec<Change> = decisions.into_iter().flat_map(|of| of.told).collect();
        repo::standings::save(&tx, &standings).await?;
        repo::standings::tell(&tx, &told).await?;
        tx.commit().await?;
        for change in told {
            *happened.entry(change.what).or_default() += 1;
        }
        Ok(happened)
    }

    async fn decide_in(
        &self,
        tx: &ReadTx<TenantScope>,
        rules: &RulesVersion,
        (side, is_whole): (Side, bool),
        (last, today): (Day, Day),
        decisions: &mut Vec<Decision>,
    ) -> Result<(), LevelError> {
        let rungs = rules.rules.ladder(side);
        let due = if is_whole { None } else { Some(due_in(tx, side, today).await?) };
        if rungs.is_empty() || due.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(());
        }
        let mut ranked = self.ranked_in(tx, side).await?;
        ranked.retain(|(earner, _)| due.as_ref().is_none_or(|due| due.contains(&earner.key().1)));
        for some in ranked.chunks(AT_ONCE) {
            let owners: Vec<Uuid> = some.iter().map(|(earner, _)| earner.key().1).collect();
            let mut standings = repo::standings::of(tx, side, &owners).await?;
            let figures = repo::figures::of(tx, &owners, rules.rules.window(last)).await?;
            for ((earner, level), owner) in some.iter().zip(&owners) {
                let seen = standings.remove(owner);
                let of = figures.get(owner).copied().unwrap_or_default();
                decisions.extend(decide((*earner, level.clone()), seen, (rules, &of), tx.now(), today));
            }
        }
        Ok(())
    }
}

/// What becomes of one; none if nothing does.
fn decide(
    (earner, level): (EarnerRef, Option<Code>),
    seen: Option<Standing>,
    (version, figures): (&RulesVersion, &Figures),
    now: chrono::DateTime<chrono::Utc>,
    today: Day,
) -> Option<Decision> {
    let rungs = version.rules.ladder(earner.key().0);
    let mut told = Vec::new();
    let known = seen.clone().filter(|seen| seen.level == level);
    let mut then = known.unwrap_or_else(|| {
        let from = seen.as_ref().and_then(|seen| seen.level.clone());
        if from.is_some() || level.is_some() {
            told.push(Change { from, to: level.clone(), ..change_of(earner, now, What::Given) });
        }
        let pin = seen.as_ref().and_then(|seen| seen.pin.clone());
        Standing { earner, level: level.clone(), since: today, warned: None, pin }
    });
    let verdict = judge(rungs, &version.rules, &then, figures, today);
    let line = |what: What, to: Option<Code>, takes_effect: Option<Day>| Change {
        from: level.clone(),
        to,
        takes_effect,
        figures: Some(*figures),
        rules: Some(version.version),
        ..change_of(earner, now, what)
    };
    match verdict {
        Verdict::Stay => {}
        Verdict::Promote(to) => {
            told.push(line(What::Promoted, Some(to.clone()), None));
            then = Standing { level: Some(to), since: today, warned: None, ..then };
        }
        Verdict::Demote(to) => {
            told.push(line(What::Demoted, Some(to.clone()), None));
            then = Standing { level: Some(to), since: today, warned: None, ..then };
        }
        Verdict::Warn(warning) => {
            told.push(line(What::Warned, Some(warning.to.clone()), Some(warning.on)));
            then.warned = Some(warning);
        }
        Verdict::Spare => {
            told.push(line(What::Spared, level.clone(), None));
            then.warned = None;
        }
    }
    (seen.as_ref() != Some(&then)).then_some(Decision { seen, level, then, told })
}

/// Who was told that he falls, by today.
async fn due_in(tx: &impl Tx, side: Side, today: Day) -> Result<BTreeSet<Uuid>, LevelError> {
    let (mut due, mut after) = (BTreeSet::new(), None);
    loop {
        let page = repo::standings::page(tx, (side, true), after, AT_ONCE as u64).await?;
        let Some(last) = page.last() else { return Ok(due) };
        after = Some(last.earner.key().1);
        let is_due = |of: &&Standing| of.warned.as_ref().is_some_and(|warning| warning.on <= today);
        due.extend(page.iter().filter(is_due).map(|of| of.earner.key().1));
    }
}

/// Whether the rules name a day after the last judgment of everybody, until today. Pure.
fn is_due(schedule: Schedule, days: &[KeptDay], today: Day) -> bool {
    let Some(last) = days.iter().find(|day| day.is_whole) else { return true };
    // By the days until one somebody is judged on the next.
    let mut day = last.day.after(1);
    while day < today {
        day = day.after(1);
        if schedule.names(day) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgment_that_was_missed_is_made_on_the_next_day() {
        let day = |text| Day::parse(text).expect("a day");
        // A Monday.
        let judged = day("2026-11-23");
        let days = [
            KeptDay { day: judged, judged_at: None, is_whole: false },
            KeptDay { day: judged.before(1), judged_at: Some(judged.begins()), is_whole: true },
        ];
        let due = |schedule, today| is_due(schedule, &days, day(today));
        assert!(!due(Schedule::Weekly, "2026-11-23"), "once a day");
        assert!(due(Schedule::Daily, "2026-11-24"));
        assert!(!due(Schedule::Weekly, "2026-11-29"));
        assert!(due(Schedule::Weekly, "2026-11-30"));
        assert!(due(Schedule::Weekly, "2026-12-02"), "the server was down on Monday");
        assert!(!due(Schedule::Monthly, "2026-11-30"));
        assert!(due(Schedule::Monthly, "2026-12-01"));
        assert!(is_due(Schedule::Monthly, &[], judged), "the first time");
    }
}
