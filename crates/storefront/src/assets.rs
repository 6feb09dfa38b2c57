//! Style sheet, script and pictures, as they were embedded.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use web::{Guest, Path, Problem};

use crate::templates::Files;

/// Long enough to spare a visit its second look, short enough that a new version reaches everybody in minutes.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GET /assets/{*file}`.
pub(crate) async fn asset(_: Guest, headers: HeaderMap, Path(file): Path<String>) -> Result<Response, Problem> {
    let path = format!("assets/{file}");
    let found = Files::get(&path).ok_or(Problem::not_found())?;
    let tag = tag(&found.metadata.sha256_hash());
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mime = HeaderValue::from_str(found.metadata.mimetype()).unwrap_or(HeaderValue::from_static("text/plain"));
        ([(CONTENT_TYPE, mime)], Body::from(found.data.into_owned())).into_response()
    };
    response.headers_mut().insert(ETAG, tag);
    response.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(response)
}

/// Weak, because compression changes the bytes.
fn tag(hash: &[u8; 32]) -> HeaderValue {
    let hex: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("W/\"{hex}\"")).expect("hexadecimal digits are a header's text")
}
