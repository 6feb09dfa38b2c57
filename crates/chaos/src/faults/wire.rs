//! The way to PostgreSQL is slow, narrow, frozen, torn, or loses answers to commits: then nobody knows the outcome, and
//! the program must find it out.

use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;

use super::{Fault, POSTGRES, Stage, Struck};
use crate::installation::{Behind, Setting};
use crate::proxy::Mode;

/// PostgreSQL ends every connection of the program, several times.
pub const CUT: Fault = Fault { backends: POSTGRES, ..Fault::plain("cut", "X18", |stage| cut(stage).boxed()) };
/// Every answer and every question comes later.
pub const SLOW: Fault = Fault {
    strike: |stage| hold(stage, Mode::Delay(Duration::from_millis(30)), 3_000).boxed(),
    ..on_wire("wire-slow", "X8")
};
/// Few bytes a second.
pub const NARROW: Fault =
    Fault { strike: |stage| hold(stage, Mode::Throttle(60_000), 3_000).boxed(), ..on_wire("wire-narrow", "X8") };
/// Nothing goes on, and nothing ends.
pub const FROZEN: Fault =
    Fault { strike: |stage| hold(stage, Mode::Freeze, 4_000).boxed(), ..on_wire("wire-frozen", "X3, X18") };
/// All connections are reset, again and again.
pub const RESET: Fault = Fault { strike: |stage| reset(stage).boxed(), ..on_wire("wire-reset", "X18") };
/// Each connection is reset in the middle of an answer.
pub const TORN: Fault = Fault { strike: |stage| torn(stage).boxed(), ..on_wire("wire-torn", "X18") };
/// Of seven commits one has no answer.
pub const COMMITS: Fault = Fault {
    strike: |stage| hold(stage, Mode::LoseCommits { every: 7 }, 2_500).boxed(),
    ..on_wire("wire-commits", "X18")
};
/// Connections are reset, and of the new ones 30 in a hundred at once.
pub const DROPPED: Fault = Fault { strike: |stage| dropped(stage).boxed(), ..on_wire("wire-dropped", "X18") };

const CUTS: usize = 4;

const fn on_wire(name: &'static str, number: &'static str) -> Fault {
    let setting = Setting { has_own_server: true, behind_wire: Some(Behind::Database), ..Setting::PLAIN };
    Fault { backends: POSTGRES, setting, ..Fault::plain(name, number, |stage| cut(stage).boxed()) }
}

async fn cut(stage: &Stage<'_>) -> Result<Struck> {
    let pause = Duration::from_millis(stage.dice.clone().between(0, 400));
    let mut count = 0;
    for _ in 0..CUTS {
        count += stage.installation.database.cut_connections().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(Struck::of(format!("{count} connections cut")))
}

/// The wire hurts in this manner for so long.
async fn hold(stage: &Stage<'_>, mode: Mode, ms: u64) -> Result<Struck> {
    let proxy = stage.installation.hurt_wire()?;
    proxy.set(mode);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    proxy.set(Mode::Pass);
    Ok(hit(proxy.hurt()))
}

async fn reset(stage: &Stage<'_>) -> Result<Struck> {
    let (proxy, mut dice) = (stage.installation.hurt_wire()?, stage.dice.clone());
    for _ in 0..8 {
        proxy.reset_all();
        tokio::time::sleep(Duration::from_millis(dice.between(20, 400))).await;
    }
    Ok(hit(proxy.hurt()))
}

async fn torn(stage: &Stage<'_>) -> Result<Struck> {
    let (proxy, mut dice) = (stage.installation.hurt_wire()?, stage.dice.clone());
    for _ in 0..5 {
        proxy.set(Mode::ResetAfter(dice.between(500, 20_000)));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    proxy.set(Mode::Pass);
    Ok(hit(proxy.hurt()))
}

async fn dropped(stage: &Stage<'_>) -> Result<Struck> {
    let proxy = stage.installation.hurt_wire()?;
    proxy.set(Mode::Drop(30));
    for _ in 0..6 {
        proxy.reset_all();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    proxy.set(Mode::Pass);
    Ok(hit(proxy.hurt()))
}

/// A fault that hits nothing tests nothing.
fn hit(hurt: u64) -> Struck {
    let mut struck = Struck::of(format!("hurt {hurt} times"));
    struck.expect(hurt > 0, "the wire hurt nobody: nothing was tested");
    struck
}
