//! Lists in parts, and the values that stand in every answer.

use axum::http::{HeaderName, StatusCode, header::CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use kernel::{Money, Wording};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Json, Problem};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 100;

/// Which part of a list. The cursor is what the part before gave as `next_cursor`.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// How many, 1 to 100.
    #[serde(default = "limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
}

const fn limit_default() -> u64 {
    LIMIT_DEFAULT
}

impl Part {
    /// How many rows, checked.
    pub(crate) fn limit(&self) -> Result<u64, Problem> {
        limit(self.limit)
    }

    /// Where it begins, read by `parse`.
    pub(crate) fn after<T, E>(&self, parse: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, Problem> {
        after(self.cursor.as_deref(), parse)
    }
}

/// A `limit` that was sent, checked; for queries with filters of their own.
pub(crate) fn limit(sent: u64) -> Result<u64, Problem> {
    if (1..=LIMIT_MAX).contains(&sent) {
        return Ok(sent);
    }
    let range = format!("limit is 1 to {LIMIT_MAX}");
    Err(Problem::new(StatusCode::BAD_REQUEST, "limit_out_of_range").because(range))
}

/// A `cursor` that was sent, read.
pub(crate) fn after<T, E>(sent: Option<&str>, parse: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, Problem> {
    let unknown = |_| Problem::new(StatusCode::BAD_REQUEST, "cursor_unknown").because("no list gave this cursor");
    sent.map(|text| parse(text).map_err(unknown)).transpose()
}

/// One part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they begin.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Everything there is.
    pub(crate) const fn whole(data: Vec<T>) -> Self {
        Self { data, has_more: false, next_cursor: None }
    }

    /// A part; `next` is where the following one begins.
    pub(crate) fn part(data: Vec<T>, next: Option<impl ToString>) -> Self {
        Self { data, has_more: next.is_some(), next_cursor: next.map(|next| next.to_string()) }
    }
}

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoneyView {
    /// Whole minor units: fen for CNY.
    pub amount_minor: i64,
    /// ISO 4217.
    #[schema(example = "CNY")]
    pub currency: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount_minor: money.minor(), currency: money.currency().code().to_owned() }
    }
}

/// A text that buyers read, in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordingView {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<Wording> for WordingView {
    fn from(Wording { zh, en }: Wording) -> Self {
        Self { zh, en }
    }
}

impl From<WordingView> for Wording {
    fn from(WordingView { zh, en }: WordingView) -> Self {
        Self { zh, en }
    }
}

/// What nobody on the way keeps.
pub(crate) fn no_store() -> (HeaderName, &'static str) {
    (CACHE_CONTROL, "no-store")
}

/// An answer with this status.
pub(crate) fn answer<T: Serialize>(status: StatusCode, body: T) -> Response {
    (status, [no_store()], Json(body)).into_response()
}

/// An answer to a command that may be sent again: it says whether it was decided before.
pub(crate) fn answer_once<T: Serialize>(is_replay: bool, body: T) -> Response {
    let mut response = answer(StatusCode::OK, body);
    if is_replay {
        response.headers_mut().insert(web::REPLAYED, axum::http::HeaderValue::from_static("true"));
    }
    response
}
