//! What each word of the command line does.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use inventory::{MasterKey, MasterKeys};
use kernel::Platform;
use launch::{Applied, Mode, Pack, Who};
use serde::{Deserialize, Serialize};
use tenancy::Slug;

use crate::cli::{Cli, Command, Keys, Tenant};
use crate::control::{self, Answer, Request};
use crate::database::{self, Access, Database, Opened};
use crate::house::House;
use crate::progress::Progress;
use crate::sandbox::Sandbox;
use crate::settings::Settings;
use crate::telemetry::Watch;
use crate::{audit, backup, bill, cards, letters, report, restore, sandbox, serve, telemetry};

/// The packs of the demo, the first one being the shop that is shown.
const DEMO_PACKS: [&str; 2] = ["demo", "demo-two"];
const SANDBOX_PORTS_ABOVE: u16 = 10;
const LOGINS_FILE: &str = "demo-logins.toml";

/// Carries out a command line.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(cli.config.as_deref())?;
    let is_server = matches!(cli.command, Command::Demo { .. } | Command::Serve);
    let telemetry = telemetry::start(&settings, if is_server { Watch::All } else { Watch::Lines })?;
    let outcome = carry_out(cli.command, settings).await;
    // Blocks, but nothing else is left to do.
    tokio::task::block_in_place(|| telemetry.stop());
    outcome
}

async fn carry_out(command: Command, mut settings: Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo { packs } => demo(settings, &packs).await,
        Command::Serve => {
            let listener = serve::listen(&mut settings).await?;
            let database = own(&settings).await?;
            let house = House::open(&settings, database.store.clone()).await?;
            serve::run(house, database, listener, Vec::new()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::SandboxGateway { listen, data } => {
            sandbox::serve(listen, &data).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate => {
            let has_owner = settings.database.owner_url.is_some() || settings.sqlite_file().is_some();
            anyhow::ensure!(has_owner, "only the schema's owner can migrate: set database.owner_url");
            let database = own(&settings).await?;
            database.store.close().await?;
            print("the schema is up to date\n")
        }
        Command::Tenant(Tenant::Apply { pack, dry_run }) => {
            let pack = pack.canonicalize().with_context(|| format!("there is no pack at {}", pack.display()))?;
            hand_in(&settings, Request::Apply { pack, dry_run }).await
        }
        Command::Tenant(Tenant::New { slug, packs }) => {
            let target = packs.join(&slug);
            launch::tenant_new(&Slug::parse(&slug)?, &target)?;
            print(&format!("{} is ready to be filled; then: cardgrove tenant apply {0}\n", target.display()))
        }
        Command::Cards(words) => cards::run(&settings, words).await,
        Command::Bill(words) => bill::run(&settings, words).await,
        Command::Backup { file } => backup::run(&settings, &file).await,
        Command::Restore { file } => restore::run(&settings, &file).await,
        Command::Jobs(words) => letters::run(&settings, words).await,
        Command::Audit => run_audit(&settings).await,
        Command::Keys(Keys::Rotate) => hand_in(&settings, Request::RotateKeys).await,
        Command::Keys(Keys::Export) => {
            let key = match &settings.master_key {
                Some(text) => MasterKey::parse(text)?,
                None => MasterKey::read(&settings.master_key_path())?,
            };
            eprintln!("the master key opens every code: keep it where only you can read it");
            print(&format!("{}\n", key.export().expose()))
        }
        Command::Config => print(&settings.masked()?),
    }
}

/// Standard output is for results; a reader that went away is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<ExitCode> {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

async fn own(settings: &Settings) -> anyhow::Result<Database> {
    match database::open(settings, Access::Own).await? {
        Opened::Here(database) => Ok(database),
        Opened::Elsewhere => bail!(
            "another cardgrove server owns {}; a SQLite file has one server: stop the other one, or use PostgreSQL",
            settings.sqlite_file().unwrap_or_default().display()
        ),
    }
}

/// Carries a writing request out here, or hands it to the server that owns the file.
pub(crate) async fn hand_in(settings: &Settings, request: Request) -> anyhow::Result<ExitCode> {
    let answer = match database::open(settings, Access::Own).await? {
        Opened::Here(database) => {
            let house = House::open(settings, database.store.clone()).await?;
            let answer = control::carry_out(&house, request, &Progress::start()).await;
            house.lanes.stop().await;
            database.store.close().await?;
            answer
        }
        Opened::Elsewhere => {
            let file = settings.sqlite_file().unwrap_or_default();
            control::hand_over(&file, &request, &Progress::start()).await?
        }
    };
    match answer {
        Answer::Done(text) => print(&text),
        Answer::Refused(text) => bail!("{text}"),
    }
}

/// Applies a pack; the words say what changed.
pub async fn apply(house: &House, path: &Path, dry_run: bool) -> anyhow::Result<String> {
    let mode = if dry_run { Mode::DryRun } else { Mode::Apply };
    let applied = apply_pack(house, path, mode).await?;
    Ok(report::applied(&applied, mode))
}

async fn apply_pack(house: &House, path: &Path, mode: Mode) -> anyhow::Result<Applied> {
    let path = path.to_owned();
    let pack = tokio::task::spawn_blocking(move || Pack::read(&path)).await?;
    let pack = pack.map_err(|faults| anyhow::anyhow!("{}", report::faults(&faults).trim_end()))?;
    Ok(house.launch.apply(&pack, mode, &()).await?)
}

/// Makes a new master key and new data keys; the words say how many tenants have them.
pub async fn rotate(house: &House) -> anyhow::Result<String> {
    if house.settings.master_key.is_some() {
        bail!(
            "the master key is set in the environment: change it there with the old one at hand, or keep it in a file"
        );
    }
    let file = house.settings.master_key_path();
    let next_file = MasterKeys::next_path(&file);
    // A rotation that was interrupted goes on with the key it had made.
    let next = if next_file.exists() { MasterKey::read(&next_file)? } else { MasterKey::generate() };
    if !next_file.exists() {
        next.write(&next_file)?;
    }
    let ring = house.inventory.keys();
    ring.change_master(ring.master().rotated_to(next));
    let tenants = house.tenancy.tenants().await?;
    for (tenant, _) in &tenants {
        let tx = house.store.write(&Platform::assume().tenant(*tenant)).await?;
        ring.rotate_in(&tx).await?;
        tx.commit().await?;
        ring.forget(*tenant);
    }
    fs::rename(&file, MasterKeys::old_path(&file))?;
    fs::rename(&next_file, &file)?;
    let old = MasterKeys::old_path(&file);
    Ok(format!("the keys of {} tenants were rotated; {} opens backups made before\n", tenants.len(), old.display()))
}

async fn run_audit(settings: &Settings) -> anyhow::Result<ExitCode> {
    let Opened::Here(database) = database::open(settings, Access::Read).await? else {
        bail!("the database cannot be opened for reading");
    };
    let report = audit::run(&database.store, &settings.data_dir).await?;
    print(&report.text)?;
    Ok(if report.breaches == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The log-ins that the first start of the demo generated, kept for the next starts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DemoLogins {
    /// One for each person of the packs.
    #[serde(default)]
    pub logins: Vec<DemoLogin>,
}

/// A generated log-in of the demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DemoLogin {
    /// Who it is.
    pub who: String,
    /// Where he logs in.
    pub host: String,
    /// With what.
    pub login: String,
    /// And with which password.
    pub password: String,
}

async fn demo(mut settings: Settings, packs: &Path) -> anyhow::Result<ExitCode> {
    // The sandbox stands ten ports above the shops, or anywhere if they do.
    let port = match settings.listen.port() {
        0 => 0,
        port => port.checked_add(SANDBOX_PORTS_ABOVE).unwrap_or(0),
    };
    let listener = serve::listen(&mut settings).await?;
    let database = own(&settings).await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let sandbox = Sandbox::start(address, settings.data_dir.join("sandbox")).await?;
    settings.sandbox_url = Some(sandbox.url.clone());
    let settings = &settings;
    let house = House::open(settings, database.store.clone()).await?;
    let file = settings.data_dir.join(LOGINS_FILE);
    let mut known = read_logins(&file)?;
    for name in DEMO_PACKS {
        if house.tenancy.find_tenant(&Slug::parse(name)?).await?.is_some() {
            continue;
        }
        eprintln!("making the shop {name} ...");
        let applied = apply_pack(&house, &packs.join(name), Mode::Apply).await?;
        known.logins.extend(applied.logins.iter().map(|login| demo_login(settings, login)));
        write_logins(&file, &known)?;
    }
    serve::run(house, database, listener, known.logins).await?;
    drop(sandbox);
    Ok(ExitCode::SUCCESS)
}

fn demo_login(settings: &Settings, login: &launch::GeneratedLogin) -> DemoLogin {
    let host = match (&login.host, login.who) {
        (Some(host), Who::Customer) => host.to_string(),
        _ => settings.console_host.clone(),
    };
    let who = match (&login.site, login.who) {
        (Some(site), Who::SiteOwner) => format!("{}, owner of {site}", login.name),
        _ => login.name.clone(),
    };
    DemoLogin { who, host, login: login.login.to_string(), password: login.password.expose().clone() }
}

fn read_logins(file: &PathBuf) -> anyhow::Result<DemoLogins> {
    if !file.exists() {
        return Ok(DemoLogins::default());
    }
    toml::from_str(&fs::read_to_string(file)?).with_context(|| format!("{} cannot be read", file.display()))
}

/// Written beside and moved into place, readable by its owner only.
fn write_logins(file: &Path, logins: &DemoLogins) -> anyhow::Result<()> {
    let new = file.with_extension("toml.new");
    let _ = fs::remove_file(&new);
    let mut made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    made.write_all(toml::to_string_pretty(logins)?.as_bytes())?;
    made.sync_all()?;
    Ok(fs::rename(&new, file)?)
}
