//! Who can open what: bound rows, rotated keys, foreign masters.

use sea_orm::ColumnTrait;

use super::*;
use crate::table::{card, tenant_key};

/// Two sold cards of one order, oldest first.
async fn two_sold(db: &TestDb) -> (Shop, Uuid, Vec<CardId>) {
    let shop = Shop::open(db).await;
    shop.import(&["A", "B"]).await;
    let (order, cards) = shop.sell(shop.sku, 2).await;
    (shop, order, cards)
}

async fn row(shop: &Shop, card: CardId) -> card::Model {
    let tx = shop.store.read(&shop.scope).await.expect("a reader");
    let row = tx.find::<card::Entity>().filter(card::Column::Id.eq(card.uuid())).one().await;
    row.expect("read").expect("there")
}

async fn change(shop: &Shop, card: CardId, column: card::Column, value: impl Into<sea_orm::Value>) {
    let tx = shop.write().await;
    let update = tx.update::<card::Entity>().set(column, value).filter(card::Column::Id.eq(card.uuid()));
    assert_eq!(update.run().await.expect("changed"), 1);
    tx.commit().await.expect("committed");
}

async fn assert_sealed(shop: &Shop, order: Uuid, card: CardId) {
    let refused = shop.reveal(order, &[card]).await;
    assert!(matches!(refused, Err(InventoryError::Sealed)), "{refused:?}");
}

async fn versions(shop: &Shop) -> Vec<i32> {
    let tx = shop.store.read(&shop.scope).await.expect("a reader");
    let rows: Vec<(i32,)> =
        tx.find::<card::Entity>().ascending(card::Column::Id).columns([card::Column::KeyVersion]).await.expect("read");
    rows.into_iter().map(|(version,)| version).collect()
}

async fn rotate(shop: &Shop) {
    let tx = shop.write().await;
    shop.inventory.keys().rotate_in(&tx).await.expect("rotated");
    tx.commit().await.expect("committed");
}

testkit::on_both! {
    async fn sold_codes_open_in_the_order_that_is_asked_for(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let backwards = [cards[1], cards[0]];
        assert_eq!(shop.reveal(order, &backwards).await.expect("opened"), ["B", "A"]);
    }

    async fn a_sealed_code_does_not_open_in_another_cards_row(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let other = row(&shop, cards[1]).await;
        change(&shop, cards[0], card::Column::Sealed, other.sealed).await;
        assert_sealed(&shop, order, cards[0]).await;
        assert_eq!(shop.reveal(order, &cards[1..]).await.expect("opened"), ["B"]);
    }

    async fn a_sealed_code_does_not_open_as_another_sku(db) {
        let (shop, order, cards) = two_sold(&db).await;
        change(&shop, cards[0], card::Column::SkuId, shop.other.uuid()).await;
        assert_sealed(&shop, order, cards[0]).await;
    }

    async fn a_sealed_code_does_not_open_in_another_tenant(db) {
        let (ours, order, cards) = two_sold(&db).await;
        let theirs = Shop::open_under(&db, ours.inventory.keys().clone()).await;
        theirs.import(&["Z"]).await;
        let stolen = row(&ours, cards[0]).await;
        let tx = theirs.write().await;
        let batch_id = tx.find::<card::Entity>().one().await.expect("read").expect("theirs").batch_id;
        let planted = card::Model { sku_id: theirs.sku.uuid(), batch_id, ..stolen };
        tx.insert::<card::Entity>([planted]).await.expect("inserted");
        tx.commit().await.expect("committed");
        assert_sealed(&theirs, order, cards[0]).await;
        // Nor with the tenant's keys beside it: they are bound to their tenant, too.
        let tx = ours.store.read(&ours.scope).await.expect("a reader");
        let keys = tx.find::<tenant_key::Entity>().all().await.expect("read");
        drop(tx);
        let tx = theirs.write().await;
        tx.delete::<tenant_key::Entity>().run().await.expect("deleted");
        tx.insert::<tenant_key::Entity>(keys).await.expect("inserted");
        tx.commit().await.expect("committed");
        theirs.inventory.keys().forget(theirs.scope.id());
        assert_sealed(&theirs, order, cards[0]).await;
    }

    async fn a_damaged_code_does_not_open(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let sealed = row(&shop, cards[0]).await.sealed;
        for place in [0, 12, sealed.len() - 1] {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            change(&shop, cards[0], card::Column::Sealed, damaged).await;
            assert_sealed(&shop, order, cards[0]).await;
        }
        change(&shop, cards[0], card::Column::Sealed, sealed[..11].to_vec()).await;
        assert_sealed(&shop, order, cards[0]).await;
        change(&shop, cards[0], card::Column::Sealed, sealed).await;
        assert_eq!(shop.reveal(order, &cards[..1]).await.expect("opened"), ["A"]);
    }

    async fn equal_codes_are_sealed_differently(db) {
        let (ours, theirs) = (Shop::open(&db).await, Shop::open(&db).await);
        for shop in [&ours, &theirs] {
            shop.import(&["A"]).await;
        }
        let (of_ours, of_theirs) = (ours.sell(ours.sku, 1).await.1, theirs.sell(theirs.sku, 1).await.1);
        assert_ne!(row(&ours, of_ours[0]).await.sealed, row(&theirs, of_theirs[0]).await.sealed);
    }

    async fn a_rotation_keeps_old_codes_open_and_seals_new_ones_with_a_new_key(db) {
        let (shop, order, cards) = two_sold(&db).await;
        rotate(&shop).await;
        let report = shop.import(&["C", "A"]).await;
        assert_eq!(report, ImportReport { added: 1, duplicates: vec![1] }, "duplicates are still found");
        assert_eq!(versions(&shop).await, [1, 1, 2]);
        let (new_order, new_cards) = shop.sell(shop.sku, 1).await;
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), ["A", "B"]);
        assert_eq!(shop.reveal(new_order, &new_cards).await.expect("opened"), ["C"]);
    }

    async fn a_node_that_knew_only_the_old_keys_reads_the_new_ones(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let node = shop.elsewhere(shop.inventory.keys().master());
        assert_eq!(node.reveal(order, &cards).await.expect("opened"), ["A", "B"]);
        rotate(&shop).await;
        shop.import(&["C"]).await;
        let (order, cards) = shop.sell(shop.sku, 1).await;
        assert_eq!(node.reveal(order, &cards).await.expect("opened"), ["C"]);
    }

    async fn after_a_change_of_masters_the_old_one_alone_opens_nothing(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let old = shop.inventory.keys().master();
        let next = MasterKey::generate();
        let both = old.rotated_to(next.clone());
        shop.inventory.keys().change_master(both.clone());
        // Not wrapped again yet: both masters still open what the old one has wrapped, the next one alone does not.
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), ["A", "B"]);
        let refused = shop.elsewhere(MasterKeys::only(next.clone())).reveal(order, &cards).await;
        assert!(matches!(refused, Err(InventoryError::ForeignMaster)), "{refused:?}");
        rotate(&shop).await;
        let refused = shop.elsewhere(old.clone()).reveal(order, &cards).await;
        assert!(matches!(refused, Err(InventoryError::ForeignMaster)), "{refused:?}");
        for keys in [MasterKeys::only(next), both] {
            let codes = shop.elsewhere(keys).reveal(order, &cards).await;
            assert_eq!(codes.expect("opened"), ["A", "B"]);
        }
    }

    async fn an_import_under_a_foreign_master_is_refused(db) {
        let (shop, ..) = two_sold(&db).await;
        let stranger = shop.elsewhere(MasterKeys::only(MasterKey::generate()));
        let tx = stranger.write().await;
        let refused = stranger.inventory.import_in(&tx, shop.sku, &cards(&["C"], None)).await;
        assert!(matches!(refused, Err(InventoryError::ForeignMaster)), "{refused:?}");
    }

    async fn a_rotation_that_is_dropped_changes_nothing(db) {
        let (shop, order, cards) = two_sold(&db).await;
        let tx = shop.write().await;
        shop.inventory.keys().rotate_in(&tx).await.expect("rotated");
        drop(tx);
        shop.import(&["C"]).await;
        assert_eq!(versions(&shop).await, [1, 1, 1]);
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), ["A", "B"]);
    }

    async fn a_tenant_without_keys_has_nothing_to_rotate(db) {
        let shop = Shop::open(&db).await;
        rotate(&shop).await;
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        assert_eq!(tx.find::<tenant_key::Entity>().count().await.expect("counted"), 0);
    }

    async fn another_process_rotated_the_master_file_and_this_one_reads_it_again(db) {
        let file = db.folder().join("master.key");
        let (old, _) = MasterKeys::read_or_make(&file).expect("made");
        let shop = Shop::open_under(&db, KeyRing::from_file(old.clone(), file.clone())).await;
        shop.import(&["A"]).await;
        let (order, cards) = shop.sell(shop.sku, 1).await;
        let next = MasterKey::generate();
        next.write(&MasterKeys::next_path(&file)).expect("written");
        let other = shop.elsewhere(old.rotated_to(next));
        rotate(&other).await;
        shop.inventory.keys().forget(shop.scope.id());
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), ["A"]);
    }
}
