//! The audit of the stock: counts against rows, rows against orders.

use std::collections::HashMap;

use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::table::{card, card_count, card_hash};

/// What an audit of one tenant's stock counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryAudit {
    /// Cards read.
    pub cards: u64,
    /// Which order line each sold card says it belongs to.
    pub sold: HashMap<Uuid, (Uuid, i32)>,
    /// Which order line each held card says it waits for.
    pub held: HashMap<Uuid, (Uuid, i32)>,
    /// Which order line each void card was taken back from, if it was sold.
    pub void: HashMap<Uuid, (Uuid, i32)>,
    /// What does not hold (invariant 4), in words; empty is good.
    pub breaches: Vec<String>,
}

const PAGE: u64 = 5_000;

/// Counts the cards of the transaction's tenant and compares them with the stored counts.
pub async fn audit_in(tx: &impl Tx) -> Result<InventoryAudit, StoreError> {
    let mut audit = InventoryAudit::default();
    let mut counted: HashMap<Uuid, [i64; 5]> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = tx.find::<card::Entity>().filter(card::Column::Id.gt(after));
        let columns =
            [card::Column::Id, card::Column::SkuId, card::Column::State, card::Column::OrderId, card::Column::LineNo];
        type Row = (Uuid, Uuid, String, Option<Uuid>, Option<i32>);
        let page: Vec<Row> = page.ascending(card::Column::Id).limit(PAGE).columns(columns).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (id, sku, state, order, line) in page {
            audit.cards += 1;
            let place = ["available", "held", "sold", "void", "shared"].iter().position(|name| *name == state);
            match place {
                Some(place) => counted.entry(sku).or_default()[place] += 1,
                None => audit.breaches.push(format!("card {id} is {state:?}, which is no state")),
            }
            let taken = match state.as_str() {
                "sold" => &mut audit.sold,
                "held" => &mut audit.held,
                "void" => &mut audit.void,
                _ => continue,
            };
            if let (Some(order), Some(line)) = (order, line) {
                taken.insert(id, (order, line));
            }
        }
    }
    for row in tx.find::<card_count::Entity>().all().await? {
        let stored = [row.available, row.held, row.sold, row.void, row.shared];
        let counted = counted.remove(&row.sku_id).unwrap_or_default();
        if stored != counted {
            audit.breaches.push(format!(
                "the counts of SKU {} say {stored:?} (available, held, sold, void, shared), its cards {counted:?}",
                row.sku_id
            ));
        }
    }
    for sku in counted.keys() {
        audit.breaches.push(format!("SKU {sku} has cards and no counts"));
    }
    let hashes = tx.find::<card_hash::Entity>().count().await?;
    if hashes != audit.cards {
        audit.breaches.push(format!("{} cards have {hashes} hashes", audit.cards));
    }
    Ok(audit)
}
