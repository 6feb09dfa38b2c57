//! A collector of traces that keeps what it hears, and reads enough of OTLP to name spans.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;

type Bodies = Arc<Mutex<Vec<Bytes>>>;

/// A listening collector.
pub struct Collector {
    /// Its address.
    pub url: String,
    bodies: Bodies,
}

/// A span, by its ids in hexadecimal digits.
#[derive(Debug)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
}

impl Collector {
    pub async fn start() -> Self {
        let bodies = Bodies::default();
        let kept = Arc::clone(&bodies);
        let app =
            Router::new().route("/v1/traces", post(async move |body: Bytes| kept.lock().expect("no panic").push(body)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, bodies }
    }

    /// Every span that came.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().expect("no panic");
        // ExportTraceServiceRequest.resource_spans, .scope_spans, .spans
        let resources = bodies.iter().flat_map(|body| parts(body, 1));
        let spans = resources.flat_map(|resource| parts(resource, 2)).flat_map(|scope| parts(scope, 2));
        spans.map(span).collect()
    }

    /// Whether `text` was in anything that came.
    pub fn has_heard(&self, text: &str) -> bool {
        let bodies = self.bodies.lock().expect("no panic");
        bodies.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

fn span(bytes: &[u8]) -> Span {
    let first = |field| parts(bytes, field).first().copied().unwrap_or_default();
    let name = String::from_utf8(first(5).to_vec()).expect("a name is text");
    Span { trace: kernel::hex(first(1)), id: kernel::hex(first(2)), parent: kernel::hex(first(4)), name }
}

/// The values of one length-delimited field of a protobuf message.
fn parts(mut bytes: &[u8], wanted: u64) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = number(&mut bytes);
        let length = match tag & 7 {
            0 => {
                number(&mut bytes);
                continue;
            }
            1 => 8,
            2 => usize::try_from(number(&mut bytes)).expect("a length"),
            5 => 4,
            other => panic!("no such kind of field: {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        if tag == wanted << 3 | 2 {
            found.push(value);
        }
        bytes = rest;
    }
    found
}

/// A number of seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(byte & 127) << (7 * place);
        if byte & 128 == 0 {
            break;
        }
    }
    value
}
