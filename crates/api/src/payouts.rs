//! What is sent together: the file for the bank, and what the bank answers.

use std::fs::File;
use std::ops::ControlFlow;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use books::Format;
use chrono::{DateTime, Utc};
use kernel::{Coded, Money, TenantScope};
use serde::{Deserialize, Serialize};
use settlement::TEXT_CHARS_MAX;
use sheet::{Cell, Grid, GridCell, Limits, Writer};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{IdempotencyKey, Json, Operator, Path, Problem, Query, WithdrawalPay, WithdrawalRead};
use withdrawal::{
    Ended, Outcome, Payout, PayoutId, PayoutLine, Refusal, SEND_MAX, Sent, State as Stands, Withdrawal, WithdrawalId,
};

use crate::body::{Fields, refused};
use crate::intake::file_of;
use crate::page::{self, List, MoneyView, Part, answer, answer_once, no_store};
use crate::routes::{ApiState, App};
use crate::withdrawals::{WithdrawalView, views};

/// The largest file of results.
const RESULTS_BYTES_MAX: u64 = 2 << 20;
/// Rows of such a file.
const RESULTS_MAX: u64 = 1_000;
/// Columns of such a file: a bank's own may stand beside ours.
const COLUMNS_MAX: usize = 50;

/// In what form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileQuery {
    /// `csv`, as without it, or `xlsx`.
    format: Option<String>,
}

/// What is to be sent together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayoutSent {
    /// Approved withdrawals, 1 to 200.
    #[schema(value_type = Vec<String>)]
    withdrawals: Vec<WithdrawalId>,
}

/// What was sent together.
#[derive(Serialize, ToSchema)]
pub(crate) struct PayoutView {
    /// Its id.
    #[schema(value_type = String)]
    id: PayoutId,
    /// How many withdrawals.
    count: u32,
    /// What all of them get.
    net: MoneyView,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// A payout with its withdrawals.
#[derive(Serialize, ToSchema)]
pub(crate) struct PayoutDetail {
    /// The payout.
    payout: PayoutView,
    /// What was sent.
    withdrawals: Vec<WithdrawalView>,
}

/// A withdrawal that was not sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftView {
    /// Which.
    #[schema(value_type = String)]
    withdrawal: WithdrawalId,
    /// Why, as a stable word.
    code: &'static str,
    /// Why, in words.
    detail: String,
}

/// What came of sending.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentView {
    /// The payout.
    #[schema(value_type = String)]
    id: PayoutId,
    /// What all of them get.
    net: MoneyView,
    /// What was sent.
    #[schema(value_type = Vec<String>)]
    sent: Vec<WithdrawalId>,
    /// What was not.
    left: Vec<LeftView>,
}

/// A row of a file of results that changed nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultFault {
    /// Its line in the file, from 1; the first is the heading.
    row: u64,
    /// Why, as a stable word.
    code: &'static str,
    /// Why, in words.
    detail: String,
}

/// What a file of results did.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct ResultsView {
    /// Rows beside the heading.
    rows: usize,
    /// Withdrawals that have arrived.
    paid: usize,
    /// Withdrawals that came back.
    returned: usize,
    /// Withdrawals that had been so before.
    same: usize,
    /// Rows that changed nothing.
    faults: Vec<ResultFault>,
}

/// Payouts, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/payouts", tag = "payouts", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<PayoutView>))
)]
pub(crate) async fn list(
    operator: Operator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?, part.after(PayoutId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let payouts = rooms.withdrawals.payouts_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (payouts, next) = page::page(payouts, limit, |payout| payout.id);
    Ok(answer(StatusCode::OK, List::part(payouts.into_iter().map(PayoutView::from).collect(), next)))
}

/// Send approved withdrawals together. What cannot be sent stays as it is, and the answer says why. A refund may have taken a
/// part of one back: what is left of it is sent, less fee and tax.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/payouts", tag = "payouts",
    params(("tenant" = String, Path), ("Idempotency-Key" = String, Header)), request_body = PayoutSent,
    responses((status = 200, body = SentView), (status = 409, description = "none of them can be sent: `withdrawal_state`"),
        (status = 422, description = "`withdrawal_limit_reached`, refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn send(
    operator: Operator<WithdrawalPay>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<PayoutSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    if !(1..=SEND_MAX).contains(&sent.withdrawals.len()) {
        fields.refuse("/withdrawals", "value_out_of_range", format!("1 to {SEND_MAX} withdrawals"));
    }
    fields.whole(Some(()))?;
    let currency = rooms.currency_in(&rooms.store.read(&operator.scope).await?).await?;
    let by = (operator.operator.id.uuid(), key.0);
    let done = rooms.withdrawals.send(&operator.scope, &sent.withdrawals, currency, by).await.map_err(refused)?;
    Ok(answer_once(done.is_replay, SentView::from(done.answer)))
}

/// One payout with its withdrawals.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/payouts/{payout}", tag = "payouts",
    params(("tenant" = String, Path), ("payout" = String, Path)), responses((status = 200, body = PayoutDetail))
)]
pub(crate) async fn show(
    operator: Operator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, PayoutId)>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let found = rooms.withdrawals.payout_in(&tx, id).await.map_err(refused)?;
    let (payout, of) = found.ok_or(Problem::not_found())?;
    let withdrawals = views(&rooms.withdrawals, &tx, of).await?;
    Ok(answer(StatusCode::OK, PayoutDetail { payout: PayoutView::from(payout), withdrawals }))
}

/// The file for the bank, as CSV or as a workbook, where accounts stay text: what is still on its way, with names and accounts
/// in the clear. That it was read is written into the history of each withdrawal before.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/payouts/{payout}/file", tag = "payouts",
    params(("tenant" = String, Path), ("payout" = String, Path), FileQuery),
    responses((status = 200, content((String = "text/csv"))))
)]
pub(crate) async fn file(
    operator: Operator<WithdrawalPay>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, PayoutId)>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Problem> {
    let readable = |text: &str| Format::parse(text).filter(|format| *format != Format::Html);
    let format = page::filter("format", query.format.as_deref(), readable)?.unwrap_or(Format::Csv);
    let by = operator.operator.id.uuid();
    let (payout, lines) = rooms.withdrawals.payout_lines(&operator.scope, id, by).await.map_err(refused)?;
    let file = if format == Format::Xlsx { xlsx(&lines) } else { csv(&lines) };
    let file = file.map_err(|error| Problem::internal(&error))?;
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{}\"", payout.id, format.word())),
    ];
    Ok((headers, [no_store()], file).into_response())
}

/// The columns of the file.
const HEADING: [&str; 7] = ["reference", "means", "holder", "account", "bank", "amount", "currency"];

/// Everything but the amount is text: a spreadsheet that reads a long number as a number rounds it.
fn xlsx(lines: &[PayoutLine]) -> std::io::Result<Vec<u8>> {
    let mut grid = Grid::default();
    grid.row(HEADING.map(|heading| GridCell::Heading(heading.to_owned())));
    for PayoutLine { withdrawal, means, details } in lines {
        let Some((_, split)) = withdrawal.sent else { continue };
        let text = |text: &str| GridCell::Text(text.to_owned());
        let currency = split.net.currency();
        grid.row([
            GridCell::Text(withdrawal.id.to_string()),
            text(means.word()),
            text(&details.holder),
            text(&details.number),
            text(&details.bank),
            GridCell::Amount { minor: split.net.minor(), decimals: currency.decimals() },
            text(currency.code()),
        ]);
    }
    grid.finish()
}

fn csv(lines: &[PayoutLine]) -> std::io::Result<Vec<u8>> {
    let mut file = Writer::for_spreadsheets(Vec::new())?;
    file.row(HEADING.map(Cell::plain))?;
    for PayoutLine { withdrawal, means, details } in lines {
        let Some((_, split)) = withdrawal.sent else { continue };
        file.row([
            Cell::plain(withdrawal.id.to_string()),
            Cell::plain(means.word()),
            Cell::text(details.holder.as_str()),
            Cell::plain(details.number.as_str()),
            Cell::text(details.bank.as_str()),
            Cell::plain(digits(split.net)),
            Cell::plain(split.net.currency().code().to_owned()),
        ])?;
    }
    file.finish()
}

/// An amount without its currency, as banks read it: `12.50`.
fn digits(amount: Money) -> String {
    amount.to_string().split(' ').take(1).collect()
}

/// Bring in what the bank has answered: CSV, or a workbook (xlsx), with the columns `reference` (the withdrawal), `result`
/// (`paid` or `returned`) and `note` (the bank's number, or why it came back).
///
/// Each row counts for itself: what cannot be used is told, and the others are done. The same file again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/payouts/{payout}/results", tag = "payouts",
    params(("tenant" = String, Path), ("payout" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ResultsView), (status = 413, description = "`body_too_large`: more than 2 MiB"),
        (status = 422, description = "the file cannot be read, or has more than 1,000 rows"))
)]
pub(crate) async fn results(
    operator: Operator<WithdrawalPay>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, PayoutId)>,
    key: IdempotencyKey,
    body: axum::body::Body,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let found = rooms.withdrawals.payout_in(&tx, id).await.map_err(refused)?;
    let (_, of) = found.ok_or(Problem::not_found())?;
    drop(tx);
    let file = file_of(body, RESULTS_BYTES_MAX).await?;
    let rows = tokio::task::spawn_blocking(move || rows_of(file)).await;
    let rows = rows.map_err(|error| Problem::internal(&error))??;
    let mut view = ResultsView { rows: rows.len(), ..ResultsView::default() };
    for row in rows {
        let by = (operator.operator.id.uuid(), key.0.as_str());
        match end_row(&rooms, &operator.scope, (&of, row), by).await {
            Ok(Ended { was_so: true, .. }) => view.same += 1,
            Ok(Ended { state: Stands::Paid, .. }) => view.paid += 1,
            Ok(_) => view.returned += 1,
            Err(fault) => view.faults.push(fault),
        }
    }
    Ok(answer(StatusCode::OK, view))
}

/// What a row says happens to its withdrawal. Whatever goes wrong with it, the rows before it are done: it is told as a fault.
async fn end_row(
    rooms: &ApiState,
    scope: &TenantScope,
    (of, row): (&[Withdrawal], Result<ResultRow, ResultFault>),
    (by, key): (Uuid, &str),
) -> Result<Ended, ResultFault> {
    let row = row?;
    let (id, outcome) = row.outcome(of)?;
    let ended = rooms.withdrawals.end(scope, id, outcome, (by, format!("{key}:{}", row.place))).await;
    let ended = ended.map(|ended| Ended { was_so: ended.answer.was_so || ended.is_replay, ..ended.answer });
    ended.map_err(|error| {
        // The problem of an answer hides what is ours alone, and logs it.
        let problem = refused(error);
        row.fault(problem.code, problem.detail.unwrap_or_default())
    })
}

/// A row of a file of results.
struct ResultRow {
    place: u64,
    reference: String,
    result: String,
    note: String,
}

impl ResultRow {
    fn fault(&self, code: &'static str, detail: impl Into<String>) -> ResultFault {
        ResultFault { row: self.place, code, detail: detail.into() }
    }

    /// What the row says of which withdrawal of the payout.
    fn outcome(&self, of: &[Withdrawal]) -> Result<(WithdrawalId, Outcome), ResultFault> {
        let id = WithdrawalId::parse(&self.reference).ok().filter(|id| of.iter().any(|one| one.id == *id));
        let id = id.ok_or_else(|| self.fault("not_found", "the payout has no such withdrawal"))?;
        if self.note.chars().count() > TEXT_CHARS_MAX || self.note.contains(char::is_control) {
            return Err(self.fault("text_length", format!("a note is one line of {TEXT_CHARS_MAX} characters at most")));
        }
        let note = Some(self.note.clone()).filter(|note| !note.is_empty());
        match (self.result.to_ascii_lowercase().as_str(), note) {
            ("paid", reference) => Ok((id, Outcome::Arrived { reference })),
            ("returned", Some(reason)) => Ok((id, Outcome::Returned { reason })),
            ("returned", None) => Err(self.fault("text_empty", "say why it came back")),
            _ => Err(self.fault("word_unknown", "the result is `paid` or `returned`")),
        }
    }
}

/// The rows below the heading.
fn rows_of(file: File) -> Result<Vec<Result<ResultRow, ResultFault>>, Problem> {
    let limits = Limits { rows_max: RESULTS_MAX + 1, cell_bytes_max: 4 * TEXT_CHARS_MAX, columns_max: COLUMNS_MAX };
    let (mut heading, mut rows, mut fault) = (None::<[usize; 3]>, Vec::new(), None);
    let mut take = |found: sheet::Found| {
        let row = match found {
            Ok(row) => row,
            // A cell of this row alone, such as an account that a spreadsheet has rounded.
            Err(error) if heading.is_some() => {
                rows.push(Err(ResultFault { row: error.line(), code: error.code(), detail: error.without_line() }));
                return ControlFlow::Continue(());
            }
            Err(error) => {
                fault = Some(error);
                return ControlFlow::Break(());
            }
        };
        let cell = |place: usize| row.cells.get(place).map_or("", |cell| cell.trim()).to_owned();
        match heading {
            None => heading = places(&row.cells),
            Some([reference, result, note]) => rows.push(Ok(ResultRow {
                place: row.line,
                reference: cell(reference),
                result: cell(result),
                note: cell(note),
            })),
        }
        if heading.is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    sheet::each(file, &limits, &mut take).map_err(refused)?;
    match (heading, fault) {
        (_, Some(fault)) => Err(refused(fault)),
        (None, None) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sheet_columns")
            .because("the first row names the columns reference, result and note")),
        _ => Ok(rows),
    }
}

/// Where the columns are.
fn places(cells: &[String]) -> Option<[usize; 3]> {
    let place = |name: &str| cells.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
    Some([place("reference")?, place("result")?, place("note")?])
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        Self { id: payout.id, count: payout.count, net: payout.net.into(), created_at: payout.created.0 }
    }
}

impl From<Sent> for SentView {
    fn from(sent: Sent) -> Self {
        let left = |(withdrawal, refusal): (WithdrawalId, Refusal)| LeftView {
            withdrawal,
            code: refusal.code(),
            detail: refusal.to_string(),
        };
        Self { id: sent.id, net: sent.net.into(), sent: sent.sent, left: sent.left.into_iter().map(left).collect() }
    }
}
