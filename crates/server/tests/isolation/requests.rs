//! What the matrix sends: names for paths, bodies, and answers made comparable.

use std::collections::BTreeMap;

use identity::Reach;
use kernel::{Id, Kind};
use serde_json::{Value, json};
use web::Route;

use super::fixture::Target;

pub type Names = BTreeMap<&'static str, String>;

/// Names of things that belong to the whole tenant: every site of it may ask for them.
const OF_TENANT: [&str; 4] = ["batch", "code", "goods", "sku"];

/// The path with its names filled in; one that the fixture does not know fails the test.
pub fn fill(path: &str, names: &Names) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            // A place among the lines of an order is nobody's.
            Some("line_no") => filled.push('1'),
            Some(name) if name.starts_with('*') || name == "file" => filled.push_str("index.css"),
            Some(name) => {
                let value = names.get(name);
                filled.push_str(value.unwrap_or_else(|| panic!("the fixture has no {name} for {path}")));
            }
            None => filled.push_str(part),
        }
    }
    filled
}

/// What a route asks for beside its path.
pub fn query_of(route: &Route, target: &Target) -> String {
    match route.path.rsplit('/').next() {
        Some("explain") => format!("?sku=lamp-{}-1", target.tenant_slug),
        Some("entries") => format!("?account={}", target.names["account"]),
        Some("earnings") if !route.path.contains("/sites/") && !route.path.contains("{agent}") => {
            format!("?site={}", target.names["site"])
        }
        Some("levels") => "?side=agent".to_owned(),
        Some("level") if !route.path.contains("{site}") && !route.path.contains("/shop/") => {
            format!("?agent={}", target.names["agent"])
        }
        Some("statements") => format!("?party={}&from=2026-11-20&to=2026-11-21", target.names["site"]),
        Some("statement") => "?from=2026-11-20&to=2026-11-21".to_owned(),
        Some("profit") => "?by=goods&from=2026-11-20&to=2026-11-21".to_owned(),
        Some("file") if route.path.contains("{day}") => "?format=csv".to_owned(),
        Some("imports") => "?file_name=new.txt".to_owned(),
        _ => String::new(),
    }
}

/// The actor's own tenant and site, and the things of `target`; none if he may ask for all of them, or there are none.
pub fn mixed(route: &Route, home: &Target, target: &Target, reach: Option<Reach>) -> Option<Names> {
    let mut things = names_of(route.path);
    things.retain(|name| !["tenant", "site", "file", "line_no", "day"].contains(&name.as_str()));
    // A site named below its tenant is a thing like others, unless the policy is about it.
    if route.policy.starts_with("operator") && route.path.contains("{site}") {
        things.push("site".to_owned());
    }
    // What is made or changed by its code is one's own, whatever others call theirs.
    things.retain(|name| route.method != "PUT" || !["code", "goods"].contains(&name.as_str()));
    let is_foreign = home.tenant != target.tenant;
    // What a site's own people do is about that site, whoever they are elsewhere.
    let reach = if route.policy.starts_with("site-operator") { Some(Reach::Site) } else { reach };
    let is_others = |name: &String| match reach {
        _ if is_foreign => true,
        Some(Reach::Site) => home.site != target.site && !OF_TENANT.contains(&name.as_str()),
        _ => false,
    };
    if !things.iter().any(is_others) {
        return None;
    }
    let mut names = home.names.clone();
    for name in things {
        let (key, value) = target.names.get_key_value(name.as_str())?;
        names.insert(key, value.clone());
    }
    Some(names)
}

/// The things of a site as a page of a shop names them.
pub fn of_shop(route: &Route, target: &Target) -> Names {
    let mut names = target.names.clone();
    // An order that was paid from a wallet has no word in its address.
    if !route.path.contains("{link}") {
        names.insert("id", names["order"].clone());
    }
    if route.path.starts_with("/categories") {
        names.insert("code", format!("games-{}", target.tenant_slug));
    }
    names.retain(|name, _| route.path.contains(&format!("{{{name}}}")));
    names
}

fn names_of(path: &str) -> Vec<String> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned).collect()
}

/// The same names with things that never were; tenant and site stay those of `home`.
pub fn nobody(names: &Names, home: &Target) -> Names {
    let mut nothing = Names::new();
    for (name, value) in names {
        let is_place = matches!(*name, "tenant") || (*name == "site" && *value == home.names["site"]);
        nothing.insert(name, if is_place { value.clone() } else { never_was(name, value) });
    }
    nothing
}

/// A value of the same shape that nothing is called by.
fn never_was(name: &str, value: &str) -> String {
    match value.split_once('_') {
        Some((prefix, _)) if value.len() > 20 => {
            let fresh = Id::<Any>::new().to_string();
            let (_, digits) = fresh.split_once('_').expect("an id");
            // A line is named after its order.
            let line = if name == "line" { "-1" } else { "" };
            format!("{prefix}_{digits}{line}")
        }
        _ if name == "link" => order::LinkToken::new().as_str().to_owned(),
        _ => format!("none-{}", "x".repeat(5)),
    }
}

struct Any;
impl Kind for Any {
    const PREFIX: &'static str = "any";
}

/// Whether the route takes a file.
pub fn is_upload(route: &Route) -> bool {
    route.path.ends_with("/imports") || route.path.ends_with("/results")
}

/// A body that the route takes. A route that is not here fails the matrix: write down what it takes.
pub fn body_of(route: &Route, target: &Target) -> String {
    let (tenant, fresh) = (target.tenant_slug, uuid::Uuid::now_v7().simple().to_string());
    let words = json!({"zh": "新", "en": "New"});
    let cny = |minor: i64| json!({"amount_minor": minor, "currency": "CNY"});
    let last = route.path.trim_start_matches("/api/v1/tenants/{tenant}");
    let known = match (route.method.as_str(), last.trim_start_matches("/sites/{site}")) {
        ("POST", "/sites") => json!({
            "slug": format!("s-{}", &fresh[20..]), "parent": "main", "name": words, "tagline": words, "theme": "clay",
            "mode": "auto", "level": "gold", "host": format!("{fresh}.{tenant}.test"),
        }),
        ("PUT", "") if target.slug == "main" => json!({"name": words, "theme": "clay", "mode": "auto"}),
        ("PUT", "") => json!({"name": words, "theme": "clay", "mode": "auto", "level": "gold"}),
        ("PUT", "/profile") => json!({"name": words, "theme": "clay", "mode": "auto"}),
        ("POST", "/state") => json!({"state": "active"}),
        ("POST", "/hosts") => json!({"host": format!("{fresh}.{tenant}.test")}),
        ("POST", "/owners") => json!({"login": format!("{fresh}@{tenant}.test"), "name": "New"}),
        ("PUT", "/categories/{code}") => json!({"name": words, "sort": 5}),
        ("PUT", "/goods/{goods}") => json!({
            "category": format!("games-{tenant}"), "kind": "card", "state": "on", "title": words, "description": words,
        }),
        ("PUT", "/skus/{code}") => json!({
            "goods": format!("lamp-{tenant}"), "name": words, "cost": cny(700), "price": cny(900), "quantity_max": 5,
        }),
        ("PUT", "/prices") => json!({
            "audience": "retail", "scope": "site", "terms": {"kind": "markup", "amount": cny(100)},
        }),
        ("PUT", "/templates/{code}") => json!({
            "name": words,
            "bands": [{"from": cny(0), "add": {"kind": "percent", "rate_ppm": 100_000}, "rounding": "none"}],
        }),
        ("PUT", "/channels") => json!({
            "provider": "sandbox", "payee": fresh, "name": words, "sort": 1, "secret": "ab".repeat(32),
        }),
        ("POST", "/channels/{channel}/state") => json!({"state": "paused"}),
        ("POST", "/agents") => json!({"customer": format!("{fresh}@{tenant}.test"), "name": "New"}),
        ("PUT", "/agents/{agent}") => json!({"name": "New", "state": "active"}),
        ("POST", "/agents/{agent}/links") => json!({"campaign": "Autumn"}),
        ("POST", "/commission-plans") => json!({
            "mode": "tiers", "touch": "last", "window_days": 30, "notice_days": 7,
            "rules": [{"about": "tenant", "tier": 0, "earns": {"kind": "share", "base": "margin", "rate_ppm": 100_000}}],
        }),
        ("POST", "/settlement-terms") => json!({"usual": "T+1", "rules": []}),
        ("POST", "/calendar-days") => json!({"day": "2099-01-01", "is_business": false, "name": "New Year"}),
        ("POST", "/earning-holds") => json!({"agent": target.names["agent"], "cause": "risk", "reason": "odd orders"}),
        ("POST", "/earning-holds/{hold}/lift") => json!({"reason": "looked into"}),
        (method, path) => paid_out(method, path, target),
    };
    if known != Value::Null {
        return known.to_string();
    }
    match (route.method.as_str(), route.path) {
        ("GET" | "DELETE", _) => String::new(),
        ("POST", "/api/v1/session") => r#"{"login":"nobody","password":"wrong password"}"#.to_owned(),
        ("POST", path) if path.ends_with("/imports") => "NEW-1\n".to_owned(),
        ("POST", path) if path.ends_with("/undo") => "{}".to_owned(),
        ("POST", path) if path.ends_with("/results") => {
            format!("reference,result,note\n{},paid,\n", target.names["withdrawal"])
        }
        ("POST", path) if takes_nothing(path) => String::new(),
        ("POST", path) if path.ends_with("/orders/{order}/refund") => r#"{"reason":"he asked"}"#.to_owned(),
        ("POST", path) if path.ends_with("/replacements") => r#"{"pieces":[1],"reason":"it fails"}"#.to_owned(),
        ("POST", path) if path.ends_with("/fulfilments/{line}") => r#"{"act":"take"}"#.to_owned(),
        ("POST", path) if path.ends_with("/claims/{claim}/reject") => r#"{"answer":"it was used"}"#.to_owned(),
        (method, path) => panic!("the matrix has no body for {method} {path}"),
    }
}

/// Whether a POST says all by its path.
fn takes_nothing(path: &str) -> bool {
    let is_bare = |end: &&str| path.ends_with(*end);
    ["/payee", "/file", "/cancel", "}/approve"].iter().any(is_bare) || path.contains("/refunds/{refund}/")
}

/// The same for what is about being paid, and for other money.
fn paid_out(method: &str, path: &str, target: &Target) -> Value {
    let cny = |minor: i64| json!({"amount_minor": minor, "currency": "CNY"});
    match (method, path) {
        ("POST", "/withdrawal-rules") => json!({"rules": {
            "minimum": cny(1_000), "fee_rate_ppm": 0, "fee_minimum": cny(0), "daily_count": 20, "cool_down_hours": 0,
            "tax": {"kind": "none"}, "may_convert": true,
        }}),
        ("POST", "/withdrawals") => json!({"amount": cny(1_000), "payee": target.names["payee"]}),
        ("POST", "/withdrawals/{withdrawal}/approve") => json!({"name_checked": true}),
        ("POST", "/withdrawals/{withdrawal}/paid") => json!({"reference": "B-1"}),
        ("POST", "/withdrawals/{withdrawal}/reject" | "/withdrawals/{withdrawal}/returned") => {
            json!({"reason": "no such account"})
        }
        ("POST", "/payees") => json!({
            "means": "alipay", "holder": "Li Lei", "number": "li@lei.example", "password": "wrong password",
        }),
        ("POST", "/payees/{payee}/remove") => json!({"password": "wrong password"}),
        ("POST", "/payee-names/forget") => json!({"agent": target.names["agent"]}),
        ("POST", "/conversions") => json!({"amount": cny(100)}),
        ("POST", "/payouts") => json!({"withdrawals": [target.names["withdrawal"]]}),
        (method, path) => member_money(method, path, target),
    }
}

/// The same for levels and member money; nothing if it is not about that.
fn member_money(method: &str, path: &str, target: &Target) -> Value {
    let cny = |minor: i64| json!({"amount_minor": minor, "currency": "CNY"});
    match (method, path) {
        ("POST", "/level-rules" | "/level-rules/preview") => json!({
            "sites": [], "window_days": 30, "judged": "weekly", "grace_days": 0, "notice_days": 7,
            "agents": [{"level": "bronze", "name": {"zh": "级", "en": "Bronze"}, "needs": {"sales": cny(0), "buyers": 0}}],
        }),
        ("POST", "/levels/pin") => json!({"agent": target.names["agent"], "level": "gold", "reason": "a friend"}),
        ("POST", "/levels/unpin") => json!({"agent": target.names["agent"], "reason": "no friend any more"}),
        ("POST", "/recharge-batches") => json!({"name": "New", "face": cny(1_000), "count": 2, "origin": "gift"}),
        ("POST", "/recharge-batches/{recharge_batch}/file" | "/recharge-batches/{recharge_batch}/void") => {
            json!({"reason": "to sell"})
        }
        ("POST", "/recharge-cards/find") => json!({"code": target.recharge_code}),
        ("POST", "/adjustments") => json!({
            "site": target.names["site"], "direction": "add", "amount": cny(100), "cause": "deposit", "reason": "B-1",
        }),
        ("POST", "/adjustments/{adjustment}/reject") => json!({"note": "no such transfer"}),
        ("POST", "/top-up-rules") => json!({"rules": {
            "tiers": [{"from": cny(10_000), "gives": {"kind": "fixed", "amount": cny(500)}}],
        }}),
        ("POST", "/credits") => json!({"site": target.names["site"], "credit": cny(100)}),
        ("POST", "/prepaid-moves") => json!({"to": target.below, "amount": cny(1)}),
        _ => Value::Null,
    }
}

/// The fields of all forms of a shop that are about a thing.
pub fn form_of(route: &Route) -> &'static str {
    if route.method == "POST" { "key=0123456789abcdef&quantity=1&confirm=yes&reason=it+fails&code=none" } else { "" }
}

/// A page without what differs from request to request, and without the names that were asked for.
pub fn bare_page(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    for (name, value) in names {
        text = text.replace(value.as_str(), &format!("<{name}>"));
    }
    // Ids of requests are the only others of this shape on a page that shows nothing.
    let mut bare = String::new();
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit() && letter != '-') {
        let is_uuid = word.len() >= 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
        bare.push_str(if is_uuid { "<id>" } else { word });
    }
    bare
}
