//! What entries are about, for the audits of the rooms that know those things: no foreign key says that they exist.

use sea_orm::ColumnTrait;
use store::Tx;
use uuid::Uuid;

use crate::entry::{EntryId, EntryKind};
use crate::error::LedgerError;
use crate::table::entry;

/// The entries of these kinds after `after`, each with what it is about, in the order of their ids.
pub async fn subjects_in(
    tx: &impl Tx,
    kinds: &[EntryKind],
    after: EntryId,
    limit: u64,
) -> Result<Vec<(EntryId, Uuid)>, LedgerError> {
    let find = tx.find::<entry::Entity>().filter(entry::Column::Id.gt(after.uuid()));
    let find = find.filter(entry::Column::Kind.is_in(kinds.iter().map(|kind| kind.name())));
    let find = find.ascending(entry::Column::Id).limit(limit);
    let rows: Vec<(Uuid, Uuid)> = find.columns([entry::Column::Id, entry::Column::SubjectId]).await?;
    Ok(rows.into_iter().map(|(id, subject)| (EntryId::from_uuid(id), subject)).collect())
}
