//! Which line of which order an entry of the ledger is about: for reports that begin with the books.

use std::collections::{BTreeSet, HashMap};

use catalog::SkuId;
use kernel::{SiteId, Wording};
use ledger::EntryId;
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::sale::{delivered_id, replaced_id, returned_id};
use crate::table::{line, replacement, returned_line};

/// A line that was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldPart {
    /// The selling site.
    pub site: SiteId,
    /// What was sold.
    pub sku: SkuId,
    /// What it was called then: goods and SKU.
    pub title: Wording,
    /// How many pieces.
    pub quantity: u32,
}

/// Orders whose lines are asked for at once.
const ORDERS_AT_ONCE: usize = 100;

/// The lines of these orders, by the entries that may be about them: of a delivery, of each return, of each replaced code.
pub async fn sold_parts_in(tx: &impl Tx, orders: &BTreeSet<Uuid>) -> Result<HashMap<EntryId, SoldPart>, StoreError> {
    let mut parts = HashMap::with_capacity(orders.len());
    for some in orders.iter().copied().collect::<Vec<_>>().chunks(ORDERS_AT_ONCE) {
        add_parts(tx, some, &mut parts).await?;
    }
    Ok(parts)
}

async fn add_parts(tx: &impl Tx, orders: &[Uuid], parts: &mut HashMap<EntryId, SoldPart>) -> Result<(), StoreError> {
    let ids = || orders.iter().copied();
    let mut known: HashMap<(Uuid, i32), SoldPart> = HashMap::new();
    for row in tx.find::<line::Entity>().among(line::Column::OrderId, ids()).all().await? {
        let title = |goods: &str, sku: &str| format!("{goods} {sku}").trim().to_owned();
        let part = SoldPart {
            site: SiteId::from_uuid(row.site_id),
            sku: SkuId::from_uuid(row.sku_id),
            title: Wording::new(title(&row.title_zh, &row.sku_name_zh), title(&row.title_en, &row.sku_name_en)),
            quantity: row.quantity.unsigned_abs(),
        };
        parts.insert(delivered_id(row.order_id, row.line_no), part.clone());
        known.insert((row.order_id, row.line_no), part);
    }
    let returned = tx.find::<returned_line::Entity>().among(returned_line::Column::OrderId, ids()).all().await?;
    let returned = returned
        .into_iter()
        .map(|row| ((row.order_id, row.line_no), returned_id(row.order_id, row.line_no, row.number)));
    let replaced = tx.find::<replacement::Entity>().among(replacement::Column::OrderId, ids()).all().await?;
    let replaced = replaced.into_iter().map(|row| ((row.order_id, row.line_no), replaced_id(row.order_id, row.number)));
    let about = returned.chain(replaced).filter_map(|(line, entry)| Some((entry, known.get(&line)?.clone())));
    parts.extend(about);
    Ok(())
}
