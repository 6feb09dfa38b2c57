//! A customer's top-ups.

use identity::CustomerId;
use sea_orm::ColumnTrait;
use store::Tx;

use super::{Read, rows};
use crate::model::{Intent, IntentId, Purpose};
use crate::table::intent;

/// Newest first, those before `before`.
pub(crate) async fn top_ups_of_in(
    tx: &impl Tx,
    customer: CustomerId,
    before: Option<IntentId>,
    limit: u64,
) -> Read<Intent> {
    let mut find = tx.find::<intent::Entity>().filter(intent::Column::CustomerId.eq(customer.uuid()));
    find = find.filter(intent::Column::Purpose.eq(Purpose::TopUp.word()));
    if let Some(before) = before {
        find = find.filter(intent::Column::Id.lt(before.uuid()));
    }
    let rows = find.descending(intent::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::intent_of).collect()
}
