//! Channels and accounts of a main site.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, post, put};

fn path(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn channel(payee: &str) -> Value {
    json!({"provider": "sandbox", "payee": payee, "name": {"zh": "沙箱", "en": "Sandbox"}, "sort": 1, "secret": "ab".repeat(32)})
}

testkit::on_both! {
    async fn a_channel_is_made_paused_and_never_shows_its_secret(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (status, made) = put(&mut ann, &path(&office, "channels"), channel("grove-1")).await;
        assert_eq!((status, &made["data"]["state"]), (StatusCode::CREATED, &json!("active")), "{made}");
        let url = made["data"]["notify_url"].as_str().expect("a URL");
        assert!(url.starts_with("http://cashier.test/pay/notify/sandbox/"), "{url}");
        let (status, again) = put(&mut ann, &path(&office, "channels"), channel("grove-1")).await;
        assert_eq!((status, &again["changed"]), (StatusCode::OK, &json!(["secret"])));
        let id = made["data"]["id"].as_str().expect("an id");
        let (status, paused) = post(&mut ann, &path(&office, &format!("channels/{id}/state")), json!({"state": "paused"})).await;
        assert_eq!((status, &paused["state"]), (StatusCode::OK, &json!("paused")));
        let (_, all) = get(&mut ann, &path(&office, "channels")).await;
        assert_eq!(column(&all, "state"), ["paused"]);
        for answer in [made, again, paused, all] {
            let text = answer.to_string();
            assert!(!text.contains("abab") && !text.contains("\"secret\":"), "{text}");
        }
    }

    async fn a_channel_says_nothing_about_where_our_servers_go(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        for (settings, provider) in [
            (json!({"base_url": "http://169.254.169.254"}), "sandbox"),
            (json!({"gateway": "https://evil.example"}), "sandbox"),
            (json!({"note": "a\u{0}b"}), "sandbox"),
            (json!({"deep": {"base_url": "x"}}), "sandbox"),
            (json!({}), "nobody"),
        ] {
            let mut sent = channel("grove-1");
            sent["settings"] = settings;
            sent["provider"] = json!(provider);
            let (status, problem) = put(&mut ann, &path(&office, "channels"), sent).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("channel_refused")), "{problem}");
        }
        assert_eq!(get(&mut ann, &path(&office, "channels")).await.1["data"], json!([]));
    }

    async fn a_sub_sites_channel_is_not_the_main_sites_to_touch(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let own = path(&office, &format!("sites/{}/channels", office.tree.north));
        let (status, made) = put(&mut sue, &own, channel("north-1")).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!(column(&get(&mut sue, &own).await.1, "payee"), ["north-1"]);
        assert_eq!(get(&mut ann, &path(&office, "channels")).await.1["data"], json!([]));
        let id = made["data"]["id"].as_str().expect("an id");
        for state in [path(&office, &format!("channels/{id}/state")), path(&office, "channels/chn_1/state")] {
            let (status, problem) = post(&mut ann, &state, json!({"state": "paused"})).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
        }
        let (status, problem) = put(&mut ann, &path(&office, "channels"), channel("north-1")).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("channel_taken")));
        let (status, _) = post(&mut sue, &format!("{own}/{id}/state"), json!({"state": "paused"})).await;
        assert_eq!(status, StatusCode::OK);
    }

    async fn every_account_is_listed_with_its_owner_and_its_lines(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (status, all) = get(&mut ann, &path(&office, "balances")).await;
        assert_eq!((status, all["data"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{all}");
        let (_, prepaid) = get(&mut ann, &path(&office, "balances?kind=site_prepaid")).await;
        let row = &prepaid["data"][0];
        assert_eq!((&row["owner"], &row["balance"]["amount_minor"]), (&json!(office.tree.north), &json!(5_000)));
        let account = row["account"].as_str().expect("an account");
        let (status, lines) = get(&mut ann, &path(&office, &format!("entries?account={account}"))).await;
        assert_eq!((status, lines["data"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{lines}");
        let line = &lines["data"][0];
        assert_eq!((&line["kind"], &line["reason"], &line["amount"]["amount_minor"]), (&json!("adjustment"), &json!("paid in"), &json!(5_000)));
        let (_, theirs) = get(&mut office.logged_in_as("bob@example.com").await, &format!("/api/v1/tenants/{}/balances", office.other)).await;
        for foreign in [column(&theirs, "account")[0], "acc_1"] {
            let (status, _) = get(&mut ann, &path(&office, &format!("entries?account={foreign}"))).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
        }
        let (_, first) = get(&mut ann, &path(&office, "balances?limit=1")).await;
        let cursor = first["next_cursor"].as_str().expect("a cursor");
        let (_, second) = get(&mut ann, &path(&office, &format!("balances?limit=1&cursor={cursor}"))).await;
        assert_eq!([first["data"][0].clone(), second["data"][0].clone()].to_vec(), *all["data"].as_array().expect("rows"));
    }
}
