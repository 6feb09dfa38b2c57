//! Agents and plans, as the owner of a site and the main site's people write them.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, post, put, refusals};

fn of_tenant(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn own(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/sites/{}/{rest}", office.grove, office.tree.north)
}

fn plan(rules: &Value) -> Value {
    json!({"mode": "tiers", "touch": "last", "window_days": 30, "notice_days": 7, "rules": rules})
}

fn share(about: &str, which: Option<&str>, rate_ppm: u32) -> Value {
    json!({"about": about, "which": which, "tier": 0, "earns": {"kind": "share", "base": "margin", "rate_ppm": rate_ppm}})
}

testkit::on_both! {
    async fn a_site_appoints_its_own_agents_and_the_main_site_can_only_stop_them(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        // Whoever is another site's customer is not there, for the main site neither.
        for (login, path, console) in [
            ("emil@example.com", own(&office, "agents"), &mut sue),
            ("nora@example.com", of_tenant(&office, "agents"), &mut ann),
        ] {
            let (status, refused) = post(console, &path, json!({"customer": login, "name": "Nora"})).await;
            assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, vec![("/customer", "not_found")]));
        }
        let sent = json!({"customer": "nora@example.com", "name": "Nora", "level": "silver"});
        let (status, nora) = post(&mut sue, &own(&office, "agents"), sent.clone()).await;
        assert_eq!((status, &nora["state"], &nora["version"]), (StatusCode::CREATED, &json!("active"), &json!(1)), "{nora}");
        assert_eq!(nora["links"][0]["path"], format!("/r/{}", nora["links"][0]["code"].as_str().expect("a code")));
        let (status, again) = post(&mut sue, &own(&office, "agents"), sent).await;
        assert_eq!((status, again["code"].as_str()), (StatusCode::CONFLICT, Some("agent_already")));
        let id = nora["id"].as_str().expect("an id").to_owned();
        let (at_tenant, at_site) = (of_tenant(&office, &format!("agents/{id}")), own(&office, &format!("agents/{id}")));
        let said = |level: &str, state: &str| json!({"name": "Nora", "level": level, "state": state});
        let (status, refused) = put(&mut ann, &at_tenant, said("gold", "active")).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("agent_of_another_site")));
        let (_, refused) = post(&mut ann, &format!("{at_tenant}/links"), json!({"campaign": "Spring"})).await;
        assert_eq!(refused["code"], "agent_of_another_site");
        let (status, stopped) = put(&mut ann, &at_tenant, said("silver", "suspended")).await;
        assert_eq!((status, &stopped["changed"]), (StatusCode::OK, &json!(["state"])), "{stopped}");
        let (_, refused) = put(&mut ann, &at_tenant, said("silver", "active")).await;
        assert_eq!(refused["code"], "agent_of_another_site");
        // The owner has read version 1, and the main site has changed it since.
        let back = said("gold", "active");
        let (status, refused) = sue.ask_if(Method::PUT, &at_site, back.clone(), Some("\"1\"".to_owned())).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::PRECONDITION_FAILED, Some("version_moved")));
        let (status, changed) = sue.ask_if(Method::PUT, &at_site, back, Some("\"2\"".to_owned())).await;
        assert_eq!((status, &changed["changed"]), (StatusCode::OK, &json!(["level", "state"])), "{changed}");
        let under_himself = json!({"name": "Nora", "state": "active", "upper": id});
        assert_eq!(put(&mut sue, &at_site, under_himself).await.1["code"], "agent_above_himself");
        let stranger = json!({"name": "Nora", "state": "active", "upper": commission::AgentId::new().to_string()});
        assert_eq!(refusals(&put(&mut sue, &at_site, stranger).await.1), [("/upper", "not_found")]);
        assert_eq!(post(&mut sue, &format!("{at_site}/links"), json!({"campaign": "Spring"})).await.0, StatusCode::CREATED);
        assert_eq!(get(&mut sue, &at_site).await.1["links"].as_array().map(Vec::len), Some(2));
        assert_eq!(column(&get(&mut ann, &of_tenant(&office, "agents?site=north")).await.1, "id"), [id.as_str()]);
        assert_eq!(get(&mut sue, &format!("{at_site}/commissions")).await.1["data"], json!([]));
    }

    async fn a_plan_reads_back_as_it_was_sent_and_says_what_is_wrong_with_it(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let path = of_tenant(&office, "commission-plans");
        let wrong = plan(&json!([share("goods", Some("nothing"), 1), share("nobody", None, 1), share("agent", Some("x"), 1)]));
        let (status, refused) = post(&mut ann, &path, wrong).await;
        let told = [("/rules/0/which", "catalog_not_found"), ("/rules/1/about", "word_unknown"), ("/rules/2/which", "not_found")];
        assert_eq!((status, refusals(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, told.to_vec()), "{refused}");
        let sent = plan(&json!([share("tenant", None, 100_000), share("agent_level", Some("gold"), 200_000)]));
        let (status, first) = post(&mut ann, &path, sent.clone()).await;
        assert_eq!((status, &first["is_in_force"]), (StatusCode::CREATED, &json!(true)), "{first}");
        let (_, list) = get(&mut ann, &path).await;
        for field in ["mode", "touch", "window_days", "notice_days"] {
            assert_eq!(list["data"][0][field], sent[field]);
        }
        let rules = list["data"][0]["rules"].as_array().expect("rules");
        let about: Vec<_> = rules.iter().map(|rule| (rule["about"].as_str(), rule["which"].as_str())).collect();
        assert_eq!(about, [(Some("tenant"), None), (Some("agent_level"), Some("gold"))]);
        let (status, refused) = post(&mut ann, &path, plan(&json!([share("tenant", None, 1), share("tenant", None, 2)]))).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("plan_rule_twice")));
        // North is told of a rule for its own agent, and not of another site's.
        let sent = json!({"customer": "nora@example.com", "name": "Nora"});
        let (_, nora) = post(&mut sue, &own(&office, "agents"), sent).await;
        let nora = nora["id"].as_str().expect("an id");
        let (_, later) = post(&mut ann, &path, plan(&json!([share("tenant", None, 100_000), share("agent", Some(nora), 300_000)]))).await;
        assert_eq!(later["is_in_force"], false, "a site below pays more: {later}");
        let rules_of = |list: &Value| list["data"][0]["rules"].as_array().map(Vec::len);
        assert_eq!(rules_of(&get(&mut sue, &own(&office, "commission-plans")).await.1), Some(2));
        let east = format!("/api/v1/tenants/{}/sites/{}/commission-plans", office.grove, office.tree.east);
        assert_eq!(get(&mut sue, &east).await.0, StatusCode::NOT_FOUND);
        assert_eq!(sue.ask(Method::POST, &path, plan(&json!([]))).await.0, StatusCode::NOT_FOUND);
    }
}
