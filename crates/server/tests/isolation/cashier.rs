//! The cashier's host, which knows no shop: what its addresses name says alone whose payment it is about. Parts of two
//! names make no third one, and what is not there looks like what never was.

use axum::http::{Method, StatusCode};
use payment::OutNo;
use testkit::TestDb;
use uuid::Uuid;

use super::fixture::{Fixture, Sent, Target};

/// The hexadecimal digits of the tenant in a name of the cashier's.
const TENANT_DIGITS: usize = 32;

pub async fn matrix(db: &TestDb) {
    let paths: Vec<&str> = api::cashier_route_list().iter().map(|route| route.path).collect();
    let known = ["/cashier/back/{channel}/{out_no}", "/cashier/{token}", "/pay/notify/{provider}/{channel}"];
    assert_eq!(paths, known, "the matrix asks a new route of the cashier as well");
    let fixture = Fixture::open(db).await;
    for mine in &fixture.targets {
        for other in fixture.targets.iter().filter(|other| other.site != mine.site) {
            way_back(&fixture, mine, other).await;
            report(&fixture, mine, other).await;
            if mine.tenant != other.tenant {
                token(&fixture, mine, other).await;
            }
        }
    }
    for target in &fixture.targets {
        own(&fixture, target).await;
    }
}

async fn ask(fixture: &Fixture, method: Method, path: &str, body: &str) -> (StatusCode, String) {
    let sent = Sent { method, host: api::CASHIER_HOST, path, cookie: "", kind: "application/json", body };
    let (status, text) = fixture.ask(sent).await;
    (status, bare(&text))
}

/// An answer without the ids of its request.
fn bare(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(mut problem)) => {
            problem.retain(|name, _| !["request_id", "trace_id"].contains(&name.as_str()));
            serde_json::Value::Object(problem).to_string()
        }
        _ => text.to_owned(),
    }
}

/// The name of `of` with the tenant of `tenant`.
fn moved(name: &str, tenant: &str) -> String {
    format!("{}{}", &tenant[..TENANT_DIGITS], &name[TENANT_DIGITS..])
}

/// A name of the same tenant for what never was.
fn never_was(name: &str) -> String {
    let mut fresh = name[..TENANT_DIGITS].to_owned();
    while fresh.len() < name.len() {
        fresh.push_str(&Uuid::now_v7().simple().to_string());
    }
    fresh
}

/// All of these are answered as the last one is, which asks for nothing.
async fn alike(fixture: &Fixture, (method, body): (Method, &str), paths: &[String], nothing: &str) {
    let expected = ask(fixture, method.clone(), nothing, body).await;
    assert_eq!(expected.0, StatusCode::NOT_FOUND, "{nothing}: {}", expected.1);
    for path in paths {
        assert_eq!(ask(fixture, method.clone(), path, body).await, expected, "{path}");
    }
}

async fn way_back(fixture: &Fixture, mine: &Target, other: &Target) {
    let path = |channel: &str, out_no: &str| format!("/cashier/back/{channel}/{out_no}");
    let paths = [
        path(&mine.public_channel, &other.out_no),
        path(&other.public_channel, &mine.out_no),
        // Its own channel and number, under the other tenant.
        path(&moved(&mine.public_channel, &other.public_channel), &mine.out_no),
    ];
    // On sites of one main site the last one is his own after all.
    let paths = if mine.tenant == other.tenant { &paths[..2] } else { &paths[..] };
    let nothing = path(&mine.public_channel, &OutNo::new().to_string());
    alike(fixture, (Method::GET, ""), paths, &nothing).await;
}

async fn token(fixture: &Fixture, mine: &Target, other: &Target) {
    let path = |token: &str| format!("/cashier/{token}");
    let foreign = path(&moved(&mine.handover, &other.handover));
    alike(fixture, (Method::GET, ""), &[foreign], &path(&never_was(&mine.handover))).await;
}

async fn report(fixture: &Fixture, mine: &Target, other: &Target) {
    let path = |provider: &str, channel: &str| format!("/pay/notify/{provider}/{channel}");
    let body = format!(r#"{{"event":"trade.paid","out_no":"{}"}}"#, other.out_no);
    let nothing = path("sandbox", &never_was(&mine.public_channel));
    let mut paths = vec![path("unknown", &mine.public_channel)];
    if mine.tenant != other.tenant {
        paths.push(path("sandbox", &moved(&mine.public_channel, &other.public_channel)));
    }
    alike(fixture, (Method::POST, &body), &paths, &nothing).await;
    let (status, text) = ask(fixture, Method::POST, &path("sandbox", &mine.public_channel), &body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "nobody has signed it: {text}");
}

/// What is his own leads on, and back to his own shop.
async fn own(fixture: &Fixture, target: &Target) {
    let back = format!("/cashier/back/{}/{}", target.public_channel, target.out_no);
    assert!(ask(fixture, Method::GET, &back, "").await.0.is_redirection(), "{back}");
    let token = format!("/cashier/{}", target.handover);
    // No gateway is there to make the payment page: back to the shop, and so with the token that is spent.
    for _ in 0..2 {
        let (status, text) = ask(fixture, Method::GET, &token, "").await;
        assert!(status.is_redirection(), "{token}: {status} {text}");
    }
}
