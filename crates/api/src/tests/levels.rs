//! Levels, as the main site's people write their ladders and others read where they stand.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Console, Office};
use super::{column, get, post, refusals};

fn of_tenant(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn own(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/sites/{}/{rest}", office.grove, office.tree.north)
}

fn rung(level: &str, sales: i64, buyers: u32) -> Value {
    let sales = json!({"amount_minor": sales, "currency": "CNY"});
    json!({"level": level, "name": {"zh": "级", "en": level}, "needs": {"sales": sales, "buyers": buyers}})
}

fn rules(sites: &[Value]) -> Value {
    json!({
        "sites": sites, "agents": [], "window_days": 30, "judged": "monthly", "grace_days": 14, "notice_days": 7,
    })
}

testkit::on_both! {
    async fn rules_read_back_as_they_were_sent_and_say_what_is_wrong_with_them(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let path = of_tenant(&office, "level-rules");
        let wrong = rules(&[rung("Bronze!", 0, 0), json!({"level": "silver", "name": {"zh": "", "en": ""}, "needs": {
            "sales": {"amount_minor": -1, "currency": "CNY"}, "buyers": 1,
        }})]);
        let (status, refused) = post(&mut ann, &path, wrong).await;
        let told = [
            ("/sites/0/level", "code_invalid"),
            ("/sites/1/name", "text_empty"),
            ("/sites/1/needs/sales/amount_minor", "amount_negative"),
        ];
        assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, told.to_vec()), "{refused}");
        let first = rules(&[rung("bronze", 0, 0), rung("gold", 100_000, 10)]);
        let (status, saved) = post(&mut ann, &path, first.clone()).await;
        assert_eq!((status, &saved["is_in_force"]), (StatusCode::CREATED, &json!(true)), "{saved}");
        for field in ["sites", "agents", "window_days", "judged", "grace_days", "notice_days"] {
            assert_eq!(saved[field], first[field], "{field}");
        }
        assert_eq!(get(&mut ann, &path).await.1["data"], json!([saved]));
        for (sites, code) in [
            (vec![rung("bronze", 1, 0)], "level_lowest_needs"),
            (vec![rung("bronze", 0, 0), rung("bronze", 1, 0)], "level_twice"),
            (vec![rung("bronze", 0, 0), rung("silver", 9, 0), rung("gold", 8, 0)], "level_easier_above"),
        ] {
            let (status, refused) = post(&mut ann, &path, rules(&sites)).await;
            assert_eq!((status, refused["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(code)), "{refused}");
        }
        let mut harder = rules(&[rung("bronze", 0, 0), rung("gold", 200_000, 10)]);
        assert_eq!(post(&mut ann, &path, harder.clone()).await.1["is_in_force"], json!(false), "it is told a week ahead");
        harder["effective_from"] = saved["created_at"].clone();
        let refused = post(&mut ann, &path, harder).await.1;
        assert!(["level_before_the_last", "level_notice_too_short"].contains(&refused["code"].as_str().unwrap_or_default()));
        // The owner of a site reads the ladder, and writes none.
        assert_eq!(post(&mut sue, &path, first).await.0, StatusCode::NOT_FOUND);
        let (status, level) = get(&mut sue, &own(&office, "level")).await;
        assert_eq!((status, level["rungs"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{level}");
        assert_eq!((&level["judged"], &level["window"], &level["history"]), (&json!("monthly"), &Value::Null, &json!([])));
    }

    async fn a_pinned_level_holds_at_once_and_says_why_to_the_main_sites_people(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let (pin, unpin) = (of_tenant(&office, "levels/pin"), of_tenant(&office, "levels/unpin"));
        let was = get(&mut sue, &own(&office, "level")).await.1["level"].clone();
        for (wrong, told) in [
            (json!({"site": "main", "level": "gold", "reason": "mine"}), ("/site", "not_found")),
            (json!({"site": "north", "level": "Gold!", "reason": "odd"}), ("/level", "code_invalid")),
            (json!({"site": "north", "level": "gold", "reason": " "}), ("/reason", "text_empty")),
            (json!({"level": "gold", "reason": "whose"}), ("/site", "word_unknown")),
        ] {
            assert_eq!(refusals(&post(&mut ann, &pin, wrong).await.1), [told]);
        }
        let sent = json!({"site": "north", "level": "platinum", "reason": "opened with us"});
        let (status, pinned) = post(&mut ann, &pin, sent).await;
        assert_eq!((status, &pinned["level"], &pinned["is_pinned"]), (StatusCode::OK, &json!("platinum"), &json!(true)), "{pinned}");
        assert_eq!(pinned["history"][0]["reason"], "opened with us");
        let (_, seen) = get(&mut sue, &own(&office, "level")).await;
        assert_eq!((&seen["level"], &seen["history"][0]["from"], &seen["history"][0]["what"]), (&json!("platinum"), &was, &json!("pinned")));
        assert_eq!(seen["history"][0].get("reason"), None, "why is the main site's business");
        let (_, sites) = get(&mut ann, &of_tenant(&office, "sites")).await;
        assert!(column(&sites, "level").contains(&"platinum"), "prices see it: {sites}");
        let (_, list) = get(&mut ann, &of_tenant(&office, "levels?side=site")).await;
        assert_eq!(column(&list, "pinned"), ["opened with us"]);
        assert_eq!(column(&get(&mut ann, &of_tenant(&office, "level-changes")).await.1, "what"), ["pinned"]);
        let (status, free) = post(&mut ann, &unpin, json!({"site": "north", "reason": "a year is over"})).await;
        assert_eq!((status, &free["is_pinned"], &free["level"]), (StatusCode::OK, &json!(false), &json!("platinum")));
        let again = post(&mut ann, &unpin, json!({"site": "north", "reason": "once more"})).await;
        assert_eq!((again.0, again.1["code"].as_str()), (StatusCode::CONFLICT, Some("level_not_pinned")));
        assert_eq!(post(&mut sue, &pin, json!({"site": "north", "reason": "my own"})).await.0, StatusCode::NOT_FOUND);
    }

    async fn goods_for_some_levels_are_shown_to_sites_of_these_only(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let (_, goods) = get(&mut ann, &of_tenant(&office, "goods")).await;
        let mut one = goods["data"][0].clone();
        let code = one["code"].as_str().expect("a code").to_owned();
        let path = of_tenant(&office, &format!("goods/{code}"));
        for field in ["id", "code"] {
            one.as_object_mut().expect("goods").remove(field);
        }
        let hidden = async |sue: &mut Console| {
            let (_, own) = get(sue, &own(&office, "goods")).await;
            own.to_string().matches("goods_of_other_levels").count()
        };
        assert_eq!(hidden(&mut sue).await, 0);
        let mut wrong = one.clone();
        wrong["site_levels"] = json!(["gold", "No!"]);
        assert_eq!(refusals(&ann.ask(Method::PUT, &path, wrong).await.1), [("/site_levels/1", "code_invalid")]);
        one["site_levels"] = json!(["platinum"]);
        let (status, saved) = ann.ask(Method::PUT, &path, one.clone()).await;
        assert_eq!((status, &saved["data"]["site_levels"]), (StatusCode::OK, &json!(["platinum"])), "{saved}");
        assert!(hidden(&mut sue).await > 0);
        let sent = json!({"site": "north", "level": "platinum", "reason": "it sells well"});
        assert_eq!(post(&mut ann, &of_tenant(&office, "levels/pin"), sent).await.0, StatusCode::OK);
        assert_eq!(hidden(&mut sue).await, 0);
        // What is not sent stays.
        one.as_object_mut().expect("goods").remove("site_levels");
        assert_eq!(ann.ask(Method::PUT, &path, one).await.1["data"]["site_levels"], json!(["platinum"]));
    }
}
