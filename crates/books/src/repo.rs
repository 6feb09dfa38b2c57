//! Closings and the keys they are signed with.

use kernel::{Day, TenantScope};
use sea_orm::ColumnTrait;
use store::{Rows, Tx, WriteTx};
use uuid::Uuid;

use crate::error::BooksError;
use crate::model::{Closing, ClosingKeyId};
use crate::seal::PublicKey;
use crate::table::{closing, closing_key};

type Read<T> = Result<T, BooksError>;

/// A key as it is kept.
pub(crate) struct KeptKey {
    pub id: ClosingKeyId,
    pub public: PublicKey,
    pub sealed: (Vec<u8>, i32),
}

/// The key that signs: the newest.
pub(crate) async fn key(tx: &impl Tx) -> Read<Option<KeptKey>> {
    let row = tx.find::<closing_key::Entity>().descending(closing_key::Column::Id).one().await?;
    Ok(row.and_then(kept))
}

fn kept(row: closing_key::Model) -> Option<KeptKey> {
    let (id, sealed) = (ClosingKeyId::from_uuid(row.id), (row.sealed, row.key_version));
    Some(KeptKey { id, public: PublicKey::from_bytes(&row.public_key)?, sealed })
}

pub(crate) async fn insert_key(tx: &WriteTx<TenantScope>, key: &KeptKey) -> Read<()> {
    let (sealed, key_version) = key.sealed.clone();
    let row = closing_key::Model {
        tenant_id: tx.scope().id().uuid(),
        id: key.id.uuid(),
        public_key: key.public.bytes().to_vec(),
        sealed,
        key_version,
        created_at: tx.now(),
    };
    tx.insert::<closing_key::Entity>([row]).await?;
    Ok(())
}

/// Writes the closing, unless its day is closed already; says whether it was written.
pub(crate) async fn insert_first(tx: &WriteTx<TenantScope>, new: &Closing) -> Read<bool> {
    let row = closing::Model {
        tenant_id: tx.scope().id().uuid(),
        day: new.day.number(),
        head_seq: new.head_seq,
        document: new.text.clone(),
        key_id: new.key.0.uuid(),
        signature: new.signature.clone(),
        closed_at: new.closed_at,
    };
    let written: Vec<i32> = tx.insert_new::<closing::Entity, i32>(Rows::of([row]), closing::Column::Day).await?;
    Ok(!written.is_empty())
}

/// The closing of this day.
pub(crate) async fn closing(tx: &impl Tx, day: Day) -> Read<Option<Closing>> {
    let row = tx.find::<closing::Entity>().filter(closing::Column::Day.eq(day.number())).one().await?;
    Ok(with_keys(tx, row.into_iter().collect()).await?.pop())
}

/// At most `limit` closings before this day, the latest first.
pub(crate) async fn before(tx: &impl Tx, day: Option<Day>, limit: u64) -> Read<Vec<Closing>> {
    let mut find = tx.find::<closing::Entity>().descending(closing::Column::Day).limit(limit);
    if let Some(day) = day {
        find = find.filter(closing::Column::Day.lt(day.number()));
    }
    let rows = find.all().await?;
    with_keys(tx, rows).await
}

/// At most `limit` closings after this day, the first first.
pub(crate) async fn after(tx: &impl Tx, day: Option<Day>, limit: u64) -> Read<Vec<Closing>> {
    let mut find = tx.find::<closing::Entity>().ascending(closing::Column::Day).limit(limit);
    if let Some(day) = day {
        find = find.filter(closing::Column::Day.gt(day.number()));
    }
    let rows = find.all().await?;
    with_keys(tx, rows).await
}

async fn with_keys(tx: &impl Tx, rows: Vec<closing::Model>) -> Read<Vec<Closing>> {
    let keys = tx.find::<closing_key::Entity>().among(closing_key::Column::Id, rows.iter().map(|row| row.key_id));
    let keys: Vec<KeptKey> = keys.all().await?.into_iter().filter_map(kept).collect();
    let public = |id: Uuid| keys.iter().find(|key| key.id.uuid() == id).map(|key| (key.id, key.public));
    let closing = |row: closing::Model| {
        Some(Closing {
            day: Day::from_number(row.day)?,
            closed_at: row.closed_at,
            head_seq: row.head_seq,
            text: row.document,
            signature: row.signature,
            key: public(row.key_id)?,
        })
    };
    Ok(rows.into_iter().filter_map(closing).collect())
}
