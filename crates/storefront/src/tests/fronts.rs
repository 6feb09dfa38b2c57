//! Home pages of sections, and colours of a shop's own.

use axum::http::{Method, StatusCode};
use catalog::{Form, GoodsKind};
use kernel::Wording;
use tenancy::{Section, SectionDraft, Tokens, TokensDraft};

use super::fixture::{MAIN, SUB, Town};

fn section(kind: &str, draft: SectionDraft) -> Section {
    Section::try_new(&SectionDraft { kind: kind.to_owned(), ..draft }).expect("a section")
}

fn plain() -> SectionDraft {
    SectionDraft::default()
}

fn title(text: &str) -> Wording {
    Wording::new(text, "")
}

async fn save(town: &Town, site: usize, sections: Vec<Section>, tokens: Tokens) {
    let site = town.grove.sites[site];
    let tenancy = &town.state.tenancy;
    town.write(async |tx| tenancy.save_front_in(tx, site, (sections, tokens)).await.expect("saved")).await;
    tenancy.reload().await.expect("the host table");
}

testkit::on_both! {
    async fn a_home_shows_its_sections_in_their_order(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, Form::default()).await;
        let sections = vec![
            section("text", SectionDraft { title: title("关于<b>"), text: title("第一段\n第二段"), ..plain() }),
            section("goods", SectionDraft { title: title("推荐"), codes: vec!["avatar".to_owned(), "gone".to_owned()], ..plain() }),
            section("category", SectionDraft { category: Some("games".to_owned()), count: Some(1), ..plain() }),
            section("category", SectionDraft { category: Some("nothing".to_owned()), ..plain() }),
            section("hero", SectionDraft { text: title("欢迎"), link: Some("/search".to_owned()), label: title("看看"), ..plain() }),
        ];
        save(&town, 0, sections, Tokens::default()).await;
        let page = town.browser(MAIN).get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        let order = ["关于&lt;b&gt;", "<p>第二段</p>", "推荐", "/goods/avatar", ">游戏<", "/goods/starfall", "欢迎", ">看看<"];
        let places: Vec<usize> = order.iter().map(|text| page.text.find(text).expect(text)).collect();
        assert!(places.is_sorted(), "{places:?} {}", page.text);
        assert_eq!(page.text.matches("<h1").count(), 1);
        assert_eq!(page.text.matches("/goods/avatar").count(), 1, "one of the category: {}", page.text);
        let other = town.browser(SUB).get("/").await;
        assert!(other.text.contains("怎么买") && !other.text.contains("推荐"), "{}", other.text);
    }

    async fn a_home_without_a_head_has_a_headline_all_the_same(db) {
        let town = Town::open(&db).await;
        save(&town, 0, vec![section("guide", plain())], Tokens::default()).await;
        let page = town.browser(MAIN).get("/").await;
        assert_eq!(page.text.matches("<h1").count(), 1);
        assert!(page.text.contains("还没有上架商品"), "{}", page.text);
    }

    async fn a_colour_of_ones_own_is_a_style_sheet(db) {
        let town = Town::open(&db).await;
        let plain = town.browser(MAIN).get("/").await;
        assert!(!plain.text.contains("/theme.css"));
        assert_eq!(town.browser(MAIN).get("/theme.css").await.status, StatusCode::NOT_FOUND);
        let draft = TokensDraft {
            accent: Some("#1F4FBF".to_owned()),
            radius: Some("round".to_owned()),
            logo: Some("南".to_owned()),
            ..TokensDraft::default()
        };
        save(&town, 0, Vec::new(), Tokens::try_new(&draft).expect("tokens")).await;
        let mut browser = town.browser(MAIN);
        let page = browser.get("/").await;
        assert!(page.text.contains("aria-hidden=\"true\">南</span>"), "{}", page.text);
        let start = page.text.find("/theme.css?v=").expect("a style sheet");
        let href = page.text[start..].split('"').next().expect("an end");
        let css = browser.get(href).await;
        assert_eq!((css.status, css.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
        assert!(css.text.contains("--primary:#1F4FBF;") && css.text.contains("--r-l:24px"), "{}", css.text);
        assert_eq!(css.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(browser.get("/theme.css?v=old").await.header("cache-control"), "public, max-age=300");
        let tag = css.header("etag").to_owned();
        let again = browser.ask(Method::GET, href, &[("if-none-match", &tag)], None).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert_eq!(town.browser(SUB).get("/theme.css").await.status, StatusCode::NOT_FOUND);
    }
}
