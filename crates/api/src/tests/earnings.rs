//! Settlement, as the main site's people write it and the owner of a site reads it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, post, refusals};

fn of_tenant(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn own(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/sites/{}/{rest}", office.grove, office.tree.north)
}

testkit::on_both! {
    async fn terms_read_back_as_they_were_sent_and_say_what_is_wrong_with_them(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let path = of_tenant(&office, "settlement-terms");
        let rule = |about: &str, which: &str, term: &str| json!({"about": about, "which": which, "term": term});
        let wrong = json!({"usual": "T+31", "rules": [rule("goods", "nothing", "D+1"), rule("nobody", "x", "D+1"), rule("site_level", "gold", "soon")]});
        let (status, refused) = post(&mut ann, &path, wrong).await;
        let told = [
            ("/usual", "settlement_term_invalid"),
            ("/rules/0/which", "catalog_not_found"),
            ("/rules/1/about", "word_unknown"),
            ("/rules/2/term", "settlement_term_invalid"),
        ];
        assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, told.to_vec()), "{refused}");
        let rules = json!([rule("site_level", "gold", "D+0"), rule("agent_level", "gold", "T+0")]);
        let (status, first) = post(&mut ann, &path, json!({"usual": "T+1", "rules": rules})).await;
        assert_eq!((status, &first["is_in_force"]), (StatusCode::CREATED, &json!(true)), "{first}");
        let (_, list) = get(&mut sue, &own(&office, "settlement-terms")).await;
        assert_eq!((&list["data"][0]["usual"], &list["data"][0]["rules"]), (&json!("T+1"), &rules));
        let twice = json!({"usual": "T+1", "rules": [rule("site_level", "gold", "D+0"), rule("site_level", "gold", "D+1")]});
        assert_eq!(post(&mut ann, &path, twice).await.1["code"], "settlement_rule_twice");
        let later = json!({"usual": "D+9", "rules": [], "effective_from": first["created_at"]});
        let (status, refused) = post(&mut ann, &path, later).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("settlement_notice_too_short")));
        assert_eq!(post(&mut sue, &path, json!({"usual": "T+1", "rules": []})).await.0, StatusCode::NOT_FOUND);
    }

    async fn holidays_are_named_and_forgotten_again(db) {
        let office = Office::open(&db).await;
        let (mut ann, path) = (office.logged_in().await, of_tenant(&office, "calendar-days"));
        let day = |day: &str, is_business: Value| json!({"day": day, "is_business": is_business, "name": "New Year"});
        assert_eq!(post(&mut ann, &path, day("2027-01-01", json!(false))).await.0, StatusCode::OK);
        assert_eq!(post(&mut ann, &path, day("2027-01-02", json!(true))).await.0, StatusCode::OK);
        assert_eq!(column(&get(&mut ann, &path).await.1, "day"), ["2027-01-01", "2027-01-02"]);
        assert_eq!(post(&mut ann, &path, day("2027-01-01", Value::Null)).await.0, StatusCode::OK);
        let (status, refused) = post(&mut ann, &path, day("2027-01-01", Value::Null)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{refused}");
        assert_eq!(column(&get(&mut ann, &format!("{path}?from=2027-01-01")).await.1, "day"), ["2027-01-02"]);
        assert_eq!(post(&mut ann, &path, day("2026-11-20", json!(false))).await.1["code"], "calendar_day_over");
        let nameless = json!({"day": "2027-01-01", "is_business": false});
        assert_eq!(refusals(&post(&mut ann, &path, nameless).await.1), [("/name", "text_empty")]);
    }

    async fn a_hold_is_seen_by_whom_it_is_about_until_it_is_lifted(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let (path, seen) = (of_tenant(&office, "earning-holds"), own(&office, "earnings"));
        let sent = |site: &str, reason: &str| json!({"site": site, "cause": "dispute", "reason": reason});
        for (wrong, told) in [
            (sent("main", "the main site pays"), ("/site", "not_found")),
            (sent("nowhere", "nobody"), ("/site", "not_found")),
            (sent("north", " "), ("/reason", "text_empty")),
            (json!({"cause": "risk", "reason": "of nobody"}), ("/site", "word_unknown")),
        ] {
            assert_eq!(refusals(&post(&mut ann, &path, wrong).await.1), [told]);
        }
        let (_, before) = get(&mut sue, &seen).await;
        assert_eq!((&before["pending"], &before["holds"], &before["available"]["amount_minor"]), (&json!([]), &json!([]), &json!(0)));
        let (status, hold) = post(&mut ann, &path, sent("north", "codes that do not work")).await;
        assert_eq!((status, &hold["lifted_at"]), (StatusCode::CREATED, &Value::Null), "{hold}");
        let (_, held) = get(&mut sue, &seen).await;
        assert_eq!(held["holds"][0]["reason"], "codes that do not work");
        assert_eq!(get(&mut ann, &of_tenant(&office, "earnings?site=north")).await.1, held);
        assert_eq!(get(&mut ann, &of_tenant(&office, "earnings?site=nowhere")).await.0, StatusCode::NOT_FOUND);
        let lift = format!("{path}/{}/lift", hold["id"].as_str().expect("an id"));
        let (status, lifted) = post(&mut ann, &lift, json!({"reason": "they work"})).await;
        assert_eq!((status, &lifted["lift_reason"]), (StatusCode::OK, &json!("they work")), "{lifted}");
        let (status, again) = post(&mut ann, &lift, json!({"reason": "they work"})).await;
        assert_eq!((status, again["code"].as_str()), (StatusCode::CONFLICT, Some("hold_lifted_before")));
        assert_eq!(get(&mut sue, &seen).await.1["holds"], json!([]));
        let (_, list) = get(&mut ann, &format!("{path}?site=north")).await;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    }
}
