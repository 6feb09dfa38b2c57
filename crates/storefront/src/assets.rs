//! Style sheet, script and pictures, as they were embedded.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::hex;
use serde::Deserialize;
use web::{Guest, Path, Problem, Query};

use crate::templates::Files;

/// For who asks for exactly these bytes: another version has another address.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For who asks for whatever there is: long enough to spare a visit its second look, short enough that a new version
/// reaches everybody in minutes.
const FOR_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// Bytes of a hash that tell versions apart.
const VERSION_BYTES: usize = 8;

/// Which version a page wants.
#[derive(Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    v: String,
}

/// `GET /assets/{*file}`.
pub(crate) async fn asset(
    _: Guest,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let found = Files::get(&format!("assets/{file}")).ok_or(Problem::not_found())?;
    let mime = HeaderValue::from_str(found.metadata.mimetype()).unwrap_or(HeaderValue::from_static("text/plain"));
    let version = version(&found.metadata.sha256_hash());
    Ok(versioned(&headers, (mime, &version, &wanted), || Body::from(found.data.into_owned())))
}

/// The address of a file of `assets/`, which is another one for every version of it.
pub(crate) fn href(file: &str) -> String {
    match Files::get(&format!("assets/{file}")) {
        Some(found) => format!("/assets/{file}?v={}", version(&found.metadata.sha256_hash())),
        None => format!("/assets/{file}"),
    }
}

/// The name of these bytes among all their versions.
pub(crate) fn version(hash: &[u8]) -> String {
    hex(&hash[..VERSION_BYTES])
}

/// Bytes of this version, unless the browser has them.
pub(crate) fn versioned(
    headers: &HeaderMap,
    (mime, version, wanted): (HeaderValue, &str, &Wanted),
    body: impl FnOnce() -> Body,
) -> Response {
    // Weak, because compression changes the bytes.
    let tag = HeaderValue::from_str(&format!("W/\"{version}\"")).expect("hexadecimal digits are a header's text");
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, mime)], body()).into_response()
    };
    response.headers_mut().insert(ETAG, tag);
    response.headers_mut().insert(CACHE_CONTROL, if wanted.v == version { FOR_EVER } else { FOR_MINUTES });
    response
}
