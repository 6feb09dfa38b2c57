//! Prices by quantity on the page of goods.

use catalog::{Audience, Formula, Reach, Rounding, RuleDraft, Target, Terms, Whom};

use super::fixture::{MAIN, SUB, Town, yuan};

/// From `quantity` pieces on, one SKU costs `price` on the main site, for these buyers.
async fn from(town: &Town, quantity: u32, price: &str, whom: Whom) {
    let formula = Formula::Fixed { price: yuan(price), loss_cap: None };
    let draft = RuleDraft {
        site: town.grove.sites[0],
        reach: Reach {
            audience: Audience::Retail,
            whom,
            target: Target::Sku(town.grove.sku),
            quantity_min: quantity,
            valid_from: None,
            valid_until: None,
        },
        terms: Terms::Price { formula, rounding: Rounding::None },
    };
    town.write(async |tx| town.state.catalog.save_rule_in(tx, &draft).await.expect("a rule")).await;
}

/// The cells of the page's tables, row by row, with `*` before the row that is marked.
fn rows(text: &str) -> Vec<String> {
    let body =
        text.split("<tbody>").skip(1).flat_map(|rest| rest.split("</tbody>").next().expect("an end").split("<tr "));
    let words = |row: &str| {
        let cells: Vec<&str> =
            row.split("</t").filter_map(|cell| cell.rsplit_once('>')).map(|(_, cell)| cell).collect();
        let mark = if row.contains("class=\"on\"") { "*" } else { "" };
        format!(
            "{mark}{}",
            cells.iter().filter(|cell| !cell.trim().is_empty()).copied().collect::<Vec<_>>().join(" | ")
        )
    };
    body.map(words).filter(|row| !row.is_empty()).collect()
}

testkit::on_both! {
    async fn the_page_of_goods_has_a_table_of_prices_by_quantity_in_both_languages(db) {
        let town = Town::open(&db).await;
        from(&town, 5, "9.60", Whom::Everyone).await;
        from(&town, 20, "9.10", Whom::Everyone).await;
        let mut browser = town.browser(MAIN);
        let page = browser.get("/goods/starfall").await.text;
        assert_eq!(rows(&page), ["*1–4 份 | ¥10.00 | —", "5–19 份 | ¥9.60 | ¥0.40", "20 份 | ¥9.10 | ¥0.90"], "{page}");
        assert!(page.contains("<summary>多买更便宜"), "{page}");
        let english = browser.get("/goods/starfall?lang=en").await.text;
        assert_eq!(rows(&english), ["*1–4 | ¥10.00 | —", "5–19 | ¥9.60 | ¥0.40", "20 | ¥9.10 | ¥0.90"], "{english}");
        assert!(english.contains("<summary>Buy more, pay less") && english.contains("You save"), "{english}");
        // The other SKU of the goods, and the other site, have one price.
        assert_eq!(page.matches("<table").count(), 1);
        assert_eq!(rows(&town.browser(SUB).get("/goods/starfall").await.text), Vec::<String>::new());
    }

    async fn a_buyer_sees_his_own_prices_in_the_table(db) {
        let town = Town::open(&db).await;
        from(&town, 5, "9.60", Whom::Everyone).await;
        from(&town, 10, "8.80", Whom::Subject(town.grove.customer.uuid())).await;
        let own = town.buyer(MAIN).await.get("/goods/starfall").await.text;
        assert_eq!(rows(&own), ["*1–4 份 | ¥10.00 | —", "5–9 份 | ¥9.60 | ¥0.40", "10+ 份 | ¥8.80 | ¥1.20"], "{own}");
        let guest = town.browser(MAIN).get("/goods/starfall").await.text;
        assert_eq!(rows(&guest), ["*1–4 份 | ¥10.00 | —", "5+ 份 | ¥9.60 | ¥0.40"], "{guest}");
    }

    async fn a_price_that_rises_with_the_quantity_is_told_and_not_praised(db) {
        let town = Town::open(&db).await;
        from(&town, 3, "11.00", Whom::Everyone).await;
        let page = town.browser(MAIN).get("/goods/starfall").await.text;
        assert_eq!(rows(&page), ["*1–2 份 | ¥10.00 | —", "3+ 份 | ¥11.00 | —"], "{page}");
        assert!(page.contains("价格随数量变化") && !page.contains("多买更便宜"), "{page}");
    }

    async fn the_row_of_the_chosen_quantity_is_marked_when_the_page_comes_again(db) {
        let town = Town::open(&db).await;
        from(&town, 5, "9.60", Whom::Everyone).await;
        let sku = format!("{}:1000", town.grove.sku);
        let again = town.browser(MAIN).post("/goods/starfall", &[("sku", &sku), ("quantity", "15")]).await;
        assert_eq!(rows(&again.text), ["1–4 份 | ¥10.00 | —", "*5+ 份 | ¥9.60 | ¥0.40"], "{}", again.text);
    }
}
