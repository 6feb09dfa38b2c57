//! The faults: what is done to the program and to what it stands on, each in a file of its own.
//!
//! A fault has a *setting* (what an installation needs for it), a *strike* in the middle of the load, which is over when
//! it returns, and sometimes an *inspection* at the end. What must hold during the fault itself is looked at by them; the
//! promises of the round hold after every fault. The numbers are those of the fault matrix that operators are told of.

use std::time::Duration;

use anyhow::Result;
use futures::future::BoxFuture;

use crate::database::Backend;
use crate::dice::Dice;
use crate::installation::{Installation, Setting};
use crate::pack::Pack;
use crate::promises::Lateness;
use crate::quiet::Quiet;

mod backup;
mod clock;
mod crash;
mod disk;
mod flip;
mod gateway;
mod kill;
mod limits;
mod nodes;
mod poison;
mod postgres;
mod wire;

/// Where a fault happens.
pub struct Stage<'a> {
    /// To what.
    pub installation: &'a Installation,
    /// What it sells.
    pub pack: &'a Pack,
    /// Chance.
    pub dice: Dice,
}

/// What a strike leaves behind.
#[derive(Debug, Clone)]
pub struct Struck {
    /// Whether orders may have expired.
    pub lateness: Lateness,
    /// In few words, what exactly it was.
    pub note: String,
    /// What should have held meanwhile and did not.
    pub broken: Vec<String>,
}

impl Struck {
    /// Nothing expired and nothing broke.
    pub fn of(note: impl Into<String>) -> Self {
        Self { lateness: Lateness::None, note: note.into(), broken: Vec::new() }
    }

    /// Breaks a promise unless `holds`.
    pub fn expect(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.broken.push(what.into());
        }
    }
}

type Act<T> = for<'a> fn(&'a Stage<'a>) -> BoxFuture<'a, Result<T>>;

type Inspect = for<'a> fn(&'a Stage<'a>, &'a Quiet) -> BoxFuture<'a, Result<Vec<String>>>;

/// One fault.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What `--fault` calls it.
    pub name: &'static str,
    /// Its number in the fault matrix.
    pub number: &'static str,
    /// On which databases it can happen.
    pub backends: &'static [Backend],
    /// What it needs.
    pub setting: Setting,
    /// How long it may take afterwards until it is quiet.
    pub quiet_max: Duration,
    /// Does it and undoes it.
    pub strike: Act<Struck>,
    /// Looks at what only this fault promises, once everything else was found good; answers what is broken.
    pub inspect: Option<Inspect>,
}

const BOTH: &[Backend] = &[Backend::Sqlite, Backend::Postgres];
const POSTGRES: &[Backend] = &[Backend::Postgres];
/// A lease is a minute, and what waits for one may have to wait for another.
const QUIET_MAX: Duration = Duration::from_secs(180);

impl Fault {
    /// A fault that needs nothing special and can happen anywhere.
    const fn plain(name: &'static str, number: &'static str, strike: Act<Struck>) -> Self {
        Self { name, number, backends: BOTH, setting: Setting::PLAIN, quiet_max: QUIET_MAX, strike, inspect: None }
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every fault.
pub const ALL: &[&Fault] = &[
    &kill::KILL,
    &kill::TERMINATE,
    &wire::CUT,
    &wire::SLOW,
    &wire::NARROW,
    &wire::FROZEN,
    &wire::RESET,
    &wire::TORN,
    &wire::COMMITS,
    &wire::DROPPED,
    &postgres::KILLED,
    &postgres::FROZEN,
    &nodes::TWO,
    &nodes::KILLED,
    &nodes::FROZEN,
    &nodes::ROLLED,
    &crash::COMMITTING,
    &crash::COMMITTED,
    &crash::MIGRATING,
    &disk::FULL,
    &disk::SYNCS_FAIL,
    &disk::WRITES_FAIL,
    &clock::AHEAD,
    &clock::BEHIND,
    &clock::DAYS_AHEAD,
    &clock::DAYS_BEHIND,
    &gateway::MUTE,
    &gateway::FROZEN,
    &gateway::DEAD,
    &gateway::LIES,
    &gateway::COPIES,
    &limits::HANDLES,
    &limits::MEMORY,
    &backup::BACKUP,
    &poison::POISON,
    &flip::CODE,
    &flip::POSTING,
];

/// The fault called `name`.
pub fn named(name: &str) -> Option<&'static Fault> {
    ALL.iter().copied().find(|fault| fault.name == name)
}

/// What keeps this machine from a fault, if anything does.
pub async fn obstacle(fault: &Fault) -> Option<String> {
    let tried = match fault.setting {
        Setting { disk_megabytes: Some(_), .. } => disk::try_mount().await,
        Setting { has_clock: true, .. } | Setting { has_bad_disk: true, .. } => {
            crate::process::tool("cc", &["--version"]).await.map(|_| ())
        }
        _ => Ok(()),
    };
    tried.err().map(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_place() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), ALL.len());
        for fault in ALL {
            assert!(!fault.backends.is_empty() && named(fault.name).is_some(), "{fault:?}");
            let needs_postgres = fault.setting.nodes > 1 || fault.setting.has_own_server;
            assert!(!needs_postgres || fault.backends.contains(&Backend::Postgres), "{fault:?}");
        }
    }
}
