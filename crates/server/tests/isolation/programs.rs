//! What a buyer's program may ask at a shop's host: with a session of that very site, and for that tenant's goods.

use axum::http::{Method, StatusCode};
use catalog::SkuId;
use testkit::TestDb;

use super::fixture::{Fixture, HOME, PASSWORD, Sent, Target, offer};
use super::requests::fill;

pub async fn matrix(db: &TestDb) {
    let routes: Vec<String> = api::shop_route_list()
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path, route.policy))
        .collect();
    let known = [
        "GET /api/v1/shop/agent buyer",
        "POST /api/v1/shop/agent/conversions buyer",
        "GET /api/v1/shop/agent/level buyer",
        "GET /api/v1/shop/agent/payees buyer",
        "POST /api/v1/shop/agent/payees buyer",
        "POST /api/v1/shop/agent/payees/{payee}/remove buyer",
        "GET /api/v1/shop/agent/withdrawal-rules buyer",
        "GET /api/v1/shop/agent/withdrawals buyer",
        "POST /api/v1/shop/agent/withdrawals buyer",
        "POST /api/v1/shop/agent/withdrawals/{withdrawal}/cancel buyer",
        "GET /api/v1/shop/openapi.json guest",
        "POST /api/v1/shop/orders buyer",
        "GET /api/v1/shop/orders/{order}/claims buyer",
        "POST /api/v1/shop/orders/{order}/claims buyer",
        "POST /api/v1/shop/orders/{order}/claims/{claim}/withdraw buyer",
        "GET /api/v1/shop/orders/{order}/replacements buyer",
        "POST /api/v1/shop/recharges buyer",
        "DELETE /api/v1/shop/session buyer",
        "POST /api/v1/shop/session guest",
    ];
    assert_eq!(routes, known, "the matrix asks a new route of a shop's programs as well");
    let fixture = Fixture::open(db).await;
    let home = fixture.target(HOME, "north").clone();
    for visited in &fixture.targets {
        let is_home = visited.site == home.site;
        for (token, enters) in [("", false), (home.customer.as_str(), is_home), (visited.other.as_str(), true)] {
            // One of them is enough: who orders ten times a minute is frozen.
            let foreign = fixture.targets.iter().filter(|target| target.tenant != visited.tenant).take(1);
            for target in foreign {
                let (status, text) = buy(&fixture, visited, token, &target.names["sku"]).await;
                let at = format!("{} at {}: {text}", target.names["sku"], visited.host);
                if !enters {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{at}");
                } else {
                    let (nothing, none) = buy(&fixture, visited, token, &SkuId::new().to_string()).await;
                    assert_eq!((status, code(&text)), (nothing, code(&none)), "{at}");
                    assert!(status.is_client_error(), "{at}");
                }
            }
        }
    }
    claims(&fixture, &home).await;
    recharges(&fixture, &home).await;
    agents(&fixture, &home).await;
    agent_at_home(&fixture, fixture.target(HOME, "main")).await;
    let cookie = format!("session={}", home.customer);
    let ended = Sent { method: Method::DELETE, ..sent(&home, "/api/v1/shop/session", &cookie) };
    assert_eq!(fixture.ask(ended).await.0, StatusCode::NO_CONTENT);
    assert_eq!(buy(&fixture, &home, &home.customer, &home.names["sku"]).await.0, StatusCode::UNAUTHORIZED);
    let nowhere = Sent { host: "nowhere.example", body: "{}", ..sent(&home, "/api/v1/shop/orders", "") };
    assert_eq!(fixture.ask(nowhere).await.0, StatusCode::MISDIRECTED_REQUEST);
}

/// A buyer asks back what he has bought himself, where he has bought it.
async fn claims(fixture: &Fixture, home: &Target) {
    let is_about = |route: &&web::Route| route.path.starts_with("/api/v1/shop/orders/");
    for route in api::shop_route_list().iter().filter(is_about) {
        let ask = async |visited: &Target, token: &str, names: &Target| {
            let (path, cookie) = (fill(route.path, &names.names), format!("session={token}"));
            let body =
                if route.path.ends_with("/claims") && route.method == "POST" { r#"{"reason":"it fails"}"# } else { "" };
            let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
            fixture.ask(Sent { method, body, ..sent(visited, &path, &cookie) }).await
        };
        for foreign in fixture.targets.iter().filter(|target| target.site != home.site) {
            for (visited, token, expected) in [
                (home, home.customer.as_str(), StatusCode::NOT_FOUND),
                (home, home.other.as_str(), StatusCode::NOT_FOUND),
                (home, "", StatusCode::UNAUTHORIZED),
                (foreign, home.customer.as_str(), StatusCode::UNAUTHORIZED),
                (foreign, foreign.other.as_str(), StatusCode::NOT_FOUND),
            ] {
                let (status, text) = ask(visited, token, foreign).await;
                assert_eq!(status, expected, "{} {}: {text}", route.method, route.path);
            }
        }
        let (status, text) = ask(home, &home.other, home).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "another's: {} {}: {text}", route.method, route.path);
        let (status, text) = ask(home, &home.customer, home).await;
        let expected = match (route.method.as_str(), route.path.ends_with("/withdraw")) {
            ("GET", _) => StatusCode::OK,
            (_, true) => StatusCode::NO_CONTENT,
            // One waits already.
            _ => StatusCode::CONFLICT,
        };
        assert_eq!(status, expected, "{} {}: {text}", route.method, route.path);
    }
}

/// A card is good on every site of its main site, once, and on none of another's.
async fn recharges(fixture: &Fixture, home: &Target) {
    let redeem = async |visited: &Target, token: &str, typed: &str| {
        let (body, cookie) = (format!("{{\"code\":\"{typed}\"}}"), format!("session={token}"));
        let (status, text) =
            fixture.ask(Sent { body: &body, ..sent(visited, "/api/v1/shop/recharges", &cookie) }).await;
        (status, code(&text))
    };
    let unknown = (StatusCode::UNPROCESSABLE_ENTITY, Some("recharge_card_unknown".to_owned()));
    let foreign = fixture.targets.iter().find(|target| target.tenant != home.tenant).expect("another tenant");
    assert_eq!(redeem(home, "", &home.recharge_code).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(redeem(home, &foreign.other, &home.recharge_code).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(redeem(home, &home.other, &foreign.recharge_code).await, unknown);
    assert_eq!(redeem(foreign, &foreign.other, &home.recharge_code).await, unknown);
    assert_eq!(redeem(home, &home.other, &home.recharge_code).await, (StatusCode::OK, None));
    let used = (StatusCode::CONFLICT, Some("recharge_card_redeemed".to_owned()));
    let south = fixture.target(HOME, "south");
    assert_eq!(redeem(south, &south.other, &home.recharge_code).await, used);
    assert_eq!(redeem(south, &south.other, &south.recharge_code).await, (StatusCode::OK, None));
}

/// What is an agent's is shown to him alone: not to a guest, not to a customer who is no agent, not at another site, and
/// nobody else's is shown to him. On the main sites of the fixture the agent himself is paid, on the others their site.
async fn agents(fixture: &Fixture, home: &Target) {
    let main = fixture.target(HOME, "main");
    for route in api::shop_route_list().iter().filter(|route| route.path.starts_with("/api/v1/shop/agent")) {
        let ask = async |visited: &Target, token: &str, names: &Target| {
            let (path, cookie) = (fill(route.path, &names.names), format!("session={token}"));
            let body = body_of_agent(route.path, names);
            let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
            let sent = Sent { method, body: &body, ..sent(visited, &path, &cookie) };
            fixture.ask(sent).await
        };
        for (token, expected) in [
            ("", StatusCode::UNAUTHORIZED),
            (main.agent.as_str(), StatusCode::UNAUTHORIZED),
            (home.other.as_str(), StatusCode::NOT_FOUND),
        ] {
            let (status, text) = ask(home, token, home).await;
            assert_eq!(status, expected, "{} {}: {text}", route.method, route.path);
        }
        let is_about_a_thing = route.path.contains("/{");
        for foreign in fixture.targets.iter().filter(|target| target.site != main.site && is_about_a_thing) {
            let (status, text) = ask(main, &main.agent, foreign).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{} {}: {text}", route.method, route.path);
        }
        if route.method == "POST" && !is_about_a_thing {
            let (status, text) = ask(main, &main.agent, home).await;
            assert!(status.is_client_error(), "{} of another's payee: {text}", route.path);
        }
        if route.method == "GET" {
            let (status, text) = ask(main, &main.agent, main).await;
            assert_eq!(status, StatusCode::OK, "{}: {text}", route.path);
            for foreign in fixture.targets.iter().filter(|target| target.site != main.site) {
                for name in ["agent", "payee", "withdrawal"] {
                    assert!(!text.contains(&foreign.names[name]), "{}: {text}", route.path);
                }
            }
        }
    }
}

/// What an agent can do he can do.
async fn agent_at_home(fixture: &Fixture, home: &Target) {
    let cookie = format!("session={}", home.agent);
    let post = async |path: &str, body: &str| fixture.ask(Sent { body, ..sent(home, path, &cookie) }).await;
    let (status, text) = post(&format!("/api/v1/shop/agent/withdrawals/{}/cancel", home.names["withdrawal"]), "").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let payee = body_of_agent("/payees", home).replace("Somebody Else", "li lei");
    let (status, text) = post("/api/v1/shop/agent/payees", &payee).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let made: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let remove = format!("/api/v1/shop/agent/payees/{}/remove", made["id"].as_str().expect("an id"));
    let (status, text) = post(&remove, &body_of_agent("/payees/{payee}/remove", home)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{text}");
    let (status, text) = post(&remove, r#"{"password":"not this one"}"#).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && text.contains("password_wrong"), "{status} {text}");
}

fn body_of_agent(path: &str, names: &Target) -> String {
    let amount = r#"{"amount_minor":999999,"currency":"CNY"}"#;
    match path.trim_start_matches("/api/v1/shop/agent") {
        "/conversions" => format!("{{\"amount\":{amount}}}"),
        "/payees" => format!(
            "{{\"means\":\"alipay\",\"holder\":\"Somebody Else\",\"number\":\"12345678\",\"password\":\"{PASSWORD}\"}}"
        ),
        "/payees/{payee}/remove" => format!("{{\"password\":\"{PASSWORD}\"}}"),
        "/withdrawals" => format!("{{\"amount\":{amount},\"payee\":\"{}\"}}", names.names["payee"]),
        _ => String::new(),
    }
}

/// The database is gone, and still the crowd for what is sold out hears that it is: at the main site, and three levels
/// below it, where the price depends on levels.
pub async fn sold_out(db: &TestDb) {
    let fixture = Fixture::open(db).await;
    let mut bought = Vec::new();
    for site in ["main", "deep"] {
        let target = fixture.target(HOME, site);
        let shop = fixture.house.tenancy.resolve(&target.host).expect("a shop");
        let (_, sku, unit) = offer(&fixture.house, &shop, &format!("lamp-{HOME}")).await;
        let body = order(&sku.to_string(), unit.minor());
        let (status, text) = ask(&fixture, target, &body, "mine").await;
        assert_eq!(status, StatusCode::CREATED, "{text}");
        bought.push((target, body, (shop.scope().engine(), sku)));
    }
    for (_, _, (tenant, sku)) in &bought {
        fixture.house.orders.shelf().mark_sold_out(tenant, *sku);
    }
    fixture.house.store.close().await.expect("closed");
    for (target, body, _) in bought {
        for number in 0..60 {
            let (status, text) = ask(&fixture, target, &body, &format!("late-{number}")).await;
            assert_eq!((status, code(&text).as_deref()), (StatusCode::CONFLICT, Some("out_of_stock")), "{text}");
        }
        // Who has bought is let through, to a lane that cannot say more than that it has no database.
        let (status, text) = ask(&fixture, target, &body, "mine").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    }
}

async fn ask(fixture: &Fixture, target: &Target, body: &str, key: &str) -> (StatusCode, String) {
    let cookie = format!("session={}", target.customer);
    fixture.ask_with_key(Sent { body, ..sent(target, "/api/v1/shop/orders", &cookie) }, key).await
}

/// One piece for this price.
fn order(sku: &str, unit: i64) -> String {
    format!(
        "{{\"items\":[{{\"sku\":\"{sku}\",\"quantity\":1,\"unit\":{{\"amount_minor\":{unit},\"currency\":\"CNY\"}}}}],\
         \"pay\":\"wallet\"}}"
    )
}

fn sent<'a>(visited: &'a Target, path: &'a str, cookie: &'a str) -> Sent<'a> {
    Sent { method: Method::POST, host: &visited.host, path, cookie, kind: "application/json", body: "" }
}

async fn buy(fixture: &Fixture, visited: &Target, token: &str, sku: &str) -> (StatusCode, String) {
    let body = order(sku, 1);
    let cookie = format!("session={token}");
    fixture.ask(Sent { body: &body, ..sent(visited, "/api/v1/shop/orders", &cookie) }).await
}

fn code(text: &str) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_str(text).ok()?;
    problem["code"].as_str().map(str::to_owned)
}
