//! How much of what was sold lately: for lists that begin with what others buy.

use std::collections::HashMap;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::{NoContext, Timestamp, Uuid};

use crate::fulfil::FulfilState;
use crate::table::{fulfilment, line};

/// The pieces of each SKU in orders of this scope placed since `since`: lines that have their codes, the little that
/// waits for its money among them; of goods that persons fulfil, the lines. Two ranges of a key, because an order's
/// id begins with its time; a busy site reads many rows, so keep the answer for a while.
pub async fn sold_since_in(tx: &impl Tx, since: DateTime<Utc>) -> Result<HashMap<SkuId, u64>, StoreError> {
    let seconds = u64::try_from(since.timestamp()).unwrap_or_default();
    let first = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    // The rest of an id is random; the first of that second has none.
    let first = Uuid::from_u128(first.as_u128() & !((1 << 80) - 1));
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.gte(first));
    let lines = lines.filter(line::Column::CardIds.ne(Vec::<u8>::new()));
    let mut sums: Vec<(Uuid, i64)> = lines.sum_by(line::Column::SkuId, line::Column::Quantity).await?;
    let works = tx.find::<fulfilment::Entity>().filter(fulfilment::Column::OrderId.gte(first));
    let works = works.filter(fulfilment::Column::State.ne(FulfilState::Cancelled.word()));
    sums.extend(works.count_by::<Uuid>(fulfilment::Column::SkuId).await?);
    Ok(sums.into_iter().map(|(sku, sum)| (SkuId::from_uuid(sku), sum.unsigned_abs())).collect())
}
