//! The keys of decided commands, with their answers.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use sea_orm::entity::prelude::*;
use store::{Change, Rows, StoreError, Tx, WriteTx};

use crate::command::CommandKey;

pub(crate) mod key {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "command_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub fingerprint: Vec<u8>,
        pub answer: Option<String>,
        pub created_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
store::tenant_owned!(key);

/// What is kept under a key.
#[derive(Clone)]
pub(crate) struct Decided {
    pub fingerprint: Vec<u8>,
    pub answer: String,
}

/// Writes the keys, sorted; answers those that were there before, with what was decided then.
pub(crate) async fn take_in(
    tx: &WriteTx<TenantScope>,
    keys: &BTreeMap<CommandKey, Vec<u8>>,
) -> Result<HashMap<CommandKey, Decided>, StoreError> {
    let mut rows = Rows::of_columns(&[key::Column::Key, key::Column::Fingerprint, key::Column::CreatedAt]);
    for (name, fingerprint) in keys {
        rows.push([name.as_str().into(), fingerprint.clone().into(), tx.now().into()]);
    }
    let new: Vec<String> = tx.insert_new::<key::Entity, String>(rows, key::Column::Key).await?;
    let new: HashSet<&str> = new.iter().map(String::as_str).collect();
    let old: Vec<&CommandKey> = keys.keys().filter(|name| !new.contains(name.as_str())).collect();
    if old.is_empty() {
        return Ok(HashMap::new());
    }
    let found = tx.find::<key::Entity>().among(key::Column::Key, old.iter().map(|name| name.as_str())).all().await?;
    let mut found: HashMap<String, key::Model> = found.into_iter().map(|row| (row.key.clone(), row)).collect();
    let decided = old.into_iter().filter_map(|name| {
        let row = found.remove(name.as_str())?;
        // A key without an answer cannot be committed; an empty answer fails to read and is reported there.
        Some((name.clone(), Decided { fingerprint: row.fingerprint, answer: row.answer.unwrap_or_default() }))
    });
    Ok(decided.collect())
}

/// Writes the answers beside their keys; answers how many keys were there.
pub(crate) async fn answer_in(
    tx: &WriteTx<TenantScope>,
    answers: impl Iterator<Item = (CommandKey, String)>,
) -> Result<u64, StoreError> {
    let mut rows = Rows::of_columns(&[key::Column::Key, key::Column::Answer]);
    for (name, answer) in answers {
        rows.push([name.as_str().into(), answer.into()]);
    }
    tx.update_rows::<key::Entity>(rows, &[key::Column::Key], Change::Set).await
}

/// Whether the key was taken by a command that was committed.
pub(crate) async fn is_known_in(tx: &impl Tx, key: &CommandKey) -> Result<bool, StoreError> {
    let found = tx.find::<key::Entity>().filter(key::Column::Key.eq(key.as_str())).count().await?;
    Ok(found > 0)
}

/// Forgets up to `limit` keys that callers chose before `moment`, the oldest first; keys of business facts stay.
/// Answers how many went: fewer than the limit means that no more are left.
pub async fn prune_in(tx: &WriteTx<TenantScope>, moment: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
    let old = tx.find::<key::Entity>().filter(key::Column::CreatedAt.lt(moment));
    let old = old.filter(key::Column::Key.starts_with(CommandKey::REQUEST)).ascending(key::Column::CreatedAt);
    let old: Vec<(String,)> = old.limit(limit).columns([key::Column::Key]).await?;
    tx.delete::<key::Entity>().among(key::Column::Key, old.into_iter().map(|(key,)| key)).run().await
}
