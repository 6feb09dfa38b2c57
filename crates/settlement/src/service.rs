//! Use cases: terms, the calendar, holds, and the release of what is due.

use std::collections::HashSet;

use catalog::Prices;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use kernel::notice::begins_at;
use kernel::text::one_line;
use kernel::{Day, SiteId, TenantScope};
use lane::Lanes;
use ledger::{Account, AccountBalance, Earner, Side};
use outbox::Outbox;
use store::{Store, Tx, WriteTx};
use uuid::Uuid;

use crate::command::{ReleaseDue, Released};
use crate::error::SettlementError;
use crate::job::SettleDue;
use crate::model::{Calendar, CalendarDay, EarnerRef, Hold, HoldId, NewHold, Paydays, Terms, TermsVersion};
use crate::repo;
use crate::rules::pays_later;

/// The most versions that are announced at a time, and so the most that a lane keeps.
const ANNOUNCED_MAX: u64 = 20;
/// Letters of a reason or of a day's name.
pub const TEXT_CHARS_MAX: usize = 200;
/// The most days to come that are named.
const DAYS_MAX: u64 = 1_000;
/// The most holds that are not lifted.
const HOLDS_MAX: u64 = 5_000;
/// How many days back are looked at every minute: what is older was released long ago.
const WINDOW_DAYS: u16 = 10;
/// Accounts that are listed at once.
const PAGE: u64 = 2_000;
/// Earners that one command settles: a batch takes a few commands, and others come between.
const EARNERS_AT_ONCE: usize = 100;
/// Commands that wait in the lane at a time.
const COMMANDS_AT_ONCE: usize = 8;

/// What is pending of whom, and until when.
#[derive(Clone)]
pub struct Settlement {
    store: Store,
    lanes: Lanes,
    prices: Prices,
}

impl Settlement {
    /// Settlement by these lanes.
    pub const fn new(store: Store, lanes: Lanes, prices: Prices) -> Self {
        Self { store, lanes, prices }
    }

    /// Writes the next version of the terms. Without `effective_from` it begins as soon as it may: at once or with the last
    /// version that is announced, or, if anything would be settled later by it than by the version before, after seven days.
    pub async fn save_terms_in(
        &self,
        tx: &WriteTx<TenantScope>,
        terms: Terms,
        effective_from: Option<DateTime<Utc>>,
        by: Uuid,
    ) -> Result<TermsVersion, SettlementError> {
        terms.check()?;
        let now = tx.now();
        let last = repo::terms::page(tx, None, 1).await?.pop();
        let in_force = repo::terms::number_in_force(tx, now).await?;
        let announced = last.as_ref().map_or(0, |last| last.version - in_force.unwrap_or(0));
        if announced.unsigned_abs() >= ANNOUNCED_MAX {
            return Err(SettlementError::TooMany { what: "announced versions", limit: ANNOUNCED_MAX });
        }
        let usual = Terms::usual();
        let is_later = pays_later(last.as_ref().map_or(&usual, |last| &last.terms), &terms);
        let effective_from = begins_at(effective_from, now, last.as_ref().map(|last| last.effective_from), is_later)?;
        let version = last.map_or(1, |last| last.version + 1);
        let new = TermsVersion { version, effective_from, created_at: now, created_by: by, terms };
        repo::terms::insert(tx, &new).await?;
        self.prices.renew_in(tx).await?;
        Ok(new)
    }

    /// At most `limit` versions before this number, the latest first.
    pub async fn terms_page_in(
        &self,
        tx: &impl Tx,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<TermsVersion>, SettlementError> {
        repo::terms::page(tx, before, limit).await
    }

    /// The number of the version in force at the transaction's time.
    pub async fn in_force_in(&self, tx: &impl Tx) -> Result<Option<i64>, SettlementError> {
        repo::terms::number_in_force(tx, tx.now()).await
    }

    /// At most `limit` days from this one on that are not what their place in the week says, ascending.
    pub async fn days_in(&self, tx: &impl Tx, from: Day, limit: u64) -> Result<Vec<CalendarDay>, SettlementError> {
        repo::calendar::from(tx, from, limit).await
    }

    /// Names a day; what is delivered from now on is counted by it.
    pub async fn save_day_in(
        &self,
        tx: &WriteTx<TenantScope>,
        day: CalendarDay,
        by: Uuid,
    ) -> Result<CalendarDay, SettlementError> {
        let today = Day::of(tx.now());
        if day.day < today {
            return Err(SettlementError::DayIsOver);
        }
        // Two at a time write the calendar one after another.
        self.prices.renew_in(tx).await?;
        if repo::calendar::count_from(tx, today).await? >= DAYS_MAX {
            return Err(SettlementError::TooMany { what: "days", limit: DAYS_MAX });
        }
        let day = CalendarDay { name: line("name", &day.name)?, ..day };
        repo::calendar::save(tx, &day, by).await?;
        Ok(day)
    }

    /// Makes a day again what its place in the week says.
    pub async fn remove_day_in(&self, tx: &WriteTx<TenantScope>, day: Day) -> Result<(), SettlementError> {
        if day < Day::of(tx.now()) {
            return Err(SettlementError::DayIsOver);
        }
        self.prices.renew_in(tx).await?;
        if repo::calendar::remove(tx, day).await? { Ok(()) } else { Err(SettlementError::Missing { what: "day" }) }
    }

    /// Holds back what falls due of an earner from now on. What is available stays so.
    pub async fn hold_in(&self, tx: &WriteTx<TenantScope>, new: NewHold) -> Result<Hold, SettlementError> {
        if repo::holds::open_count(tx).await? >= HOLDS_MAX {
            return Err(SettlementError::TooMany { what: "holds", limit: HOLDS_MAX });
        }
        let NewHold { earner, cause, reason, by } = new;
        let reason = line("reason", &reason)?;
        let hold = Hold { id: HoldId::new(), earner, cause, reason, placed: (tx.now(), by), lifted: None };
        repo::holds::insert(tx, &hold).await?;
        Ok(hold)
    }

    /// Lifts a hold; a job then releases what has fallen due meanwhile, if nothing else holds it.
    pub async fn lift_in(
        &self,
        tx: &WriteTx<TenantScope>,
        id: HoldId,
        (by, reason): (Uuid, &str),
    ) -> Result<Hold, SettlementError> {
        let reason = line("reason", reason)?;
        let hold = repo::holds::to_lift(tx, id).await?.ok_or(SettlementError::Missing { what: "hold" })?;
        if hold.lifted.is_some() {
            return Err(SettlementError::LiftedBefore);
        }
        repo::holds::lift(tx, id, (by, &reason)).await?;
        Outbox::default().enqueue_in(tx, &SettleDue { is_whole: true }).await?;
        Ok(Hold { lifted: Some((tx.now(), by, reason)), ..hold })
    }

    /// At most `limit` holds before this one, the newest first; of one site if it is named.
    pub async fn holds_in(
        &self,
        tx: &impl Tx,
        site: Option<SiteId>,
        before: Option<HoldId>,
        limit: u64,
    ) -> Result<Vec<Hold>, SettlementError> {
        repo::holds::page(tx, site, before, limit).await
    }

    /// What holds an earner's money back now, the first one first.
    pub async fn holds_of_in(&self, tx: &impl Tx, earner: EarnerRef) -> Result<Vec<Hold>, SettlementError> {
        let open = repo::holds::open_at(tx, earner.site()).await?;
        Ok(open.into_iter().filter(|hold| hold.earner == earner).collect())
    }

    /// Releases what has fallen due until today, but for those who are held back. Several of these at a time, or one that was
    /// killed in the middle, release nothing twice: the lane sees what is left.
    pub async fn release(&self, scope: &TenantScope, is_whole: bool) -> Result<Released, SettlementError> {
        let (held, today) = {
            let tx = self.store.read(scope).await?;
            (held_in(&tx).await?, Day::of(tx.now()))
        };
        let from = (!is_whole).then(|| today.before(WINDOW_DAYS));
        let mut all = Released::default();
        if is_whole {
            let undated = ledger::undated_in(&self.store.read(scope).await?, PAGE).await?;
            self.release_these(scope, (&undated, &held), today, &mut all).await?;
        }
        let mut after = None;
        loop {
            let tx = self.store.read(scope).await?;
            let page = ledger::due_in(&tx, (from, today), after, PAGE).await?;
            drop(tx);
            let Some(last) = page.last() else { return Ok(all) };
            after = last.account.due.map(|day| (day, last.id));
            self.release_these(scope, (&page, &held), today, &mut all).await?;
            if (page.len() as u64) < PAGE {
                return Ok(all);
            }
        }
    }

    async fn release_these(
        &self,
        scope: &TenantScope,
        (page, held): (&[AccountBalance], &HashSet<(Side, Uuid)>),
        until: Day,
        all: &mut Released,
    ) -> Result<(), SettlementError> {
        let is_free = |earner: &Earner| !held.contains(&(earner.side, earner.owner));
        let free = page.iter().filter_map(|row| Some((Earner::of(&row.account)?, row.account)));
        let mut free: Vec<(Earner, Account)> = free.filter(|(earner, _)| is_free(earner)).collect();
        free.sort_by_key(|(earner, account)| (*earner, account.due));
        let by_earner: Vec<&[(Earner, Account)]> = free.chunk_by(|one, other| one.0 == other.0).collect();
        let commands: Vec<ReleaseDue> = by_earner
            .chunks(EARNERS_AT_ONCE)
            .map(|some| {
                let accounts = some.iter().flat_map(|own| own.iter().map(|(_, account)| *account)).collect();
                ReleaseDue { run: Uuid::now_v7(), until, accounts }
            })
            .collect();
        for some in commands.chunks(COMMANDS_AT_ONCE) {
            let answered = try_join_all(some.iter().map(|command| self.lanes.run(scope, command.clone()))).await?;
            for one in answered {
                all.earners += one.answer.earners;
                all.debts = all.debts.saturating_add(one.answer.debts);
            }
        }
        Ok(())
    }
}

/// Who is held back now.
pub async fn held_in(tx: &impl Tx) -> Result<HashSet<(Side, Uuid)>, SettlementError> {
    Ok(repo::holds::open(tx).await?.iter().map(|hold| hold.earner.key()).collect())
}

/// What a delivery needs to know from the transaction's time on. Whoever keeps it reads it anew when the tenant's price epoch
/// has moved.
pub async fn paydays_in(tx: &impl Tx) -> Result<Paydays, SettlementError> {
    let first = repo::terms::number_in_force(tx, tx.now()).await?.unwrap_or(0);
    let versions = repo::terms::from(tx, first, ANNOUNCED_MAX + 1).await?;
    // A batch whose clock stands a little before this one's may still deliver yesterday.
    let days = repo::calendar::from(tx, Day::of(tx.now()).before(1), DAYS_MAX + 1).await?;
    Ok(Paydays {
        versions: versions.into_iter().map(|version| (version.effective_from, version.terms)).collect(),
        calendar: Calendar(days.into_iter().map(|day| (day.day, day.is_business)).collect()),
    })
}

fn line(what: &'static str, text: &str) -> Result<String, SettlementError> {
    let refused = SettlementError::Text { what, chars_max: TEXT_CHARS_MAX };
    one_line(text, TEXT_CHARS_MAX).map(str::to_owned).ok_or(refused)
}
