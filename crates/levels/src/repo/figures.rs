//! What everybody sold on which day, and who his buyers are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kernel::{Day, SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::model::Figures;
use crate::table::{buyer, figure};

/// Rows that are written at once.
const AT_ONCE: usize = 5_000;

/// Sites and agents whose figures are asked for in one statement.
const OWNERS_AT_ONCE: usize = 50;

/// What somebody sold on a day, or brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct DayOf {
    pub sales_minor: i64,
    /// Orders of which something was delivered.
    pub orders: BTreeSet<Uuid>,
    pub complaints: u64,
    pub buyers: BTreeSet<[u8; 16]>,
}

/// Writes the figures of a day; by site and owner.
pub(crate) async fn insert(
    tx: &WriteTx<TenantScope>,
    day: Day,
    figures: &BTreeMap<(SiteId, Uuid), DayOf>,
) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let rows: Vec<figure::Model> = figures
        .iter()
        .map(|((site, owner), of)| figure::Model {
            tenant_id,
            site_id: site.uuid(),
            owner_id: *owner,
            day: day.number(),
            sales_minor: of.sales_minor,
            orders: i64::try_from(of.orders.len()).unwrap_or(i64::MAX),
            complaints: i64::try_from(of.complaints).unwrap_or(i64::MAX),
        })
        .collect();
    for some in rows.chunks(AT_ONCE) {
        tx.insert::<figure::Entity>(some.to_vec()).await?;
    }
    let bought = figures.iter().flat_map(|(key, of)| of.buyers.iter().map(move |buyer| (key, buyer)));
    let bought: Vec<buyer::Model> = bought
        .map(|((site, owner), mark)| buyer::Model {
            tenant_id,
            site_id: site.uuid(),
            owner_id: *owner,
            buyer: mark.to_vec(),
            last_day: day.number(),
        })
        .collect();
    for some in bought.chunks(AT_ONCE) {
        // Days are counted one after another: whoever is known already was there on an earlier one.
        let rows = || Rows::<buyer::Entity>::of(some.to_vec());
        tx.update_rows(rows(), &[buyer::Column::OwnerId, buyer::Column::Buyer], Change::Set).await?;
        let _: Vec<Uuid> = tx.insert_new(rows(), buyer::Column::OwnerId).await?;
    }
    Ok(())
}

/// What these sold from the first until the last of these days, and their buyers since the first; who sold nothing has none.
pub(crate) async fn of(tx: &impl Tx, owners: &[Uuid], days: (Day, Day)) -> Result<HashMap<Uuid, Figures>, StoreError> {
    let mut figures = HashMap::new();
    for some in owners.chunks(OWNERS_AT_ONCE) {
        add_of(tx, some, days, &mut figures).await?;
    }
    Ok(figures)
}

async fn add_of(
    tx: &impl Tx,
    owners: &[Uuid],
    (first, last): (Day, Day),
    figures: &mut HashMap<Uuid, Figures>,
) -> Result<(), StoreError> {
    use figure::Column::{Complaints, Day as On, Orders, OwnerId, SalesMinor};
    let days = || {
        let find = tx.find::<figure::Entity>().among(OwnerId, owners.iter().copied());
        find.filter(On.gte(first.number())).filter(On.lte(last.number()))
    };
    for (owner, sum) in days().sum_by::<Uuid>(OwnerId, SalesMinor).await? {
        figures.entry(owner).or_default().sales_minor = sum;
    }
    for (owner, sum) in days().sum_by::<Uuid>(OwnerId, Orders).await? {
        figures.entry(owner).or_default().orders = sum.unsigned_abs();
    }
    for (owner, sum) in days().sum_by::<Uuid>(OwnerId, Complaints).await? {
        figures.entry(owner).or_default().complaints = sum.unsigned_abs();
    }
    let buyers = tx.find::<buyer::Entity>().among(buyer::Column::OwnerId, owners.iter().copied());
    let buyers = buyers.filter(buyer::Column::LastDay.gte(first.number()));
    for (owner, count) in buyers.count_by::<Uuid>(buyer::Column::OwnerId).await? {
        figures.entry(owner).or_default().buyers = count.unsigned_abs();
    }
    Ok(())
}
