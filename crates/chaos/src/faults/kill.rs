//! The program is killed, or asked to end, and started again.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::browser::now_ms;
use crate::promises::Lateness;

/// SIGKILL, and a start on the same data after a while.
pub const KILL: Fault = Fault::plain("kill", "X1, X7", |stage| kill(stage).boxed());
/// SIGTERM, and a start afterwards.
pub const TERMINATE: Fault = Fault::plain("terminate", "X19", |stage| terminate(stage).boxed());

/// How long the program is dead, by its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// A moment: leases of the dead are still in force.
    Moment,
    /// Leases have run out.
    Minute,
    /// Leases have run out and orders have expired.
    QuarterHour,
}

/// Open requests have ten seconds, jobs that run the same.
const DRAIN_MAX: Duration = Duration::from_secs(25);

async fn kill(stage: &Stage<'_>) -> anyhow::Result<Struck> {
    let mut dice = stage.dice.clone();
    let outage = dice.weighted(&[(2, Outage::Moment), (2, Outage::Minute), (1, Outage::QuarterHour)]);
    let pause = Duration::from_millis(dice.between(0, 400));
    stage.installation.kill().await?;
    let (began, before_ms) = (Instant::now(), now_ms());
    let database = &stage.installation.database;
    let note = match outage {
        Outage::Moment => "kill -9",
        Outage::Minute => {
            database.leap(TimeDelta::seconds(61)).await?;
            "kill -9, dead 1 min"
        }
        Outage::QuarterHour => {
            database.leap(TimeDelta::minutes(16)).await?;
            "kill -9, dead 16 min"
        }
    };
    tokio::time::sleep(pause.saturating_sub(began.elapsed())).await;
    stage.installation.serve(0).await?;
    let mut struck = Struck::of(note);
    if outage == Outage::QuarterHour {
        struck.lateness = Lateness::Possible { before_ms };
    }
    Ok(struck)
}

async fn terminate(stage: &Stage<'_>) -> anyhow::Result<Struck> {
    let began = Instant::now();
    let status = stage.installation.nodes[0].terminate().await?;
    let took = began.elapsed();
    stage.installation.serve(0).await?;
    let mut struck = Struck::of(format!("SIGTERM, ended in {} ms", took.as_millis()));
    struck.expect(status.success(), format!("asked to end, the program ended with {status}"));
    struck.expect(took < DRAIN_MAX, format!("asked to end, the program took {} s", took.as_secs()));
    Ok(struck)
}
