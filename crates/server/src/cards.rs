//! `cardgrove cards ..`: files of cards in, batches back, codes out.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use catalog::{Code, SkuId};
use chrono::NaiveDate;
use inventory::{BatchId, CardState, Export, ExportOf, ExportedCard, ImportOf, IntakeProgress, Reading, UndoOf};
use kernel::{Platform, TenantScope};
use serde::{Deserialize, Serialize};
use sheet::{Cell, Writer};
use tenancy::Slug;

use crate::cli::Cards;
use crate::commands::{hand_in, print};
use crate::control::Request;
use crate::database::{self, Access, Opened};
use crate::house::House;
use crate::progress::Progress;
use crate::report;
use crate::settings::Settings;

/// What writes, and is handed to the server that owns a SQLite file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum CardsRequest {
    /// Put the cards of a file in stock.
    Import {
        /// Where they go.
        place: Place,
        /// The file, absolute.
        file: PathBuf,
        /// The day on which rows without one run out.
        expires_on: Option<NaiveDate>,
        /// Who, and why.
        by: By,
        /// The caller's key.
        key: Option<String>,
    },
    /// Take a batch back.
    Undo {
        /// The shop.
        tenant: String,
        /// The batch.
        batch: BatchId,
        /// Who, and why.
        by: By,
    },
    /// Write codes to a new file.
    Export {
        /// Whose codes.
        place: Place,
        /// Only cards in this state.
        state: Option<CardState>,
        /// Who, and why.
        by: By,
        /// The file to be made, absolute.
        out: PathBuf,
    },
}

/// A SKU of a shop, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The shop's slug.
    pub tenant: String,
    /// The SKU's code.
    pub sku: String,
}

/// Who does it, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: Option<String>,
}

impl By {
    /// Whoever has started the program.
    fn caller(reason: Option<String>) -> Self {
        let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
        Self { who: format!("cli:{user}"), reason }
    }
}

/// Carries out a command line.
pub async fn run(settings: &Settings, words: Cards) -> anyhow::Result<ExitCode> {
    match words {
        Cards::Import { file, tenant, sku, dry_run, expires_on, reason, key } => {
            let file = file.canonicalize().with_context(|| format!("there is no file {}", file.display()))?;
            let place = Place { tenant, sku };
            if dry_run {
                return look_at(settings, &place, &file, expires_on).await;
            }
            let by = By::caller(reason);
            hand_in(settings, Request::Cards(CardsRequest::Import { place, file, expires_on, by, key })).await
        }
        Cards::Batches { tenant, sku, limit } => batches(settings, &tenant, sku.as_deref(), limit).await,
        Cards::Undo { batch, tenant, reason } => {
            let batch = BatchId::parse(&batch)?;
            hand_in(settings, Request::Cards(CardsRequest::Undo { tenant, batch, by: By::caller(reason) })).await
        }
        Cards::Export { tenant, sku, state, reason, out } => {
            let state = state.map(|word| CardState::parse(&word).with_context(|| format!("{word:?} is no state")));
            let (state, out) = (state.transpose()?, std::path::absolute(out)?);
            let (place, by) = (Place { tenant, sku }, By::caller(Some(reason)));
            hand_in(settings, Request::Cards(CardsRequest::Export { place, state, by, out })).await
        }
    }
}

/// Carries out a request; the words say what came of it.
pub async fn carry_out(house: &House, request: CardsRequest, progress: &dyn IntakeProgress) -> anyhow::Result<String> {
    match request {
        CardsRequest::Import { place, file, expires_on, by, key } => {
            let (scope, sku) = find(house, &place).await?;
            let of = ImportOf {
                by: by.who,
                reason: by.reason,
                file_name: name_of(&file),
                key,
                reading: Reading { expires_on, columns: None },
            };
            let report = house.intake.import(&scope, sku, open(&file)?, &of, progress).await?;
            Ok(report::intake(&report))
        }
        CardsRequest::Undo { tenant, batch, by } => {
            let scope = scope_of(house, &tenant).await?;
            let of = UndoOf { by: by.who, reason: by.reason, key: None };
            Ok(report::undone(&house.intake.undo(&scope, batch, &of).await?))
        }
        CardsRequest::Export { place, state, by, out } => {
            let (scope, sku) = find(house, &place).await?;
            let reason = by.reason.unwrap_or_default();
            // The file first: what cannot be written need not be logged.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&out);
            let file = file.with_context(|| format!("cannot make {}", out.display()))?;
            let export = house.intake.export(&scope, &ExportOf { sku, state, by: by.who, reason }).await?;
            let (id, count) = (export.id, export.count());
            if let Err(error) = write(export, file).await {
                let _ = std::fs::remove_file(&out);
                return Err(error);
            }
            Ok(format!("{count} codes are in {}, logged as {id}\n", out.display()))
        }
    }
}

async fn look_at(
    settings: &Settings,
    place: &Place,
    file: &Path,
    expires_on: Option<NaiveDate>,
) -> anyhow::Result<ExitCode> {
    let house = reading(settings).await?;
    let (scope, sku) = find(&house, place).await?;
    let how = Reading { expires_on, columns: None };
    let report = house.intake.dry_run(&scope, sku, open(file)?, &how, &Progress::start()).await?;
    house.store.close().await?;
    print(&report::intake(&report))
}

async fn batches(settings: &Settings, tenant: &str, sku: Option<&str>, limit: u64) -> anyhow::Result<ExitCode> {
    let house = reading(settings).await?;
    let scope = scope_of(&house, tenant).await?;
    let sku = match sku {
        Some(sku) => Some(find(&house, &Place { tenant: tenant.to_owned(), sku: sku.to_owned() }).await?.1),
        None => None,
    };
    let batches = house.intake.batches(&scope, sku, None, limit).await?;
    let skus: Vec<SkuId> = batches.iter().map(|batch| batch.sku).collect();
    let skus = {
        let tx = house.store.read(&scope).await?;
        house.catalog.skus_in(&tx, &skus).await?
    };
    let names = skus.into_iter().map(|sku| (sku.id, sku.code)).collect();
    house.store.close().await?;
    print(&report::batches(&batches, &names))
}

/// A house that only reads, beside a server that may be running.
async fn reading(settings: &Settings) -> anyhow::Result<House> {
    match database::open(settings, Access::Read).await? {
        Opened::Here(database) => House::open(settings, database.store).await,
        Opened::Elsewhere => bail!("the database cannot be opened for reading"),
    }
}

async fn scope_of(house: &House, tenant: &str) -> anyhow::Result<TenantScope> {
    let found = house.tenancy.find_tenant(&Slug::parse(tenant)?).await?;
    Ok(Platform::assume().tenant(found.with_context(|| format!("there is no shop {tenant}"))?))
}

async fn find(house: &House, place: &Place) -> anyhow::Result<(TenantScope, SkuId)> {
    let scope = scope_of(house, &place.tenant).await?;
    let tx = house.store.read(&scope).await?;
    let sku = house.catalog.sku_by_code_in(&tx, &Code::parse(&place.sku)?).await?;
    let sku = sku.with_context(|| format!("{} has no SKU {}", place.tenant, place.sku))?;
    Ok((scope, sku.id))
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("cannot read {}", file.display()))
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes page by page. A code that begins like a formula gets an apostrophe in front: the file will be opened by people.
async fn write(mut export: Export, file: File) -> anyhow::Result<()> {
    let mut writer = Writer::for_spreadsheets(BufWriter::new(file))?;
    writer.row(["code", "expires_on", "state", "card", "batch", "imported_at"].map(Cell::plain))?;
    loop {
        let page = export.next().await?;
        if page.is_empty() {
            let mut file = writer.finish()?;
            file.flush()?;
            return Ok(file.get_ref().sync_all()?);
        }
        for card in &page {
            writer.row(row(card))?;
        }
    }
}

fn row(card: &ExportedCard) -> [Cell<'_>; 6] {
    let day = card.expires_at.map(|moment| moment.date_naive().to_string()).unwrap_or_default();
    [
        Cell::text(card.code.reveal()),
        Cell::plain(day),
        Cell::plain(card.state.as_str()),
        Cell::plain(card.id.to_string()),
        Cell::plain(card.batch.to_string()),
        Cell::plain(card.imported_at.to_rfc3339()),
    ]
}
