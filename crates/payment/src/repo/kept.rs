//! What the audits read: rows that no foreign key keeps to what they name.

use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::Uuid;

use super::{Read, rows};
use crate::model::{Exception, ExceptionId, Intent, Purpose};
use crate::table::{exception, handover, intent};

/// Intents of orders, those after `after` and up to `last`; without `last`, `limit` of them.
pub(crate) async fn order_intents_in(tx: &impl Tx, after: Uuid, last: Option<Uuid>, limit: u64) -> Read<Intent> {
    let find = tx.find::<intent::Entity>().filter(intent::Column::Id.gt(after));
    let find = find.filter(intent::Column::Purpose.eq(Purpose::Order.word()));
    let find = match last {
        Some(last) => find.filter(intent::Column::Id.lte(last)),
        None => find.limit(limit),
    };
    find.all().await?.iter().map(rows::intent_of).collect()
}

/// Exceptions in the order of their ids, those after `after`.
pub(crate) async fn exceptions_after_in(tx: &impl Tx, after: ExceptionId, limit: u64) -> Read<Exception> {
    let rows = tx.find::<exception::Entity>().filter(exception::Column::Id.gt(after.uuid()));
    let rows = rows.ascending(exception::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::exception_of).collect()
}

/// The tries that hand-overs lead to, those after `after`, each once or more.
pub(crate) async fn handed_over_in(tx: &impl Tx, after: &str, limit: u64) -> Result<Vec<String>, StoreError> {
    let find = tx.find::<handover::Entity>().filter(handover::Column::OutNo.gt(after));
    let find = find.ascending(handover::Column::OutNo).limit(limit);
    let rows: Vec<(String,)> = find.columns([handover::Column::OutNo]).await?;
    Ok(rows.into_iter().map(|(out_no,)| out_no).collect())
}
