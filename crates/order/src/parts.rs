//! Which line of which order an entry of the ledger is about: for reports that begin with the books.

use std::collections::{BTreeSet, HashMap};

use catalog::SkuId;
use kernel::{SiteId, Wording};
use ledger::{EntryId, EntryKind};
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

/// The lines that these entries are about: of a delivery, of a return, of a replaced code; `entries` are kinds, and the orders
/// that they are about.
pub async fn sold_parts_in(
    tx: &impl Tx,
    entries: impl IntoIterator<Item = (EntryKind, Uuid)>,
) -> Result<HashMap<EntryId, SoldPart>, StoreError> {
    let (mut orders, mut returned, mut replaced) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (kind, order) in entries {
        orders.insert(order);
        match kind {
            EntryKind::LineReturned => drop(returned.insert(order)),
            EntryKind::CodeReplaced => drop(replaced.insert(order)),
            _ => {}
        }
    }
    let (mut parts, mut known) = (HashMap::with_capacity(orders.len()), HashMap::new());
    for some in chunks(&orders) {
        for row in tx.find::<line::Entity>().among(line::Column::OrderId, some).all().await? {
            let part = part_of(&row);
            parts.insert(delivered_id(row.order_id, row.line_no), part.clone());
            known.insert((row.order_id, row.line_no), part);
        }
    }
    let mut about: Vec<(EntryId, (Uuid, i32))> = Vec::new();
    for some in chunks(&returned) {
        let rows = tx.find::<returned_line::Entity>().among(returned_line::Column::OrderId, some).all().await?;
        let entry = |row: &returned_line::Model| returned_id(row.order_id, row.line_no, row.number);
        about.extend(rows.iter().map(|row| (entry(row), (row.order_id, row.line_no))));
    }
    for some in chunks(&replaced) {
        let rows = tx.find::<replacement::Entity>().among(replacement::Column::OrderId, some).all().await?;
        let entry = |row: &replacement::Model| replaced_id(row.order_id, row.number);
        about.extend(rows.iter().map(|row| (entry(row), (row.order_id, row.line_no))));
    }
    parts.extend(about.into_iter().filter_map(|(entry, line)| Some((entry, known.get(&line)?.clone()))));
    Ok(parts)
}

pub(crate) fn chunks(orders: &BTreeSet<Uuid>) -> Vec<Vec<Uuid>> {
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    orders.chunks(ORDERS_AT_ONCE).map(<[Uuid]>::to_vec).collect()
}

fn part_of(row: &line::Model) -> SoldPart {
    let title = |goods: &str, sku: &str| format!("{goods} {sku}").trim().to_owned();
    SoldPart {
        site: SiteId::from_uuid(row.site_id),
        sku: SkuId::from_uuid(row.sku_id),
        title: Wording::new(title(&row.title_zh, &row.sku_name_zh), title(&row.title_en, &row.sku_name_en)),
        quantity: row.quantity.unsigned_abs(),
    }
}
