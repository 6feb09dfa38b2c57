//! The program's clock is wrong, by an hour or by two days, until somebody sets it right.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::browser::now_ms;
use crate::installation::Setting;
use crate::promises::Lateness;

const WITH_CLOCK: Setting = Setting { has_clock: true, ..Setting::PLAIN };
/// It leaps ahead. What it holds by then is free an hour later; we let that time go by for holds, and for nothing else:
/// no job may wait for it.
pub const AHEAD: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-ahead", "X9", |stage| wrong(stage, HOUR).boxed()) };
/// It falls back.
pub const BEHIND: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-behind", "X9", |stage| wrong(stage, -HOUR).boxed()) };
/// It leaps ahead by days: dates of payouts and statements change, and everything that was to end has ended.
pub const DAYS_AHEAD: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-days-ahead", "X9", |stage| wrong(stage, DAYS).boxed()) };
/// It falls back by days.
pub const DAYS_BEHIND: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-days-behind", "X9", |stage| wrong(stage, -DAYS).boxed()) };

const HOUR: TimeDelta = TimeDelta::hours(1);
const DAYS: TimeDelta = TimeDelta::days(2);
const WRONG_FOR: Duration = Duration::from_secs(2);

/// Wrong by so much for a while; whether an order has expired says the database's clock, and on SQLite that is the
/// program's.
async fn wrong(stage: &Stage<'_>, by: TimeDelta) -> Result<Struck> {
    let clock = stage.installation.clock.as_ref().context("a clock")?;
    let before = now_ms();
    clock.set(by)?;
    tokio::time::sleep(WRONG_FOR).await;
    clock.set(TimeDelta::zero())?;
    let (hours, side) = (by.num_hours().abs(), if by > TimeDelta::zero() { "ahead" } else { "behind" });
    let note = format!("{hours} h {side} for {} ms", now_ms() - before);
    if by > TimeDelta::zero() {
        stage.installation.database.leap_holds(by + TimeDelta::minutes(1)).await?;
    }
    Ok(Struck { lateness: Lateness::Possible { before_ms: 0 }, ..Struck::of(note) })
}
