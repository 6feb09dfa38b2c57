//! What a buyer's program may ask at a shop's host: with a session of that very site, and for that tenant's goods.

use axum::http::{Method, StatusCode};
use catalog::SkuId;
use testkit::TestDb;

use super::fixture::{Fixture, HOME, Sent, Target};

pub async fn matrix(db: &TestDb) {
    let routes: Vec<String> = api::shop_route_list()
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path, route.policy))
        .collect();
    let known =
        ["POST /api/v1/shop/orders buyer", "DELETE /api/v1/shop/session buyer", "POST /api/v1/shop/session guest"];
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

fn sent<'a>(visited: &'a Target, path: &'a str, cookie: &'a str) -> Sent<'a> {
    Sent { method: Method::POST, host: &visited.host, path, cookie, kind: "application/json", body: "" }
}

async fn buy(fixture: &Fixture, visited: &Target, token: &str, sku: &str) -> (StatusCode, String) {
    let body = format!(
        "{{\"items\":[{{\"sku\":\"{sku}\",\"quantity\":1,\"unit\":{{\"amount_minor\":1,\"currency\":\"CNY\"}}}}],\
         \"pay\":\"wallet\"}}"
    );
    let cookie = format!("session={token}");
    fixture.ask(Sent { body: &body, ..sent(visited, "/api/v1/shop/orders", &cookie) }).await
}

fn code(text: &str) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_str(text).ok()?;
    problem["code"].as_str().map(str::to_owned)
}
