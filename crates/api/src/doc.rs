//! The document of the API (OpenAPI 3.1), made from the handlers, and the pages that show it.

use std::sync::{Arc, LazyLock};

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use utoipa::OpenApi;
use utoipa::openapi::content::Content;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa_swagger_ui::Config;
use web::{Guest, Path, Problem, Route};

use crate::{
    adjustments, agents, balances, bonuses, books, calendar, categories, channels, claims, earnings, fulfilments,
    goods, intake, levels, orders, own, payouts, plans, prepaid, prices, recharge, refunds, replacements, returns,
    session, sites, skus, stock, tenants, troubles, version, withdrawals,
};

/// Where the document is.
pub(crate) const DOCUMENT: &str = "/api/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cardgrove",
        version = "2026-11-01",
        description = "For consoles and integrations. Money is whole minor units with a currency; times are RFC 3339 in \
                       UTC; ids have a prefix. A refusal is problem details (RFC 9457) with a stable `code`. A list is \
                       read in parts: send `next_cursor` back as `cursor`. Requests that move money or stock carry an \
                       `Idempotency-Key`: sent again they are answered again, with `Idempotent-Replayed: true`. What \
                       belongs to another tenant or site is 404. Every answer says its `Api-Version`; a request may ask for it by \
                       the same header. A route behind a limit answers with `RateLimit` and `RateLimit-Policy`. Titles \
                       of problems are in the language of `Accept-Language`, `zh` or `en`.",
        license(name = "proprietary")
    ),
    paths(
        session::log_in,
        session::show,
        session::log_out,
        tenants::list,
        stock::list,
        intake::import,
        intake::batches,
        intake::batch,
        intake::undo,
        orders::list,
        orders::show,
        returns::refund,
        replacements::replace,
        orders::own_orders,
        orders::own_order,
        fulfilments::list,
        fulfilments::act,
        claims::list,
        claims::own_claims,
        claims::approve,
        claims::reject,
        refunds::exceptions,
        refunds::own_exceptions,
        troubles::sku_exceptions,
        troubles::own_sku_exceptions,
        refunds::list,
        refunds::approve,
        refunds::cancel,
        refunds::ask,
        sites::list,
        sites::open,
        sites::change,
        sites::set_state,
        sites::add_host,
        sites::add_owner,
        categories::list,
        categories::put,
        goods::list,
        goods::show,
        goods::put,
        skus::list,
        skus::put,
        prices::list,
        prices::put,
        prices::explain,
        prices::list_templates,
        prices::put_template,
        channels::list,
        channels::put,
        channels::set_state,
        balances::balances,
        balances::entries,
        books::closings,
        books::closing,
        books::closing_file,
        books::statement,
        books::aging,
        books::profit,
        books::own_statement,
        levels::rules,
        levels::save_rules,
        levels::preview,
        levels::list,
        levels::of,
        levels::changes,
        levels::pin,
        levels::unpin,
        levels::own,
        levels::of_own_agent,
        own::profile::profile,
        own::profile::put_profile,
        own::profile::children,
        own::goods::goods,
        own::prices::prices,
        own::prices::put_price,
        own::prices::explain,
        own::prices::templates,
        own::prices::put_template,
        own::channels::channels,
        own::channels::put_channel,
        own::channels::set_channel_state,
        own::ledger::balances,
        agents::list,
        agents::appoint,
        agents::show,
        agents::change,
        agents::add_link,
        agents::commissions,
        agents::own_commissions,
        agents::own_agents,
        agents::own_appoint,
        agents::own_agent,
        agents::own_change_agent,
        agents::own_add_link,
        plans::list,
        plans::save,
        plans::own_plans,
        earnings::terms,
        earnings::save_terms,
        earnings::own_terms,
        calendar::days,
        calendar::save_day,
        earnings::holds,
        earnings::hold,
        earnings::lift,
        earnings::of_site,
        earnings::of_agent,
        earnings::of_own_agent,
        earnings::of_own_site,
        withdrawals::rules,
        withdrawals::save_rules,
        withdrawals::list,
        withdrawals::show,
        withdrawals::approve,
        withdrawals::reject,
        withdrawals::open_payee,
        withdrawals::paid,
        withdrawals::returned,
        withdrawals::forget_name,
        payouts::list,
        payouts::send,
        payouts::show,
        payouts::file,
        payouts::results,
        own::withdrawals::payees,
        own::withdrawals::add_payee,
        own::withdrawals::remove_payee,
        own::withdrawals::rules,
        own::withdrawals::list,
        own::withdrawals::ask,
        own::withdrawals::cancel,
        own::withdrawals::convert,
        recharge::list,
        recharge::make,
        recharge::show,
        recharge::cards,
        recharge::file,
        recharge::void,
        recharge::find,
        adjustments::list,
        adjustments::ask,
        adjustments::approve,
        adjustments::reject,
        adjustments::cancel,
        bonuses::list,
        bonuses::save,
        prepaid::list,
        prepaid::lend,
        prepaid::own_prepaid,
        prepaid::own_moves,
        prepaid::own_move,
    ),
    components(schemas(ProblemView, FieldErrorView))
)]
struct Document;

/// Problem details (RFC 9457).
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) struct ProblemView {
    /// Always `about:blank`: the code says what it is.
    r#type: String,
    /// What the code means, in the caller's language.
    title: String,
    /// The status.
    status: u16,
    /// A stable snake_case code.
    code: String,
    /// What happened, for the caller.
    detail: Option<String>,
    /// The fields of the body that were refused.
    errors: Option<Vec<FieldErrorView>>,
    /// The name of the request in our logs.
    request_id: Option<String>,
}

/// One refused field of a body.
#[derive(utoipa::ToSchema)]
#[schema(as = FieldError)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) struct FieldErrorView {
    /// Where it stands (RFC 6901).
    pointer: String,
    /// A stable snake_case code.
    code: String,
    /// What is wrong with it.
    detail: String,
}

/// The document as text: the same for the same code.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| text(&document()));

/// A document as it is sent and kept.
pub(crate) fn text(document: &utoipa::openapi::OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("a document is JSON");
    text.push('\n');
    text
}

/// The document with what the routes know: who may use each, and that a session is needed for it.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let session = "The cookie that `POST /api/v1/session` sets; `__Host-session` over https.";
    with_policies(Document::openapi(), session, crate::route_list(), versioned)
}

/// A document with the policies of its routes and the refusals that follow from them; each operation is then finished.
pub(crate) fn with_policies(
    mut document: utoipa::openapi::OpenApi,
    session: &str,
    routes: Vec<Route>,
    finish: fn(&mut Operation),
) -> utoipa::openapi::OpenApi {
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("session", session)));
    if let Some(components) = &mut document.components {
        components.add_security_scheme("session", cookie);
    }
    for route in routes {
        let operation = document.paths.paths.get_mut(route.path).and_then(|item| operation_of(item, &route.method));
        let Some(operation) = operation else { continue };
        if route.policy != "guest" {
            operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>("session", [])]);
        }
        name(operation);
        for status in refusals(&route.policy) {
            operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| problem().into());
        }
        finish(operation);
        operation.extensions = Some(Extensions::builder().add("x-policy", route.policy).build());
    }
    document
}

/// Every operation may be asked for by version, and answers with it.
fn versioned(operation: &mut Operation) {
    let asked = ParameterBuilder::new().name(version::HEADER).parameter_in(ParameterIn::Header);
    let asked = asked.description(Some("The version that the caller knows; another one is `api_version_unknown`."));
    let text = || Object::with_type(Type::String);
    let asked = asked.required(Required::False).schema(Some(text()));
    operation.parameters.get_or_insert_default().push(asked.build().into());
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let header = HeaderBuilder::new().schema(Some(text())).description(Some(version::VERSION));
            response.headers.insert("Api-Version".to_owned(), RefOr::T(header.build()));
        }
    }
}

/// Names the operation after its tag too, so that no two are called `list`.
fn name(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    if let Some(id) = &mut operation.operation_id {
        *id = format!("{tag}_{id}");
    }
}

/// The refusals of a policy, before its handler runs.
fn refusals(policy: &str) -> &'static [&'static str] {
    match policy {
        "guest" => &["400"],
        "staff" | "buyer" => &["400", "401"],
        _ => &["400", "401", "403", "404"],
    }
}

fn problem() -> utoipa::openapi::Response {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description("Problem details").content("application/problem+json", body).build()
}

/// The operation of a path that answers this method.
pub(crate) fn operation_of<'a>(item: &'a mut utoipa::openapi::PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// `GET /api/v1/openapi.json`.
pub(crate) async fn json(_: Guest) -> Response {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// `GET /api/docs`.
pub(crate) async fn front(_: Guest) -> Redirect {
    Redirect::permanent("/api/docs/")
}

/// `GET /api/docs/`.
pub(crate) async fn index(_: Guest) -> Result<Response, Problem> {
    page("index.html")
}

/// `GET /api/docs/{file}`: the page that shows the document, with its scripts and styles.
pub(crate) async fn file(_: Guest, Path(file): Path<String>) -> Result<Response, Problem> {
    page(&file)
}

fn page(file: &str) -> Result<Response, Problem> {
    // Without the bar on top: its logo brings a style of its own, which our content policy refuses, and its field opens
    // documents of others.
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from(DOCUMENT).try_it_out_enabled(true).use_base_layout()));
    match utoipa_swagger_ui::serve(file, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => Ok(([(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()),
        _ => Err(Problem::not_found()),
    }
}
