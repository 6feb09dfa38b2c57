//! How many are left, from the shelf: pages do not read the rows each time, and lag by less than a second.

use chrono::TimeDelta;
use inventory::{CardCode, NewCard};

use super::browser::order_of;
use super::fixture::{MAIN, Town};

/// Puts cards in stock without telling this node's shelf, as another node does.
async fn import_elsewhere(town: &Town, count: usize) {
    let code = |_| CardCode::parse(&format!("CODE-{}", uuid::Uuid::now_v7().simple())).expect("a code");
    let cards: Vec<NewCard> = (0..count).map(|n| NewCard { code: code(n), expires_at: None }).collect();
    let inventory = &town.state.inventory;
    town.write(async |tx| inventory.import_in(tx, town.grove.sku, &cards).await.expect("imported")).await;
}

/// The stock words of the list and of the page of goods.
async fn words(town: &Town) -> [bool; 2] {
    let mut browser = town.browser(MAIN);
    let list = browser.get("/search").await.text;
    let page = browser.get("/goods/starfall").await.text;
    [list.contains("class=\"state out\""), page.contains("class=\"state out\"")]
}

testkit::on_both! {
    async fn within_a_second_of_the_last_sale_every_page_says_sold_out(db) {
        let town = Town::open(&db).await;
        town.give("100.00").await;
        assert_eq!(words(&town).await, [false, false]);
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "12")]).await);
        town.clock.advance(TimeDelta::seconds(1));
        assert_eq!(words(&town).await, [true, true]);
    }

    async fn a_number_on_a_page_is_from_memory_for_less_than_a_second(db) {
        let town = Town::open(&db).await;
        town.give("100.00").await;
        let mut browser = town.buyer(MAIN).await;
        order_of(&browser.buy(&[("quantity", "9")]).await);
        town.clock.advance(TimeDelta::seconds(1));
        assert!(browser.get("/goods/starfall").await.text.contains("剩 3 份"));
        import_elsewhere(&town, 2).await;
        town.clock.advance(TimeDelta::milliseconds(999));
        assert!(browser.get("/goods/starfall").await.text.contains("剩 3 份"), "the rows are not read each time");
        town.clock.advance(TimeDelta::milliseconds(1));
        assert!(browser.get("/goods/starfall").await.text.contains("剩 5 份"));
    }
}
