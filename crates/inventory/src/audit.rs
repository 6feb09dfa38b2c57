//! The audit of the stock: counts against rows, rows against orders.

use std::collections::HashMap;

use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::table::{card, card_batch, card_count, card_hash};

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
    let mut of_batches: HashMap<Uuid, i64> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = tx.find::<card::Entity>().filter(card::Column::Id.gt(after));
        use card::Column::{BatchId, Id, LineNo, OrderId, SkuId, State};
        let columns = [Id, SkuId, State, OrderId, LineNo, BatchId];
        type Row = (Uuid, Uuid, String, Option<Uuid>, Option<i32>, Uuid);
        let page: Vec<Row> = page.ascending(card::Column::Id).limit(PAGE).columns(columns).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (id, sku, state, order, line, batch) in page {
            audit.cards += 1;
            *of_batches.entry(batch).or_default() += 1;
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
    compare_counts(tx, counted, &mut audit.breaches).await?;
    let withdrawn = compare_batches(tx, of_batches, &mut audit.breaches).await?;
    // Every card has its hash, but for those that were taken out before anybody had them.
    let hashes = tx.find::<card_hash::Entity>().count().await?;
    if hashes + withdrawn != audit.cards {
        let cards = audit.cards;
        audit.breaches.push(format!("{cards} cards, of which {withdrawn} were withdrawn, have {hashes} hashes"));
    }
    Ok(audit)
}

async fn compare_counts(
    tx: &impl Tx,
    mut counted: HashMap<Uuid, [i64; 5]>,
    breaches: &mut Vec<String>,
) -> Result<(), StoreError> {
    for row in tx.find::<card_count::Entity>().all().await? {
        let stored = [row.available, row.held, row.sold, row.void, row.shared];
        let counted = counted.remove(&row.sku_id).unwrap_or_default();
        if stored != counted {
            breaches.push(format!(
                "the counts of SKU {} say {stored:?} (available, held, sold, void, shared), its cards {counted:?}",
                row.sku_id
            ));
        }
    }
    breaches.extend(counted.keys().map(|sku| format!("SKU {sku} has cards and no counts")));
    Ok(())
}

/// Answers how many cards were withdrawn with their batches.
async fn compare_batches(
    tx: &impl Tx,
    mut counted: HashMap<Uuid, i64>,
    breaches: &mut Vec<String>,
) -> Result<u64, StoreError> {
    let (mut withdrawn, mut after) = (0, Uuid::nil());
    loop {
        use card_batch::Column::{Added, Id, Voided};
        let page = tx.find::<card_batch::Entity>().filter(Id.gt(after)).ascending(Id).limit(PAGE);
        let page: Vec<(Uuid, i64, i64)> = page.columns([Id, Added, Voided]).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (id, added, voided) in page {
            withdrawn += voided.unsigned_abs();
            let cards = counted.remove(&id).unwrap_or_default();
            if cards != added {
                breaches.push(format!("the batch {id} says that it has {added} cards, and it has {cards}"));
            }
        }
    }
    breaches.extend(counted.keys().map(|batch| format!("there are cards of {batch}, which is no batch")));
    Ok(withdrawn)
}
