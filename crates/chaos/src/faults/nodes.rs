//! Two processes of the program serve one tenant from one PostgreSQL, and a buyer's requests go to either.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use futures::FutureExt;

use super::{Fault, POSTGRES, Stage, Struck};
use crate::installation::Setting;
use crate::process::Signal;

/// Nothing is done to them but that they are two.
pub const TWO: Fault = Fault { strike: |stage| both(stage).boxed(), ..two("two-nodes", "X15") };
/// One is killed and started again while the other one serves.
pub const KILLED: Fault = Fault { strike: |stage| killed(stage).boxed(), ..two("two-nodes-killed", "X1, X15") };
/// One stands still, past its leases; it goes on and must not believe that they are still its own.
pub const FROZEN: Fault = Fault { strike: |stage| frozen(stage).boxed(), ..two("two-nodes-frozen", "X4") };
/// One after the other ends in order and is started again.
pub const ROLLED: Fault = Fault { strike: |stage| rolled(stage).boxed(), ..two("two-nodes-rolled", "X19") };

const fn two(name: &'static str, number: &'static str) -> Fault {
    let setting = Setting { nodes: 2, ..Setting::PLAIN };
    Fault { backends: POSTGRES, setting, ..Fault::plain(name, number, |stage| both(stage).boxed()) }
}

async fn both(stage: &Stage<'_>) -> Result<Struck> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    calm(stage, Struck::of("both serve")).await
}

async fn killed(stage: &Stage<'_>) -> Result<Struck> {
    let node = usize::try_from(stage.dice.clone().between(0, 1))?;
    stage.installation.nodes[node].kill().await?;
    tokio::time::sleep(Duration::from_millis(700)).await;
    stage.installation.serve(node).await?;
    calm(stage, Struck::of(format!("kill -9 of node {node}"))).await
}

async fn frozen(stage: &Stage<'_>) -> Result<Struck> {
    let node = &stage.installation.nodes[usize::try_from(stage.dice.clone().between(0, 1))?];
    node.signal(Signal::Stop).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // What it was about to write may keep us from its leases; others wait for that, too.
    let leapt = stage.installation.database.leap_within(TimeDelta::seconds(61), Duration::from_secs(2)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    node.signal(Signal::Continue).await?;
    Ok(Struck::of(if leapt.is_ok() { "frozen past its leases" } else { "frozen" }))
}

async fn rolled(stage: &Stage<'_>) -> Result<Struck> {
    let mut struck = Struck::of("SIGTERM one after the other");
    for (number, node) in stage.installation.nodes.iter().enumerate() {
        let status = node.terminate().await?;
        struck.expect(status.success(), format!("asked to end, node {number} ended with {status}"));
        stage.installation.serve(number).await?;
    }
    calm(stage, struck).await
}

/// Whatever they did to each other, PostgreSQL never had to end one of them for it.
async fn calm(stage: &Stage<'_>, mut struck: Struck) -> Result<Struck> {
    let deadlocks = stage.installation.database.deadlocks().await?;
    struck.expect(deadlocks == 0, format!("{deadlocks} deadlocks"));
    Ok(struck)
}
