//! Lists in their orders, and what search machines read.

use axum::http::{Method, StatusCode};
use catalog::{Form, GoodsKind};
use kernel::Wording;
use tenancy::TenantState;
use web::Bounds;

use super::browser::Browser;
use super::fixture::{MAIN, OTHER, SUB, Town};

/// Which of both goods stands first.
async fn first(town: &Town, query: &str) -> &'static str {
    let page = town.browser(MAIN).get(&format!("/search?sort={query}")).await;
    let place = |code: &str| page.text.find(&format!("/goods/{code}\"")).unwrap_or_else(|| panic!("{}", page.text));
    if place("starfall") < place("avatar") { "starfall" } else { "avatar" }
}

testkit::on_both! {
    async fn goods_are_sorted_by_what_was_sold_and_when_they_came(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, Form::default()).await;
        assert_eq!((first(&town, "").await, first(&town, "new").await), ("starfall", "avatar"));
        assert_eq!(first(&town, "sold").await, "starfall", "nothing was sold, the shop's order counts");
        let mut browser = town.buyer(MAIN).await;
        let page = browser.get("/goods/avatar").await;
        let sku = page.field("sku");
        let to = browser.post("/goods/avatar", &[("sku", &sku), ("quantity", "1")]).await;
        let checkout = browser.get(to.header("location")).await;
        assert_eq!(browser.submit(&checkout, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(first(&town, "sold").await, "starfall", "the figures of the last minutes are shown");
        town.clock.advance(chrono::TimeDelta::minutes(11));
        assert_eq!(first(&town, "sold").await, "avatar");
        browser.buy(&[("quantity", "2")]).await;
        town.clock.advance(chrono::TimeDelta::minutes(11));
        assert_eq!(first(&town, "sold").await, "starfall");
        town.clock.advance(chrono::TimeDelta::days(31));
        assert_eq!(first(&town, "new").await, "avatar");
    }

    async fn a_page_names_its_own_address_in_every_language(db) {
        let town = Town::open(&db).await;
        let page = town.browser("grove.example.com:8080").get("/goods/starfall?lang=en&x=1").await;
        for tag in [
            "<link rel=\"canonical\" href=\"http://grove.example.com:8080/goods/starfall?lang=en\">",
            "hreflang=\"zh-CN\" href=\"http://grove.example.com:8080/goods/starfall?lang=zh-CN\">",
            "hreflang=\"x-default\" href=\"http://grove.example.com:8080/goods/starfall\">",
        ] {
            assert!(page.text.contains(tag), "{tag}: {}", page.text);
        }
        let mut browser = town.browser(MAIN);
        for path in ["/", "/categories/games", "/terms", "/notices"] {
            let page = browser.get(path).await;
            let canonical = format!("rel=\"canonical\" href=\"http://grove.example.com{path}\"");
            assert!(page.text.contains(&canonical) && !page.text.contains("noindex"), "{path}: {}", page.text);
        }
        for path in ["/search", "/categories/games?min=1", "/lookup", "/login", "/register", "/orders", "/nothing"] {
            let page = browser.get(path).await;
            assert!(page.text.contains("noindex") && !page.text.contains("canonical"), "{path}: {}", page.text);
        }
    }

    async fn goods_are_told_to_machines_without_ending_the_script(db) {
        let title = Wording::new("星</script><b>&", "Star");
        let town = Town::open_with(&db, Bounds::default(), title).await;
        let page = town.browser(MAIN).get("/goods/starfall").await;
        let (_, rest) = page.text.split_once("<script type=\"application/ld+json\">").expect("data");
        let data: serde_json::Value = serde_json::from_str(rest.split("</script>").next().expect("an end")).expect("JSON");
        assert_eq!(data["@type"], "Product");
        assert_eq!(data["name"], "星</script><b>&");
        assert_eq!((&data["offers"]["price"], &data["offers"]["priceCurrency"]), (&"10.00".into(), &"CNY".into()));
        assert_eq!(data["offers"]["availability"], "https://schema.org/InStock");
        assert_eq!(data["offers"]["seller"]["name"], "Grove Ltd");
        let url = "http://grove.example.com/goods/starfall";
        assert_eq!(data["offers"]["url"], url);
    }

    async fn machines_are_told_where_they_may_look(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, Form::default()).await;
        let robots = town.browser(MAIN).get("/robots.txt").await;
        assert!(robots.text.contains("Disallow: /orders\n"), "{}", robots.text);
        assert!(robots.text.ends_with("Sitemap: http://grove.example.com/sitemap.xml\n"), "{}", robots.text);
        let map = town.browser(SUB).get("/sitemap.xml").await;
        assert_eq!(map.header("content-type"), "application/xml; charset=utf-8");
        for path in ["/", "/categories/games", "/goods/starfall", "/goods/avatar", "/terms"] {
            assert!(map.text.contains(&format!("<loc>http://sub.grove.example.com{path}</loc>")), "{path}: {}", map.text);
        }
        let other = town.browser(OTHER).get("/sitemap.xml").await;
        assert!(!other.text.contains("avatar") && !other.text.contains("grove.example.com"), "{}", other.text);
        town.set_tenant_state(TenantState::Suspended).await;
        for path in ["/", "/sitemap.xml", "/robots.txt", "/goods/starfall"] {
            let page = town.browser(MAIN).get(path).await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            let id = page.header("x-request-id").to_owned();
            assert!(page.text.contains("content=\"noindex\"") && page.text.contains(&id), "{path}: {}", page.text);
            assert!(page.text.contains("class=\"btn\" href=\"/\""), "a next step: {}", page.text);
        }
    }

    async fn a_page_that_has_not_changed_is_not_sent_again(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.get("/goods/starfall").await;
        let tag = page.header("etag").to_owned();
        let ask = async |browser: &mut Browser, path: &str| {
            browser.ask(Method::GET, path, &[("if-none-match", &tag)], None).await
        };
        let same = ask(&mut browser, "/goods/starfall").await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (StatusCode::NOT_MODIFIED, "", tag.as_str()));
        assert_eq!(ask(&mut browser, "/goods/starfall?lang=en").await.status, StatusCode::OK);
        let mut browser = town.browser(MAIN);
        town.set_price("10.50").await;
        assert_eq!(ask(&mut browser, "/goods/starfall").await.status, StatusCode::OK);
        let mut buyer = town.buyer(MAIN).await;
        let own = buyer.get("/goods/starfall").await;
        assert_eq!((own.header("etag"), own.header("cache-control")), ("", "no-store"));
    }
}
