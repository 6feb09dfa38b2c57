//! Recharge cards: made by the batch, carried away to be sold or given, looked up for a buyer, made void.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use funds::{
    FundsError, NewRechargeBatch, Origin, RechargeBatch, RechargeBatchId, RechargeCard, RechargeCardId, RechargeCode,
    TEXT_CHARS_MAX, Tally,
};
use identity::CustomerId;
use kernel::{Coded, SiteId};
use serde::{Deserialize, Serialize};
use sheet::{Cell, Writer};
use utoipa::ToSchema;
use web::{FieldError, FundsRead, IdempotencyKey, Json, Operator, Path, Problem, Query, RechargeWrite};

use crate::body::{Fields, refused};
use crate::page::{self, List, MoneyView, Part, answer, created_once, no_store};
use crate::routes::App;

/// Cards that are to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RechargeBatchSent {
    /// What people call the batch, up to 200 characters.
    name: String,
    /// What each card is worth: up to 1,000 of the currency.
    face: MoneyView,
    /// How many, 1 to 10,000.
    count: u32,
    /// `sold` (their price is yours already, or will be before you hand them out) or `gift` (they cost you what they are worth).
    origin: String,
    /// Until when they may be redeemed; for ever if it is left out. Cards that are sold are good for three years at least.
    expires_at: Option<DateTime<Utc>>,
}

/// Cards that were made together.
#[derive(Serialize, ToSchema)]
pub(crate) struct RechargeBatchView {
    /// Its id.
    #[schema(value_type = String)]
    id: RechargeBatchId,
    /// What people call it.
    name: String,
    /// What each card is worth.
    face: MoneyView,
    /// How many were made.
    count: u32,
    /// `sold` or `gift`.
    origin: &'static str,
    /// Until when they may be redeemed.
    expires_at: Option<DateTime<Utc>>,
    /// When they were made.
    created_at: DateTime<Utc>,
    /// Since when the rest of them is void.
    voided_at: Option<DateTime<Utc>>,
    /// Why it is.
    void_reason: Option<String>,
}

/// A batch with how many of its cards are where.
#[derive(Serialize, ToSchema)]
pub(crate) struct RechargeBatchDetail {
    /// The batch.
    batch: RechargeBatchView,
    /// Cards that may be redeemed.
    ready: u32,
    /// Cards that were.
    redeemed: u32,
    /// Cards that are void.
    void: u32,
}

/// A recharge card without its code.
#[derive(Serialize, ToSchema)]
pub(crate) struct RechargeCardView {
    /// Its id.
    #[schema(value_type = String)]
    id: RechargeCardId,
    /// Its number in the batch, from 1.
    number: u32,
    /// `ready`, `redeemed` or `void`.
    state: &'static str,
    /// Who has redeemed it.
    #[schema(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// On which site.
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// When.
    redeemed_at: Option<DateTime<Utc>>,
}

/// A card with its batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundCardView {
    /// The card.
    card: RechargeCardView,
    /// Its batch.
    batch: RechargeBatchView,
}

/// Why codes are carried away, or cards made void.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhySent {
    /// In words, up to 200 characters.
    reason: String,
}

/// A code that a buyer has told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeSent {
    /// The code, however it is typed.
    code: String,
}

/// Batches of recharge cards, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/recharge-batches", tag = "funds", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<RechargeBatchView>)), operation_id = "funds_recharge_batches"
)]
pub(crate) async fn list(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?, part.after(RechargeBatchId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let batches = rooms.funds.batches_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (batches, next) = page::page(batches, limit, |batch| batch.id);
    Ok(answer(StatusCode::OK, List::part(batches.into_iter().map(RechargeBatchView::from).collect(), next)))
}

/// Make recharge cards. Nothing is posted before somebody redeems one.
///
/// The limits are those of bearer cards of the rules for single-purpose prepaid cards: 1,000 a card, three years at least.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/recharge-batches", tag = "funds", request_body = RechargeBatchSent,
    params(("tenant" = String, Path), ("Idempotency-Key" = String, Header, description = "Names the batch: sent again it is the same one.")),
    responses((status = 201, body = RechargeBatchView),
        (status = 422, description = "refused fields; `idempotency_key_reused`")), operation_id = "funds_make_recharge_batch"
)]
pub(crate) async fn make(
    operator: Operator<RechargeWrite>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<RechargeBatchSent>,
) -> Result<Response, Problem> {
    let currency = rooms.currency_in(&rooms.store.read(&operator.scope).await?).await?;
    let mut fields = Fields::default();
    let name = fields.line("/name", &sent.name, TEXT_CHARS_MAX);
    let face = fields.money("/face", &sent.face, currency);
    let origin = fields.word("/origin", &sent.origin, Origin::parse);
    fields.moment("/expires_at", sent.expires_at);
    let new = || {
        let (count, expires_at) = (sent.count, sent.expires_at);
        Some(NewRechargeBatch { name: name?, face: face?, count, origin: origin?, expires_at })
    };
    let new = fields.whole(new())?;
    let by = (operator.operator.id.uuid(), key.0.as_str());
    let made = rooms.funds.make_batch(&operator.scope, new, by).await.map_err(refused_batch)?;
    Ok(created_once(made.is_replay, RechargeBatchView::from(made.answer)))
}

/// What the room refuses of a batch stands at its field.
fn refused_batch(error: FundsError) -> Problem {
    let pointer = match &error {
        FundsError::Face { .. } => "/face/amount_minor",
        FundsError::Count { .. } => "/count",
        FundsError::Expiry { .. } => "/expires_at",
        FundsError::Text { .. } => "/name",
        _ => return refused(error),
    };
    let field = FieldError { pointer: pointer.to_owned(), code: error.code(), detail: error.to_string() };
    Problem::of_fields(vec![field])
}

/// One batch, with how many of its cards are where.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}", tag = "funds",
    params(("tenant" = String, Path), ("recharge_batch" = String, Path)),
    responses((status = 200, body = RechargeBatchDetail)), operation_id = "funds_recharge_batch"
)]
pub(crate) async fn show(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, RechargeBatchId)>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let batch = rooms.funds.batch_in(&tx, id).await.map_err(refused)?.ok_or(Problem::not_found())?;
    let tally = rooms.funds.tally_in(&tx, id).await.map_err(refused)?;
    Ok(answer(StatusCode::OK, RechargeBatchDetail::new(batch, tally)))
}

/// The cards of a batch by their numbers, without codes.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/cards", tag = "funds",
    params(("tenant" = String, Path), ("recharge_batch" = String, Path), Part),
    responses((status = 200, body = List<RechargeCardView>)), operation_id = "funds_recharge_cards"
)]
pub(crate) async fn cards(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, RechargeBatchId)>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, after) = (part.limit()?, part.after(str::parse::<u32>)?);
    let tx = rooms.store.read(&operator.scope).await?;
    rooms.funds.batch_in(&tx, id).await.map_err(refused)?.ok_or(Problem::not_found())?;
    let cards = rooms.funds.cards_in(&tx, id, after.unwrap_or(0), limit + 1).await.map_err(refused)?;
    let (cards, next) = page::page(cards, limit, |card| card.number);
    Ok(answer(StatusCode::OK, List::part(cards.into_iter().map(RechargeCardView::from).collect(), next)))
}

/// The codes that may be redeemed, as CSV. Who has asked for them, and why, is written down before the first one is opened.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/file", tag = "funds", request_body = WhySent,
    params(("tenant" = String, Path), ("recharge_batch" = String, Path)),
    responses((status = 200, content_type = "text/csv", body = String), (status = 422, description = "refused fields")),
    operation_id = "funds_recharge_file"
)]
pub(crate) async fn file(
    operator: Operator<RechargeWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, RechargeBatchId)>,
    Json(sent): Json<WhySent>,
) -> Result<Response, Problem> {
    let reason = sent.read()?;
    let by = (operator.operator.id.uuid(), reason.as_str());
    let (batch, codes) = rooms.funds.export(&operator.scope, id, by).await.map_err(refused)?;
    let file = csv(&batch, &codes).map_err(|error| Problem::internal(&error))?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", batch.id)),
    ];
    Ok((headers, [no_store()], file).into_response())
}

fn csv(batch: &RechargeBatch, codes: &[(u32, RechargeCode)]) -> std::io::Result<Vec<u8>> {
    let mut file = Writer::for_spreadsheets(Vec::new())?;
    file.row(["number", "code", "face", "currency", "expires_at"].map(Cell::plain))?;
    let face = batch.of.face.to_string().split(' ').take(1).collect::<String>();
    let expires_at = batch.of.expires_at.map(|end| end.to_rfc3339()).unwrap_or_default();
    for (number, code) in codes {
        file.row([
            Cell::plain(number.to_string()),
            Cell::plain(code.grouped().expose().clone()),
            Cell::plain(face.clone()),
            Cell::plain(batch.of.face.currency().code().to_owned()),
            Cell::plain(expires_at.clone()),
        ])?;
    }
    file.finish()
}

/// Make what nobody has redeemed of a batch void, for good. What is redeemed stays where it is.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/void", tag = "funds", request_body = WhySent,
    params(("tenant" = String, Path), ("recharge_batch" = String, Path)),
    responses((status = 200, body = RechargeBatchDetail), (status = 409, description = "`recharge_batch_void`"),
        (status = 422, description = "refused fields")), operation_id = "funds_void_recharge_batch"
)]
pub(crate) async fn void(
    operator: Operator<RechargeWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, RechargeBatchId)>,
    Json(sent): Json<WhySent>,
) -> Result<Response, Problem> {
    let reason = sent.read()?;
    let by = (operator.operator.id.uuid(), reason.as_str());
    let (batch, tally) = rooms.funds.void_batch(&operator.scope, id, by).await.map_err(refused)?;
    Ok(answer(StatusCode::OK, RechargeBatchDetail::new(batch, tally)))
}

/// What became of the card with this code, for whoever helps its buyer. The code is not kept or logged.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/recharge-cards/find", tag = "funds", request_body = CodeSent,
    params(("tenant" = String, Path)),
    responses((status = 200, body = FoundCardView), (status = 404, description = "nobody has made such a card"),
        (status = 422, description = "refused fields: `recharge_code_invalid`")), operation_id = "funds_find_recharge_card"
)]
pub(crate) async fn find(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Json(sent): Json<CodeSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let code = fields.read("/code", RechargeCode::parse(&sent.code));
    let code = fields.whole(code)?;
    let tx = rooms.store.read(&operator.scope).await?;
    let found = rooms.funds.find_card_in(&tx, &code).await.map_err(refused)?;
    let (card, batch) = found.ok_or(Problem::not_found())?;
    Ok(answer(StatusCode::OK, FoundCardView { card: card.into(), batch: batch.into() }))
}

impl WhySent {
    fn read(&self) -> Result<String, Problem> {
        let mut fields = Fields::default();
        let reason = fields.line("/reason", &self.reason, TEXT_CHARS_MAX);
        fields.whole(reason)
    }
}

impl RechargeBatchDetail {
    fn new(batch: RechargeBatch, Tally { ready, redeemed, void }: Tally) -> Self {
        Self { batch: batch.into(), ready, redeemed, void }
    }
}

impl From<RechargeBatch> for RechargeBatchView {
    fn from(batch: RechargeBatch) -> Self {
        let (voided_at, void_reason) = batch.voided.map(|(at, _, reason)| (at, reason)).unzip();
        Self {
            id: batch.id,
            name: batch.of.name,
            face: batch.of.face.into(),
            count: batch.of.count,
            origin: batch.of.origin.word(),
            expires_at: batch.of.expires_at,
            created_at: batch.created.0,
            voided_at,
            void_reason,
        }
    }
}

impl From<RechargeCard> for RechargeCardView {
    fn from(card: RechargeCard) -> Self {
        let by = card.redemption;
        Self {
            id: card.id,
            number: card.number,
            state: card.state.word(),
            customer: by.map(|by| by.customer),
            site: by.map(|by| by.site),
            redeemed_at: by.map(|by| by.at),
        }
    }
}
