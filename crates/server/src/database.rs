//! From settings to an open store: the file or the roles, the schema, the pools.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use store::dialect::Roles;
use store::{FileLock, Owner, Store, StoreError};
use url::Url;

use crate::settings::Settings;

/// The passwords that the server generated for its own roles.
#[derive(Serialize, Deserialize)]
struct RolePasswords {
    runtime: String,
    platform: String,
}

const ROLES_FILE: &str = "database-roles.toml";

/// How a command wants the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To serve or to write: on SQLite this process must own the file.
    Own,
    /// To read beside a server that may be running.
    Read,
}

/// An open store, and on SQLite the lock of its file.
pub struct Database {
    /// The store.
    pub store: Store,
    /// Held for as long as this process owns the file.
    pub lock: Option<FileLock>,
}

/// What opening found.
pub enum Opened {
    /// The database is open.
    Here(Database),
    /// A server owns the SQLite file; hand it what is to be written.
    Elsewhere,
}

/// Makes the folder of data, for its owner only.
pub fn prepare_folder(settings: &Settings) -> anyhow::Result<()> {
    if settings.data_dir.exists() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.data_dir);
    made.with_context(|| format!("cannot make {}", settings.data_dir.display()))
}

/// Opens the database; to own it, its schema is brought up to date first.
pub async fn open(settings: &Settings, access: Access) -> anyhow::Result<Opened> {
    prepare_folder(settings)?;
    match settings.sqlite_file() {
        Some(file) => open_sqlite(settings, &file, access).await,
        None => open_postgres(settings, access).await.map(Opened::Here),
    }
}

async fn open_sqlite(settings: &Settings, file: &Path, access: Access) -> anyhow::Result<Opened> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let url = format!("sqlite://{}", file.display());
    let mut store_settings = store::Settings::at(&url);
    store_settings.connections_max = settings.database.connections_max.unwrap_or(8);
    if access == Access::Read {
        anyhow::ensure!(file.exists(), "there is no database at {}", file.display());
        store_settings.reads_only = true;
        let store = Store::open(&store_settings).await?;
        return Ok(Opened::Here(Database { store, lock: None }));
    }
    let Some(lock) = FileLock::acquire(file)? else { return Ok(Opened::Elsewhere) };
    migrate(&url).await?;
    let store = Store::open(&store_settings).await?;
    Ok(Opened::Here(Database { store, lock: Some(lock) }))
}

async fn open_postgres(settings: &Settings, access: Access) -> anyhow::Result<Database> {
    let database = &settings.database;
    let Some(owner_url) = &database.owner_url else {
        let runtime = database.runtime_url.clone();
        let runtime = runtime.context("PostgreSQL needs database.owner_url, or runtime_url and platform_url")?;
        let store = Store::open(&pool_settings(settings, runtime, database.platform_url.clone())).await?;
        return Ok(Database { store, lock: None });
    };
    let (passwords, pools) = pools_of_owner(settings, owner_url)?;
    if access == Access::Own {
        provide_roles(settings, owner_url, (&passwords, &pools)).await?;
        migrate(owner_url).await?;
    }
    Ok(Database { store: Store::open(&pools).await?, lock: None })
}

/// Makes the roles of PostgreSQL that are not there yet, for a database without tables.
pub async fn prepare_roles(settings: &Settings, owner_url: &str) -> anyhow::Result<()> {
    let (passwords, pools) = pools_of_owner(settings, owner_url)?;
    provide_roles(settings, owner_url, (&passwords, &pools)).await
}

/// The passwords and pools of the roles that are made, or were, from the owner's URL.
fn pools_of_owner(settings: &Settings, owner_url: &str) -> anyhow::Result<(RolePasswords, store::Settings)> {
    let database = &settings.database;
    let passwords = passwords(&settings.data_dir.join(ROLES_FILE))?;
    let runtime = match &database.runtime_url {
        Some(url) => url.clone(),
        None => url_of(owner_url, Roles::RUNTIME, &passwords.runtime)?,
    };
    let platform = match &database.platform_url {
        Some(url) => url.clone(),
        None => url_of(owner_url, Roles::PLATFORM, &passwords.platform)?,
    };
    Ok((passwords, pool_settings(settings, runtime, Some(platform))))
}

fn pool_settings(settings: &Settings, runtime: String, platform: Option<String>) -> store::Settings {
    let mut pools = store::Settings::at(runtime);
    pools.platform_url = platform;
    pools.connections_max = settings.database.connections_max.unwrap_or(16);
    pools
}

/// Makes the two roles, or gives them our passwords again; roles that let us in are left alone, because they may
/// serve another database of the same cluster.
async fn provide_roles(
    settings: &Settings,
    owner_url: &str,
    (passwords, pools): (&RolePasswords, &store::Settings),
) -> anyhow::Result<()> {
    // Roles that an administrator made are his: their passwords are not ours to set.
    if settings.database.runtime_url.is_some() || settings.database.platform_url.is_some() {
        return Ok(());
    }
    match Store::open(pools).await {
        Ok(store) => return Ok(store.close().await?),
        Err(unsafe_role @ StoreError::Settings(_)) => return Err(unsafe_role.into()),
        Err(error) => tracing::debug!(%error, "the roles do not let us in yet"),
    }
    let owner = Owner::open(owner_url).await.context("the database's owner cannot connect")?;
    owner.provision_roles(&passwords.runtime, &passwords.platform).await?;
    Ok(owner.close().await?)
}

/// Brings the schema up to date.
pub async fn migrate(owner_url: &str) -> anyhow::Result<usize> {
    let owner = Owner::open(owner_url).await.context("the database's owner cannot connect")?;
    let changes = migrations::up(&owner).await.context("the schema cannot be brought up to date")?;
    owner.close().await?;
    if changes > 0 {
        tracing::info!(changes, "the schema was brought up to date");
    }
    Ok(changes)
}

/// The same database for another role.
fn url_of(owner_url: &str, role: &str, password: &str) -> anyhow::Result<String> {
    let mut url = Url::parse(owner_url).context("database.owner_url is not a URL")?;
    let is_set = url.set_username(role).and_then(|()| url.set_password(Some(password)));
    is_set.map_err(|()| anyhow::anyhow!("database.owner_url names no host"))?;
    Ok(url.to_string())
}

/// Reads the roles' passwords, or makes them.
fn passwords(file: &Path) -> anyhow::Result<RolePasswords> {
    if file.exists() {
        let text = fs::read_to_string(file)?;
        return toml::from_str(&text).with_context(|| format!("{} cannot be read", file.display()));
    }
    let random = || inventory::MasterKey::generate().export().expose().clone();
    let passwords = RolePasswords { runtime: random(), platform: random() };
    let mut made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    made.write_all(toml::to_string(&passwords)?.as_bytes())?;
    made.sync_all()?;
    Ok(passwords)
}
