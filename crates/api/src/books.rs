//! The books: closed days, statements, what is owed since when, and profit; as data or as files.

mod views;

use std::collections::HashMap;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use books::{BooksError, Closing, Format, Paper, Party, ProfitBy, ProfitKey};
use commission::AgentId;
use identity::CustomerId;
use kernel::{Currency, Day, Language, SiteId};
use serde::Deserialize;
use store::Tx;
use utoipa::IntoParams;
use uuid::Uuid;
use web::{LedgerRead, Operator, Path, Problem, Query, SiteOperator};

use crate::body::refused;
use crate::page::{self, List, Part, answer, no_store};
use crate::place::Place;
use crate::routes::{ApiState, App};
use views::{AgingView, ClosingDetail, ClosingView, ProfitView, StatementView, profit_view, trial};

/// Lines of a statement as data: a longer one is a file.
const LINES_MAX: usize = 5_000;
/// A printed page brings its own look, and nothing else.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");

/// In what form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaperQuery {
    /// `csv`, `xlsx` or `html` (to be printed).
    format: String,
    /// `zh-CN` or `en`.
    language: Option<String>,
}

/// Whose statement, over which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementQuery {
    /// A site below the main one, an agent or a customer, by id. A site's own: nothing for itself, or one of its agents.
    party: Option<String>,
    /// The first day, as `2026-11-01`.
    from: String,
    /// The last day; 366 days at most. It may not be over.
    to: String,
    /// `csv`, `xlsx` or `html`; nothing for data.
    format: Option<String>,
    /// `zh-CN` or `en`.
    language: Option<String>,
}

/// Which report, over which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfitQuery {
    /// `day`, `site`, `goods` or `agent`.
    by: String,
    /// The first day.
    from: String,
    /// The last day; 92 days at most.
    to: String,
    /// `csv`, `xlsx` or `html`; nothing for data.
    format: Option<String>,
    /// `zh-CN` or `en`.
    language: Option<String>,
}

/// In what form, or as data.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgingQuery {
    /// `csv`, `xlsx` or `html`; nothing for data.
    format: Option<String>,
    /// `zh-CN` or `en`.
    language: Option<String>,
}

/// The closed days, the latest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/closings", tag = "books", operation_id = "closings",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<ClosingView>))
)]
pub(crate) async fn closings(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?, part.after(|text| Day::parse(text).ok_or(()))?);
    let tx = rooms.store.read(&operator.scope).await?;
    let closings = rooms.books.closings_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (closings, next) = page::page(closings, limit, |closing| closing.day);
    Ok(answer(StatusCode::OK, List::part(closings.iter().map(ClosingView::from).collect(), next)))
}

/// A closed day: its trial balance, and the document with its signature.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/closings/{day}", tag = "books", operation_id = "closing",
    params(("tenant" = String, Path), ("day" = String, Path)), responses((status = 200, body = ClosingDetail))
)]
pub(crate) async fn closing(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, day)): Path<(String, Day)>,
) -> Result<Response, Problem> {
    let closing = found(&rooms, &rooms.store.read(&operator.scope).await?, day).await?;
    let accounts = closing.document().map_err(refused)?.accounts;
    let detail = ClosingDetail {
        closing: ClosingView::from(&closing),
        accounts: accounts.iter().filter_map(trial).collect(),
        signature: closing.signature_text(),
        public_key: closing.key.1.to_string(),
        document: closing.text,
    };
    Ok(answer(StatusCode::OK, detail))
}

/// The trial balance of a closed day as a file.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/closings/{day}/file", tag = "books", operation_id = "closing_file",
    params(("tenant" = String, Path), ("day" = String, Path), PaperQuery),
    responses((status = 200, content((String = "text/csv"), (String = "text/html"))))
)]
pub(crate) async fn closing_file(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, day)): Path<(String, Day)>,
    Query(query): Query<PaperQuery>,
) -> Result<Response, Problem> {
    let (format, language) = form(Some(&query.format), query.language.as_deref())?;
    let closing = found(&rooms, &rooms.store.read(&operator.scope).await?, day).await?;
    let paper = closing.document().map_err(refused)?.paper(language);
    file(paper, format.unwrap_or(Format::Csv), format!("closing-{day}")).await
}

/// A statement of account: of a site, an agent or a customer. Days are those of the shops (UTC+8).
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/statements", tag = "books", operation_id = "statement",
    params(("tenant" = String, Path), StatementQuery),
    responses((status = 200, content((StatementView = "application/json"), (String = "text/csv"), (String = "text/html"))),
        (status = 422, description = "`period_invalid`, or `period_too_long`: too much has happened since it began"))
)]
pub(crate) async fn statement(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<StatementQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let (_, language) = form(None, query.language.as_deref())?;
    let party = query.party.as_deref().ok_or(Problem::not_found())?;
    let party = named(&rooms, &tx, (party, language)).await?;
    let currency = rooms.currency_in(&tx).await?;
    told(&rooms, &tx, (party, currency), &query).await
}

/// The own statement of account, or that of an agent of the own site.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/statement", tag = "books", operation_id = "own_statement",
    params(("tenant" = String, Path), ("site" = String, Path), StatementQuery),
    responses((status = 200, content((StatementView = "application/json"), (String = "text/csv"), (String = "text/html"))),
        (status = 422, description = "`period_invalid`, or `period_too_long`: too much has happened since it began"))
)]
pub(crate) async fn own_statement(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<StatementQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let (_, language) = form(None, query.language.as_deref())?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    let party = match query.party.as_deref() {
        None => (Party::Site(place.site.id), place.site.name.get(language).to_owned()),
        Some(text) => {
            let id = AgentId::parse(text).map_err(|_| Problem::not_found())?;
            let agent = rooms.agents.agent_in(&tx, id).await.map_err(refused)?;
            let agent = agent.filter(|agent| agent.site == place.site.id).ok_or(Problem::not_found())?;
            (Party::Agent(agent.id), agent.name)
        }
    };
    told(&rooms, &tx, (party, place.currency), &query).await
}

/// What is pending until when, and who owes what since when.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/aging", tag = "books", operation_id = "aging",
    params(("tenant" = String, Path), AgingQuery),
    responses((status = 200, content((AgingView = "application/json"), (String = "text/csv"), (String = "text/html"))))
)]
pub(crate) async fn aging(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<AgingQuery>,
) -> Result<Response, Problem> {
    let (format, language) = form(query.format.as_deref(), query.language.as_deref())?;
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let aging = rooms.books.aging_in(&tx).await.map_err(refused)?;
    let names = names_in(&rooms, &tx, (aging.debtors.iter().map(|debtor| debtor.owner), language)).await?;
    drop(tx);
    let name = |id: Uuid| names.get(&id).cloned().unwrap_or_default();
    if let Some(format) = format {
        let day = Day::of(aging.made_at);
        return file(aging.paper(language, name), format, format!("aging-{day}")).await;
    }
    Ok(answer(StatusCode::OK, AgingView::of(&aging, name)))
}

/// What sales brought whom, by day, site, goods or agent: from the books, by the days of their postings.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/profit", tag = "books", operation_id = "profit",
    params(("tenant" = String, Path), ProfitQuery),
    responses((status = 200, content((List<ProfitView> = "application/json"), (String = "text/csv"), (String = "text/html"))),
        (status = 422, description = "`period_invalid`, or `period_too_long`: more than 500,000 entries"))
)]
pub(crate) async fn profit(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<ProfitQuery>,
) -> Result<Response, Problem> {
    let (format, language) = form(query.format.as_deref(), query.language.as_deref())?;
    let by = page::filter("by", Some(&query.by), ProfitBy::parse)?.ok_or(Problem::not_found())?;
    let days = days(&query.from, &query.to)?;
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let profit = rooms.books.profit_in(&tx, by, days).await.map_err(refused)?;
    let ids = profit.rows.iter().filter_map(|row| match row.key {
        ProfitKey::Id(id) if by != ProfitBy::Goods => Some(id),
        _ => None,
    });
    let names = names_in(&rooms, &tx, (ids, language)).await?;
    drop(tx);
    if let Some(format) = format {
        let paper = profit.paper(language, |id| names.get(&id).cloned().unwrap_or_default());
        return file(paper, format, format!("profit-{}-{}-{}", by.word(), days.0, days.1)).await;
    }
    let rows = profit.rows.iter().map(|row| profit_view(row, (by, language), &names));
    Ok(answer(StatusCode::OK, List::whole(rows.collect())))
}

async fn found(rooms: &ApiState, tx: &impl Tx, day: Day) -> Result<Closing, Problem> {
    rooms.books.closing_in(tx, day).await.map_err(refused)?.ok_or(Problem::not_found())
}

/// The statement as data or as a file.
async fn told(
    rooms: &ApiState,
    tx: &impl Tx,
    (party, currency): ((Party, String), Currency),
    query: &StatementQuery,
) -> Result<Response, Problem> {
    let (format, language) = form(query.format.as_deref(), query.language.as_deref())?;
    let days = days(&query.from, &query.to)?;
    let statement = rooms.books.statement_in(tx, party, currency, days).await.map_err(refused)?;
    let id = party_id(statement.party);
    if let Some(format) = format {
        return file(statement.paper(language), format, format!("statement-{id}-{}-{}", days.0, days.1)).await;
    }
    let lines: usize = statement.sections.iter().map(|section| section.lines.len()).sum();
    if lines > LINES_MAX {
        return Err(refused(BooksError::from(ledger::LedgerError::TooLong { limit: LINES_MAX })));
    }
    Ok(answer(StatusCode::OK, StatementView::from((id, statement))))
}

/// Who is meant, with his name.
async fn named(rooms: &ApiState, tx: &impl Tx, (text, language): (&str, Language)) -> Result<(Party, String), Problem> {
    if let Ok(id) = SiteId::parse(text) {
        let site = rooms.tenancy.sites_in(tx).await?.into_iter().find(|site| site.id == id);
        return site.map(|site| (Party::Site(id), site.name.get(language).to_owned())).ok_or(Problem::not_found());
    }
    if let Ok(id) = AgentId::parse(text) {
        let agent = rooms.agents.agent_in(tx, id).await.map_err(refused)?;
        return agent.map(|agent| (Party::Agent(id), agent.name)).ok_or(Problem::not_found());
    }
    let id = CustomerId::parse(text).map_err(|_| Problem::not_found())?;
    let login = rooms.customers.logins_in(tx, &[id]).await?.remove(&id);
    login.map(|login| (Party::Customer(id), login)).ok_or(Problem::not_found())
}

/// The names of those of these owners that are sites or agents.
async fn names_in(
    rooms: &ApiState,
    tx: &impl Tx,
    (ids, language): (impl Iterator<Item = Uuid>, Language),
) -> Result<HashMap<Uuid, String>, Problem> {
    let sites = rooms.tenancy.sites_in(tx).await?;
    let mut names: HashMap<Uuid, String> =
        sites.into_iter().map(|site| (site.id.uuid(), site.name.get(language).to_owned())).collect();
    for id in ids {
        if !names.contains_key(&id)
            && let Some(agent) = rooms.agents.agent_in(tx, AgentId::from_uuid(id)).await.map_err(refused)?
        {
            names.insert(id, agent.name);
        }
    }
    Ok(names)
}

fn form(format: Option<&str>, language: Option<&str>) -> Result<(Option<Format>, Language), Problem> {
    let format = page::filter("format", format, Format::parse)?;
    let language = page::filter("language", language, Language::parse)?;
    Ok((format, language.unwrap_or_default()))
}

fn days(from: &str, to: &str) -> Result<(Day, Day), Problem> {
    let day = |name, text| page::filter(name, Some(text), Day::parse)?.ok_or(Problem::not_found());
    Ok((day("from", from)?, day("to", to)?))
}

/// A paper as a file; one to be printed is shown, the others are saved.
pub(crate) async fn file(paper: Paper, format: Format, name: String) -> Result<Response, Problem> {
    let bytes = tokio::task::spawn_blocking(move || paper.file(format)).await;
    let bytes = bytes.map_err(|error| Problem::internal(&error))?.map_err(refused)?;
    let way = if format == Format::Html { "inline" } else { "attachment" };
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("{way}; filename=\"{name}.{}\"", format.word())),
    ];
    Ok((headers, [no_store()], [(CONTENT_SECURITY_POLICY, PAGE_POLICY)], bytes).into_response())
}

fn party_id(party: Party) -> String {
    match party {
        Party::Site(id) => id.to_string(),
        Party::Agent(id) => id.to_string(),
        Party::Customer(id) => id.to_string(),
    }
}
