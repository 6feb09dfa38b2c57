//! Cards come in as files, in batches that can be taken back.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::SkuId;
use chrono::{DateTime, NaiveDate, Utc};
use futures::StreamExt;
use inventory::{Batch, BatchId, DuplicateOf, ImportOf, IntakeReport, InventoryError, Reading, UndoOf, Undone};
use kernel::TenantId;
use serde::{Deserialize, Serialize};
use store::Inside;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};
use web::{IdempotencyKey, Operator, Path, Problem, Query, StockRead, StockWrite};

use crate::page::{List, answer, answer_once, limit};
use crate::routes::App;

/// An answer waits this long for an import or for its undoing; they go on by themselves afterwards.
const WAIT: Duration = Duration::from_secs(6);
/// Files at the same time, of all tenants together: each may take its 64 MiB of disk and some memory.
const FILES_MAX: usize = 4;
/// Of them, those of one tenant: the others find room while he brings his.
const TENANT_FILES_MAX: usize = 2;
/// How long a file may be on its way, and how long it may bring nothing: it holds a place meanwhile.
const FILE_TIME: Duration = Duration::from_secs(90);
const SILENCE: Duration = Duration::from_secs(10);

static PLACES: Places = Places(Mutex::new(Vec::new()));

/// The files that are being read, by whose they are.
struct Places(Mutex<Vec<TenantId>>);

/// A place for a file; it is free again when this goes.
struct Place<'a> {
    of: &'a Places,
    tenant: TenantId,
}

impl Places {
    fn enter(&self, tenant: TenantId) -> Option<Place<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.iter().filter(|other| **other == tenant).count();
        if taken.len() >= FILES_MAX || own >= TENANT_FILES_MAX {
            return None;
        }
        taken.push(tenant);
        Some(Place { of: self, tenant })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.iter().position(|other| *other == self.tenant) {
            taken.swap_remove(at);
        }
    }
}

/// How the file is to be read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
    /// What the file is called.
    file_name: Option<String>,
    /// Why; kept with the batch.
    reason: Option<String>,
    /// The last day of every card whose row names none.
    expires_on: Option<NaiveDate>,
}

/// What an import did, or would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntakeView {
    /// The batch; none in a dry run, and none while a long import goes on.
    #[schema(value_type = Option<String>)]
    batch: Option<BatchId>,
    /// `done`, `dry_run`, or `importing`: then look at the batches.
    state: &'static str,
    /// Rows of the file.
    rows: u64,
    /// Cards that came in, or would.
    added: u64,
    /// Rows that cannot be read.
    faults: Rows<FaultView>,
    /// Rows whose code is known.
    duplicates: Rows<DuplicateView>,
}

/// The first of many rows, and how many they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rows<T> {
    /// How many there are.
    total: u64,
    /// The first 1,000.
    first: Vec<T>,
}

/// A row that cannot be read. It never holds the card's code.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// Its place in the file, from 1.
    row: u64,
    /// A stable word.
    code: &'static str,
    /// What is wrong.
    message: String,
}

/// A row whose code is known.
#[derive(Serialize, ToSchema)]
pub(crate) struct DuplicateView {
    /// Its place in the file, from 1.
    row: u64,
    /// The row that has the same code; none if it is in stock or was sold.
    of_row: Option<u64>,
}

/// A batch of cards.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// Its id.
    #[schema(value_type = String)]
    id: BatchId,
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// The file.
    file_name: String,
    /// `importing`, `done`, `undoing` or `undone`.
    state: &'static str,
    /// Rows of the file.
    rows: u64,
    /// Cards that came in.
    added: u64,
    /// Rows whose code was known.
    duplicates: u64,
    /// Rows that could not be read.
    faults: u64,
    /// Cards that were taken back.
    voided: u64,
    /// Who brought them.
    by: String,
    /// Why.
    reason: Option<String>,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was taken back.
    undone_at: Option<DateTime<Utc>>,
}

/// Bring cards in: one code a line, CSV, or a workbook (xlsx), told apart by what is in them.
///
/// Cards are committed some thousand at a time, and are on sale at once. The answer to an import that takes long is 202;
/// it goes on, and the same request again answers how it ended.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/stock/{sku}/imports", tag = "stock",
    params(("tenant" = String, Path), ("sku" = String, Path), Upload, ("Idempotency-Key" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = IntakeView), (status = 202, body = IntakeView),
        (status = 422, description = "refused; `idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn import(
    operator: Operator<StockWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, sku)): Path<(String, SkuId)>,
    key: IdempotencyKey,
    Query(upload): Query<Upload>,
    body: Body,
) -> Result<Response, Problem> {
    let place = PLACES.enter(operator.scope.tenant()).ok_or_else(Problem::busy)?;
    let file = file_of(body, sheet::FILE_BYTES_MAX).await?;
    let (intake, scope) = (rooms.intake.clone(), operator.scope);
    let reading = Reading { expires_on: upload.expires_on, columns: None };
    if upload.dry_run {
        let report = intake.dry_run(&scope, sku, file, &reading, &()).await?;
        return Ok(answer(StatusCode::OK, view(report, "dry_run")));
    }
    let by = operator.operator.id;
    let import = ImportOf {
        by: by.to_string(),
        reason: upload.reason,
        file_name: upload.file_name.unwrap_or_else(|| "upload".to_owned()),
        key: Some(key.scoped(&by)),
        reading,
    };
    // A caller that goes away, or waits no longer, cuts nothing off.
    let task = tokio::spawn(async move {
        let done = intake.import(&scope, sku, file, &import, &()).await;
        drop(place);
        told(done)
    });
    match timeout(WAIT, task).await {
        Ok(Ok(report)) => {
            let report = report?;
            Ok(answer_once(report.is_replay, view(report, "done")))
        }
        Ok(Err(_)) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")),
        Err(_) => {
            let newest = rooms.intake.batches(&operator.scope, Some(sku), None, 1).await?;
            let batch = newest.first().map(|batch| batch.id);
            Ok(answer(StatusCode::ACCEPTED, IntakeView { batch, ..IntakeView::UNDER_WAY }))
        }
    }
}

/// What fails when nobody waits for the answer any more is found in the log.
fn told<T>(done: Result<T, InventoryError>) -> Result<T, InventoryError> {
    if let Err(error) = &done {
        tracing::warn!(%error, "an import or its undoing ended early: {error}");
    }
    done
}

const fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow")
}

/// An upload of at most so many bytes, at its beginning; one that comes too slowly is refused.
pub(crate) async fn file_of(body: Body, bytes_max: u64) -> Result<File, Problem> {
    timeout(FILE_TIME, kept(body, bytes_max, SILENCE)).await.map_err(|_| too_slow())?
}

/// The upload in a file without a name, which the system removes with its last reader.
async fn kept(body: Body, bytes_max: u64, silence: Duration) -> Result<File, Problem> {
    let mut file = tempfile::tempfile().map_err(|error| Problem::internal(&error))?;
    let (mut stream, mut taken) = (body.into_data_stream(), 0);
    while let Some(part) = timeout(silence, stream.next()).await.map_err(|_| too_slow())? {
        let part = part.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "request_unreadable"))?;
        taken += part.len() as u64;
        if taken > bytes_max {
            let bound = format!("a file has at most {bytes_max} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").because(bound));
        }
        file.write_all(&part).map_err(|error| Problem::internal(&error))?;
    }
    file.rewind().map_err(|error| Problem::internal(&error))?;
    Ok(file)
}

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batches {
    /// How many, 1 to 100.
    #[serde(default = "crate::page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    #[param(value_type = Option<String>)]
    cursor: Option<BatchId>,
    /// Of this SKU only.
    #[param(value_type = Option<String>)]
    sku: Option<SkuId>,
}

/// Batches, newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/batches", tag = "stock", params(("tenant" = String, Path), Batches),
    responses((status = 200, body = List<BatchView>))
)]
pub(crate) async fn batches(
    operator: Operator<StockRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Batches>,
) -> Result<Response, Problem> {
    let limit = limit(sent.limit)?;
    let found = rooms.intake.batches(&operator.scope, sent.sku, sent.cursor, limit).await?;
    let next = found.last().map(|batch| batch.id).filter(|_| found.len() as u64 == limit);
    Ok(answer(StatusCode::OK, List::part(found.into_iter().map(Into::into).collect::<Vec<BatchView>>(), next)))
}

/// One batch.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/batches/{batch}", tag = "stock",
    params(("tenant" = String, Path), ("batch" = String, Path)), responses((status = 200, body = BatchView))
)]
pub(crate) async fn batch(
    operator: Operator<StockRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, batch)): Path<(String, BatchId)>,
) -> Result<Response, Problem> {
    let (batch, _) = rooms.intake.batch(&operator.scope, batch).await?;
    Ok(answer(StatusCode::OK, BatchView::from(batch)))
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct UndoneView {
    /// The batch.
    batch: BatchView,
    /// Cards that are void now.
    voided: u64,
    /// Cards that unpaid orders hold; they stay.
    held: u64,
    /// Cards that were sold; they stay.
    sold: u64,
}

/// Why a batch is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoBody {
    /// Kept with the batch.
    reason: Option<String>,
}

/// Take a batch back: its cards that are still free are void; what is held or sold stays.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/batches/{batch}/undo", tag = "stock", request_body = UndoBody,
    params(("tenant" = String, Path), ("batch" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = UndoneView), (status = 202, body = UndoneView),
        (status = 409, description = "nothing is left to take back"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn undo(
    operator: Operator<StockWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, batch)): Path<(String, BatchId)>,
    key: IdempotencyKey,
    web::Json(sent): web::Json<UndoBody>,
) -> Result<Response, Problem> {
    let by = operator.operator.id;
    let undo = UndoOf { by: by.to_string(), reason: sent.reason, key: Some(key.scoped(&by)) };
    let (intake, scope) = (rooms.intake.clone(), operator.scope);
    let task = tokio::spawn(async move { told(intake.undo(&scope, batch, &undo).await) });
    match timeout(WAIT, task).await {
        Ok(Ok(undone)) => {
            let Undone { batch, voided, held, sold, is_replay } = undone?;
            Ok(answer_once(is_replay, UndoneView { batch: batch.into(), voided, held, sold }))
        }
        Ok(Err(_)) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")),
        Err(_) => {
            let (batch, _) = rooms.intake.batch(&operator.scope, batch).await?;
            Ok(answer(StatusCode::ACCEPTED, UndoneView { batch: batch.into(), voided: 0, held: 0, sold: 0 }))
        }
    }
}

impl IntakeView {
    /// An import that goes on.
    const UNDER_WAY: Self = Self {
        batch: None,
        state: "importing",
        rows: 0,
        added: 0,
        faults: Rows { total: 0, first: Vec::new() },
        duplicates: Rows { total: 0, first: Vec::new() },
    };
}

fn view(report: IntakeReport, state: &'static str) -> IntakeView {
    let faults = report.faults.first.into_iter();
    let duplicates = report.duplicates.first.into_iter();
    IntakeView {
        batch: report.batch,
        state,
        rows: report.rows,
        added: report.added,
        faults: Rows {
            total: report.faults.total,
            first: faults.map(|fault| FaultView { row: fault.row, code: fault.code, message: fault.message }).collect(),
        },
        duplicates: Rows {
            total: report.duplicates.total,
            first: duplicates
                .map(|duplicate| DuplicateView {
                    row: duplicate.row,
                    of_row: match duplicate.of {
                        DuplicateOf::Row(row) => Some(row),
                        DuplicateOf::Stock => None,
                    },
                })
                .collect(),
        },
    }
}

impl From<Batch> for BatchView {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id,
            sku: batch.sku,
            file_name: batch.file_name,
            state: batch.state.word(),
            rows: batch.rows,
            added: batch.added,
            duplicates: batch.duplicates,
            faults: batch.faults,
            voided: batch.voided,
            by: batch.by,
            reason: batch.reason,
            created_at: batch.created_at,
            undone_at: batch.undone_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_leaves_places_for_the_files_of_another() {
        let places = Places(Mutex::new(Vec::new()));
        let [one, two, three] = [TenantId::new(), TenantId::new(), TenantId::new()];
        let held = (places.enter(one), places.enter(one));
        assert!(held.0.is_some() && held.1.is_some() && places.enter(one).is_none());
        let others = (places.enter(two), places.enter(two));
        assert!(others.0.is_some() && others.1.is_some() && places.enter(three).is_none(), "all are taken");
        drop(held);
        assert!(places.enter(one).is_some());
    }

    #[tokio::test]
    async fn a_file_that_stops_coming_is_not_waited_for() {
        let body = Body::from_stream(futures::stream::pending::<Result<&'static str, std::io::Error>>());
        let refused = kept(body, sheet::FILE_BYTES_MAX, Duration::from_millis(5)).await.map_err(|problem| problem.code);
        assert_eq!(refused.err(), Some("body_too_slow"));
    }
}
