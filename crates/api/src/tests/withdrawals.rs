//! Being paid: from the site that asks to the bank's answer.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use kernel::{Currency, Money, Platform};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Console, Office, PASSWORD};
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

/// The site in the north has so much available.
async fn earn(office: &Office, minor: i64) {
    let tx = office.rooms.store.write(&Platform::assume().tenant(office.grove)).await.expect("a writer");
    let posting = |account, minor| Posting { account, amount: Money::new(minor, Currency::CNY) };
    let available = Account::of(AccountKind::SiteAvailable, office.tree.north.uuid(), Currency::CNY);
    let postings = [posting(available, minor), posting(Account::own(AccountKind::Opening, Currency::CNY), -minor)];
    let entry = Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "earned", postings).expect("balanced");
    let mut book = Book::new(office.grove);
    book.post(entry).expect("posted");
    book.write_in(&tx, Uuid::now_v7()).await.expect("written");
    tx.commit().await.expect("committed");
}

fn payee(holder: &str, password: &str) -> Value {
    json!({"means": "bank", "holder": holder, "number": "6222 0212 0000 1234", "bank": "=某银行", "password": password})
}

/// The id of a payee that can be used at once.
async fn cooled(office: &Office, (ann, sue): (&mut Console, &mut Console)) -> String {
    let (_, told) = get(sue, &own(office, "withdrawal-rules")).await;
    let mut rules = told["now"].clone();
    rules["cool_down_hours"] = json!(0);
    let (status, saved) = post(ann, &of_tenant(office, "withdrawal-rules"), json!({"rules": rules})).await;
    assert_eq!((status, &saved["is_in_force"]), (StatusCode::CREATED, &json!(true)), "{saved}");
    let (status, made) = post(sue, &own(office, "payees"), payee("张三", PASSWORD)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

testkit::on_both! {
    async fn a_payee_is_masked_and_needs_the_password_once_more(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let path = own(&office, "payees");
        let (status, refused) = post(&mut sue, &path, payee("张三", "not the password")).await;
        assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, vec![("/password", "password_wrong")]));
        let nothing = json!({"means": "cash", "holder": " ", "number": "1", "password": PASSWORD});
        let (_, refused) = post(&mut sue, &path, nothing).await;
        assert_eq!(refusals(&refused), [("/means", "word_unknown"), ("/number", "account_number_invalid")]);
        let (status, made) = post(&mut sue, &path, payee("张三", PASSWORD)).await;
        assert_eq!((status, &made["holder"], &made["number"]), (StatusCode::CREATED, &json!("张**"), &json!("****1234")));
        assert_eq!(post(&mut sue, &path, payee("李四", PASSWORD)).await.1["code"], "payee_name_differs");
        let (_, list) = get(&mut sue, &path).await;
        assert_eq!(column(&list, "number"), ["****1234"]);
        let id = made["id"].as_str().expect("an id").to_owned();
        let asked = post(&mut sue, &own(&office, "withdrawals"), json!({"amount": cny(20_00), "payee": id})).await;
        assert_eq!(asked.1["code"], "insufficient_funds");
        let remove = own(&office, &format!("payees/{id}/remove"));
        assert_eq!(post(&mut sue, &remove, json!({"password": "wrong"})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(post(&mut sue, &remove, json!({"password": PASSWORD})).await.0, StatusCode::NO_CONTENT);
        assert_eq!(get(&mut sue, &path).await.1["data"], json!([]));
        // What is another site's is not there.
        let mut ann = office.logged_in().await;
        assert_eq!(get(&mut ann, &path).await.0, StatusCode::NOT_FOUND);
    }

    async fn a_site_asks_and_is_paid_by_the_banks_word(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        earn(&office, 100_00).await;
        let payee = cooled(&office, (&mut ann, &mut sue)).await;
        let ask = json!({"amount": cny(60_00), "payee": payee});
        assert_eq!(refusals(&post(&mut sue, &own(&office, "withdrawals"), json!({"amount": {"amount_minor": 1, "currency": "USD"}, "payee": payee})).await.1), [("/amount/currency", "currency_foreign")]);
        let (status, asked) = post(&mut sue, &own(&office, "withdrawals"), ask.clone()).await;
        assert_eq!((status, &asked["state"]), (StatusCode::OK, &json!("requested")), "{asked}");
        // The same key again is the same withdrawal; another one is one too many.
        assert_eq!(sue.ask(Method::POST, &own(&office, "withdrawals"), ask.clone()).await.1, asked);
        assert_eq!(sue.headers["idempotent-replayed"], "true");
        let (status, refused) = post(&mut sue, &own(&office, "withdrawals"), ask).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("withdrawal_one_at_a_time")));
        let earnings = get(&mut sue, &own(&office, "earnings")).await.1;
        assert_eq!((&earnings["available"], &earnings["locked"]), (&cny(40_00), &cny(60_00)));
        let id = asked["id"].as_str().expect("an id").to_owned();
        let path = |rest: &str| of_tenant(&office, &format!("withdrawals/{id}{rest}"));
        let mut cid = office.logged_in_as("cid@example.com").await;
        assert_eq!(get(&mut cid, &path("")).await.0, StatusCode::FORBIDDEN);
        assert_eq!(post(&mut sue, &path("/approve"), json!({"name_checked": true})).await.0, StatusCode::NOT_FOUND);
        let (status, refused) = post(&mut ann, &path("/approve"), json!({})).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("payee_name_unchecked")));
        let opened = post(&mut ann, &path("/payee"), json!({})).await.1;
        assert_eq!((&opened["holder"], &opened["number"]), (&json!("张三"), &json!("6222021200001234")));
        assert_eq!(post(&mut ann, &path("/approve"), json!({"name_checked": true})).await.1["state"], "approved");
        let (status, sent) = post(&mut ann, &of_tenant(&office, "payouts"), json!({"withdrawals": [id]})).await;
        assert_eq!((status, &sent["net"], &sent["sent"]), (StatusCode::OK, &cny(60_00), &json!([id])), "{sent}");
        let payout = sent["id"].as_str().expect("an id").to_owned();
        let of_payout = |rest: &str| of_tenant(&office, &format!("payouts/{payout}{rest}"));
        let (_, file) = ann.send(&of_payout("/file"), String::new()).await;
        let line = format!("{id},bank,张三,6222021200001234,'=某银行,60.00,CNY\r\n");
        assert!(file.ends_with(&line), "{file}");
        let (status, workbook) = ann.send(&of_payout("/file?format=xlsx"), String::new()).await;
        assert!(status == StatusCode::OK && workbook.starts_with("PK") && workbook.contains("xl/worksheets/sheet1.xml"));
        assert!(ann.send(&of_payout("/file?format=html"), String::new()).await.1.contains("filter_unknown"));
        let results = format!("reference,result,note\r\n{id},paid,B-1\r\nwdr_nothing,paid,\r\n{id},returned,\r\n{id},lost,\r\n");
        let (status, told) = ann.send(&of_payout("/results"), results.clone()).await;
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((status, &told["rows"], &told["paid"]), (StatusCode::OK, &json!(4), &json!(1)), "{told}");
        let faults: Vec<(u64, &str)> = told["faults"].as_array().expect("faults").iter()
            .map(|fault| (fault["row"].as_u64().expect("a row"), fault["code"].as_str().expect("a code"))).collect();
        assert_eq!(faults, [(3, "not_found"), (4, "text_empty"), (5, "word_unknown")]);
        ann.sent.insert("idempotency-key", "another".parse().expect("a header"));
        let (_, again) = ann.send(&of_payout("/results"), results).await;
        assert_eq!(serde_json::from_str::<Value>(&again).expect("JSON")["same"], json!(1), "{again}");
        let (_, shown) = get(&mut ann, &path("")).await;
        assert_eq!((&shown["withdrawal"]["state"], &shown["withdrawal"]["note"]), (&json!("paid"), &json!("B-1")));
        let kinds: Vec<&str> = shown["events"].as_array().expect("events").iter().filter_map(|one| one["kind"].as_str()).collect();
        assert_eq!(kinds, ["requested", "opened", "approved", "sent", "opened", "opened", "paid"]);
        assert_eq!(column(&get(&mut sue, &own(&office, "withdrawals")).await.1, "state"), ["paid"]);
        assert_eq!(column(&get(&mut ann, &of_tenant(&office, "withdrawals?state=paid&site=north")).await.1, "id"), [id.as_str()]);
        assert_eq!(get(&mut ann, &of_tenant(&office, "withdrawals?state=requested")).await.1["data"], json!([]));
        // It comes back after all.
        let (_, back) = post(&mut ann, &path("/returned"), json!({"reason": "the account is closed"})).await;
        assert_eq!((&back["state"], &back["was_so"]), (&json!("returned"), &json!(false)), "{back}");
        assert_eq!(get(&mut sue, &own(&office, "earnings")).await.1["available"], cny(100_00));
    }

    async fn a_file_of_results_that_cannot_be_read_changes_nothing(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        earn(&office, 100_00).await;
        let payee = cooled(&office, (&mut ann, &mut sue)).await;
        let (_, asked) = post(&mut sue, &own(&office, "withdrawals"), json!({"amount": cny(60_00), "payee": payee})).await;
        let id = asked["id"].as_str().expect("an id").to_owned();
        let nothing = post(&mut ann, &of_tenant(&office, "payouts"), json!({"withdrawals": []})).await.1;
        assert_eq!(refusals(&nothing), [("/withdrawals", "value_out_of_range")]);
        let (status, early) = post(&mut ann, &of_tenant(&office, "payouts"), json!({"withdrawals": [id]})).await;
        assert_eq!((status, early["code"].as_str()), (StatusCode::CONFLICT, Some("withdrawal_state")));
        let approve = of_tenant(&office, &format!("withdrawals/{id}/approve"));
        post(&mut ann, &approve, json!({"name_checked": true})).await;
        let (_, sent) = post(&mut ann, &of_tenant(&office, "payouts"), json!({"withdrawals": [id]})).await;
        let path = of_tenant(&office, &format!("payouts/{}/results", sent["id"].as_str().expect("an id")));
        for (file, code) in [
            (format!("{id},paid,\r\n"), "sheet_columns"),
            ("reference,result,note\r\n\"open".to_owned(), "sheet_quotes"),
            (String::new(), "sheet_columns"),
        ] {
            let (status, told) = ann.send(&path, file).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
            assert!(told.contains(code), "{told}");
        }
        let (status, told) = ann.send(&path, "x".repeat(3 << 20)).await;
        assert_eq!((status, told.contains("body_too_large")), (StatusCode::PAYLOAD_TOO_LARGE, true), "{told}");
        let shown = get(&mut ann, &of_tenant(&office, &format!("withdrawals/{id}"))).await.1;
        assert_eq!(shown["withdrawal"]["state"], "sent");
        let nowhere = of_tenant(&office, &format!("payouts/{}/results", withdrawal::PayoutId::new()));
        assert_eq!(ann.send(&nowhere, String::new()).await.0, StatusCode::NOT_FOUND);
    }

    async fn rules_read_back_and_what_hurts_is_announced(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let path = of_tenant(&office, "withdrawal-rules");
        let rules = json!({
            "minimum": cny(20_00), "maximum": null, "fee_rate_ppm": 6_000, "fee_minimum": cny(1_00),
            "fee_maximum": cny(25_00), "daily_count": 3, "daily_amount": null, "two_persons_from": cny(1_000_00),
            "cool_down_hours": 48, "tax": {"kind": "withhold", "rate_ppm": 200_000, "free": cny(800_00)}, "may_convert": false,
        });
        let usual = get(&mut sue, &own(&office, "withdrawal-rules")).await.1;
        assert_eq!((&usual["now"]["minimum"], &usual["announced"]), (&cny(10_00), &json!([])));
        let (status, saved) = post(&mut ann, &path, json!({"rules": rules})).await;
        assert_eq!((status, &saved["is_in_force"], &saved["rules"]), (StatusCode::CREATED, &json!(false), &rules), "{saved}");
        let announced = get(&mut sue, &own(&office, "withdrawal-rules")).await.1;
        assert_eq!((&announced["announced"][0]["rules"], &announced["now"]), (&rules, &usual["now"]));
        db.clock.advance(TimeDelta::days(7));
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        assert_eq!(get(&mut sue, &own(&office, "withdrawal-rules")).await.1, json!({"now": rules, "announced": []}));
        assert_eq!(get(&mut ann, &path).await.1["data"][0]["is_in_force"], json!(true));
        let mut wrong = rules.clone();
        wrong["daily_count"] = json!(0);
        assert_eq!(post(&mut ann, &path, json!({"rules": wrong})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let mut foreign = rules;
        foreign["tax"]["free"]["currency"] = json!("USD");
        let (_, refused) = post(&mut ann, &path, json!({"rules": foreign})).await;
        assert_eq!(refusals(&refused), [("/rules/tax/free/currency", "currency_foreign")]);
        let converted = post(&mut sue, &own(&office, "conversions"), json!({"amount": cny(1)})).await.1;
        assert_eq!(converted["code"], "conversion_off");
    }
}
