//! The program and all it stands on as processes: started, hurt, started again on the same data.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::browser::Wire;
use crate::clock::Clock;
use crate::database::{Backend, Database};
use crate::dice::Dice;
use crate::disk::BadDisk;
use crate::node::Node;
use crate::pack::Pack;
use crate::process::SmallDisk;
use crate::proxy::{Proxy, Target};
use crate::sandbox::Sandbox;

/// What an installation has that a fault can be laid to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Processes of the program on the same database; more than one on PostgreSQL only.
    pub nodes: usize,
    /// Whether PostgreSQL is the round's own, not the one that all rounds share.
    pub has_own_server: bool,
    /// What stands behind a wire that can be hurt.
    pub behind_wire: Option<Behind>,
    /// The database stands on a disk of so many megabytes.
    pub disk_megabytes: Option<u32>,
    /// Whether the program's clock can be set.
    pub has_clock: bool,
    /// Whether the disk below the database can be made to fail: PostgreSQL's own, or the program's with its file.
    pub has_bad_disk: bool,
    /// Whether the program is killed while it makes its schema, again and again, before it may.
    pub dies_migrating: bool,
}

/// How long the program lives when it is killed for the first time while it makes its schema.
const FIRST_LIFE: Duration = Duration::from_millis(30);
/// How often at most: by then it would have lived for minutes.
const DEATHS_MAX: usize = 40;

/// Who stands behind the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// PostgreSQL.
    Database,
    /// The sandbox gateway, as the program calls it.
    Gateway,
}

impl Setting {
    /// One node on a database that is nobody's to hurt.
    pub const PLAIN: Self = Self {
        nodes: 1,
        has_own_server: false,
        behind_wire: None,
        disk_megabytes: None,
        has_clock: false,
        has_bad_disk: false,
        dies_migrating: false,
    };
}

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
    /// The program's processes.
    pub nodes: Vec<Node>,
    /// The wire that can be hurt.
    pub proxy: Option<Proxy>,
    /// The program's clock.
    pub clock: Option<Clock>,
    /// The disk below the database that can be made to fail.
    pub bad_disk: Option<BadDisk>,
    /// How often the program was killed while it made its schema.
    pub deaths: usize,
    binary: PathBuf,
    behind_wire: Option<Behind>,
    /// Under the database: it goes after it.
    pub disk: Option<SmallDisk>,
}

impl Installation {
    /// Makes an installation of `binary` in `folder`, applies the pack and serves.
    pub async fn start(
        binary: &Path,
        folder: &Path,
        (backend, setting): (Backend, Setting),
        pack: &Pack,
        dice: &mut Dice,
    ) -> Result<Self> {
        let (data, server) = (folder.join("var"), folder.join("postgres"));
        std::fs::create_dir_all(&data)?;
        let disk = match setting.disk_megabytes {
            Some(megabytes) if backend == Backend::Sqlite => Some(SmallDisk::mount(&data, megabytes).await?),
            Some(megabytes) => Some(SmallDisk::mount(&server, megabytes).await?),
            None => None,
        };
        pack.write(&folder.join("pack"))?;
        let sandbox = Sandbox::start(binary, &folder.join("sandbox")).await?;
        let below = if backend == Backend::Sqlite { data.clone() } else { server.join("data") };
        let bad_disk = if setting.has_bad_disk { Some(BadDisk::make(folder, &below)?) } else { None };
        let own_server = setting.has_own_server.then_some(&server);
        let mut database = Database::make(backend, &data, own_server, bad_disk.as_ref()).await?;
        let target = match setting.behind_wire {
            Some(Behind::Database) => database.socket().map(Target::Socket),
            Some(Behind::Gateway) => Some(Target::Port(sandbox.port())),
            None => None,
        };
        let proxy = match target {
            Some(target) => Some(Proxy::start(target, dice.for_one(1)).await?),
            None => None,
        };
        if let (Some(proxy), Some(Behind::Database)) = (&proxy, setting.behind_wire) {
            database.go_through(proxy.port());
        }
        let mut nodes = Vec::new();
        for number in 0..setting.nodes {
            nodes.push(Node::new(
                free_port(&mut dice.for_one(number as u64))?,
                folder.join(format!("node-{number}.log")),
            ));
        }
        let mut installation = Self {
            folder: folder.to_owned(),
            database,
            sandbox,
            wire: Wire::to(nodes.iter().map(Node::port).collect())?,
            logins: BTreeMap::new(),
            nodes,
            proxy,
            clock: if setting.has_clock { Some(Clock::make(folder).await?) } else { None },
            bad_disk,
            deaths: 0,
            binary: binary.to_owned(),
            behind_wire: setting.behind_wire,
            disk,
        };
        if setting.dies_migrating {
            installation.deaths = installation.die_migrating(&mut dice.for_one(2)).await?;
        }
        let pack = folder.join("pack");
        let applied = installation.run(&["tenant", "apply", pack.to_str().context("a path that is text")?]).await?;
        ensure!(applied.is_good, "the pack is refused:\n{}", applied.text);
        installation.logins = logins(&applied.text);
        for number in 0..setting.nodes {
            installation.serve(number).await?;
        }
        Ok(installation)
    }

    /// Kills the program while it makes its schema, each time a little later, until it was ready before; how often.
    async fn die_migrating(&self, dice: &mut Dice) -> Result<usize> {
        let mut life = FIRST_LIFE;
        for deaths in 0..DEATHS_MAX {
            let mut command = tokio::process::Command::from(self.command(&self.folder.join("var"), 0));
            command.arg("migrate").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let mut migrating = command.spawn().context("the program does not start")?;
            life = life * u32::try_from(dice.between(110, 135)).expect("a small number") / 100;
            if let Ok(ended) = tokio::time::timeout(life, migrating.wait()).await {
                let status = ended?;
                ensure!(status.success(), "after {deaths} deaths the schema is not made any more: {status}");
                return Ok(deaths);
            }
            migrating.kill().await?;
        }
        anyhow::bail!("{DEATHS_MAX} times killed, and the schema is not made after {} ms", life.as_millis())
    }

    /// Starts a node and waits until it is ready.
    pub async fn serve(&self, node: usize) -> Result<()> {
        self.nodes[node].serve(self.command(&self.folder.join("var"), node), &self.wire).await
    }

    /// The wire that can be hurt; the fault's setting has asked for it.
    pub fn hurt_wire(&self) -> Result<&Proxy> {
        self.proxy.as_ref().context("a wire that can be hurt")
    }

    /// SIGKILL to all nodes.
    pub async fn kill(&self) -> Result<()> {
        for node in &self.nodes {
            node.kill().await?;
        }
        Ok(())
    }

    /// Whether all nodes run; nobody but us may end them.
    pub async fn is_alive(&self) -> bool {
        for node in &self.nodes {
            if !node.is_alive().await {
                return false;
            }
        }
        true
    }

    /// Runs another command of the program on the same data.
    pub async fn run(&self, words: &[&str]) -> Result<Said> {
        self.run_on(&self.folder.join("var"), &[], words).await
    }

    /// Runs a command of the program on the data in `folder`, with more settings.
    pub async fn run_on(&self, folder: &Path, settings: &[(&str, &str)], words: &[&str]) -> Result<Said> {
        let mut command = self.command(folder, 0);
        command.envs(settings.iter().copied()).args(words);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { is_good: output.status.success(), text: text(&output.stdout) + &text(&output.stderr) })
    }

    /// The lines of the logs that warn, the last `count` of each node.
    pub fn warnings(&self, count: usize) -> Vec<String> {
        let mut warnings = Vec::new();
        for log in self.nodes.iter().map(Node::log) {
            let own: Vec<&str> = log
                .lines()
                .filter(|line| line.contains(" WARN ") || line.contains("ERROR") || line.contains("panicked"))
                .collect();
            warnings.extend(own[own.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()));
        }
        warnings
    }

    fn command(&self, data: &Path, node: usize) -> Command {
        let gateway = match (&self.proxy, self.behind_wire) {
            (Some(proxy), Some(Behind::Gateway)) => format!("http://127.0.0.1:{}", proxy.port()),
            _ => self.sandbox.url().to_owned(),
        };
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("CARDGROVE_DATA_DIR", data)
            .env("CARDGROVE_LISTEN", format!("127.0.0.1:{}", self.nodes[node].port()))
            .env("CARDGROVE_SANDBOX_URL", gateway)
            .env("CARDGROVE_PROXIES", "[\"127.0.0.1\"]")
            .env("CARDGROVE_METRICS_LISTEN", "")
            .env("NO_COLOR", "1");
        if let Some(url) = self.database.owner_url() {
            command.env("DATABASE_URL", url);
        }
        if let Some(clock) = &self.clock {
            clock.give_to(&mut command);
        }
        if let (Some(disk), Database::Sqlite(_)) = (&self.bad_disk, &self.database) {
            command.envs(disk.variables());
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

impl Said {
    /// Whether an audit found nothing.
    pub fn is_clean_audit(&self) -> bool {
        self.is_good && self.text.contains("every invariant holds")
    }
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
