//! Finding goods, and reading by which rules they are sold.

use axum::http::StatusCode;

use super::fixture::{MAIN, OTHER, SUB, Town};

testkit::on_both! {
    async fn goods_are_found_by_words_in_either_language(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for path in ["/search?q=%E6%98%9F%E9%99%A8", "/search?q=STARFALL", "/search?q=%E6%98%9F+starfall", "/search"] {
            let found = browser.get(path).await;
            assert_eq!(found.status, StatusCode::OK, "{path}");
            assert!(found.text.contains("href=\"/goods/starfall\"") && found.text.contains("1 种商品"), "{path}: {}", found.text);
        }
        let none = browser.get("/search?q=%E6%98%9F+nothing").await;
        assert!(none.text.contains("没有符合的商品") && none.text.contains("0 种商品"), "{}", none.text);
        assert!(none.text.contains("value=\"星 nothing\""), "what was typed stays: {}", none.text);
    }

    async fn prices_of_the_very_shop_and_stock_narrow_a_search(db) {
        let town = Town::open(&db).await;
        for (host, query, is_found) in [
            (MAIN, "min=10&max=10", true),
            (MAIN, "max=9.99", false),
            (SUB, "max=9.99&sort=price&stock=in", true),
            (MAIN, "min=10.01&sort=price_down", false),
            (MAIN, "min=x&max=y&page=999&category=games", true),
            (MAIN, "category=nothing", false),
        ] {
            let found = town.browser(host).get(&format!("/search?{query}")).await;
            assert_eq!(found.text.contains("href=\"/goods/starfall\""), is_found, "{host} {query}: {}", found.text);
        }
    }

    async fn a_category_has_a_page_and_another_has_none(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        assert!(browser.get("/").await.text.contains("href=\"/categories/games\""));
        let games = browser.get("/categories/games?sort=price").await;
        assert!(games.status == StatusCode::OK && games.text.contains("<h1>游戏</h1>"), "{}", games.text);
        assert!(games.text.contains("href=\"/goods/starfall\"") && games.text.contains("action=\"/categories/games\""));
        for path in ["/categories/none", "/categories/%20", "/categories/"] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    async fn the_rules_name_the_seller_in_both_languages(db) {
        let town = Town::open(&db).await;
        for host in [MAIN, SUB, OTHER] {
            for (path, zh, en) in [
                ("/terms", "服务条款", "Terms of service"),
                ("/privacy", "隐私政策", "Privacy policy"),
                ("/refunds", "退款规则", "Refund rules"),
                ("/notices", "公告", "Notices"),
            ] {
                for (language, says) in [("zh-CN", zh), ("en", en)] {
                    let page = town.browser(host).get(&format!("{path}?lang={language}")).await;
                    assert!(page.status == StatusCode::OK && page.text.contains(says), "{host}{path}: {}", page.text);
                    assert!(page.text.contains("Grove Ltd") && !page.text.contains('{'), "{host}{path}: {}", page.text);
                }
            }
        }
        let mut buyer = town.buyer(MAIN).await;
        assert!(buyer.get("/terms").await.text.contains("¥100.00"));
    }
}
