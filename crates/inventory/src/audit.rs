//! The audit of the stock: counts against rows, rows against orders, their value against the ledger.

use std::collections::HashMap;

use ledger::{AccountKind, accounts_in};
use sea_orm::ColumnTrait;
use store::Tx;
use uuid::Uuid;

use crate::error::InventoryError;
use crate::table::{card, card_batch, card_count, card_hash};

/// What an audit of one tenant's stock counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryAudit {
    /// Cards read.
    pub cards: u64,
    /// Which order line each sold card says it belongs to.
    pub sold: HashMap<Uuid, GivenCard>,
    /// Which order line each held card says it waits for.
    pub held: HashMap<Uuid, GivenCard>,
    /// Which order line each void card was taken back from, if it was sold.
    pub void: HashMap<Uuid, GivenCard>,
    /// What does not hold (invariant 4), in words; empty is good.
    pub breaches: Vec<String>,
}

/// What a card says of the order line that has it, or had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenCard {
    /// The order.
    pub order: Uuid,
    /// The line.
    pub line: i32,
    /// What the card was put in stock for.
    pub cost_minor: i64,
}

/// The cards of a batch, and what those of them were put in stock for that are still ours.
#[derive(Debug, Clone, Copy, Default)]
struct OfBatch {
    cards: i64,
    value: i128,
}

const PAGE: u64 = 5_000;
/// Far more currencies than a tenant has.
const CURRENCIES_MAX: u64 = 100;

/// Counts the cards of the transaction's tenant and compares them with the stored counts, and what the free and the held
/// ones were put in stock for with the ledger's stock at cost.
pub async fn audit_in(tx: &impl Tx) -> Result<InventoryAudit, InventoryError> {
    let mut audit = InventoryAudit::default();
    let mut counted: HashMap<Uuid, [i64; 5]> = HashMap::new();
    let mut of_batches: HashMap<Uuid, OfBatch> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = tx.find::<card::Entity>().filter(card::Column::Id.gt(after));
        use card::Column::{BatchId, CostMinor, Id, LineNo, OrderId, SkuId, State};
        let columns = [Id, SkuId, State, OrderId, LineNo, BatchId, CostMinor];
        type Row = (Uuid, Uuid, String, Option<Uuid>, Option<i32>, Uuid, i64);
        let page: Vec<Row> = page.ascending(card::Column::Id).limit(PAGE).columns(columns).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (id, sku, state, order, line, batch, cost_minor) in page {
            audit.cards += 1;
            let of_batch = of_batches.entry(batch).or_default();
            of_batch.cards += 1;
            if ["available", "held"].contains(&state.as_str()) {
                of_batch.value += i128::from(cost_minor);
            }
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
                taken.insert(id, GivenCard { order, line, cost_minor });
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
) -> Result<(), InventoryError> {
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
    mut counted: HashMap<Uuid, OfBatch>,
    breaches: &mut Vec<String>,
) -> Result<u64, InventoryError> {
    let (mut withdrawn, mut after) = (0, Uuid::nil());
    let mut values: HashMap<String, i128> = HashMap::new();
    loop {
        use card_batch::Column::{Added, Currency, Id, Voided};
        let page = tx.find::<card_batch::Entity>().filter(Id.gt(after)).ascending(Id).limit(PAGE);
        let page: Vec<(Uuid, i64, i64, Option<String>)> = page.columns([Id, Added, Voided, Currency]).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (id, added, voided, currency) in page {
            withdrawn += voided.unsigned_abs();
            let OfBatch { cards, value } = counted.remove(&id).unwrap_or_default();
            match currency {
                Some(currency) => *values.entry(currency).or_default() += value,
                None if value != 0 => {
                    breaches.push(format!("cards of the batch {id}, which is worth nothing, cost {value}"))
                }
                None => {}
            }
            if cards != added {
                breaches.push(format!("the batch {id} says that it has {added} cards, and it has {cards}"));
            }
        }
    }
    breaches.extend(counted.keys().map(|batch| format!("there are cards of {batch}, which is no batch")));
    compare_values(tx, values, breaches).await?;
    Ok(withdrawn)
}

/// What is free or held was put in stock for as much as the books say lies there. What we own is below zero in them.
async fn compare_values(
    tx: &impl Tx,
    mut values: HashMap<String, i128>,
    breaches: &mut Vec<String>,
) -> Result<(), InventoryError> {
    let mut differ = |currency: &str, booked: i128, value: i128| {
        if booked != value {
            breaches
                .push(format!("the books have {booked} {currency} of goods in stock, the cards there cost {value}"));
        }
    };
    for known in accounts_in(tx, Some(AccountKind::StockAtCost), None, CURRENCIES_MAX).await? {
        let currency = known.account.currency;
        let value = values.remove(currency.code()).unwrap_or_default();
        differ(currency.code(), -i128::from(known.balance.minor()), value);
    }
    values.iter().for_each(|(currency, value)| differ(currency, 0, *value));
    Ok(())
}
