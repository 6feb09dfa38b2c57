//! The tree of sites, and opening one.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Office, PASSWORD};
use super::{column, get, post, put, refusals};

fn west() -> Value {
    json!({
        "slug": "west", "parent": "main", "name": {"zh": "西店", "en": "West"}, "tagline": {"en": "Further"},
        "theme": "harbor", "mode": "dark", "level": "silver", "host": "west.grove.example",
        "support": "help@west.example", "owner": {"login": "Will@example.com", "name": "Will"},
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn sites(office: &Office) -> String {
    format!("/api/v1/tenants/{}/sites", office.grove)
}

testkit::on_both! {
    async fn the_tree_is_listed_in_parts_with_its_hosts(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (status, all) = get(&mut ann, &sites(&office)).await;
        assert_eq!((status, column(&all, "slug")), (StatusCode::OK, vec!["main", "north", "east", "deep"]));
        assert_eq!(all["data"][3]["parent"], office.tree.north.to_string());
        assert_eq!((&all["data"][3]["depth"], &all["data"][3]["hosts"]), (&json!(2), &json!(["deep.grove.example"])));
        let (_, first) = get(&mut ann, &format!("{}?limit=3", sites(&office))).await;
        let cursor = first["next_cursor"].as_str().expect("a cursor");
        let (_, second) = get(&mut ann, &format!("{}?limit=3&cursor={cursor}", sites(&office))).await;
        assert_eq!((column(&second, "slug"), &second["has_more"]), (vec!["deep"], &json!(false)));
        let (_, closed) = get(&mut ann, &format!("{}?state=closed", sites(&office))).await;
        assert_eq!(closed["data"], json!([]));
        let (status, _) = get(&mut ann, &format!("{}?state=asleep", sites(&office))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    async fn a_site_is_opened_with_its_owner_who_can_log_in_at_once(db) {
        let office = Office::open(&db).await;
        let (status, opened) = post(&mut office.logged_in().await, &sites(&office), west()).await;
        assert_eq!((status, opened["site"]["slug"].as_str()), (StatusCode::CREATED, Some("west")), "{opened}");
        assert_eq!(opened["site"]["parent"], office.tree.main.to_string());
        assert_eq!(opened["owner"]["login"], "will@example.com");
        let shop = office.rooms.tenancy.resolve("west.grove.example").expect("served");
        assert_eq!(json!(shop.site.id), opened["site"]["id"]);
        let mut will = office.console();
        let sent = json!({"login": "will@example.com", "password": opened["owner"]["password"]});
        assert_eq!(post(&mut will, "/api/v1/session", sent).await.0, StatusCode::CREATED);
        let (_, tenants) = get(&mut will, "/api/v1/tenants").await;
        assert_eq!((&tenants["data"][0]["role"], &tenants["data"][0]["site"]), (&json!("site_owner"), &opened["site"]["id"]));
    }

    async fn an_owner_who_has_a_log_in_keeps_his_password(db) {
        let office = Office::open(&db).await;
        let owner = json!({"login": "bob@example.com", "name": "Robert"});
        let (status, opened) = post(&mut office.logged_in().await, &sites(&office), with(west(), "owner", owner)).await;
        assert_eq!((status, &opened["owner"]["password"]), (StatusCode::CREATED, &Value::Null), "{opened}");
        let mut bob = office.console();
        let sent = json!({"login": "bob@example.com", "password": PASSWORD});
        let (status, session) = post(&mut bob, "/api/v1/session", sent).await;
        assert_eq!((status, session["name"].as_str()), (StatusCode::CREATED, Some("Bob")));
        let (_, tenants) = get(&mut bob, "/api/v1/tenants").await;
        assert_eq!(tenants["data"].as_array().map(Vec::len), Some(2));
    }

    async fn what_is_taken_is_refused_and_nothing_is_made(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        for (sent, code) in [
            (with(west(), "slug", json!("east")), "site_slug_taken"),
            (with(west(), "host", json!("north.grove.example")), "host_taken"),
            (with(west(), "host", json!("main.other.example")), "host_taken"),
        ] {
            let (status, problem) = post(&mut ann, &sites(&office), sent).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some(code)), "{problem}");
        }
        assert_eq!(get(&mut ann, &sites(&office)).await.1["data"].as_array().map(Vec::len), Some(4));
        let sent = json!({"login": "will@example.com", "password": "anything"});
        assert_eq!(post(&mut office.console(), "/api/v1/session", sent).await.0, StatusCode::UNAUTHORIZED);
    }

    async fn every_refused_field_is_told_at_its_place(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let sent = json!({
            "slug": "W", "parent": office.foreign.main.to_string(), "name": {"zh": " ", "en": ""},
            "tagline": {"zh": "two\nlines"}, "notice": {"en": "x".repeat(1_001)}, "theme": "neon", "mode": "auto",
            "level": "Gold!", "host": "127.0.0.1", "owner": {"login": "", "name": "Will"},
        });
        let (status, problem) = post(&mut ann, &sites(&office), sent).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("fields_refused")));
        assert_eq!(refusals(&problem), [
            ("/name", "text_empty"), ("/tagline/zh", "text_control"), ("/notice/en", "text_too_long"),
            ("/theme", "word_unknown"), ("/slug", "slug_invalid"), ("/parent", "not_found"), ("/level", "code_invalid"),
            ("/host", "host_invalid"), ("/owner/login", "login_invalid"),
        ]);
        let (status, problem) = post(&mut ann, &sites(&office), with(west(), "colour", json!("red"))).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::BAD_REQUEST, Some("request_unreadable")));
    }

    async fn a_tree_grows_only_so_deep(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let mut parent = "deep".to_owned();
        for depth in 3..=usize::from(tenancy::DEPTH_MAX) + 1 {
            let slug = format!("site-{depth}");
            let sent = json!({"slug": slug, "parent": parent, "name": {"en": slug}, "theme": "clay", "mode": "auto", "level": "gold"});
            let (status, answer) = post(&mut ann, &sites(&office), sent).await;
            if depth <= usize::from(tenancy::DEPTH_MAX) {
                assert_eq!((status, &answer["site"]["depth"]), (StatusCode::CREATED, &json!(depth)), "{answer}");
            } else {
                assert_eq!((status, answer["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("site_too_deep")));
            }
            parent = slug;
        }
    }

    async fn a_sites_words_and_level_change_and_shops_say_so_at_once(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = format!("{}/{}", sites(&office), office.tree.north);
        let sent = json!({"name": {"en": "North Star"}, "theme": "clay", "mode": "auto", "level": "silver"});
        let (status, answer) = put(&mut ann, &path, sent.clone()).await;
        assert_eq!((status, &answer["changed"]), (StatusCode::OK, &json!(["name", "theme", "level"])), "{answer}");
        assert_eq!((&answer["data"]["level"], &answer["data"]["theme"]), (&json!("silver"), &json!("clay")));
        let shop = office.rooms.tenancy.resolve("north.grove.example").expect("served");
        assert_eq!(shop.site.name.en, "North Star");
        assert_eq!(put(&mut ann, &path, sent.clone()).await.1["changed"], json!([]));
        let main = format!("{}/{}", sites(&office), office.tree.main);
        let (status, problem) = put(&mut ann, &main, sent).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("site_level_misplaced")));
        let shop = office.rooms.tenancy.resolve("main.grove.example").expect("served");
        assert_eq!(shop.site.name.en, "main", "a refused change changes nothing");
    }

    async fn a_site_is_stopped_and_gets_hosts(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = format!("{}/{}", sites(&office), office.tree.north);
        let (status, site) = post(&mut ann, &format!("{path}/state"), json!({"state": "suspended"})).await;
        assert_eq!((status, &site["state"]), (StatusCode::OK, &json!("suspended")), "{site}");
        assert_eq!(office.rooms.tenancy.resolve("north.grove.example").expect("known").site.state.word(), "suspended");
        assert_eq!(post(&mut ann, &format!("{path}/state"), json!({"state": "off"})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let hosts = format!("{path}/hosts");
        let (status, site) = post(&mut ann, &hosts, json!({"host": "N.Example"})).await;
        assert_eq!((status, &site["hosts"]), (StatusCode::CREATED, &json!(["n.example", "north.grove.example"])));
        assert_eq!(post(&mut ann, &hosts, json!({"host": "n.example"})).await.0, StatusCode::OK);
        for taken in ["east.grove.example", "north.other.example"] {
            let (status, problem) = post(&mut ann, &hosts, json!({"host": taken})).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("host_taken")));
        }
    }

    async fn an_owner_is_appointed_later_and_never_to_the_main_site(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let sent = json!({"login": "dora@example.com", "name": "Dora"});
        let (status, owner) = post(&mut ann, &format!("{}/{}/owners", sites(&office), office.tree.deep), sent.clone()).await;
        assert_eq!((status, owner["password"].is_string()), (StatusCode::CREATED, true), "{owner}");
        let (status, again) = post(&mut ann, &format!("{}/{}/owners", sites(&office), office.tree.deep), sent.clone()).await;
        assert_eq!((status, &again["password"]), (StatusCode::CREATED, &Value::Null));
        let (status, problem) = post(&mut ann, &format!("{}/{}/owners", sites(&office), office.tree.main), sent).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("main_site_fixed")));
    }
}
