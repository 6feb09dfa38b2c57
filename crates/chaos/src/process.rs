//! Processes and what is done to them from outside: signals, limits, mounts. By the system's own tools.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// What is sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It ends at once.
    Kill,
    /// It may end in order.
    Terminate,
    /// It stands still.
    Stop,
    /// It goes on.
    Continue,
}

impl Signal {
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }

    /// Sends it; a process that is gone already is no fault.
    pub async fn send(self, processes: &[u32]) -> Result<()> {
        if processes.is_empty() {
            return Ok(());
        }
        let numbers = processes.iter().map(u32::to_string);
        Command::new("kill").arg(format!("-{}", self.word())).args(numbers).output().await?;
        Ok(())
    }
}

/// The processes that `parent` has started and that live.
pub fn children(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name, which may hold anything, come the state and the parent.
        let mut words = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, its_parent) = (words.next(), words.next().and_then(|word| word.parse::<u32>().ok()));
        if its_parent == Some(parent) && state != Some("Z") {
            children.push(number);
        }
    }
    Ok(children)
}

/// Runs a tool of the system; an error says what it said.
pub async fn tool(name: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(name).args(words).output().await.with_context(|| format!("{name} cannot be started"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{name} says: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(text)
}

/// A small disk in memory, mounted at a folder; gone with this value.
#[derive(Debug)]
pub struct SmallDisk {
    folder: std::path::PathBuf,
}

impl SmallDisk {
    /// Mounts one of `megabytes` at `folder`, or says why this machine does not let us.
    pub async fn mount(folder: &Path, megabytes: u32) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (size, place) = (format!("size={megabytes}m,mode=755"), folder.display().to_string());
        tool("mount", &["-t", "tmpfs", "-o", &size, "chaos", &place]).await?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Fills it to the last byte; answers how many bytes that took.
    pub fn fill(&self) -> Result<u64> {
        use std::io::Write;
        let mut ballast = std::fs::File::options().create(true).append(true).open(self.ballast())?;
        let mut taken = 0;
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![b'x'; size];
            while let Ok(length @ 1..) = ballast.write(&piece) {
                taken += length as u64;
            }
        }
        Ok(taken)
    }

    /// Makes room again.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open there must not keep the folder from going.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.folder).output();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_is_found_stopped_and_killed() {
        let mut child = Command::new("sleep").arg("60").kill_on_drop(true).spawn().expect("it starts");
        let number = child.id().expect("it lives");
        assert!(children(std::process::id()).expect("processes are listed").contains(&number));
        Signal::Stop.send(&[number]).await.expect("it is sent");
        Signal::Kill.send(&[number]).await.expect("it is sent");
        assert!(!child.wait().await.expect("it ends").success());
        assert!(!children(std::process::id()).expect("processes are listed").contains(&number));
    }
}
