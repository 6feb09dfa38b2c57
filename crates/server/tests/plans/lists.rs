//! Whatever is read: the lists of the consoles with their filters and second pages, and every page of the shops.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use web::Route;

use crate::isolation::fixture::{Fixture, HOME, Sent, Target};
use crate::isolation::requests::{fill, of_shop, query_of};

/// The filters of lists, by the end of their path. `{name}` is filled in as in paths.
const FILTERS: [(&str, &[&str]); 14] = [
    (
        "/orders",
        &[
            "status=open",
            "status=completed",
            "status=expired",
            "status=cancelled",
            "status=disputed",
            "payment=unpaid",
            "payment=paying",
            "payment=paid",
            "payment=part_refunded",
            "payment=refunded",
            "delivery=none",
            "delivery=queued",
            "delivery=delivering",
            "delivery=part_delivered",
            "delivery=delivered",
            "delivery=failed",
            "status=completed&payment=refunded&delivery=delivered",
            "status=open&payment=paid&delivery=queued",
            "sku={sku}",
            "placed_from=2026-11-20T00:00:00Z",
            "placed_from=2026-11-20T00:00:00Z&placed_to=2026-11-21T00:00:00Z&status=disputed",
            "number={number}",
        ],
    ),
    ("/earning-holds", &["site=north"]),
    (
        "/tenants/{tenant}/withdrawals",
        &["state=requested", "state=sent", "state=paid", "state=cancelled", "site=north", "agent={agent}"],
    ),
    ("/fulfilments", &["state=waiting", "state=taken", "state=done", "state=failed", "state=cancelled"]),
    (
        "/refunds",
        &[
            "state=requested",
            "state=approved",
            "state=submitting",
            "state=unknown",
            "state=done",
            "state=failed",
            "state=cancelled",
        ],
    ),
    ("/claims", &["state=open", "state=withdrawn"]),
    ("/exceptions", &["state=open", "state=resolved"]),
    ("/balances", &["kind=wallet", "kind=stock_at_cost", "kind=site_pending"]),
    ("/batches", &["sku={sku}"]),
    ("/skus", &["goods={goods}"]),
    ("/adjustments", &["state=requested", "state=approved", "state=rejected"]),
    ("/prepaid", &["low=true"]),
    ("/prepaid-moves", &["side=in"]),
    ("/levels", &["side=site", "side=agent&warned=true"]),
];

/// Asks for everything that the main site's owner, the owner of a sub-site, its customer and a guest can read.
pub async fn all(fixture: &Fixture) {
    let main = fixture.target(HOME, "main");
    let north = fixture.target(HOME, "north");
    for route in api::route_list().iter().filter(|route| route.method == "GET") {
        let (target, role) = match route.policy.split(' ').next() {
            Some("operator" | "staff") => (main, "owner"),
            Some("site-operator") => (north, "north"),
            _ => continue,
        };
        let cookie = format!("session={}", fixture.staff[&(HOME, role)]);
        for query in queries(fixture, route, target, &cookie).await {
            let path = fill(route.path, &target.names) + &query;
            pages(fixture, &path, &cookie).await;
        }
    }
    shops(fixture, north).await;
}

/// The list as it is, with each filter, and the main site's orders of one site.
async fn queries(fixture: &Fixture, route: &Route, target: &Target, cookie: &str) -> Vec<String> {
    let mut queries = vec![query_of(route, target)];
    let Some((_, filters)) = FILTERS.iter().find(|(end, _)| route.path.ends_with(end)) else { return queries };
    let mut names = target.names.clone();
    names.insert("number", number_of(fixture, target, cookie).await);
    for filter in *filters {
        let named = names
            .iter()
            .fold((*filter).to_owned(), |query, (name, value)| query.replace(&format!("{{{name}}}"), value));
        queries.push(format!("?{named}"));
        if route.path == "/api/v1/tenants/{tenant}/orders" {
            queries.push(format!("?{named}&site={}", fixture.target(HOME, "deep").names["site"]));
        }
    }
    queries
}

async fn number_of(fixture: &Fixture, target: &Target, cookie: &str) -> String {
    let list = fill("/api/v1/tenants/{tenant}/sites/{site}/orders", &target.names);
    let list = if target.slug == "main" { fill("/api/v1/tenants/{tenant}/orders", &target.names) } else { list };
    let orders = ask(fixture, &list, cookie).await;
    orders["data"][0]["number"].as_str().expect("an order has a number").to_owned()
}

/// The first page, the second, and so on to the twentieth: far enough to see whether a page costs those before it.
async fn pages(fixture: &Fixture, path: &str, cookie: &str) {
    let joint = if path.contains('?') { '&' } else { '?' };
    // Not every list lets itself be told how long a page is.
    let long = format!("{path}{joint}limit=100");
    let has_limit = fixture.ask(get(&long, cookie)).await.0.is_success();
    let path = if has_limit { long.as_str() } else { path };
    let (joint, mut asked) = (if path.contains('?') { '&' } else { '?' }, path.to_owned());
    for _ in 0..20 {
        let answer = ask(fixture, &asked, cookie).await;
        let Some(cursor) = answer["next_cursor"].as_str() else { return };
        asked = format!("{path}{joint}cursor={cursor}");
    }
}

fn get<'a>(path: &'a str, cookie: &'a str) -> Sent<'a> {
    Sent { method: Method::GET, host: api::CONSOLE_HOST, path, cookie, kind: "", body: "" }
}

async fn ask(fixture: &Fixture, path: &str, cookie: &str) -> serde_json::Value {
    let (status, text) = fixture.ask(get(path, cookie)).await;
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// Every page of a shop, as its customer and as a guest.
async fn shops(fixture: &Fixture, shop: &Target) {
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for route in storefront::route_list().iter().filter(|route| route.method == "GET" && !route.path.contains("{*")) {
        paths.insert(fill(route.path, &of_shop(route, shop)));
    }
    for more in ["/search?q=lamp&sort=sold", "/?sort=sold"] {
        paths.insert(more.to_owned());
    }
    for token in [shop.customer.as_str(), ""] {
        let cookie = format!("session={token}");
        for path in &paths {
            let sent = Sent { method: Method::GET, host: &shop.host, path, cookie: &cookie, kind: "", body: "" };
            let (status, text) = fixture.ask(sent).await;
            assert!(!status.is_server_error() && status != StatusCode::BAD_REQUEST, "{path}: {status} {text}");
        }
    }
}
