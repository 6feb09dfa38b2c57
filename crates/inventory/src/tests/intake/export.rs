//! Carrying codes away.

use super::*;
use crate::table::card_export;
use crate::{CardState, ExportOf};

pub(super) fn of(shop: &Shop, state: Option<CardState>) -> ExportOf {
    ExportOf { sku: shop.sku, state, by: "cleo".to_owned(), reason: "moving house".to_owned() }
}

testkit::on_both! {
    async fn an_export_is_logged_before_a_code_is_opened(db) {
        let shop = Shop::open(&db).await;
        shop.take_in(codes(1_500)).await.expect("imported");
        shop.sell(shop.sku, 2).await;
        let mut export = shop.intake().export(&shop.scope, &of(&shop, Some(CardState::Available))).await.expect("logged");
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let log = tx.find::<card_export::Entity>().all().await.expect("read");
        assert_eq!(log.len(), 1);
        let row = &log[0];
        assert_eq!((row.card_count, row.exported_by.as_str(), row.reason.as_str()), (1_498, "cleo", "moving house"));
        assert_eq!((row.card_state.as_deref(), row.sku_id), (Some("available"), shop.sku.uuid()));
        drop(tx);
        let (first, second) = (export.next().await.expect("opened"), export.next().await.expect("opened"));
        assert_eq!((first.len(), second.len(), export.next().await.expect("opened").len()), (1_000, 498, 0));
        assert_eq!((first[0].code.reveal(), second[497].code.reveal()), ("CODE-000002", "CODE-001499"));
    }

    async fn the_log_of_exports_cannot_be_changed(db) {
        let shop = Shop::open(&db).await;
        shop.intake().export(&shop.scope, &of(&shop, None)).await.expect("logged");
        let tx = shop.write().await;
        assert!(tx.update::<card_export::Entity>().set(card_export::Column::Reason, "none").run().await.is_err());
        drop(tx);
        let tx = shop.write().await;
        assert!(tx.delete::<card_export::Entity>().run().await.is_err());
    }

    async fn an_export_has_a_reason(db) {
        let shop = Shop::open(&db).await;
        let nothing = ExportOf { reason: " ".to_owned(), ..of(&shop, None) };
        assert!(matches!(shop.intake().export(&shop.scope, &nothing).await, Err(InventoryError::BadText { .. })));
        let unknown = ExportOf { sku: SkuId::new(), ..of(&shop, None) };
        assert!(matches!(shop.intake().export(&shop.scope, &unknown).await, Err(InventoryError::UnknownSku { .. })));
    }
}
