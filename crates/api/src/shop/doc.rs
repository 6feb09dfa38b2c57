//! The document of the buyers' API (OpenAPI 3.1), made from its handlers.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use web::Guest;

use crate::doc::{FieldErrorView, ProblemView, text, with_policies};

/// Where it is, at every shop's host.
pub(crate) const DOCUMENT: &str = "/api/v1/shop/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cardgrove shop",
        version = "2026-11-01",
        description = "For programs of a shop's buyers, at the shop's own host. Money is whole minor units with a \
                       currency; times are RFC 3339 in UTC; ids have a prefix. A refusal is problem details (RFC 9457) \
                       with a stable `code`. An order carries an `Idempotency-Key`: sent again it is the same order, and \
                       is answered with `Idempotent-Replayed: true`. A route behind a limit answers with `RateLimit` and \
                       `RateLimit-Policy`.",
        license(name = "proprietary")
    ),
    paths(
        super::log_in,
        super::log_out,
        super::place,
        super::claims::list,
        super::claims::ask,
        super::claims::withdraw,
        super::replacements::list,
        super::recharge::redeem,
        super::agent::show,
        super::agent::level,
        super::agent::payees,
        super::agent::add_payee,
        super::agent::remove_payee,
        super::agent::rules,
        super::agent::list,
        super::agent::ask,
        super::agent::cancel,
        super::agent::convert,
    ),
    components(schemas(ProblemView, FieldErrorView))
)]
struct Document;

/// The document as text: the same for the same code.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| {
    let session = "The cookie that `POST /api/v1/shop/session` sets; `__Host-session` over https.";
    text(&with_policies(Document::openapi(), session, super::shop_route_list(), |_| {}))
});

/// `GET /api/v1/shop/openapi.json`.
pub(super) async fn json(_: Guest) -> Response {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
