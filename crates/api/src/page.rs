//! Lists in parts, and the values that stand in every answer.

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
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

/// The `limit` of a query that sends none.
pub(crate) const fn limit_default() -> u64 {
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

/// A filter that was sent, read; one that names nothing we know is refused.
pub(crate) fn filter<T>(
    name: &str,
    sent: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let unknown = || Problem::new(StatusCode::BAD_REQUEST, "filter_unknown").because(format!("{name} is none we know"));
    sent.map(|text| parse(text).ok_or_else(unknown)).transpose()
}

/// A list's part as the database gave it, one row more than asked for if there are more; and where the next begins.
pub(crate) fn page<T, K>(mut rows: Vec<T>, limit: u64, id: impl Fn(&T) -> K) -> (Vec<T>, Option<K>) {
    let is_more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().map(id).filter(|_| is_more);
    (rows, next)
}

/// The part of a whole list that begins after a row, of the rows that are kept; and where the next begins.
pub(crate) fn cut<T, K: PartialEq>(
    all: Vec<T>,
    (limit, after): (u64, Option<K>),
    id: impl Fn(&T) -> K,
    keep: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, Option<K>), Problem> {
    let begin = match after {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|row| id(row) == after);
            let unknown = || Problem::new(StatusCode::BAD_REQUEST, "cursor_unknown").because("the row is gone");
            place.ok_or_else(unknown)? + 1
        }
    };
    let taken = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    Ok(page(all.into_iter().skip(begin).filter(keep).take(taken).collect(), limit, id))
}

/// What a PUT made, and in what it differs from what was there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Written<T> {
    /// The row as it is now.
    pub data: T,
    /// The fields that became something else, in the words of packs; none if it is new or was so already.
    pub changed: Vec<&'static str>,
}

/// The answer to a PUT: 201 if the row is new, else 200 with the fields that changed.
pub(crate) fn written<T: Serialize>(data: T, (is_new, changed): (bool, Vec<&'static str>)) -> Response {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    answer(status, Written { data, changed })
}

/// What saving did to a row of the catalogue.
pub(crate) fn changed(saved: catalog::Saved) -> (bool, Vec<&'static str>) {
    match saved {
        catalog::Saved::Created => (true, Vec::new()),
        catalog::Saved::Changed(fields) => (false, fields.into_iter().map(|change| change.field).collect()),
        catalog::Saved::Same => (false, Vec::new()),
    }
}

/// What saving did to a row that has its id from elsewhere.
pub(crate) fn changed_row<I>(saved: tenancy::Saved<I>) -> (bool, Vec<&'static str>) {
    match saved {
        tenancy::Saved::Created(_) => (true, Vec::new()),
        tenancy::Saved::Changed(_, fields) => (false, fields),
        tenancy::Saved::Same(_) => (false, Vec::new()),
    }
}

/// The version in `If-Match`, if there is one: `"7"`, as an `ETag` of ours says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IfMatch(Option<i64>);

impl IfMatch {
    /// Refuses a change of what has another version than the one that was read.
    pub(crate) fn check(self, version: Option<i64>) -> Result<(), Problem> {
        if self.0.is_none() || self.0 == version {
            return Ok(());
        }
        let sentence = "somebody changed it meanwhile: read it again";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, "version_moved").because(sentence))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        let unreadable = || Problem::new(StatusCode::BAD_REQUEST, "if_match_invalid").because("no ETag of ours");
        text.map(|version| Self(Some(version))).ok_or_else(unreadable)
    }
}

/// The answer with its version, for `If-Match`.
pub(crate) fn versioned(mut answer: Response, version: i64) -> Response {
    let version = HeaderValue::from_str(&format!("\"{version}\"")).expect("digits are a header");
    answer.headers_mut().insert(ETAG, version);
    answer
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
    #[serde(default)]
    pub zh: String,
    /// English.
    #[serde(default)]
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
    told_once(is_replay, answer(StatusCode::OK, body))
}

/// The same where something was made.
pub(crate) fn created_once<T: Serialize>(is_replay: bool, body: T) -> Response {
    told_once(is_replay, answer(StatusCode::CREATED, body))
}

fn told_once(is_replay: bool, mut response: Response) -> Response {
    if is_replay {
        response.headers_mut().insert(web::REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
