//! Closed days, statements, what is owed, profit.

use axum::http::StatusCode;
use chrono::TimeDelta;
use kernel::{Clock, Day, Platform};
use serde_json::{Value, json};
use testkit::TestDb;

use super::fixture::Office;
use super::{column, get};

fn of_tenant(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

/// The amounts of these fields of a row.
fn minor(row: &Value, fields: &[&str]) -> Vec<i64> {
    fields
        .iter()
        .map(|field| row[*field]["amount_minor"].as_i64().unwrap_or_else(|| panic!("{field} of {row}")))
        .collect()
}

/// A sale, a card that was replaced, and the night: answers the day, which is closed.
async fn a_day(db: &TestDb) -> (Office, Day) {
    let office = Office::open(db).await;
    let day = Day::of(db.clock.now());
    office.nora_buys().await;
    db.clock.advance(day.after(1).begins() + TimeDelta::minutes(20) - db.clock.now());
    let closed = office.rooms.books.close_days(&Platform::assume().tenant(office.grove)).await.expect("closed");
    assert_eq!(closed.days, [day]);
    (office, day)
}

testkit::on_both! {
    async fn a_closed_day_is_listed_told_and_printed(db) {
        let (office, day) = a_day(&db).await;
        let mut ann = office.logged_in().await;
        let (status, list) = get(&mut ann, &of_tenant(&office, "closings")).await;
        assert_eq!((status, column(&list, "day")), (StatusCode::OK, vec![day.to_string().as_str()]), "{list}");
        let (status, told) = get(&mut ann, &of_tenant(&office, &format!("closings/{day}"))).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let row = |kind: &str| told["accounts"].as_array().expect("rows").iter().find(|row| row["kind"] == kind).expect("it is there");
        assert_eq!(minor(row("wallet"), &["opening", "debits", "credits", "closing"]), [0, 1_000, 1_000, 0]);
        // What anybody can verify who has the file and the key.
        let key = books::PublicKey::parse(told["public_key"].as_str().expect("PEM")).expect("a key");
        use base64::Engine;
        let signature = base64::engine::general_purpose::STANDARD.decode(told["signature"].as_str().expect("text")).expect("base 64");
        let document = told["document"].as_str().expect("text");
        assert!(books::verify(&key, document.as_bytes(), &signature));
        assert!(!books::verify(&key, document.replace("1000", "1001").as_bytes(), &signature));
        let page = ann.text(&of_tenant(&office, &format!("closings/{day}/file?format=html&language=en"))).await;
        assert!(page.contains("<td>Wallet</td>") && page.contains(&day.to_string()), "{page}");
        let policy = ann.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
        for (path, status) in [("closings/2020-01-01", 404), ("closings/today", 404), ("closings/2020-01-01/file?format=csv", 404)] {
            assert_eq!(get(&mut ann, &of_tenant(&office, path)).await.0.as_u16(), status, "{path}");
        }
        let path = of_tenant(&office, &format!("closings/{day}/file?format=pdf"));
        assert_eq!(get(&mut ann, &path).await.1["code"], "filter_unknown");
        let mut bob = office.logged_in_as("bob@example.com").await;
        let theirs = format!("/api/v1/tenants/{}/closings/{day}", office.other);
        assert_eq!(get(&mut bob, &theirs).await.0, StatusCode::NOT_FOUND);
    }

    async fn statements_are_of_those_whose_money_it_is(db) {
        let (office, day) = a_day(&db).await;
        let mut ann = office.logged_in().await;
        let path = |party: &str, more: &str| of_tenant(&office, &format!("statements?party={party}&from={day}&to={day}{more}"));
        let (status, site) = get(&mut ann, &path(&office.tree.north.to_string(), "&language=en")).await;
        assert_eq!(status, StatusCode::OK, "{site}");
        assert_eq!(column(&json!({"data": site["sections"]}), "kind"), ["site_pending", "site_prepaid"]);
        let prepaid = &site["sections"][1];
        assert_eq!(minor(prepaid, &["opening", "closing"]), [0, 5_000]);
        assert_eq!((&prepaid["lines"][0]["reason"], minor(&prepaid["lines"][0], &["amount", "balance"])), (&json!("paid in"), vec![5_000, 5_000]));
        // The night before there was nothing, and the next day opens with what was left.
        let next = day.after(1);
        let (_, later) = get(&mut ann, &of_tenant(&office, &format!("statements?party={}&from={next}&to={next}", office.tree.north))).await;
        assert_eq!(minor(&later["sections"][1], &["opening", "closing"]), [5_000, 5_000], "{later}");
        let csv = ann.text(&path(&office.tree.north.to_string(), "&format=csv")).await;
        assert!(csv.contains("分站预存款") && csv.contains("50.00"), "{csv}");
        assert!(ann.headers["content-disposition"].to_str().expect("text").starts_with("attachment; filename=\"statement-sit_"));
        let mut sue = office.logged_in_as("sue@example.com").await;
        let own = format!("/api/v1/tenants/{}/sites/{}/statement?from={day}&to={day}&language=en", office.grove, office.tree.north);
        assert_eq!(get(&mut sue, &own).await.1["sections"], site["sections"]);
        let agent = "agt_00000000000000000000000000";
        for path in [path(&office.foreign.north.to_string(), ""), path("cus_00000000000000000000000000", ""), path(agent, ""), path("north", "")] {
            assert_eq!(get(&mut ann, &path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(get(&mut sue, &format!("{own}&party={agent}")).await.0, StatusCode::NOT_FOUND);
        for (from, to, code) in [("2026-11-02", "2026-11-01", "period_invalid"), ("2024-01-01", "2026-01-01", "period_invalid"), ("2026-11-31", "2026-12-01", "filter_unknown")] {
            let path = of_tenant(&office, &format!("statements?party={}&from={from}&to={to}", office.tree.north));
            assert_eq!(get(&mut ann, &path).await.1["code"], code, "{from} {to}");
        }
    }

    async fn profit_is_what_the_books_say_however_it_is_cut(db) {
        let (office, day) = a_day(&db).await;
        let mut ann = office.logged_in().await;
        let (_, closed) = get(&mut ann, &of_tenant(&office, &format!("closings/{day}"))).await;
        let closing = |kind: &str| {
            let rows = closed["accounts"].as_array().expect("rows");
            rows.iter().filter(|row| row["kind"] == kind).map(|row| minor(row, &["closing"])[0]).sum::<i64>()
        };
        for by in ["day", "site", "goods"] {
            let (status, told) = get(&mut ann, &of_tenant(&office, &format!("profit?by={by}&from={day}&to={day}&language=en"))).await;
            let [row] = told["data"].as_array().expect("rows").as_slice() else { panic!("one row: {told}") };
            assert_eq!((status, &row["pieces"], &row["sold_minor"]), (StatusCode::OK, &json!(1), &json!(1_000)), "{told}");
            for (field, kind) in [("revenue_minor", "revenue"), ("cost_minor", "cost_of_goods"), ("margins_minor", "site_pending")] {
                assert_eq!(row[field], closing(kind), "{field} of {told}");
            }
            let expected = match by {
                "day" => json!([day.to_string(), null]),
                "site" => json!([office.tree.north, row["name"]]),
                _ => json!([row["key"], row["name"]]),
            };
            assert_eq!(json!([row["key"], row["name"]]), expected);
        }
        let (_, agents) = get(&mut ann, &of_tenant(&office, &format!("profit?by=agent&from={day}&to={day}"))).await;
        assert_eq!(agents["data"], json!([]));
        let page = ann.text(&of_tenant(&office, &format!("profit?by=goods&from={day}&to={day}&format=html&language=en"))).await;
        assert!(page.contains("<td class=\"number\">10.00</td>"), "{page}");
        assert_eq!(get(&mut ann, &of_tenant(&office, &format!("profit?by=week&from={day}&to={day}"))).await.1["code"], "filter_unknown");
        let (status, aging) = get(&mut ann, &of_tenant(&office, "aging")).await;
        assert_eq!((status, &aging["debtors"]), (StatusCode::OK, &json!([])));
        let pending: i64 = aging["pending"].as_array().expect("rows").iter().map(|due| minor(due, &["amount"])[0]).sum();
        assert_eq!(pending, closing("site_pending"), "{aging}");
    }
}
