//! Pages that every guest sees alike, kept as bytes.
//!
//! A page is found by its site, its address (only what the page reads of it), where the shop is reached, its language and
//! who sells. It is shown only while all it was made of is as it was: the shop's edition, the prices (their number is
//! another one after every change of catalogue or rules, and when a rule begins or ends) and every number of the stock
//! it shows, as far as buyers are told. So nothing has to be removed, and a sale that changes no word of a page leaves
//! it where it is. See ADR 0022.
//!
//! Invariants: no key without its tenant and site; a page with anything of one visitor, and the answer to a form, never
//! gets here; headers that belong to one answer (cookies, ids) are put on outside; what is kept is bounded in bytes;
//! a stock that is shown is never older than a second.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderMap, VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use catalog::SkuId;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use inventory::{Compared, Shelf};
use kernel::{Clock, Language, SiteId, hex};
use metrics::Counter;
use sha2::{Digest, Sha256};
use store::{ScopedCache, Store};
use tenancy::Shop;
use tokio::sync::Mutex;
use web::Problem;

use crate::frame::Frame;
use crate::view::STOCK_LOW_THRESHOLD;

/// What all pages together take in memory, in bytes.
const BYTES_MAX: u64 = 96 << 20;
/// How long a page is kept that nothing made stale: what is sold most may lag behind by that, see [`crate::app`].
const LIFE: Duration = Duration::from_secs(60);
/// Turns to render; pages that share one wait for each other.
const TURNS: usize = 64;
/// What a page takes beside its text.
const ENTRY_BYTES: usize = 1024;
/// No number that is shown is older.
const STOCK_MICROS_MAX: i64 = 1_000_000;
/// Bytes of a hash that tell pages apart.
const TAG_BYTES: usize = 16;

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARIES: HeaderValue = HeaderValue::from_static("accept-encoding, accept-language, cookie");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The kept pages of all sites. Clones share them.
#[derive(Clone)]
pub(crate) struct Cache {
    kept: ScopedCache<Key, Arc<Kept>>,
    clock: Arc<dyn Clock>,
    turns: Arc<[Mutex<()>]>,
    turn_of: RandomState,
    hits: Counter,
    misses: Counter,
    stale: Counter,
}

/// What a page is found by, inside its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    site: SiteId,
    /// Path and query, in the one spelling that the page itself would write.
    address: String,
    /// Scheme, host and port.
    origin: Option<String>,
    language: Language,
    sells_itself: Option<bool>,
}

/// What a page is made of; it is good as long as that is so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Basis {
    /// The shop's.
    pub edition: u64,
    /// Of [`catalog::Retail`]; zero on a page without prices.
    pub retail: u64,
}

/// SKUs with how many are left, for those that can run out.
pub(crate) type Stock = Vec<(SkuId, u32)>;

/// A page as it is sent.
pub(crate) struct Kept {
    basis: Basis,
    stock: Stock,
    language: Language,
    /// Until when the stock was seen to be young enough, in microseconds: it is looked at once a second, and not for
    /// every visitor.
    seen_until: AtomicI64,
    html: Bytes,
    packed: OnceLock<Bytes>,
    tag: String,
    /// As a header, packed or not: two texts of bytes have two names.
    tags: [HeaderValue; 2],
}

impl Cache {
    /// Keeps no page yet.
    pub fn new(store: Store) -> Self {
        let weigh = |kept: &Arc<Kept>| u32::try_from(kept.weight()).unwrap_or(u32::MAX);
        let clock: Arc<dyn Clock> = Arc::new(store);
        let counter = |outcome| metrics::counter!("cardgrove_page_cache_total", "outcome" => outcome);
        Self {
            kept: ScopedCache::weighing(Arc::clone(&clock), (BYTES_MAX, weigh), LIFE),
            clock,
            turns: (0..TURNS).map(|_| Mutex::new(())).collect(),
            turn_of: RandomState::new(),
            hits: counter("hit"),
            misses: counter("miss"),
            stale: counter("stale"),
        }
    }

    /// The page, if it is here and what it was made of is as it was. One whose stock nobody has looked at in the last
    /// second is looked at now.
    pub async fn find(
        &self,
        shelf: &Shelf,
        shop: &Shop,
        key: &Key,
        basis: &Basis,
    ) -> Result<Option<Arc<Kept>>, Problem> {
        let engine = shop.scope().engine();
        let Some(kept) = self.kept.get(&engine, key) else {
            self.misses.increment(1);
            return Ok(None);
        };
        if kept.basis != *basis || !kept.has_right_stock((shelf, shop), self.clock.now()).await? {
            self.stale.increment(1);
            return Ok(None);
        }
        self.hits.increment(1);
        Ok(Some(kept))
    }

    /// Renders the page and keeps it, or takes the one that somebody else has rendered of the same meanwhile.
    pub async fn keep(
        &self,
        shop: &Shop,
        key: Key,
        (basis, stock): (Basis, Stock),
        render: impl FnOnce() -> Result<String, Problem>,
    ) -> Result<Arc<Kept>, Problem> {
        let engine = shop.scope().engine();
        let turn = usize::try_from(self.turn_of.hash_one(&key) % TURNS as u64).expect("it is small");
        let _turn = self.turns[turn].lock().await;
        let known = self.kept.get(&engine, &key);
        if let Some(known) = known.filter(|known| known.basis == basis && known.is_of(&stock)) {
            return Ok(known);
        }
        let kept = Arc::new(Kept::new((basis, stock), key.language, render()?));
        self.kept.insert(&engine, key, Arc::clone(&kept));
        Ok(kept)
    }
}

impl Key {
    /// The page at this address of the shop, for whom the frame is of.
    pub fn new(shop: &Shop, frame: &Frame, address: String) -> Self {
        let (origin, language, sells_itself) = (frame.origin.clone(), frame.language, frame.sells_itself);
        Self { site: shop.site.id, address, origin, language, sells_itself }
    }
}

impl Kept {
    fn new((basis, stock): (Basis, Stock), language: Language, html: String) -> Self {
        let tag = hex(&Sha256::digest(&html)[..TAG_BYTES]);
        let name = |end| HeaderValue::try_from(format!("\"{tag}{end}\"")).expect("digits are a header's text");
        let tags = ["", "-gz"].map(name);
        let (html, packed, seen_until) = (Bytes::from(html), OnceLock::new(), AtomicI64::new(i64::MIN));
        Self { basis, stock, language, seen_until, html, packed, tag, tags }
    }

    /// Packed, a page is about a fourth of itself.
    fn weight(&self) -> usize {
        ENTRY_BYTES + self.html.len() * 5 / 4 + self.stock.len() * size_of::<(SkuId, u32)>()
    }

    async fn has_right_stock(&self, (shelf, shop): (&Shelf, &Shop), now: DateTime<Utc>) -> Result<bool, Problem> {
        if self.stock.is_empty() || self.was_just_seen(now) {
            return Ok(true);
        }
        let engine = shop.scope().engine();
        let mut compared = shelf.compare(&engine, &self.stock, STOCK_LOW_THRESHOLD);
        if compared == Compared::Unknown {
            let skus: Vec<SkuId> = self.stock.iter().map(|(sku, _)| *sku).collect();
            shelf.counts(&engine, &skus).await?;
            compared = shelf.compare(&engine, &self.stock, STOCK_LOW_THRESHOLD);
        }
        // What is unknown once more was sold just now: the page is made anew.
        let Compared::Same { until } = compared else { return Ok(false) };
        self.seen_until.store(until.timestamp_micros(), Ordering::Relaxed);
        Ok(true)
    }

    /// A moment that lies far ahead tells of a clock that was set back, and says nothing.
    fn was_just_seen(&self, now: DateTime<Utc>) -> bool {
        let left = self.seen_until.load(Ordering::Relaxed).saturating_sub(now.timestamp_micros());
        (1..=STOCK_MICROS_MAX).contains(&left)
    }

    fn is_of(&self, stock: &Stock) -> bool {
        let same = |(mine, other): (&(SkuId, u32), &(SkuId, u32))| mine.0 == other.0 && told(mine.1) == told(other.1);
        self.stock.len() == stock.len() && self.stock.iter().zip(stock).all(same)
    }

    /// The answer to whoever sent these headers: the page, packed if that can be read, or that it is known already.
    pub fn answer(&self, headers: &HeaderMap, known: Option<&HeaderValue>) -> Response {
        let is_packed = accepts_gzip(headers);
        let mut response = Response::new(Body::empty());
        let own = response.headers_mut();
        own.insert(CACHE_CONTROL, PRIVATE);
        own.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag()));
        own.insert(VARY, VARIES);
        own.insert(ETAG, self.tags[usize::from(is_packed)].clone());
        if known.is_some_and(|known| names(known, &self.tag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        own.insert(CONTENT_TYPE, HTML);
        let body = if is_packed {
            own.insert(CONTENT_ENCODING, GZIP);
            self.packed.get_or_init(|| packed(&self.html)).clone()
        } else {
            self.html.clone()
        };
        *response.body_mut() = Body::from(body);
        response
    }
}

/// What buyers are told of a number: from the threshold on, that there is enough.
fn told(left: u32) -> u32 {
    left.min(STOCK_LOW_THRESHOLD)
}

fn packed(html: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(html.len() / 3), Compression::default());
    encoder.write_all(html).expect("a vector takes everything");
    Bytes::from(encoder.finish().expect("a vector takes everything"))
}

/// Whether gzip is among what may be sent, and not refused.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|weight| weight.strip_prefix("q=").is_some_and(is_zero))
    })
}

fn is_zero(weight: &str) -> bool {
    weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Whether the list of tags that a browser has names this one, strong or weak, packed or not.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known.split(',').map(str::trim).any(|name| {
        let name = name.strip_prefix("W/").unwrap_or(name).trim_matches('"');
        name == "*" || name.strip_suffix("-gz").unwrap_or(name) == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(text: &'static str) -> bool {
        accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]))
    }

    #[test]
    fn a_browser_says_whether_it_can_unpack() {
        assert!(accepting("gzip") && accepting("br, GZIP;q=0.5") && accepting("deflate, gzip;q=1.0, *;q=0"));
        assert!(!accepting("br") && !accepting("gzip;q=0") && !accepting("gzip; q=0.000, identity"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_page_is_named_in_any_of_the_ways_it_may_be() {
        let names = |text: &'static str| names(&HeaderValue::from_static(text), "ab12");
        assert!(names("\"ab12\"") && names("W/\"ab12\"") && names("\"x\", \"ab12-gz\"") && names("*"));
        assert!(!names("\"ab1\"") && !names("\"ab123\"") && !names("") && !names("\"-gz\""));
    }
}
