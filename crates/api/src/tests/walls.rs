//! Every route against everybody whom it is not for: what is another's looks in every letter like what is not there.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use web::Route;

use super::filled;
use super::fixture::{Console, Office};

/// The whole answer to a request with a body that many routes would read.
async fn answer(console: &mut Console, route: &Route, tenant: &str, site: &str) -> (StatusCode, Value) {
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    let (status, mut problem) =
        console.ask(method, &filled(route.path, tenant, site), json!({"state": "closed"})).await;
    problem["request_id"] = Value::Null;
    (status, problem)
}

/// What is answered where nothing is.
async fn nothing(console: &mut Console) -> (StatusCode, Value) {
    let (status, mut problem) = console.ask(Method::GET, "/api/v1/nothing", Value::Null).await;
    problem["request_id"] = Value::Null;
    (status, problem)
}

fn routes(policy: &str) -> Vec<Route> {
    crate::route_list().into_iter().filter(|route| route.policy.starts_with(policy)).collect()
}

testkit::on_both! {
    async fn anothers_site_is_not_there_for_any_route_of_a_site(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let nothing = nothing(&mut sue).await;
        let (grove, other) = (office.grove.to_string(), office.other.to_string());
        let places = [
            ("above", &grove, office.tree.main.to_string()),
            ("beside", &grove, office.tree.east.to_string()),
            ("below", &grove, office.tree.deep.to_string()),
            ("another tenant's", &other, office.foreign.north.to_string()),
            ("another tenant's by this tenant", &grove, office.foreign.north.to_string()),
            ("its own by another tenant", &other, office.tree.north.to_string()),
            ("nobody's", &grove, kernel::SiteId::new().to_string()),
            ("no id", &grove, "north".to_owned()),
        ];
        let list = routes("site-operator");
        assert!(list.len() >= 13);
        for route in list {
            for (what, tenant, site) in &places {
                assert_eq!(answer(&mut sue, &route, tenant, site).await, nothing, "{} {}: {what}", route.method, route.path);
            }
        }
    }

    async fn a_site_owner_has_no_door_of_the_main_site(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let nothing = nothing(&mut sue).await;
        let site = office.tree.north.to_string();
        let list = routes("operator");
        assert!(list.len() >= 23);
        for route in list {
            for tenant in [office.grove.to_string(), office.other.to_string()] {
                assert_eq!(answer(&mut sue, &route, &tenant, &site).await, nothing, "{} {}", route.method, route.path);
            }
        }
    }

    async fn a_main_site_reaches_no_site_of_another_tenant(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let nothing = nothing(&mut ann).await;
        let words = json!({"name": {"en": "Mine"}, "theme": "clay", "mode": "auto", "level": "gold"});
        for site in [office.foreign.north, kernel::SiteId::new()] {
            let path = format!("/api/v1/tenants/{}/sites/{site}", office.grove);
            for (method, path, sent) in [
                (Method::PUT, path.clone(), words.clone()),
                (Method::POST, format!("{path}/state"), json!({"state": "closed"})),
                (Method::POST, format!("{path}/hosts"), json!({"host": "mine.example"})),
                (Method::POST, format!("{path}/owners"), json!({"login": "ann@example.com", "name": "Ann"})),
            ] {
                let (status, mut problem) = ann.ask(method, &path, sent).await;
                problem["request_id"] = Value::Null;
                assert_eq!((status, problem), nothing, "{path}");
            }
        }
        let shop = office.rooms.tenancy.resolve("north.other.example").expect("served");
        assert_eq!((shop.site.name.en.as_str(), shop.site.state.word()), ("north", "active"));
    }
}
