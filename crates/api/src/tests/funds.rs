//! Recharge cards, adjustments by two persons, prepaid money.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Console, Office};
use super::{column, get, refusals};

fn of_tenant(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn own(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/sites/{}/{rest}", office.grove, office.tree.north)
}

fn cny(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CNY"})
}

/// Posts under a key of its own.
async fn post(console: &mut Console, path: &str, body: Value) -> (StatusCode, Value) {
    console.sent.insert("idempotency-key", Uuid::now_v7().to_string().parse().expect("a header"));
    console.ask(Method::POST, path, body).await
}

fn batch() -> Value {
    json!({"name": "春节", "face": cny(50_00), "count": 3, "origin": "sold"})
}

testkit::on_both! {
    async fn cards_are_made_carried_away_and_made_void(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = of_tenant(&office, "recharge-batches");
        let (status, made) = post(&mut ann, &path, batch()).await;
        assert_eq!((status, &made["count"], &made["origin"]), (StatusCode::CREATED, &json!(3), &json!("sold")), "{made}");
        // The same key again is the same batch; with other cards it is refused.
        let (_, again) = ann.ask(Method::POST, &path, batch()).await;
        assert_eq!((&again, ann.headers["idempotent-replayed"].to_str().ok()), (&made, Some("true")));
        let mut more = batch();
        more["count"] = json!(4);
        assert_eq!(ann.ask(Method::POST, &path, more).await.1["code"], "idempotency_key_reused");
        let id = made["id"].as_str().expect("an id").to_owned();
        let of = |rest: &str| of_tenant(&office, &format!("recharge-batches/{id}{rest}"));
        assert_eq!(refusals(&post(&mut ann, &of("/file"), json!({"reason": " "})).await.1), [("/reason", "text_empty")]);
        let file = ann.download(&of("/file"), json!({"reason": "to sell"})).await;
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!((lines.len(), lines[0].trim_start_matches('\u{feff}')), (4, "number,code,face,currency,expires_at"), "{file}");
        let code = lines[1].split(',').nth(1).expect("a code");
        let found = post(&mut ann, &of_tenant(&office, "recharge-cards/find"), json!({"code": code.to_lowercase()})).await.1;
        assert_eq!((&found["card"]["number"], &found["card"]["state"], &found["batch"]["id"]), (&json!(1), &json!("ready"), &json!(id)));
        let find = of_tenant(&office, "recharge-cards/find");
        assert_eq!(refusals(&post(&mut ann, &find, json!({"code": "nothing"})).await.1), [("/code", "recharge_code_invalid")]);
        assert_eq!(post(&mut ann, &of("/void"), json!({"reason": "stolen"})).await.1["void"], 3);
        assert_eq!(post(&mut ann, &of("/void"), json!({"reason": "stolen"})).await.1["code"], "recharge_batch_void");
        let (_, shown) = get(&mut ann, &of("")).await;
        assert_eq!((&shown["ready"], &shown["batch"]["void_reason"]), (&json!(0), &json!("stolen")));
        let (_, cards) = get(&mut ann, &of("/cards?limit=2")).await;
        assert_eq!((cards["data"].as_array().map(Vec::len), &cards["has_more"]), (Some(2), &json!(true)));
        let next = cards["next_cursor"].as_str().expect("more").to_owned();
        assert_eq!(get(&mut ann, &of(&format!("/cards?cursor={next}"))).await.1["data"][0]["number"], 3);
        assert_eq!(column(&get(&mut ann, &path).await.1, "name"), ["春节"]);
    }

    async fn cards_that_may_not_be_are_refused_at_their_fields(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = of_tenant(&office, "recharge-batches");
        for (field, value, pointer, code) in [
            ("count", json!(0), "/count", "value_out_of_range"),
            ("count", json!(10_001), "/count", "value_out_of_range"),
            ("face", cny(100_001), "/face/amount_minor", "value_out_of_range"),
            ("face", cny(-1), "/face/amount_minor", "amount_negative"),
            ("name", json!(""), "/name", "text_empty"),
            ("origin", json!("found"), "/origin", "word_unknown"),
            ("expires_at", json!("2026-12-01T00:00:00Z"), "/expires_at", "value_out_of_range"),
        ] {
            let mut sent = batch();
            sent[field] = value;
            let (status, refused) = post(&mut ann, &path, sent).await;
            assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, vec![(pointer, code)]));
        }
        // A clerk sees them and makes none.
        let mut cid = office.logged_in_as("cid@example.com").await;
        assert_eq!(get(&mut cid, &path).await.0, StatusCode::OK);
        assert_eq!(post(&mut cid, &path, batch()).await.0, StatusCode::FORBIDDEN);
    }

    async fn a_clerk_asks_and_the_owner_approves(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut cid) = (office.logged_in().await, office.logged_in_as("cid@example.com").await);
        let path = of_tenant(&office, "adjustments");
        let ask = json!({"site": "north", "direction": "add", "amount": cny(300_00), "cause": "deposit", "reason": "B-77"});
        let (status, asked) = post(&mut cid, &path, ask.clone()).await;
        assert_eq!((status, &asked["state"]), (StatusCode::OK, &json!("requested")), "{asked}");
        let id = asked["id"].as_str().expect("an id").to_owned();
        let of = |rest: &str| of_tenant(&office, &format!("adjustments/{id}{rest}"));
        assert_eq!(post(&mut cid, &of("/approve"), json!({})).await.0, StatusCode::FORBIDDEN);
        assert_eq!(post(&mut ann, &of("/cancel"), json!({})).await.1["code"], "adjustment_not_yours");
        assert_eq!(post(&mut ann, &of("/approve"), json!({})).await.1["state"], "approved");
        assert_eq!(post(&mut ann, &of("/approve"), json!({})).await.1["code"], "adjustment_state");
        let (_, list) = get(&mut ann, &format!("{path}?state=approved")).await;
        assert_eq!((column(&list, "reason"), column(&list, "direction")), (vec!["B-77"], vec!["add"]));
        // Her own she cannot approve.
        let (_, asked) = post(&mut ann, &path, ask).await;
        let own = of_tenant(&office, &format!("adjustments/{}/approve", asked["id"].as_str().expect("an id")));
        let (status, refused) = post(&mut ann, &own, json!({})).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("second_person_needed")));
        let nobody = json!({"direction": "up", "amount": cny(1), "cause": "theft", "reason": ""});
        assert_eq!(refusals(&post(&mut cid, &path, nobody).await.1), [
            ("/customer", "one_of_two"), ("/direction", "word_unknown"), ("/cause", "word_unknown"), ("/reason", "text_empty"),
        ]);
        let main = json!({"site": "main", "direction": "add", "amount": cny(1), "cause": "deposit", "reason": "B"});
        assert_eq!(refusals(&post(&mut cid, &path, main).await.1), [("/site", "not_found")]);
    }

    async fn a_site_is_lent_money_and_hands_its_own_on(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let mut cid = office.logged_in_as("cid@example.com").await;
        let at_first = get(&mut sue, &own(&office, "prepaid")).await.1["available"]["amount_minor"].as_i64().expect("an amount");
        let alert = cny(at_first + 150_00);
        let lend = json!({"site": "north", "credit": cny(100_00), "alert_below": alert, "seen": 0});
        let (status, lent) = post(&mut ann, &of_tenant(&office, "credits"), lend.clone()).await;
        assert_eq!((status, &lent["more"], &lent["credit_version"]), (StatusCode::OK, &cny(100_00), &json!(1)), "{lent}");
        assert_eq!(post(&mut ann, &of_tenant(&office, "credits"), lend).await.1["code"], "changed_meanwhile");
        let (_, low) = get(&mut ann, &of_tenant(&office, "prepaid?low=true")).await;
        assert_eq!((low["data"].as_array().map(Vec::len), &low["data"][0]["credit"]), (Some(1), &cny(100_00)), "{low}");
        let hand_on = json!({"to": "deep", "amount": cny(at_first + 10_00), "note": "stock up"});
        let refused = post(&mut sue, &own(&office, "prepaid-moves"), hand_on.clone()).await.1;
        assert_eq!(refused["code"], "insufficient_funds", "what was lent is not handed on: {refused}");
        let ask = json!({"site": "north", "direction": "add", "amount": cny(60_00), "cause": "deposit", "reason": "B-1"});
        let asked = post(&mut cid, &of_tenant(&office, "adjustments"), ask).await.1;
        let approve = format!("adjustments/{}/approve", asked["id"].as_str().expect("an id"));
        post(&mut ann, &of_tenant(&office, &approve), json!({})).await;
        let (status, moved) = post(&mut sue, &own(&office, "prepaid-moves"), hand_on.clone()).await;
        assert_eq!((status, &moved["amount"]), (StatusCode::OK, &cny(at_first + 10_00)), "{moved}");
        let (_, prepaid) = get(&mut sue, &own(&office, "prepaid")).await;
        assert_eq!((&prepaid["available"], &prepaid["owed"], &prepaid["is_low"]), (&cny(150_00), &cny(0), &json!(at_first > 0)));
        let (_, moves) = get(&mut sue, &own(&office, "prepaid-moves")).await;
        assert_eq!(column(&moves, "note"), ["stock up"]);
        assert_eq!(get(&mut sue, &own(&office, "prepaid-moves?side=in")).await.1["data"], json!([]));
        let aside = json!({"to": "south", "amount": cny(1)});
        assert_eq!(refusals(&post(&mut sue, &own(&office, "prepaid-moves"), aside).await.1), [("/to", "not_found")]);
        // The main site's owner does not hand on what is a site's.
        assert_eq!(post(&mut ann, &own(&office, "prepaid-moves"), hand_on).await.0, StatusCode::NOT_FOUND);
    }

    async fn rules_of_bonuses_are_versions(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = of_tenant(&office, "top-up-rules");
        assert_eq!(get(&mut ann, &path).await.1["data"], json!([]));
        let tier = |from: i64, gives: Value| json!({"from": cny(from), "gives": gives});
        let share = json!({"kind": "share", "rate_ppm": 100_000});
        let rules = json!({
            "tiers": [tier(100_00, json!({"kind": "fixed", "amount": cny(5_00)})), tier(500_00, share.clone())],
            "most": cny(60_00), "month": cny(200_00),
        });
        let (status, saved) = post(&mut ann, &path, json!({"rules": rules})).await;
        assert_eq!((status, &saved["is_in_force"], &saved["rules"]), (StatusCode::CREATED, &json!(true), &rules), "{saved}");
        let bad = |tiers: Value| json!({"rules": {"tiers": tiers}});
        for (sent, pointer) in [
            (bad(json!([tier(100, json!({"kind": "fixed", "amount": cny(101)}))])), "/rules"),
            (bad(json!([tier(200, share.clone()), tier(100, share.clone())])), "/rules"),
            (bad(json!([tier(100, json!({"kind": "share", "rate_ppm": 0}))])), "/rules"),
            (bad(json!([tier(-1, share.clone())])), "/rules/tiers/0/from/amount_minor"),
            (json!({"rules": {"tiers": [], "most": cny(0)}}), "/rules"),
        ] {
            let (status, refused) = post(&mut ann, &path, sent).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
            assert_eq!(refusals(&refused)[0].0, pointer, "{refused}");
        }
        let (_, saved) = post(&mut ann, &path, json!({"rules": {"tiers": []}})).await;
        assert_eq!(saved["version"], 2);
        let early = json!({"rules": {"tiers": []}, "effective_from": "2020-01-01T00:00:00Z"});
        assert_eq!(post(&mut ann, &path, early).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let mut cid = office.logged_in_as("cid@example.com").await;
        assert_eq!(get(&mut cid, &path).await.1["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(post(&mut cid, &path, json!({"rules": {"tiers": []}})).await.0, StatusCode::FORBIDDEN);
    }
}
