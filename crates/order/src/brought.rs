//! What a delivery or a return was worth to those who sold it, and who bought: for figures by which sellers are judged.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use commission::AgentId;
use identity::CustomerId;
use kernel::SiteId;
use ledger::{EntryId, EntryKind};
use sea_orm::ColumnTrait;
use sha2::{Digest, Sha256};
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::claim::ClaimState;
use crate::model::OrderId;
use crate::parts::chunks;
use crate::sale::{delivered_id, returned_id};
use crate::table::{claim as claims, contact, line, order, returned_line};

/// By whom an order was sold, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seller {
    /// The order.
    pub order: OrderId,
    /// The selling site.
    pub site: SiteId,
    /// The agent who brought the buyer.
    pub agent: Option<AgentId>,
    /// The buyer's account; none of a guest.
    pub customer: Option<CustomerId>,
    /// What stands for the buyer where buyers are only told apart; none of a guest who left no contact.
    pub buyer: Option<[u8; 16]>,
}

/// What buyers paid for what an entry delivered, or were given back by what it returned: below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalePart {
    /// By whom, to whom.
    pub seller: Seller,
    /// In minor units of the tenant's currency.
    pub amount_minor: i64,
}

/// What these entries of the kinds *line_delivered* and *line_returned* were worth; `entries` are kinds, and the orders that
/// they are about.
pub async fn sale_parts_in(
    tx: &impl Tx,
    entries: impl IntoIterator<Item = (EntryKind, Uuid)>,
) -> Result<HashMap<EntryId, SalePart>, StoreError> {
    let (mut orders, mut returned) = (BTreeSet::new(), BTreeSet::new());
    for (kind, order) in entries {
        orders.insert(order);
        if kind == EntryKind::LineReturned {
            returned.insert(order);
        }
    }
    let sellers = sellers_in(tx, &orders).await?;
    let mut parts = HashMap::with_capacity(orders.len());
    let mut add = |entry: EntryId, order: Uuid, amount_minor: i64| {
        if let Some(seller) = sellers.get(&order) {
            parts.insert(entry, SalePart { seller: *seller, amount_minor });
        }
    };
    use line::Column::{LineNo, OrderId as OfOrder, TotalMinor};
    for some in chunks(&orders) {
        let lines = tx.find::<line::Entity>().among(OfOrder, some);
        let lines: Vec<(Uuid, i32, i64)> = lines.columns([OfOrder, LineNo, TotalMinor]).await?;
        lines.into_iter().for_each(|(order, number, total)| add(delivered_id(order, number), order, total));
    }
    for some in chunks(&returned) {
        let rows = tx.find::<returned_line::Entity>().among(returned_line::Column::OrderId, some).all().await?;
        for row in rows {
            add(returned_id(row.order_id, row.line_no, row.number), row.order_id, -row.amount_minor);
        }
    }
    Ok(parts)
}

/// By whom the orders were sold whose buyer asked for his money back and was right, each once: decided from one moment until
/// just before another.
pub async fn complaints_in(
    tx: &impl Tx,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Seller>, StoreError> {
    use claims::Column::{DecidedAt, OrderId as OfOrder, State};
    let decided = tx.find::<claims::Entity>().of_words(State, &[ClaimState::Approved.word()]);
    let decided = decided.filter(DecidedAt.gte(from)).filter(DecidedAt.lt(until));
    let orders: Vec<(Uuid,)> = decided.columns([OfOrder]).await?;
    let sellers = sellers_in(tx, &orders.into_iter().map(|(order,)| order).collect()).await?;
    Ok(sellers.into_values().collect())
}

async fn sellers_in(tx: &impl Tx, orders: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, Seller>, StoreError> {
    use contact::Column::{Contact, OrderId as OfOrder};
    use order::Column::{AgentId as Agent, CustomerId as Customer, Id, SiteId as Site};
    let mut sellers = HashMap::with_capacity(orders.len());
    for some in chunks(orders) {
        let guests = tx.find::<contact::Entity>().among(OfOrder, some.iter().copied());
        let guests: Vec<(Uuid, Option<String>)> = guests.columns([OfOrder, Contact]).await?;
        let guests: HashMap<Uuid, Option<String>> = guests.into_iter().collect();
        let rows = tx.find::<order::Entity>().among(Id, some);
        let rows: Vec<(Uuid, Uuid, Option<Uuid>, Option<Uuid>)> = rows.columns([Id, Site, Agent, Customer]).await?;
        for (id, site, agent, customer) in rows {
            let guest = || guests.get(&id).and_then(Option::as_deref).map(mark);
            let seller = Seller {
                order: OrderId::from_uuid(id),
                site: SiteId::from_uuid(site),
                agent: agent.map(AgentId::from_uuid),
                customer: customer.map(CustomerId::from_uuid),
                buyer: customer.map(Uuid::into_bytes).or_else(guest),
            };
            sellers.insert(id, seller);
        }
    }
    Ok(sellers)
}

/// What stands for a guest's contact.
fn mark(contact: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(b"guest ").chain_update(contact).finalize().into();
    let mut mark = [0; 16];
    mark.copy_from_slice(&digest[..16]);
    mark
}
