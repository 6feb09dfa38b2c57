//! The audit finds what was changed behind the room's back.

use super::*;

async fn stocked(db: &TestDb) -> Shop {
    let shop = Shop::open(db).await;
    shop.import(&["A", "B", "C"]).await;
    shop.sell(shop.sku, 1).await;
    shop
}

async fn tampered(db: &TestDb, sql: &str) -> Vec<String> {
    let shop = stocked(db).await;
    db.tamper(sql).await.expect("tampered with");
    shop.audit().await.breaches
}

testkit::on_both! {
    async fn an_untouched_stock_has_no_breach_and_tells_what_was_sold(db) {
        let shop = stocked(&db).await;
        let (order, cards) = shop.sell(shop.sku, 1).await;
        let audit = shop.audit().await;
        assert_eq!((audit.cards, audit.breaches), (3, vec![]));
        assert_eq!(audit.sold.len(), 2);
        assert_eq!(audit.sold[&cards[0].uuid()], GivenCard { order, line: 0, cost_minor: 0 });
    }

    async fn a_count_that_was_changed_is_found(db) {
        let breaches = tampered(&db, "UPDATE card_counts SET available = available + 1").await;
        let told = "say [3, 0, 1, 0, 0] (available, held, sold, void, shared), its cards [2, 0, 1, 0, 0]";
        assert!(breaches.len() == 1 && breaches[0].contains(told), "{breaches:?}");
    }

    async fn a_card_that_was_quietly_voided_is_found(db) {
        let breaches = tampered(&db, "UPDATE cards SET state = 'void' WHERE state = 'available'").await;
        assert!(breaches.len() == 1 && breaches[0].contains("[0, 0, 1, 2, 0]"), "{breaches:?}");
    }

    async fn a_count_that_is_missing_is_found(db) {
        let breaches = tampered(&db, "DELETE FROM card_counts").await;
        assert!(breaches.len() == 1 && breaches[0].contains("has cards and no counts"), "{breaches:?}");
    }

    async fn a_card_without_a_hash_is_found(db) {
        let lost = "DELETE FROM card_hashes WHERE card_id = (SELECT id FROM cards WHERE state = 'sold')";
        assert_eq!(tampered(&db, lost).await, ["3 cards, of which 0 were withdrawn, have 2 hashes"]);
    }

    async fn a_card_that_was_removed_is_found(db) {
        let shop = stocked(&db).await;
        for sql in [
            "DELETE FROM card_hashes WHERE card_id = (SELECT id FROM cards WHERE state = 'sold')",
            "DELETE FROM cards WHERE state = 'sold'",
        ] {
            db.tamper(sql).await.expect("tampered with");
        }
        let audit = shop.audit().await;
        let told = [audit.breaches[0].contains("[2, 0, 0, 0, 0]"), audit.breaches[1].contains("has 3 cards, and it has 2")];
        assert!(audit.breaches.len() == 2 && told == [true, true], "{:?}", audit.breaches);
    }

    async fn a_card_that_changed_its_batch_is_found(db) {
        let shop = stocked(&db).await;
        shop.import(&["LATE"]).await;
        let first = "(SELECT batch_id FROM cards ORDER BY id LIMIT 1)";
        db.tamper(&format!("UPDATE cards SET batch_id = {first}")).await.expect("tampered with");
        let breaches = shop.audit().await.breaches;
        assert_eq!(breaches.len(), 2, "one has too many and one too few: {breaches:?}");
    }

    async fn a_stock_that_is_worth_something_else_than_the_books_say_is_found(db) {
        let shop = Shop::open(&db).await;
        let stock = Stock { unit_cost: Some(Money::new(7_00, Currency::CNY)), ..Stock::from(shop.sku) };
        let tx = shop.write().await;
        shop.inventory.import_in(&tx, stock, &cards(&["A", "B", "C"], None)).await.expect("imported");
        tx.commit().await.expect("committed");
        shop.sell(shop.sku, 1).await;
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
        db.tamper("UPDATE cards SET cost_minor = cost_minor + 1 WHERE state = 'available'").await.expect("tampered with");
        assert_eq!(shop.audit().await.breaches, ["the books have 1400 CNY of goods in stock, the cards there cost 1402"]);
        db.tamper("UPDATE card_batches SET unit_cost_minor = NULL, currency = NULL").await.expect("tampered with");
        let breaches = shop.audit().await.breaches;
        assert!(breaches.len() == 2 && breaches[0].contains("worth nothing"), "{breaches:?}");
        assert_eq!(breaches[1], "the books have 1400 CNY of goods in stock, the cards there cost 0");
    }

    async fn another_tenants_stock_is_not_audited(db) {
        let (ours, theirs) = (stocked(&db).await, Shop::open(&db).await);
        theirs.import(&["Z"]).await;
        assert_eq!((ours.audit().await.cards, theirs.audit().await.cards), (3, 1));
    }
}
