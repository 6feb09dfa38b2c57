//! Putting cards in stock: duplicates, counts, bounds of a transaction.

use sea_orm::ColumnTrait;

use super::*;
use crate::table::card;

testkit::on_both! {
    async fn counts_follow_imports_and_sales(db) {
        let shop = Shop::open(&db).await;
        assert_eq!(shop.count(shop.sku).await, StockCount::default());
        assert_eq!(shop.import(&["A", "B", "C"]).await, ImportReport { added: 3, duplicates: vec![] });
        shop.import_as(shop.other, &["D"], None).await;
        shop.sell(shop.sku, 2).await;
        shop.import(&["E"]).await;
        let expected = StockCount { available: 2, sold: 2, ..StockCount::default() };
        assert_eq!(shop.count(shop.sku).await, expected);
        assert_eq!(shop.count(shop.other).await, StockCount { available: 1, ..StockCount::default() });
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
    }

    async fn a_code_that_stands_twice_in_the_list_is_added_once(db) {
        let shop = Shop::open(&db).await;
        let report = shop.import(&["A", "B", " A ", "a", "B"]).await;
        assert_eq!(report, ImportReport { added: 3, duplicates: vec![2, 4] });
        assert_eq!(shop.count(shop.sku).await.available, 3);
    }

    async fn a_code_that_was_in_stock_or_sold_before_is_left_out(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["sold", "free"]).await;
        shop.sell(shop.sku, 1).await;
        assert_eq!(shop.import(&["new", "sold", "free"]).await, ImportReport { added: 1, duplicates: vec![1, 2] });
    }

    async fn a_code_of_another_sku_of_the_tenant_is_left_out(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A"]).await;
        let report = shop.import_as(shop.other, &["A", "B"], None).await;
        assert_eq!(report, ImportReport { added: 1, duplicates: vec![0] });
    }

    async fn a_code_given_to_two_skus_in_one_import_is_added_to_the_first(db) {
        let shop = Shop::open(&db).await;
        let tx = shop.write().await;
        let mut import = shop.inventory.begin_import_in(&tx).await.expect("begun");
        assert_eq!(import.add((shop.sku, Stocking::Unique), &cards(&["A"], None)).await.expect("added").added, 1);
        let report = import.add((shop.other, Stocking::Unique), &cards(&["A"], None)).await.expect("added");
        assert_eq!(report, ImportReport { added: 0, duplicates: vec![0] });
        import.settle().await.expect("settled");
        tx.commit().await.expect("committed");
        assert_eq!((shop.count(shop.sku).await.available, shop.count(shop.other).await.available), (1, 0));
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
    }

    async fn the_same_code_in_another_tenant_is_no_duplicate(db) {
        let (ours, theirs) = (Shop::open(&db).await, Shop::open(&db).await);
        ours.import(&["A"]).await;
        assert_eq!(theirs.import(&["A"]).await, ImportReport { added: 1, duplicates: vec![] });
        assert_eq!(ours.count(ours.sku).await, theirs.count(theirs.sku).await);
    }

    async fn duplicates_are_found_across_the_chunks_of_a_long_list(db) {
        let shop = Shop::open(&db).await;
        let mut codes: Vec<String> = (0..2_100).map(|n| format!("CODE-{n}")).collect();
        codes[1_500] = "CODE-3".to_owned();
        codes[2_099] = "CODE-2098".to_owned();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let report = shop.import(&codes).await;
        assert_eq!(report, ImportReport { added: 2_098, duplicates: vec![1_500, 2_099] });
        assert_eq!(shop.audit().await.cards, 2_098);
    }

    async fn an_import_that_is_dropped_leaves_nothing_not_even_keys(db) {
        let shop = Shop::open(&db).await;
        let tx = shop.write().await;
        for text in ["A", "B"] {
            shop.inventory.import_in(&tx, shop.sku, &cards(&[text], None)).await.expect("imported");
        }
        drop(tx);
        assert_eq!(shop.import(&["A"]).await, ImportReport { added: 1, duplicates: vec![] });
        let (order, sold) = shop.sell(shop.sku, 1).await;
        assert_eq!(shop.reveal(order, &sold).await.expect("opened"), ["A"]);
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
    }

    async fn an_empty_import_makes_a_count(db) {
        let shop = Shop::open(&db).await;
        assert_eq!(shop.import(&[]).await, ImportReport::default());
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let counts = shop.inventory.counts_in(&tx, &[shop.sku, shop.other]).await.expect("counted");
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(shop.sku, StockCount::default())]);
    }

    async fn only_the_orders_own_cards_are_revealed(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A", "B", "C"]).await;
        let (first, of_first) = shop.sell(shop.sku, 1).await;
        let (second, of_second) = shop.sell(shop.sku, 1).await;
        assert_eq!(shop.reveal(first, &of_first).await.expect("opened"), ["A"]);
        let both = [of_first[0], of_second[0]];
        for (order, cards) in [(first, &of_second[..]), (second, &both[..]), (Uuid::now_v7(), &of_first[..])] {
            assert!(matches!(shop.reveal(order, cards).await, Err(InventoryError::Sealed)));
        }
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let free = tx.find::<card::Entity>().filter(card::Column::State.eq("available")).one().await;
        let free = CardId::from_uuid(free.expect("read").expect("one is free").id);
        assert!(matches!(shop.reveal(first, &[free]).await, Err(InventoryError::Sealed)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_first_imports_at_once_share_the_keys_and_add_a_code_once() {
    let db = TestDb::postgres().await;
    let shop = Shop::open(&db).await;
    let first = shop.write().await;
    shop.inventory.import_in(&first, shop.sku, &cards(&["A", "B"], None)).await.expect("imported");
    let other = shop.elsewhere(shop.inventory.keys().master());
    let second = tokio::spawn(async move {
        let tx = other.write().await;
        let report = other.inventory.import_in(&tx, other.other, &cards(&["B", "C"], None)).await?;
        tx.commit().await?;
        Ok::<_, InventoryError>(report)
    });
    first.commit().await.expect("committed");
    // Which of the two it meets depends on whether it looked before or after the commit.
    match second.await.expect("no panic") {
        Ok(report) => assert_eq!(report, ImportReport { added: 1, duplicates: vec![0] }),
        Err(InventoryError::Store(store::StoreError::Conflict)) => {
            assert_eq!(shop.import_as(shop.other, &["B", "C"], None).await.duplicates, [0]);
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
    for (sku, expected) in [(shop.sku, vec!["A", "B"]), (shop.other, vec!["C"])] {
        let (order, cards) = shop.sell(sku, u32::try_from(expected.len()).expect("a few")).await;
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), expected);
    }
}
