//! Buyers' browsers without scripts, each request from a client address of its own through a configured proxy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};

/// How long a buyer asks again before he gives up: longer than any outage here.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(100);
/// And however long it took: he may have been asleep himself.
const TRIES_MIN: u32 = 6;
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a look at a node's health may take.
const LOOK: Duration = Duration::from_secs(5);
/// The host where buyers are handed over to gateways.
pub const CASHIER: &str = "cashier.localhost";
/// The host of the console.
pub const CONSOLE: &str = "console.localhost";

/// A client for this machine only.
pub fn client() -> Result<reqwest::Client> {
    // Plain HTTP needs no roots, but a client cannot be built without a TLS setting.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(TIMEOUT).no_proxy();
    Ok(builder.redirect(reqwest::redirect::Policy::none()).build()?)
}

/// The way to the nodes of one program, whose turns they are. Clones share the count of addresses.
#[derive(Debug, Clone)]
pub struct Wire {
    http: reqwest::Client,
    ports: Arc<[u16]>,
    addresses: Arc<AtomicU32>,
}

impl Wire {
    /// To the program at these ports.
    pub fn to(ports: Vec<u16>) -> Result<Self> {
        assert!(!ports.is_empty(), "a program has a node");
        Ok(Self { http: client()?, ports: ports.into(), addresses: Arc::default() })
    }

    /// Whether the node at `port` serves.
    pub async fn is_ready(&self, port: u16) -> bool {
        let answer = self.http.get(format!("http://127.0.0.1:{port}/readyz")).timeout(LOOK).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// A browser that knows nothing yet.
    pub fn browser(&self, host: &str) -> Browser {
        Browser { wire: self.clone(), host: host.to_owned(), cookies: Mutex::default() }
    }

    /// An address nobody has used.
    fn next_address(&self) -> Ipv4Addr {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed);
        Ipv4Addr::from(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number)
    }
}

/// A browser on one host, with its cookies.
#[derive(Debug)]
pub struct Browser {
    wire: Wire,
    host: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What came back at last.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it leads.
    pub location: Option<String>,
    /// The page.
    pub text: String,
    /// How often was asked.
    pub tries: u32,
    /// When the try began that was answered, in milliseconds since 1970.
    pub asked_at_ms: u64,
}

impl Answer {
    /// The page, if all is well.
    pub fn page(self) -> Result<String> {
        if self.status == 200 {
            Ok(self.text)
        } else {
            bail!("{} in place of a page: {}", self.status, cut(&self.text))
        }
    }

    /// The path where it leads.
    pub fn leads_to(&self) -> Result<&str> {
        match (&self.location, self.status) {
            (Some(location), 303) => Ok(location),
            _ => bail!("{} leads nowhere: {}", self.status, cut(&self.text)),
        }
    }
}

impl Browser {
    /// A browser window on another host of the same installation; it shares no cookies.
    pub fn on(&self, host: &str) -> Self {
        self.wire.browser(host)
    }

    /// Reads a page, again and again until the program answers.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.insist(path, || self.request(Method::GET, path)).await
    }

    /// Sends a form, the same one again and again until the program answers.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        self.insist(path, || self.request(Method::POST, path).form(fields)).await
    }

    /// Sends JSON, again and again until the program answers.
    pub async fn post_json(&self, path: &str, body: &str) -> Result<Answer> {
        let request = || self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.insist(path, || request().body(body.to_owned())).await
    }

    /// Logs a customer in.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<()> {
        let answer = self.post("/login", &[("login", login), ("password", password), ("next", "/")]).await?;
        answer.leads_to().map(|_| ()).with_context(|| format!("{login} cannot log in"))
    }

    /// Asks once and does not insist: the status, or none if there was no answer in time.
    pub async fn look(&self, path: &str) -> Option<u16> {
        let answer = self.request(Method::GET, path).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    /// Sends a form once and does not insist: status and page, or none if there was no answer in time.
    pub async fn post_once(&self, path: &str, fields: &[(&str, &str)]) -> Option<(u16, String)> {
        let (status, _, text) = self.send(self.request(Method::POST, path).form(fields)).await.ok()?;
        Some((status, text))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = self.wire.next_address();
        let port = self.wire.ports[address.to_bits() as usize % self.wire.ports.len()];
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.wire
            .http
            .request(method, format!("http://127.0.0.1:{port}{path}"))
            .header(HOST, format!("{}:{port}", self.host))
            .header("x-forwarded-for", address.to_string())
            .header(ACCEPT_LANGUAGE, "en")
            .header(COOKIE, cookies.join("; "))
    }

    /// A server that is dead, dying or too busy is asked again.
    async fn insist(&self, path: &str, request: impl Fn() -> reqwest::RequestBuilder) -> Result<Answer> {
        let (began, mut tries) = (Instant::now(), 0);
        loop {
            tries += 1;
            let asked_at_ms = now_ms();
            let trouble = match self.send(request()).await {
                Ok((status, ..)) if status >= 500 => format!("status {status}"),
                Ok((status, location, text)) => return Ok(Answer { status, location, text, tries, asked_at_ms }),
                Err(error) => format!("{error:?}"),
            };
            if began.elapsed() > PATIENCE && tries >= TRIES_MIN {
                bail!("{} of {} has no answer after {tries} tries: {trouble}", path, self.host);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Option<String>, String)> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = headers.get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        Ok((status, location, text))
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The values of all fields `name` of a page, in their order.
pub fn fields<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("name=\"{name}\"");
    let tags = page.split('<').filter(|tag| tag.starts_with("input") && tag.contains(&start));
    tags.filter_map(|tag| between(tag, "value=\"", "\"")).collect()
}

/// What stands between two texts for the first time.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inside, _)| inside)
}

/// The codes that a page shows.
pub fn codes(page: &str) -> Vec<String> {
    let shown = page.split("id=\"code-").skip(1).filter_map(|part| between(part, ">", "<"));
    shown.map(str::to_owned).collect()
}

/// When the id of an order was made, in milliseconds since 1970.
pub fn made_at_ms(order: &str) -> Option<u64> {
    u64::try_from(order_bits(order)? >> 80).ok()
}

/// The bits of an order's id, as the database keeps them.
pub fn order_bits(order: &str) -> Option<u128> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let body = order.strip_prefix("ord_").filter(|body| body.len() == 26)?;
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    body.bytes().try_fold(0_u128, |value, byte| Some(value << 5 | u128::try_from(digit(byte)?).ok()?))
}

/// The beginning of a page, for messages.
fn cut(page: &str) -> String {
    let note = between(page, "role=\"alert\"", "</p>").or_else(|| between(page, "<h1", "</h1>")).unwrap_or(page);
    note.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read() {
        let page = "<input type=\"radio\" name=\"sku\" value=\"sku_1:970\" required><input name=\"sku\" value=\"b\">";
        assert_eq!(fields(page, "sku"), ["sku_1:970", "b"]);
        let page = "<p class=\"text\" id=\"code-1-1\" data-mask=\"x\">AAA-1</p><p id=\"code-1-2\">BBB-2</p>";
        assert_eq!(codes(page), ["AAA-1", "BBB-2"]);
    }

    #[test]
    fn an_order_number_tells_its_time() {
        assert_eq!(made_at_ms(&format!("ord_0000000021{}", "0".repeat(16))), Some(65));
        assert_eq!(made_at_ms("ord_short"), None);
    }
}
