//! A PostgreSQL database, copied by its own programs as the schema's owner.
//!
//! Under forced row level security the owner sees no row; a session with `app.backup` on sees all, see
//! [`super::schema::owner_reads`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, IsolationLevel, Statement, TransactionOptions,
    TransactionTrait,
};
use tokio::process::Command;
use url::Url;

use super::schema::{OWNER_READS, owner_reads, work_claim_owner};
use crate::backup::RowCounts;
use crate::error::StoreError;

/// Where Debian keeps the programs, a folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Our tables, and whether policies guard them.
const TABLES: &str = "SELECT relname::text AS name, relrowsecurity AS is_guarded FROM pg_class \
                      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname";
/// What the programs understand of a URL; what else a driver does is left out.
const KNOWN_PARAMETERS: [&str; 10] = [
    "host",
    "port",
    "user",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "channel_binding",
];

/// Writes what a snapshot of its own sees; the rows are counted in the same.
pub(crate) async fn dump(owner: &DatabaseConnection, url: &str, file: &Path) -> Result<RowCounts, StoreError> {
    let tx = owner.begin_with_options(reading()).await?;
    tx.execute_unprepared("SELECT set_config('app.backup', 'on', true)").await?;
    let sql = "SELECT pg_export_snapshot() AS snapshot";
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| StoreError::Settings("the database gives no snapshot".to_owned()))?;
    let snapshot: String = row.try_get("", "snapshot")?;
    let counts = counts_in(&tx).await?;
    let mut program = program("pg_dump", url)?;
    program.args(["--format=custom", "--enable-row-security", "--no-password"]);
    program.arg(format!("--snapshot={snapshot}")).arg("--file").arg(file);
    run(program).await?;
    tx.rollback().await?;
    Ok(counts)
}

/// Loads all or nothing, and then gives the things to their owners that belong to other roles than ours.
pub(crate) async fn load(owner: &DatabaseConnection, url: &str, file: &Path) -> Result<(), StoreError> {
    let mut lister = program("pg_restore", url)?;
    lister.arg("--list").arg(file);
    let list = run(lister).await?;
    // The policy names the owner that the copy was made by, who may be called otherwise here.
    let wanted: Vec<&str> = list.lines().filter(|line| !line.contains(OWNER_READS)).collect();
    let list = file.with_extension("list");
    let failed = |error: std::io::Error| StoreError::Settings(format!("cannot write {}: {error}", list.display()));
    fs::write(&list, wanted.join("\n")).map_err(failed)?;
    let mut loader = program("pg_restore", url)?;
    loader.args(["--no-owner", "--exit-on-error", "--single-transaction", "--no-password", "--dbname"]);
    loader.arg(address(url)?.0).arg("--use-list").arg(&list).arg(file);
    let loaded = run(loader).await;
    let _ = fs::remove_file(&list);
    loaded?;
    let tx = owner.begin().await?;
    for statement in work_claim_owner() {
        tx.execute_unprepared(&statement).await?;
    }
    for row in tx.query_all_raw(Statement::from_string(DbBackend::Postgres, TABLES)).await? {
        if row.try_get("", "is_guarded")? {
            let table: String = row.try_get("", "name")?;
            tx.execute_unprepared(&owner_reads(&table)).await?;
        }
    }
    Ok(tx.commit().await?)
}

pub(crate) async fn row_counts(owner: &DatabaseConnection) -> Result<RowCounts, StoreError> {
    let tx = owner.begin_with_options(reading()).await?;
    tx.execute_unprepared("SELECT set_config('app.backup', 'on', true)").await?;
    let counts = counts_in(&tx).await?;
    tx.rollback().await?;
    Ok(counts)
}

/// Whether it has no table.
pub(crate) async fn is_empty(owner: &DatabaseConnection) -> Result<bool, StoreError> {
    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("{TABLES} LIMIT 1"))).await?;
    Ok(row.is_none())
}

fn reading() -> TransactionOptions {
    TransactionOptions {
        access_mode: Some(AccessMode::ReadOnly),
        isolation_level: Some(IsolationLevel::RepeatableRead),
        ..Default::default()
    }
}

async fn counts_in(tx: &impl ConnectionTrait) -> Result<RowCounts, StoreError> {
    let mut counts = RowCounts::new();
    for row in tx.query_all_raw(Statement::from_string(DbBackend::Postgres, TABLES)).await? {
        let name: String = row.try_get("", "name")?;
        let sql = format!("SELECT count(*) AS count FROM public.\"{name}\"");
        let count = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let count = count.map(|row| row.try_get::<i64>("", "count")).transpose()?;
        counts.insert(name, count.unwrap_or_default().unsigned_abs());
    }
    Ok(counts)
}

/// The program of the newest version on this machine, told where the database is. The password is in its environment,
/// where others cannot see it.
fn program(name: &str, url: &str) -> Result<Command, StoreError> {
    let (address, password) = address(url)?;
    let mut command = Command::new(find(name)?);
    command.env("PGOPTIONS", "-c app.backup=on").env("PGAPPNAME", "cardgrove backup");
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    if name == "pg_dump" {
        command.arg("--dbname").arg(address);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

fn find(name: &str) -> Result<PathBuf, StoreError> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(name))))
        .filter(|(_, program)| program.exists())
        .collect();
    found.sort();
    if let Some((_, program)) = found.pop() {
        return Ok(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.exists()).ok_or_else(|| {
        StoreError::Settings(format!(
            "{name} is not on this machine: install the client of PostgreSQL (apt install postgresql-client), of the \
             server's version or a newer one"
        ))
    })
}

/// The URL without its password, and the password.
fn address(url: &str) -> Result<(String, Option<String>), StoreError> {
    let bad = || StoreError::Settings("the owner's URL cannot be read".to_owned());
    let mut address = Url::parse(url).map_err(|_| bad())?;
    let known: Vec<(String, String)> = address
        .query_pairs()
        .filter(|(name, _)| KNOWN_PARAMETERS.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    address.set_query(None);
    if !known.is_empty() {
        address.query_pairs_mut().extend_pairs(known);
    }
    let password = address.password().map(decoded);
    address.set_password(None).map_err(|()| bad())?;
    Ok((address.to_string(), password))
}

/// What stands percent-encoded in a URL.
fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Runs it to its end; answers what it said, or why it failed in its own words.
async fn run(mut command: Command) -> Result<String, StoreError> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.output().await;
    let output = output.map_err(|error| StoreError::Settings(format!("{name} cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(StoreError::Settings(format!("{name} failed: {}", said.trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_part_of_what_others_can_see() {
        let (shown, password) = address("postgres://owner:p%40ss+w%3Ard@db:5433/shop?sslmode=require").expect("a URL");
        assert_eq!(shown, "postgres://owner@db:5433/shop?sslmode=require");
        assert_eq!(password.as_deref(), Some("p@ss+w:rd"));
    }

    #[test]
    fn what_the_programs_do_not_know_is_left_out() {
        let url = "postgres://owner@localhost/shop?host=/run/postgresql&statement-cache-capacity=9";
        let (shown, password) = address(url).expect("a URL");
        assert_eq!((shown.as_str(), password), ("postgres://owner@localhost/shop?host=%2Frun%2Fpostgresql", None));
        assert!(address("no URL").is_err());
    }
}
