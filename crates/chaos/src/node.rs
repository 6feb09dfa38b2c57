//! One process of the program under test.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::browser::Wire;
use crate::process::Signal;

/// How long the program may take until it serves.
const START_MAX: Duration = Duration::from_secs(90);

/// The process while it lives, and what outlives it: its port and its log.
pub struct Node {
    port: u16,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node that does not run yet.
    pub fn new(port: u16, log: PathBuf) -> Self {
        Self { port, log, child: Mutex::new(None) }
    }

    /// Where it serves.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Starts `command` as the program and waits until it is ready.
    pub async fn serve(&self, command: Command, wire: &Wire) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = tokio::process::Command::from(command);
        command.arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().context("the program does not start")?;
        let began = Instant::now();
        while !wire.is_ready(self.port).await {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("the program ended at once: {status}; see {}", self.log.display());
            }
            ensure!(began.elapsed() < START_MAX, "the program is not ready after {} s", START_MAX.as_secs());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        *self.child.lock().await = Some(child);
        Ok(())
    }

    /// SIGKILL, and nothing else: what was not on the disk is gone.
    pub async fn kill(&self) -> Result<()> {
        let mut child = self.child.lock().await.take().context("it runs")?;
        Ok(child.kill().await?)
    }

    /// Waits until it is gone, which it is by itself.
    pub async fn bury(&self) -> Result<()> {
        let mut child = self.child.lock().await.take().context("it ran")?;
        Ok(child.wait().await.map(|_| ())?)
    }

    /// Asks it to end in order, and waits until it has.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.signal(Signal::Terminate).await?;
        let mut child = self.child.lock().await.take().context("it runs")?;
        Ok(child.wait().await?)
    }

    /// Sends it a signal.
    pub async fn signal(&self, signal: Signal) -> Result<()> {
        signal.send(&[self.number().await?]).await
    }

    /// Its process number.
    pub async fn number(&self) -> Result<u32> {
        self.child.lock().await.as_ref().and_then(Child::id).context("it lives")
    }

    /// Whether it still runs; nobody but us may end it.
    pub async fn is_alive(&self) -> bool {
        let mut child = self.child.lock().await;
        child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// All it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
