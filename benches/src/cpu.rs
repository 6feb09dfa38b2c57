//! Processor time, from the system's own books.

use std::fs;
use std::time::Duration;

/// What was spent since each process began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// By this process.
    pub program: Duration,
    /// By all processes of the benches' PostgreSQL clusters; SQLite runs inside this process.
    pub database: Duration,
}

/// The unit of the system's books (`sysconf(_SC_CLK_TCK)` on every Linux).
pub(crate) const TICK: Duration = Duration::from_millis(10);

impl Cpu {
    /// Up to now.
    pub fn now() -> Self {
        let program = ticks("/proc/self/stat").map_or(Duration::ZERO, |(_, ticks)| TICK * ticks);
        let mut database = Duration::ZERO;
        let clusters = testkit::bench_folders();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            if let Some((name, ticks)) = ticks(&format!("{}/stat", process.path().display()))
                && name == "postgres"
                && fs::read_link(process.path().join("cwd"))
                    .is_ok_and(|folder| clusters.iter().any(|own| folder.starts_with(own)))
            {
                database += TICK * ticks;
            }
        }
        Self { program, database }
    }
}

/// A process's name, and its time in user and system mode (`proc(5)`: fields 2, 14 and 15).
pub(crate) fn ticks(path: &str) -> Option<(String, u32)> {
    let text = fs::read_to_string(path).ok()?;
    let (before, after) = text.rsplit_once(") ")?;
    let name = before.split_once('(')?.1.to_owned();
    let mut fields = after.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((name, user + system))
}
