//! The same key with another body, at every door of the API that takes a key.

use axum::http::{Method, StatusCode};

use crate::isolation::fixture::{Fixture, HOME, Sent};

testkit::on_both! {
    async fn a_key_that_is_used_for_something_else_is_refused_alike_everywhere(db) {
        let fixture = Fixture::open(&db).await;
        let (home, cookie) = (fixture.target(HOME, "main"), format!("session={}", fixture.staff[&(HOME, "owner")]));
        let names = &home.names;
        let tenant = format!("/api/v1/tenants/{}", names["tenant"]);
        let doors = [
            (format!("{tenant}/orders/{}/refund", names["order"]), [r#"{"reason":"he asked"}"#, r#"{"reason":"she asked"}"#]),
            (format!("{tenant}/fulfilments/{}", names["line"]), [r#"{"act":"take"}"#, r#"{"act":"fail","reason":"no"}"#]),
            (format!("{tenant}/stock/{}/imports?file_name=new.txt", names["sku"]), ["NEW-1\n", "NEW-2\n"]),
        ];
        for (path, [first, other]) in doors {
            let kind = if path.contains("/imports") { "application/octet-stream" } else { "application/json" };
            let ask = |body| {
                let sent = Sent { method: Method::POST, host: api::CONSOLE_HOST, path: &path, cookie: &cookie, kind, body };
                fixture.ask_with_key(sent, "the-same-key")
            };
            let (status, text) = ask(first).await;
            assert!(status.is_success(), "{path}: {status} {text}");
            let (status, text) = ask(other).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {text}");
            assert!(text.contains("\"code\":\"idempotency_key_reused\""), "{path}: {text}");
            let (status, text) = ask(first).await;
            assert!(status.is_success(), "{path}, again: {status} {text}");
        }
    }
}
