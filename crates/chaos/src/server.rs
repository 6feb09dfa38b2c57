//! A PostgreSQL server of a round's own, which may be frozen, killed and filled up. It keeps what it acknowledged, as in
//! production: only so a lost order is the program's fault.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::disk::BadDisk;
use crate::process::{Signal, children};

/// The user that runs it when we are root, which PostgreSQL refuses.
const NOBODY: u32 = 65_534;
const READY_MAX: Duration = Duration::from_secs(60);
/// Connections of two programs, and some to look at it.
const CONNECTIONS_MAX: &str = "max_connections=60";
/// The database of the program.
pub const NAME: &str = "chaos";

/// The server; it ends with this value.
pub struct Server {
    folder: PathBuf,
    is_root: bool,
    disk: Option<BadDisk>,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Makes a new one in `folder`, on this disk if it has one of its own, with an empty database that belongs to `owner`.
    pub async fn start(folder: &Path, disk: Option<BadDisk>) -> Result<Self> {
        fs::create_dir_all(folder.join("data"))?;
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if is_root {
            for path in folder.ancestors().take_while(|path| *path != std::env::temp_dir()) {
                fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            }
            chown(folder, Some(NOBODY), Some(NOBODY))?;
            chown(folder.join("data"), Some(NOBODY), Some(NOBODY))?;
        }
        let server = Self { folder: folder.to_owned(), is_root, disk, child: Mutex::new(None) };
        let mut initdb = server.program("initdb")?;
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", "data"]);
        // Small pieces of log, so that a full disk is soon felt.
        let made = initdb.arg("--wal-segsize=1").output().await?;
        ensure!(made.status.success(), "initdb says: {}", String::from_utf8_lossy(&made.stderr));
        server.serve().await?;
        server.psql("postgres", "CREATE ROLE owner LOGIN CREATEROLE CREATEDB").await?;
        server.psql("postgres", &format!("CREATE DATABASE {NAME} OWNER owner")).await?;
        Ok(server)
    }

    /// Starts it on what it has, and waits until it answers. A start that fails is tried again: memory of the dead may
    /// not be free yet.
    pub async fn serve(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let log = OpenOptions::new().create(true).append(true).open(self.folder.join("postgres.log"))?;
            self.spawn(log).await?;
            while self.is_alive().await {
                if self.psql("postgres", "SELECT 1").await.is_ok() {
                    return Ok(());
                }
                ensure!(began.elapsed() < READY_MAX, "PostgreSQL does not answer after {} s", READY_MAX.as_secs());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            ensure!(began.elapsed() < READY_MAX, "PostgreSQL does not start after {} s", READY_MAX.as_secs());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn spawn(&self, log: File) -> Result<()> {
        let mut server = self.program("postgres")?;
        server.args(["-D", "data", "-k"]).arg(&self.folder);
        for setting in ["listen_addresses=", CONNECTIONS_MAX, "shared_buffers=64MB", "min_wal_size=2MB"] {
            server.args(["-c", setting]);
        }
        if let Some(disk) = &self.disk {
            server.envs(disk.variables());
        }
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true).process_group(0);
        *self.child.lock().await = Some(server.spawn().context("PostgreSQL does not start")?);
        Ok(())
    }

    /// Whether its first process lives.
    pub async fn is_alive(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// SIGKILL to it and to all that it has started, and waits until they are gone.
    pub async fn kill(&self) -> Result<()> {
        let mut child = self.child.lock().await.take().context("it runs")?;
        let own = child.id().context("it lives")?;
        let others = children(own)?;
        Signal::Kill.send(&[own]).await?;
        Signal::Kill.send(&others).await?;
        child.wait().await?;
        while others.iter().any(|number| Path::new(&format!("/proc/{number}")).exists()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// All of it stands still: connections are open and nobody answers.
    pub async fn freeze(&self) -> Result<()> {
        let own = self.number().await?;
        Signal::Stop.send(&[own]).await?;
        Signal::Stop.send(&children(own)?).await
    }

    /// It goes on.
    pub async fn thaw(&self) -> Result<()> {
        let own = self.number().await?;
        Signal::Continue.send(&children(own)?).await?;
        Signal::Continue.send(&[own]).await
    }

    async fn number(&self) -> Result<u32> {
        self.child.lock().await.as_ref().and_then(Child::id).context("it lives")
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Its address for `role`, without a wire between.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@localhost/{NAME}?host={}", self.folder.display())
    }

    /// Runs statements as the superuser.
    pub async fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(testkit::binaries()?.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        let output = psql.env("PGHOST", &self.folder).env("PGCONNECT_TIMEOUT", "5").output().await?;
        ensure!(output.status.success(), "psql says: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn program(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(testkit::binaries()?.join(name));
        command.current_dir(&self.folder).env("LC_ALL", "C");
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }
}

impl Drop for Server {
    /// The first process is killed with its handle; the others see that it is gone, unless they stand still.
    fn drop(&mut self) {
        let Some(number) = self.child.get_mut().as_ref().and_then(Child::id) else { return };
        for child in children(number).unwrap_or_default() {
            let _ = std::process::Command::new("kill").args(["-KILL", &child.to_string()]).output();
        }
    }
}
