//! A browser, and what it reads on a page.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use tower::ServiceExt;

use super::fixture::{CASHIER, CONTACT, QUERY_PASSWORD};

/// A browser on one host, with its cookies.
pub struct Browser {
    pub router: Router,
    pub host: &'static str,
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// The value of the field `name` of a form.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&start).unwrap_or_else(|| panic!("no field {name} in {}", self.text)).1;
        rest.split('"').next().expect("an end").to_owned()
    }
}

impl Answer {
    /// The first channel that a page offers to pay by.
    pub fn pay_value(&self) -> String {
        let start = self.text.find("value=\"chn_").unwrap_or_else(|| panic!("no channel in {}", self.text));
        self.text[start + "value=\"".len()..].split('"').next().expect("an end").to_owned()
    }
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs = fields.iter().map(|(name, value)| format!("{name}={}", crate::format::query_value(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        self.ask(Method::POST, path, &[("content-type", "application/x-www-form-urlencoded")], Some(body)).await
    }

    pub async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.host);
        request = request.header(header::COOKIE, cookies);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.map_or(Body::empty(), Body::from)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("a text");
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let bytes = to_bytes(body, 1 << 20).await.expect("a body");
        // The one escape of the templates that carries no meaning, read as a browser reads it.
        let text = String::from_utf8_lossy(&bytes).replace("&#x2f;", "/");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Chooses goods and opens the checkout, with these changes to the choice.
    pub async fn choose(&mut self, changes: &[(&str, &str)]) -> Answer {
        let page = self.get("/goods/starfall").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let fields = changed(&[("sku", page.field("sku")), ("quantity", "1".to_owned())], changes);
        let answer = self.post_all("/goods/starfall", &fields).await;
        match answer.status {
            StatusCode::SEE_OTHER => self.get(answer.header("location")).await,
            _ => answer,
        }
    }

    /// Sends the form of a checkout page with these changes; pays from the wallet if nothing else is said.
    pub async fn submit(&mut self, page: &Answer, changes: &[(&str, &str)]) -> Answer {
        let hidden = ["key", "visitor", "goods", "sku", "quantity"].map(|name| (name, page.field(name)));
        let mut fields = hidden.to_vec();
        fields.extend([("pay", "wallet".to_owned()), ("confirm", "yes".to_owned())]);
        self.post_all("/checkout", &changed(&fields, changes)).await
    }

    /// Chooses and buys; changes of the choice go to the page of the goods, others to the checkout.
    pub async fn buy(&mut self, changes: &[(&str, &str)]) -> Answer {
        let is_choice = |(name, _): &&(&str, &str)| ["sku", "quantity"].contains(name);
        let (choice, rest): (Vec<_>, Vec<_>) = changes.iter().partition(|change| is_choice(change));
        let page = self.choose(&choice).await;
        match page.text.contains("action=\"/checkout\"") {
            true => self.submit(&page, &rest).await,
            false => page,
        }
    }

    /// Buys as a guest by the channel of the shop.
    pub async fn buy_as_guest(&mut self, changes: &[(&str, &str)]) -> Answer {
        let channel = self.choose(&[]).await.pay_value();
        let guest = [("contact", CONTACT), ("password", QUERY_PASSWORD), ("pay", channel.as_str())];
        self.buy(&[guest.as_slice(), changes].concat()).await
    }

    /// Buys as a guest, and goes back to the order's page; its address.
    pub async fn order_as_guest(&mut self, changes: &[(&str, &str)]) -> String {
        let sent = self.buy_as_guest(changes).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
        assert!(sent.header("location").starts_with(&format!("{CASHIER}/cashier/")), "{}", sent.header("location"));
        let list = self.get("/orders").await;
        let start = list.text.find("href=\"/orders/ord_").expect("an order") + "href=\"".len();
        let href = list.text[start..].split('"').next().expect("an end").to_owned();
        self.get(&href).await.header("location").to_owned()
    }

    async fn post_all(&mut self, path: &str, fields: &[(&str, String)]) -> Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(path, &fields).await
    }
}

fn changed<'a>(fields: &[(&'a str, String)], changes: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let mut all: BTreeMap<&str, String> = fields.iter().cloned().collect();
    all.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all.into_iter().collect()
}

/// The number of the order that an answer leads to.
pub fn order_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.header("location").strip_prefix("/orders/").expect("an order").to_owned()
}

/// The number that the page of an order shows.
pub fn shown_number(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("id=\"number\">").expect("a number");
    rest.split('<').next().expect("an end").to_owned()
}

/// The id in the address of an order's page.
pub fn number(href: &str) -> String {
    href.strip_prefix("/orders/").and_then(|rest| rest.split('/').next()).expect("an order").to_owned()
}
