//! The program as a child process, as it is installed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use store::Backend;

use super::town::Town;
use crate::cpu::{Cpu, TICK, ticks};

const SERVES_WITHIN: Duration = Duration::from_secs(60);
/// Lines of its log that are kept to be shown if it does not start.
const LINES_MAX: usize = 50;

/// A running `cardgrove serve`, or another server of the machine to compare it with.
pub struct Program {
    child: Child,
    address: SocketAddr,
    /// Beside the first process.
    others: Vec<u32>,
}

/// Processor time up to now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub program: Duration,
    pub database: Duration,
    pub clients: Duration,
}

impl Program {
    /// The program that was built beside this one, with the same profile.
    pub fn built() -> Option<PathBuf> {
        let own = std::env::current_exe().ok()?;
        own.ancestors().skip(1).take(2).map(|folder| folder.join("cardgrove")).find(|binary| binary.exists())
    }

    /// Serves the town with the program at `binary`; `settings` are variables of its environment.
    ///
    /// # Panics
    /// If it does not serve within a minute: then there is nothing to measure.
    pub fn start(binary: &Path, town: &Town, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary);
        command.arg("serve").env_clear().envs(settings_of(town)).envs(settings.iter().copied());
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (found, address) = mpsc::channel();
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (stderr, kept) = (child.stderr.take().expect("piped"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("serving at ") {
                    let _ = found.send(rest.split_whitespace().next().and_then(|text| text.parse().ok()));
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_back(line);
                if kept.len() > LINES_MAX {
                    kept.pop_front();
                }
            }
        });
        match address.recv_timeout(SERVES_WITHIN) {
            Ok(Some(address)) => Self { child, address, others: Vec::new() },
            _ => {
                let _ = child.kill();
                panic!("the program does not serve: {:#?}", lines.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Another server that listens at `address` already.
    pub(crate) const fn foreign(child: Child, address: SocketAddr, others: Vec<u32>) -> Self {
        Self { child, address, others }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn spent(&self) -> Spent {
        let own = Cpu::now();
        let of = |id: &u32| ticks(&format!("/proc/{id}/stat")).map_or(Duration::ZERO, |(_, ticks)| TICK * ticks);
        let program = of(&self.child.id()) + self.others.iter().map(of).sum::<Duration>();
        Spent { program, database: own.database, clients: own.program }
    }

    /// Asks it to stop and waits for its orderly end.
    pub fn stop(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As an operator sets it up, but for two things: all clients come from one address, so that the proxy they seem to be
/// behind is believed; and the gateway's channels are open though nobody calls it.
fn settings_of(town: &Town) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("CARDGROVE_DATA_DIR", town.folder().join("var").display().to_string()),
        ("CARDGROVE_LISTEN", "127.0.0.1:0".to_owned()),
        ("CARDGROVE_METRICS_LISTEN", "127.0.0.1:0".to_owned()),
        ("CARDGROVE_MASTER_KEY", town.master_key()),
        ("CARDGROVE_PROXIES", "[\"127.0.0.1\"]".to_owned()),
        ("CARDGROVE_SANDBOX_URL", "http://127.0.0.1:9".to_owned()),
        ("NO_COLOR", "1".to_owned()),
    ];
    let database = town.database();
    match town.backend() {
        Backend::Sqlite => settings.push(("DATABASE_URL", database.url.clone())),
        Backend::Postgres => {
            settings.push(("CARDGROVE_DATABASE__RUNTIME_URL", database.url.clone()));
            settings.extend(database.platform_url.clone().map(|url| ("CARDGROVE_DATABASE__PLATFORM_URL", url)));
        }
    }
    settings
}
