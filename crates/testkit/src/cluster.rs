//! The test run's PostgreSQL cluster.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::disk;

/// Something the machine lacks or the server said; tests stop on it.
#[derive(Debug)]
pub struct TestError(pub(crate) String);

impl std::fmt::Display for TestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for TestError {}
impl From<std::io::Error> for TestError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// How much a cluster keeps through a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Nothing: tests are faster so.
    Scratch,
    /// Everything, as in production: benches.
    Full,
    /// Everything, on a disk whose every sync takes [`SYNC_LONGER`] longer: benches.
    Slow,
}

/// How much longer a sync takes on the slow disk: that of a rented machine, whose disk is behind a network.
pub const SYNC_LONGER: Duration = Duration::from_millis(2);

impl Durability {
    const fn folder(self) -> &'static str {
        match self {
            Self::Scratch => "test",
            Self::Full => "bench",
            Self::Slow => "bench-slow",
        }
    }

    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Scratch => &[
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "shared_buffers=128MB",
                "max_wal_size=1GB",
            ],
            Self::Full | Self::Slow => &[],
        }
    }
}

/// A running cluster; `owner` may create roles and databases but is not a superuser.
pub struct Cluster {
    durability: Durability,
    folder: PathBuf,
    _in_use: File,
}

static SHARED: OnceLock<Cluster> = OnceLock::new();
static DURABLE: OnceLock<Cluster> = OnceLock::new();
static SLOW: OnceLock<Cluster> = OnceLock::new();

/// The user that runs the server when the tests run as root, which PostgreSQL refuses.
const NOBODY: u32 = 65534;

impl Cluster {
    /// The cluster of this test run, started if need be. Held until the process ends.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start_or_panic(Durability::Scratch))
    }

    /// A cluster that writes through to the disk, as production does; for benches.
    pub fn durable() -> &'static Self {
        DURABLE.get_or_init(|| Self::start_or_panic(Durability::Full))
    }

    /// A cluster like that on a slow disk; for benches.
    pub fn slow() -> &'static Self {
        SLOW.get_or_init(|| Self::start_or_panic(Durability::Slow))
    }

    fn start_or_panic(durability: Durability) -> Self {
        Self::start(durability).unwrap_or_else(|error| panic!("no PostgreSQL for tests: {error}"))
    }

    /// A URL of `database` for `role`.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@localhost/{database}?host={}", self.folder.display())
    }

    /// What the server writes down of itself, of all databases in it.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Runs statements as the superuser, outside of everything that is tested.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, TestError> {
        self.psql_as("postgres", database, sql)
    }

    /// Runs statements as `role`, in a session and a transaction of their own.
    pub fn psql_as(&self, role: &str, database: &str, sql: &str) -> Result<String, TestError> {
        let output = Command::new(binaries()?.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", database, "-c", sql])
            .env("PGHOST", &self.folder)
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(TestError(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Runs a file as the superuser, with psql's variables and an environment for it.
    pub fn psql_file(&self, file: &Path, variables: &[&str], env: &[(&str, &str)]) -> Result<(), TestError> {
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["-X", "-q", "-U", "postgres", "-d", "postgres"]).env("PGHOST", &self.folder);
        for variable in variables {
            psql.args(["-v", variable]);
        }
        let output = psql.envs(env.iter().copied()).arg("-f").arg(file).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(TestError(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Runs `make` once in the life of the cluster, whichever process comes first.
    pub fn once(&self, name: &str, make: impl FnOnce(&Self) -> Result<(), TestError>) -> Result<(), TestError> {
        let lock = File::create(self.folder.join(format!("{name}.lock")))?;
        lock.lock()?;
        let done = self.folder.join(format!("{name}.done"));
        if !done.exists() {
            make(self)?;
            File::create(done)?;
        }
        Ok(())
    }

    fn start(durability: Durability) -> Result<Self, TestError> {
        let user = user()?;
        let folder = folder(durability, &user);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let in_use = File::create(folder.join("in-use.lock"))?;
        in_use.lock_shared()?;
        let starting = File::create(folder.join("start.lock"))?;
        starting.lock()?;
        let cluster = Self { durability, folder, _in_use: in_use };
        if cluster.psql("postgres", "SELECT 1").is_err() {
            cluster.boot(user == "0")?;
        }
        Ok(cluster)
    }

    fn boot(&self, as_root: bool) -> Result<(), TestError> {
        // What a cluster that was cut off has left: marks of things made in it, and its socket with a lock whose
        // process number may be somebody else's by now.
        for leftover in fs::read_dir(&self.folder)?.flatten() {
            let name = leftover.file_name().to_string_lossy().into_owned();
            if name.ends_with(".done") || name.starts_with(".s.PGSQL") {
                fs::remove_file(leftover.path())?;
            }
        }
        let data = self.folder.join("data");
        let _ = fs::remove_dir_all(&data);
        fs::create_dir(&data)?;
        if as_root {
            chown(&self.folder, Some(NOBODY), Some(NOBODY))?;
            chown(&data, Some(NOBODY), Some(NOBODY))?;
        }
        let mut initdb = self.program("initdb", as_root)?;
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data);
        let made = initdb.output()?;
        if !made.status.success() {
            return Err(TestError(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        // The settings that are recommended to operators, so that they are known to work; those below win.
        fs::copy(infra().join("tuning.conf"), data.join("tuning.conf"))?;
        fs::set_permissions(data.join("tuning.conf"), fs::Permissions::from_mode(0o644))?;
        let mut settings = File::options().append(true).open(data.join("postgresql.conf"))?;
        settings.write_all(b"\ninclude 'tuning.conf'\n")?;
        let mut server = self.program("postgres", as_root)?;
        if self.durability == Durability::Slow {
            let micros = SYNC_LONGER.as_micros().to_string();
            server.env("LD_PRELOAD", disk::library(&self.folder)?).env(disk::SYNC_US, micros);
        }
        server.arg("-D").arg(&data).arg("-k").arg(&self.folder);
        let always = ["listen_addresses=", "max_connections=300", "autovacuum_naptime=10s"];
        for setting in always.iter().chain(self.durability.settings()) {
            server.args(["-c", setting]);
        }
        let log = File::create(self.folder.join("server.log"))?;
        let server = server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
        self.watch(server.id())?;
        self.wait_until_ready()?;
        self.psql("postgres", "CREATE ROLE owner LOGIN CREATEROLE CREATEDB")?;
        Ok(())
    }

    fn program(&self, name: &str, as_root: bool) -> Result<Command, TestError> {
        let mut command = Command::new(binaries()?.join(name));
        command.current_dir(&self.folder).env("LC_ALL", "C");
        if as_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }

    fn wait_until_ready(&self) -> Result<(), TestError> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(error) = self.psql("postgres", "SELECT 1") {
            if Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A shell that stops the server once no process has held the in-use lock for ten seconds. Whoever starts the next
    /// one does not wait until its files are gone: they are many.
    fn watch(&self, server: u32) -> Result<(), TestError> {
        let script = format!(
            "idle=0; while kill -0 {server} 2>/dev/null; do sleep 1; \
             if flock -n -x in-use.lock true; then idle=$((idle+1)); else idle=0; fi; \
             if [ $idle -ge 10 ]; then \
               flock -x start.lock sh -c 'if flock -n -x in-use.lock true; then kill -INT {server}; \
                 while kill -0 {server} 2>/dev/null; do sleep 0.1; done; mv data gone-{server}; fi'; \
             fi; done; rm -rf gone-{server}"
        );
        Command::new("sh")
            .args(["-c", &script])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(())
    }
}

/// Where the files of the cluster that writes through to the disk are.
pub fn durable_folder() -> PathBuf {
    folder(Durability::Full, &user().unwrap_or_default())
}

/// The folders of all clusters that benches use.
pub fn bench_folders() -> [PathBuf; 2] {
    let user = user().unwrap_or_default();
    [Durability::Full, Durability::Slow].map(|durability| folder(durability, &user))
}

fn folder(durability: Durability, user: &str) -> PathBuf {
    std::env::temp_dir().join(format!("cardgrove-{}-pg-{user}", durability.folder()))
}

fn user() -> Result<String, TestError> {
    let user = Command::new("id").arg("-u").output()?.stdout;
    Ok(String::from_utf8_lossy(&user).trim().to_owned())
}

/// The files for operators' databases.
pub(crate) fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/postgres")
}

/// Debian's versioned folder with the newest server's programs.
pub fn binaries() -> Result<PathBuf, TestError> {
    let versions = Path::new("/usr/lib/postgresql");
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).ok_or_else(|| {
        TestError("the server's programs are not installed; `scripts/setup --test` installs them".to_owned())
    })
}
