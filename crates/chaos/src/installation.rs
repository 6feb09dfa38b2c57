//! The program and its gateway as processes: started, killed, started again on the same data.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::browser::Wire;
use crate::database::{Backend, Database};
use crate::dice::Dice;
use crate::pack::Pack;
use crate::sandbox::Sandbox;

/// How long the program may take until it serves.
const START_MAX: Duration = Duration::from_secs(90);

/// One installation of its own: data, database, gateway, and the program while it lives.
pub struct Installation {
    /// Where everything is kept.
    pub folder: PathBuf,
    /// The database.
    pub database: Database,
    /// The gateway, which outlives the program.
    pub sandbox: Sandbox,
    /// The way to the program.
    pub wire: Wire,
    /// The passwords of all log-ins.
    pub logins: BTreeMap<String, String>,
    binary: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Installation {
    /// Makes an installation of `binary` in `folder`, applies the pack and serves.
    pub async fn start(binary: &Path, folder: &Path, backend: Backend, pack: &Pack, dice: &mut Dice) -> Result<Self> {
        let data = folder.join("var");
        std::fs::create_dir_all(&data)?;
        pack.write(&folder.join("pack"))?;
        let sandbox = Sandbox::start(binary, &folder.join("sandbox")).await?;
        let mut installation = Self {
            folder: folder.to_owned(),
            database: Database::make(backend, &data).await?,
            sandbox,
            wire: Wire::to(free_port(dice)?)?,
            logins: BTreeMap::new(),
            binary: binary.to_owned(),
            child: Mutex::new(None),
        };
        let pack = folder.join("pack");
        let applied = installation.run(&["tenant", "apply", pack.to_str().context("a path that is text")?]).await?;
        ensure!(applied.is_good, "the pack is refused:\n{}", applied.text);
        installation.logins = logins(&applied.text);
        installation.serve().await?;
        Ok(installation)
    }

    /// Starts the program and waits until it is ready.
    pub async fn serve(&self) -> Result<()> {
        let log = self.log()?;
        let mut command = tokio::process::Command::from(self.command());
        command.arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().context("the program does not start")?;
        let began = Instant::now();
        while !self.wire.is_ready().await {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("the program ended at once: {status}; see {}", self.log_file().display());
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

    /// Whether the program still runs; nobody but us may end it.
    pub async fn is_alive(&self) -> bool {
        let mut child = self.child.lock().await;
        child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Runs another command of the program on the same data.
    pub async fn run(&self, words: &[&str]) -> Result<Said> {
        let mut command = self.command();
        command.args(words);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { is_good: output.status.success(), text: text(&output.stdout) + &text(&output.stderr) })
    }

    /// The lines of the program's log that warn, the last of them first cut to `count`.
    pub fn warnings(&self, count: usize) -> Vec<String> {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let warnings: Vec<&str> = log
            .lines()
            .filter(|line| line.contains(" WARN ") || line.contains("ERROR") || line.contains("panicked"))
            .collect();
        warnings[warnings.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn log(&self) -> Result<File> {
        Ok(OpenOptions::new().create(true).append(true).open(self.log_file())?)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("CARDGROVE_DATA_DIR", self.folder.join("var"))
            .env("CARDGROVE_LISTEN", format!("127.0.0.1:{}", self.wire.port()))
            .env("CARDGROVE_SANDBOX_URL", self.sandbox.url())
            .env("CARDGROVE_PROXIES", "[\"127.0.0.1\"]")
            .env("CARDGROVE_METRICS_LISTEN", "")
            .env("NO_COLOR", "1");
        if let Database::Postgres { owner_url, .. } = &self.database {
            command.env("DATABASE_URL", owner_url);
        }
        command
    }
}

/// What a command said.
pub struct Said {
    /// Whether it ended well.
    pub is_good: bool,
    /// Its words.
    pub text: String,
}

/// A port that nobody uses, below those that connections take: a gateway reports to it after a restart, too.
fn free_port(dice: &mut Dice) -> Result<u16> {
    // Several runs at once throw dice of one seed.
    let mut own = dice.for_one(u64::from(std::process::id()));
    let ports = (0..1_000).filter_map(|_| u16::try_from(own.between(12_000, 31_000)).ok());
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().context("no port is free")
}

/// The log-ins that applying a pack generated: `  NAME on SITE: LOGIN  PASSWORD`.
fn logins(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": ")?.1.split_once("  "));
    lines.map(|(login, password)| (login.to_owned(), password.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ins_are_read_from_what_apply_says() {
        let text =
            "+ site main\ngenerated log-ins, shown once:\n  Operator: operator@x  abc\n  Buyer on main: b@x  d e\n";
        let logins = logins(text);
        assert_eq!((logins["operator@x"].as_str(), logins["b@x"].as_str()), ("abc", "d e"));
    }
}
