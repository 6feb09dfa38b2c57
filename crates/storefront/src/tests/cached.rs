//! Pages from memory: whoever asks is shown what is so now, and nothing of anybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::{Method, StatusCode};
use axum::{Router, body};
use catalog::{
    Addition, Audience, Band, CategoryDraft, Formula, GoodsDraft, OnSale, Reach, Rounding, RuleDraft, SkuDraft, Target,
    TemplateDraft, Terms, Whom,
};
use chrono::TimeDelta;
use kernel::{Money, Wording};
use ledger::AccountKind;
use store::Store;
use tenancy::{Mode, NewSite, Section, SectionDraft, SiteState, Slug, Tenancy, Theme, Tokens};
use testkit::TestDb;
use tower::ServiceExt;

use super::browser::{Answer, order_of};
use super::fixture::{MAIN, OTHER, PASSWORD, SUB, Town, code, yuan};
use crate::bestsellers::Bestsellers;
use crate::cache::{Basis, Cache, Key};
use crate::frame::Frame;

const PATHS: [&str; 8] =
    ["/", "/goods/starfall", "/categories/games", "/search", "/terms", "/privacy", "/refunds", "/notices"];

/// The page as bytes, with whatever headers it has.
async fn tag(town: &Town, path: &str) -> String {
    let page = town.browser(MAIN).get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
    page.header("etag").to_owned()
}

async fn home(town: &Town) -> String {
    town.browser(MAIN).get("/").await.text
}

async fn goods(town: &Town) -> Answer {
    town.browser(MAIN).get("/goods/starfall").await
}

/// Another node of the same installation: the same rows, nothing else in common.
async fn elsewhere(db: &TestDb, town: &Town) -> (Router, Tenancy) {
    let mut state = town.state.clone();
    state.store = Store::open(&db.settings).await.expect("a second store");
    state.tenancy = Tenancy::new(state.store.clone());
    state.tenancy.reload().await.expect("the host table");
    let tenancy = state.tenancy.clone();
    (crate::router(state), tenancy)
}

fn reach(audience: Audience, target: Target) -> Reach {
    Reach { audience, whom: Whom::Everyone, target, quantity_min: 1, valid_from: None, valid_until: None }
}

fn fixed(price: &str) -> Terms {
    Terms::Price { formula: Formula::Fixed { price: yuan(price), loss_cap: None }, rounding: Rounding::None }
}

async fn save_rule(town: &Town, site: usize, reach: Reach, terms: Terms) {
    let draft = RuleDraft { site: town.grove.sites[site], reach, terms };
    town.write(async |tx| town.state.catalog.save_rule_in(tx, &draft).await.expect("saved")).await;
}

/// Changes the goods as the closure says.
async fn change_goods(town: &Town, change: impl FnOnce(&mut GoodsDraft)) {
    let tx = town.state.store.read(&town.grove.scope).await.expect("a reader");
    let is = town.state.catalog.find_goods_in(&tx, &code("starfall")).await.expect("read").expect("goods");
    drop(tx);
    let mut draft = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: is.code,
        category: is.category,
        kind: is.kind,
        fulfilment: is.fulfilment,
        state: is.state,
        title: is.title,
        description: is.description,
        art: is.art,
        sort: is.sort,
    };
    change(&mut draft);
    town.write(async |tx| town.state.catalog.save_goods_in(tx, &draft).await.expect("saved")).await;
}

async fn change_sku(town: &Town, change: impl FnOnce(&mut SkuDraft)) {
    let tx = town.state.store.read(&town.grove.scope).await.expect("a reader");
    let is = town.state.catalog.sku_in(&tx, town.grove.sku).await.expect("read").expect("a SKU");
    drop(tx);
    let mut draft = SkuDraft {
        code: is.code,
        goods: is.goods,
        state: is.state,
        name: is.name,
        face_value: is.face_value,
        cost: is.cost,
        price: is.price,
        quantity_max: is.quantity_max,
        sort: is.sort,
    };
    change(&mut draft);
    town.write(async |tx| town.state.catalog.save_sku_in(tx, &draft).await.expect("saved")).await;
}

/// The site as the fixture made it, with this notice, for a change.
fn site(slug: &str, notice: &str) -> NewSite {
    NewSite {
        slug: Slug::parse(slug).expect("a slug"),
        parent: (slug != "main").then(|| Slug::parse("main").expect("a slug")),
        name: Wording::new("树林数卡", "Grove Cards"),
        tagline: Wording::default(),
        notice: Wording::new(notice, notice),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: (slug != "main").then(|| "silver".to_owned()),
        support: None,
        limits: None,
    }
}

async fn bytes(router: &Router, path: &str, headers: &[(&str, &str)]) -> (axum::http::HeaderMap, Vec<u8>) {
    let mut request = axum::http::Request::builder().uri(path).header("host", MAIN);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(body::Body::empty()).unwrap()).await.expect("an answer");
    let (parts, body) = response.into_parts();
    (parts.headers, body::to_bytes(body, 1 << 20).await.expect("a body").to_vec())
}

testkit::on_both! {
    async fn a_page_of_guests_holds_nothing_of_any_of_them(db) {
        let town = Town::open(&db).await;
        for path in PATHS {
            let mut first = town.browser(MAIN);
            first.cookies.insert("visitor".to_owned(), "somebody".to_owned());
            let one = first.ask(Method::GET, path, &[("user-agent", "curious")], None).await;
            let two = town.browser(MAIN).get(path).await;
            assert_eq!((one.status, &one.text), (StatusCode::OK, &two.text), "{path}");
            assert_ne!(one.header("x-request-id"), two.header("x-request-id"), "{path}");
            for own in [one.header("x-request-id"), "somebody", "curious", "name=\"key\"", "name=\"token\"", "nonce="] {
                assert!(!one.text.contains(own), "{path} holds {own}");
            }
            assert_eq!((two.header("set-cookie"), two.header("cache-control")), ("", "private, no-cache"), "{path}");
        }
        // The cookie of a language belongs to who asked for it, and not to the page.
        let mut english = town.browser(MAIN);
        for (path, cookie) in [("/?lang=en", true), ("/", false), ("/?lang=en", true), ("/", false)] {
            let page = english.get(path).await;
            assert!(page.text.contains("<html lang=\"en\""), "{path}");
            assert_eq!(page.header("set-cookie").contains("lang="), cookie, "{path}");
        }
    }

    async fn a_customer_sees_his_name_and_nobody_else_does(db) {
        let town = Town::open(&db).await;
        let mut buyer = town.buyer(MAIN).await;
        for path in PATHS {
            let before = town.browser(MAIN).get(path).await;
            let mine = buyer.get(path).await;
            assert!(mine.text.contains("Lin") && mine.text.contains("100.00"), "{path}: {}", mine.text);
            assert_eq!((mine.header("cache-control"), mine.header("etag")), ("no-store", ""), "{path}");
            let after = town.browser(MAIN).get(path).await;
            assert_eq!(before.text, after.text, "{path}");
            assert!(!after.text.contains("Lin<") && !after.text.contains("100.00"), "{path}: {}", after.text);
        }
        // A session that is none is a guest's.
        let mut stale = town.browser(MAIN);
        stale.cookies.insert("session".to_owned(), "0".repeat(64));
        assert_eq!(stale.get("/").await.text, town.browser(MAIN).get("/").await.text);
    }

    async fn a_customers_page_asks_the_database_for_nothing_and_shows_what_he_has_now(db) {
        let town = Town::open(&db).await;
        let mut buyer = town.buyer(MAIN).await;
        assert!(buyer.get("/").await.text.contains("100.00"));
        order_of(&buyer.buy(&[]).await);
        assert!(buyer.get("/").await.text.contains("90.00"), "what was spent here is gone at once");
        town.fund_now(AccountKind::Wallet, town.grove.customer.uuid(), "5.00").await;
        assert!(buyer.get("/goods/starfall").await.text.contains("95.00"), "and what came is there");
        let mut other = town.browser(MAIN);
        let form = [("login", "ann@example.com"), ("password", PASSWORD), ("agree", "yes")];
        assert_eq!(other.post("/register", &form).await.status, StatusCode::SEE_OTHER);
        for _ in 0..2 {
            let page = other.get("/").await.text;
            assert!(page.contains(">ann<") && !page.contains("95.00"), "each has his own");
            assert!(buyer.get("/").await.text.contains("95.00"));
        }
        let (mut gone, old) = (town.buyer(MAIN).await, buyer.cookies["session"].clone());
        for path in PATHS {
            assert!(buyer.get(path).await.text.contains("95.00") && gone.get(path).await.text.contains("95.00"));
        }
        gone.post("/logout", &[]).await;
        town.state.store.close().await.expect("closed");
        for path in PATHS {
            let page = buyer.get(path).await;
            assert!(page.status == StatusCode::OK && page.text.contains("Lin"), "{path}: {}", page.text);
            assert!(!gone.get(path).await.text.contains("95.00"), "{path}");
        }
        assert_eq!(buyer.cookies["session"], old);
        let bought = buyer.post("/goods/starfall", &[("quantity", "1")]).await;
        assert!(bought.status.is_server_error(), "what changes something asks the rows who it is");
    }

    async fn a_customers_own_price_is_shown_to_him_alone(db) {
        let town = Town::open(&db).await;
        let own = Reach { whom: Whom::Subject(town.grove.customer.uuid()), ..reach(Audience::Retail, Target::Site) };
        save_rule(&town, 0, own, fixed("9.11")).await;
        let mut buyer = town.buyer(MAIN).await;
        for path in ["/", "/goods/starfall", "/search"] {
            assert!(buyer.get(path).await.text.contains("9.11"), "{path}");
            assert!(!town.browser(MAIN).get(path).await.text.contains("9.11"), "{path}");
            assert!(buyer.get(path).await.text.contains("9.11"), "{path}");
        }
    }

    async fn tenants_and_sites_with_the_same_paths_show_their_own(db) {
        let town = Town::open(&db).await;
        let draft = |title: &str| Wording::new(title, title);
        change_goods(&town, |goods| goods.title = draft("只有树林有")).await;
        for _ in 0..2 {
            for path in ["/", "/goods/starfall", "/categories/games", "/search"] {
                let [main, sub, other] = [
                    town.browser(MAIN).get(path).await.text,
                    town.browser(SUB).get(path).await.text,
                    town.browser(OTHER).get(path).await.text,
                ];
                assert!(main.contains("只有树林有") && main.contains("10.00"), "{path}: {main}");
                assert!(sub.contains("只有树林有") && sub.contains("9.50"), "{path}: {sub}");
                assert!(other.contains("星陨点券") && !other.contains("只有树林有"), "{path}: {other}");
                assert!(!other.contains("sub.grove") && !other.contains("//grove.example.com"), "{path}: {other}");
            }
        }
    }

    async fn each_language_port_and_scheme_has_its_own_page(db) {
        let town = Town::open(&db).await;
        for _ in 0..2 {
            let chinese = home(&town).await;
            let english = town.browser(MAIN).ask(Method::GET, "/", &[("accept-language", "en")], None).await.text;
            assert!(chinese.contains("lang=\"zh-CN\"") && english.contains("<html lang=\"en\""));
            assert!(chinese.contains("href=\"http://grove.example.com/\""), "{chinese}");
            let port = town.browser("grove.example.com:8080").get("/").await.text;
            assert!(port.contains("href=\"http://grove.example.com:8080/\""), "{port}");
            let asked = town.browser(MAIN).get("/?lang=en").await.text;
            assert!(asked.contains("rel=\"canonical\" href=\"http://grove.example.com/?lang=en\""), "{asked}");
        }
    }

    async fn a_known_page_is_not_sent_again(db) {
        let town = Town::open(&db).await;
        for path in PATHS {
            let first = tag(&town, path).await;
            assert!(first.starts_with('"') && first.len() == 34, "{first} is strong");
            assert_eq!(tag(&town, path).await, first, "{path}");
            let list = format!("\"other\", W/{first}");
            for known in [first.as_str(), list.as_str(), "*"] {
                let again = town.browser(MAIN).ask(Method::GET, path, &[("if-none-match", known)], None).await;
                assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path} {known}");
                assert_eq!((again.header("etag"), again.header("cache-control")), (first.as_str(), "private, no-cache"));
                assert!(again.header("vary").contains("cookie") && again.header("vary").contains("accept-language"));
            }
            let other = town.browser(MAIN).ask(Method::GET, path, &[("if-none-match", "\"other\"")], None).await;
            assert_eq!(other.status, StatusCode::OK, "{path}");
        }
        let before = tag(&town, "/").await;
        town.set_price("9.90").await;
        let changed = town.browser(MAIN).ask(Method::GET, "/", &[("if-none-match", &before)], None).await;
        assert!(changed.status == StatusCode::OK && changed.text.contains("9.90"));
    }

    async fn a_head_tells_what_a_get_would_send(db) {
        let town = Town::open(&db).await;
        for _ in 0..2 {
            let head = town.browser(MAIN).ask(Method::HEAD, "/goods/starfall", &[], None).await;
            let got = goods(&town).await;
            assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
            for name in ["etag", "content-type", "cache-control", "vary", "content-language", "content-length"] {
                assert_eq!(head.header(name), got.header(name), "{name}");
            }
        }
    }

    async fn a_packed_page_has_a_name_of_its_own_and_the_same_text(db) {
        let town = Town::open(&db).await;
        let router = crate::router(town.state.clone());
        let (plain, text) = bytes(&router, "/", &[]).await;
        for _ in 0..2 {
            let (packed, bytes) = bytes(&router, "/", &[("accept-encoding", "br, gzip")]).await;
            assert_eq!(packed["content-encoding"], "gzip");
            let mut unpacked = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).expect("gzip");
            assert_eq!(unpacked, text);
            assert_ne!(packed["etag"], plain["etag"]);
            assert!(packed["vary"].to_str().unwrap().contains("accept-encoding"));
        }
    }

    async fn a_guests_page_asks_the_database_for_nothing_whether_it_is_kept_or_made_anew(db) {
        let town = Town::open(&db).await;
        let mut paths = PATHS.map(str::to_owned).to_vec();
        paths.extend(["/search?q=starfall", "/search?stock=in&min=1", "/sitemap.xml", "/?lang=en"].map(str::to_owned));
        let mut before = Vec::new();
        for path in &paths {
            before.push([town.browser(MAIN).get(path).await.text, town.browser(SUB).get(path).await.text]);
        }
        town.state.store.close().await.expect("closed");
        for (path, [main, sub]) in paths.iter().zip(before) {
            assert_eq!(town.browser(MAIN).get(path).await.text, main, "{path}");
            assert_eq!(town.browser(SUB).get(path).await.text, sub, "{path}");
        }
        let other = town.browser(MAIN).get("/search?q=nothing-like-this").await;
        assert_eq!(other.status, StatusCode::OK, "a page that nobody has asked for before");
    }

    async fn whatever_changes_in_the_catalogue_is_on_the_very_next_page(db) {
        let town = Town::open(&db).await;
        let (before, page) = (home(&town).await, goods(&town).await.text);
        assert!(before.contains("10.00") && page.contains("10.00"));
        // A price, through each of the ways it can come.
        town.set_price("9.90").await;
        assert!(home(&town).await.contains("9.90") && goods(&town).await.text.contains("9.90"));
        save_rule(&town, 0, reach(Audience::Retail, Target::Site), fixed("12.00")).await;
        assert!(home(&town).await.contains("12.00") && goods(&town).await.text.contains("12.00"));
        let template = TemplateDraft {
            site: town.grove.sites[0],
            code: code("steps"),
            name: Wording::new("加价", "Steps"),
            bands: vec![Band { from: Money::zero(yuan("1").currency()), addition: Addition::Amount { amount: yuan("6.00") }, rounding: Rounding::None }],
        };
        let catalog = &town.state.catalog;
        let (id, _) = town.write(async |tx| catalog.save_template_in(tx, &template).await.expect("saved")).await;
        let terms = Terms::Price { formula: Formula::Template { template: id }, rounding: Rounding::None };
        save_rule(&town, 0, reach(Audience::Retail, Target::Site), terms).await;
        assert!(home(&town).await.contains("13.00"), "cost and 6.00");
        let mut dearer = template.clone();
        dearer.bands[0].addition = Addition::Amount { amount: yuan("7.00") };
        town.write(async |tx| catalog.save_template_in(tx, &dearer).await.expect("saved")).await;
        assert!(home(&town).await.contains("14.00"), "cost and 7.00");
        // Texts.
        change_goods(&town, |goods| goods.title = Wording::new("新名字", "New name")).await;
        assert!(home(&town).await.contains("新名字") && goods(&town).await.text.contains("新名字"));
        change_sku(&town, |sku| sku.name = Wording::new("一百点", "One hundred")).await;
        assert!(goods(&town).await.text.contains("一百点"));
        let games = CategoryDraft { code: code("games"), name: Wording::new("手游", "Mobile"), sort: 1 };
        town.write(async |tx| catalog.save_category_in(tx, &games).await.expect("saved")).await;
        assert!(town.browser(MAIN).get("/categories/games").await.text.contains("手游"));
        assert!(goods(&town).await.text.contains("手游"));
        // Something new, a SKU and goods off the shelf, and back again.
        town.add_goods("avatar", catalog::GoodsKind::Manual, catalog::Form::default()).await;
        assert!(home(&town).await.contains("/goods/avatar"));
        change_sku(&town, |sku| sku.state = OnSale::Off).await;
        assert!(!goods(&town).await.text.contains("一百点"));
        change_goods(&town, |goods| goods.state = OnSale::Off).await;
        assert_eq!(goods(&town).await.status, StatusCode::NOT_FOUND);
        assert!(!home(&town).await.contains("/goods/starfall"));
        change_goods(&town, |goods| goods.state = OnSale::On).await;
        assert_eq!(goods(&town).await.status, StatusCode::OK);
    }

    async fn whatever_a_shop_says_of_itself_is_on_the_very_next_page(db) {
        let town = Town::open(&db).await;
        let tenancy = &town.state.tenancy;
        let (main, sub) = (tag(&town, "/").await, town.browser(SUB).get("/").await.text);
        let notice = site("main", "今天休息");
        town.write(async |tx| tenancy.save_site_in(tx, &notice).await.expect("saved")).await;
        tenancy.reload().await.expect("the host table");
        assert!(town.browser(MAIN).get("/notices").await.text.contains("今天休息"));
        assert_ne!(tag(&town, "/").await, main);
        let text = SectionDraft { kind: "text".to_owned(), title: Wording::new("关于我们", ""), text: Wording::new("一行", ""), ..SectionDraft::default() };
        let front = (vec![Section::try_new(&text).expect("a section")], Tokens::default());
        town.write(async |tx| tenancy.save_front_in(tx, town.grove.sites[0], front).await.expect("saved")).await;
        tenancy.reload().await.expect("the host table");
        assert!(home(&town).await.contains("关于我们"));
        assert_eq!(town.browser(SUB).get("/").await.text, sub, "another site's page is as it was");
        // A site of another level pays, and so asks, something else.
        let mut level = site("sub", "");
        level.level = None;
        town.write(async |tx| tenancy.save_site_in(tx, &level).await.expect("saved")).await;
        tenancy.reload().await.expect("the host table");
        assert!(sub.contains("9.50") && town.browser(SUB).get("/").await.text.contains("11.50"));
        for (state, status) in [(SiteState::Suspended, StatusCode::SERVICE_UNAVAILABLE), (SiteState::Active, StatusCode::OK)] {
            town.set_site_state(0, state).await;
            for host in [MAIN, SUB] {
                assert_eq!(town.browser(host).get("/").await.status, status, "{host}");
                assert_eq!(town.browser(host).get("/goods/starfall").await.status, status, "{host}");
            }
        }
    }

    async fn another_node_shows_a_change_a_second_later_at_most(db) {
        let town = Town::open(&db).await;
        let (router, tenancy) = elsewhere(&db, &town).await;
        let there = async |path: &str| town.browser_of(router.clone(), MAIN).get(path).await.text;
        assert!(there("/").await.contains("10.00") && there("/goods/starfall").await.contains("10.00"));
        town.set_price("9.90").await;
        change_goods(&town, |goods| goods.title = Wording::new("新名字", "New name")).await;
        assert!(home(&town).await.contains("9.90"), "here at once");
        town.clock.advance(TimeDelta::milliseconds(999));
        assert!(there("/").await.contains("10.00"), "the rows are not read for every visitor");
        town.clock.advance(TimeDelta::milliseconds(1));
        for path in ["/", "/goods/starfall"] {
            let text = there(path).await;
            assert!(text.contains("9.90") && text.contains("新名字"), "{path}: {text}");
        }
        // What a shop says of itself comes with the host table, which each node reads anew by itself.
        let notice = site("main", "今天休息");
        town.write(async |tx| town.state.tenancy.save_site_in(tx, &notice).await.expect("saved")).await;
        tenancy.reload().await.expect("the host table");
        assert!(there("/notices").await.contains("今天休息"));
    }

    async fn what_another_node_changed_is_told_at_once_to_who_wants_to_buy(db) {
        let town = Town::open(&db).await;
        let (router, _) = elsewhere(&db, &town).await;
        let mut browser = town.browser_of(router, MAIN);
        let sku = browser.get("/goods/starfall").await.field("sku");
        town.set_price("11.00").await;
        let asked = browser.choose(&[("sku", &sku)]).await;
        assert_eq!(asked.status, StatusCode::CONFLICT);
        assert!(asked.text.contains("11.00") && asked.field("sku").ends_with(":1100"), "{}", asked.text);
        change_sku(&town, |sku| sku.state = OnSale::Off).await;
        let gone = browser.choose(&[("sku", &sku)]).await;
        assert_eq!(gone.status, StatusCode::CONFLICT);
        assert!(!gone.text.contains("starfall-100") && gone.text.contains("starfall-500"), "{}", gone.text);
    }

    async fn a_price_begins_and_ends_on_time(db) {
        let town = Town::open(&db).await;
        let now = town.state.store.time();
        let (from, until) = (now + TimeDelta::minutes(10), now + TimeDelta::minutes(20));
        let window = Reach { valid_from: Some(from), valid_until: Some(until), ..reach(Audience::Retail, Target::Site) };
        save_rule(&town, 0, window, fixed("8.88")).await;
        let mut shown = Vec::new();
        for millis in [0, 599_999, 1, 599_999, 1] {
            town.clock.advance(TimeDelta::milliseconds(millis));
            shown.push([home(&town).await.contains("8.88"), goods(&town).await.text.contains("8.88")]);
        }
        assert_eq!(shown, [[false; 2], [false; 2], [true; 2], [true; 2], [false; 2]]);
    }

    async fn what_is_sold_out_says_so_within_a_second_on_every_page(db) {
        let town = Town::open(&db).await;
        town.give("200.00").await;
        let paths = ["/", "/goods/starfall", "/categories/games", "/search"];
        let out = async |path: &str| town.browser(MAIN).get(path).await.text.contains("class=\"state out\"");
        for path in paths {
            assert!(!out(path).await, "{path}");
        }
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "12")]).await);
        town.clock.advance(TimeDelta::seconds(1));
        for path in paths {
            assert!(out(path).await, "{path}");
        }
    }

    async fn a_sale_that_no_buyer_is_told_of_leaves_the_page(db) {
        let town = Town::open(&db).await;
        let before = tag(&town, "/").await;
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "1")]).await);
        town.clock.advance(TimeDelta::seconds(1));
        assert_eq!(tag(&town, "/").await, before, "eleven are enough as twelve were");
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "2")]).await);
        town.clock.advance(TimeDelta::seconds(1));
        assert_ne!(tag(&town, "/").await, before);
        assert!(home(&town).await.contains("剩 9 份"));
    }

    async fn what_a_page_does_not_read_of_its_address_is_not_in_it(db) {
        let town = Town::open(&db).await;
        for (plain, junk) in [
            ("/", "/?utm_source=mail&x=1"),
            ("/goods/starfall", "/goods/starfall?gclid=abc&quantity=7"),
            ("/search", "/search?page=1&sort=nothing&utm_campaign=%3Cb%3E"),
            ("/search?sort=price", "/search?x=2&sort=price&page=0"),
            ("/categories/games", "/categories/games?category=other"),
            ("/terms", "/terms?a=b"),
        ] {
            let (first, second) = (tag(&town, plain).await, tag(&town, junk).await);
            assert_eq!(first, second, "{junk}");
        }
    }

    async fn a_search_for_words_is_not_kept_and_finds_what_is_there(db) {
        let town = Town::open(&db).await;
        for query in ["q=starfall", "min=5&max=20", "stock=in", "category=games&q=star", "page=9999"] {
            let path = format!("/search?{query}");
            assert!(town.browser(MAIN).get(&path).await.text.contains("/goods/starfall"), "{path}");
        }
        let nothing = town.browser(MAIN).get("/search?category=nothing").await;
        assert!(nothing.status == StatusCode::OK && !nothing.text.contains("/goods/starfall"));
        town.set_price("30.00").await;
        assert!(!town.browser(MAIN).get("/search?max=9").await.text.contains("/goods/starfall"));
        assert!(town.browser(MAIN).get("/search?min=25").await.text.contains("/goods/starfall"));
    }

    async fn a_crowd_that_comes_at_once_has_one_page_made_for_it(db) {
        let town = Town::open(&db).await;
        let cache = Cache::new(town.state.store.clone());
        let shop = town.state.tenancy.resolve(MAIN).expect("a known host");
        let frame = Frame::read(&axum::http::Request::get("/").body(()).expect("a request").into_parts().0);
        let made = Arc::new(AtomicU32::new(0));
        let ask = |basis: Basis, left: u32| {
            let (cache, shop, made) = (cache.clone(), Arc::clone(&shop), Arc::clone(&made));
            let (key, stock) = (Key::new(&shop, &frame, "/".to_owned()), vec![(town.grove.sku, left)]);
            let render = move || Ok(format!("page {}", made.fetch_add(1, Ordering::SeqCst)));
            tokio::spawn(async move { cache.keep(&shop, key, (basis, stock), render).await.map(|_| ()) })
        };
        let basis = |retail| Basis { edition: 1, retail };
        for (basis, left, count) in [(basis(1), 20, 1), (basis(1), 30, 1), (basis(1), 9, 2), (basis(2), 9, 3)] {
            let crowd: Vec<_> = (0..40).map(|_| ask(basis.clone(), left)).collect();
            for one in crowd {
                one.await.expect("no panic").expect("a page");
            }
            assert_eq!(made.load(Ordering::SeqCst), count, "{basis:?} {left}");
        }
    }

    async fn what_sold_lately_is_read_again_in_ten_minutes_and_shown_meanwhile(db) {
        let town = Town::open(&db).await;
        let best = Bestsellers::new(town.state.store.clone());
        let (main, sub) = (town.grove.scope.site(town.grove.sites[0]), town.grove.scope.site(town.grove.sites[1]));
        let pieces = async || best.of(&main).await.map(|sold| sold.get(&town.grove.sku).copied());
        assert_eq!(pieces().await.unwrap(), None);
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "2")]).await);
        town.clock.advance(TimeDelta::milliseconds(599_999));
        assert_eq!(pieces().await.unwrap(), None);
        town.clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(pieces().await.unwrap(), Some(2));
        assert!(best.of(&sub).await.unwrap().is_empty(), "another site's are its own");
        town.state.store.close().await.expect("closed");
        town.clock.advance(TimeDelta::minutes(59));
        assert_eq!(pieces().await.unwrap(), Some(2), "old figures are better than no page");
        town.clock.advance(TimeDelta::minutes(1));
        assert!(pieces().await.is_err());
    }

    async fn a_stopped_shop_that_sells_itself_is_named_as_the_seller(db) {
        let town = Town::open(&db).await;
        town.open_own_channel().await;
        for state in [SiteState::Suspended, SiteState::Closed] {
            town.set_site_state(1, state).await;
            // Nobody has looked at it before.
            let router = crate::router(town.state.clone());
            let page = town.browser_of(router, SUB).get("/").await;
            assert_ne!(page.status, StatusCode::OK);
            assert!(!page.text.contains("Grove Ltd"), "{}", page.text);
            assert!(page.text.contains("树林数卡"), "{}", page.text);
        }
    }
}
