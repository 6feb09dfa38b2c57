//! How much of what was sold lately: for lists that begin with what others buy.

use std::collections::HashMap;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::{NoContext, Timestamp, Uuid};

use crate::fulfil::FulfilState;
use crate::table::{fulfilment, line, order};

/// Orders that are looked at, the newest: a ranking needs no more, and a busy site has a hundred times as many.
const ORDERS_MAX: u64 = 1_000;
/// Orders whose lines are asked for at once.
const ORDERS_AT_ONCE: usize = 250;

/// The pieces of each SKU in the newest thousand orders of this scope, as far as they were placed since `since`: lines that
/// have their codes, the little that waits for its money among them; of goods that persons fulfil, the lines. An order's
/// id begins with its time. Keep the answer for a while.
pub async fn sold_since_in(tx: &impl Tx, since: DateTime<Utc>) -> Result<HashMap<SkuId, u64>, StoreError> {
    let seconds = u64::try_from(since.timestamp()).unwrap_or_default();
    let first = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    // The rest of an id is random; the first of that second has none.
    let first = Uuid::from_u128(first.as_u128() & !((1 << 80) - 1));
    let orders = tx.find::<order::Entity>().filter(order::Column::Id.gte(first)).descending(order::Column::Id);
    let orders: Vec<(Uuid,)> = orders.limit(ORDERS_MAX).columns([order::Column::Id]).await?;
    let mut sold: HashMap<SkuId, u64> = HashMap::new();
    for some in orders.chunks(ORDERS_AT_ONCE) {
        let ids = || some.iter().map(|(id,)| *id);
        let lines = tx.find::<line::Entity>().among(line::Column::OrderId, ids());
        let lines = lines.filter(line::Column::CardIds.ne(Vec::<u8>::new()));
        let mut sums: Vec<(Uuid, i64)> = lines.sum_by(line::Column::SkuId, line::Column::Quantity).await?;
        let works = tx.find::<fulfilment::Entity>().among(fulfilment::Column::OrderId, ids());
        let works = works.filter(fulfilment::Column::State.ne(FulfilState::Cancelled.word()));
        sums.extend(works.count_by::<Uuid>(fulfilment::Column::SkuId).await?);
        for (sku, sum) in sums {
            *sold.entry(SkuId::from_uuid(sku)).or_default() += sum.unsigned_abs();
        }
    }
    Ok(sold)
}
