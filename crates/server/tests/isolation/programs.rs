//! What a buyer's program may ask at a shop's host: with a session of that very site, and for that tenant's goods.

use axum::http::{Method, StatusCode};
use catalog::SkuId;
use testkit::TestDb;

use super::fixture::{Fixture, HOME, Sent, Target, offer};

pub async fn matrix(db: &TestDb) {
    let routes: Vec<String> = api::shop_route_list()
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path, route.policy))
        .collect();
    let known = [
        "GET /api/v1/shop/openapi.json guest",
        "POST /api/v1/shop/orders buyer",
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
    let cookie = format!("session={}", home.customer);
    let ended = Sent { method: Method::DELETE, ..sent(&home, "/api/v1/shop/session", &cookie) };
    assert_eq!(fixture.ask(ended).await.0, StatusCode::NO_CONTENT);
    assert_eq!(buy(&fixture, &home, &home.customer, &home.names["sku"]).await.0, StatusCode::UNAUTHORIZED);
    let nowhere = Sent { host: "nowhere.example", body: "{}", ..sent(&home, "/api/v1/shop/orders", "") };
    assert_eq!(fixture.ask(nowhere).await.0, StatusCode::MISDIRECTED_REQUEST);
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
