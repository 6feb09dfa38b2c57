//! The program's clock is wrong by an hour until somebody sets it right.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::browser::now_ms;
use crate::installation::Setting;
use crate::promises::Lateness;

const WITH_CLOCK: Setting = Setting { has_clock: true, ..Setting::PLAIN };
/// It leaps ahead. What it put off by then is due an hour later; we let that time go by.
pub const AHEAD: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-ahead", "X9", |stage| ahead(stage).boxed()) };
/// It falls back.
pub const BEHIND: Fault =
    Fault { setting: WITH_CLOCK, ..Fault::plain("clock-behind", "X9", |stage| behind(stage).boxed()) };

const HOUR: TimeDelta = TimeDelta::hours(1);
const WRONG_FOR: Duration = Duration::from_secs(2);

async fn ahead(stage: &Stage<'_>) -> Result<Struck> {
    let clock = stage.installation.clock.as_ref().context("a clock")?;
    let before = now_ms();
    clock.set(HOUR)?;
    tokio::time::sleep(WRONG_FOR).await;
    clock.set(TimeDelta::zero())?;
    let note = format!("an hour ahead for {} ms", now_ms() - before);
    stage.installation.database.leap(HOUR + TimeDelta::minutes(1)).await?;
    // Whether an order has expired says the database's clock, and on SQLite that is the program's.
    Ok(Struck { lateness: Lateness::Possible { before_ms: 0 }, ..Struck::of(note) })
}

async fn behind(stage: &Stage<'_>) -> Result<Struck> {
    let clock = stage.installation.clock.as_ref().context("a clock")?;
    let before = now_ms();
    clock.set(-HOUR)?;
    tokio::time::sleep(WRONG_FOR).await;
    clock.set(TimeDelta::zero())?;
    let note = format!("an hour behind for {} ms", now_ms() - before);
    Ok(Struck { lateness: Lateness::Possible { before_ms: 0 }, ..Struck::of(note) })
}
