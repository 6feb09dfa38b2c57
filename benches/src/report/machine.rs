//! The machine a report was made on, in the words of its own system.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// One line for each thing that figures depend on.
pub(crate) fn describe() -> Vec<(&'static str, String)> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&processors, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let commit = said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let database = testkit::binaries().ok().and_then(|folder| said(folder.join("postgres").to_str()?, &["--version"]));
    vec![
        ("processor", format!("{model}, {cores} cores, shared by database, program and load")),
        ("memory", memory),
        ("kernel", kernel),
        ("PostgreSQL", database.unwrap_or_else(|| "not found".to_owned())),
        (
            "a write of 4 KiB and its sync",
            sync().map_or_else(|| "not measured".to_owned(), |took| format!("{} us", took.as_micros())),
        ),
        ("commit", commit),
    ]
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The median of some writes that go through to the disk.
fn sync() -> Option<Duration> {
    let path = testkit::durable_folder().with_extension("sync");
    let mut file = fs::File::create(&path).ok()?;
    let mut all = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).ok()?;
        all.push(began.elapsed());
    }
    fs::remove_file(&path).ok()?;
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}
