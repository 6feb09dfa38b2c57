//! The keys of decided commands, with their answers.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use sea_orm::entity::prelude::*;
use store::{Rows, StoreError, Tx, WriteTx};

use crate::command::CommandKey;
use crate::part::LaneSheaf;

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
        pub answer: String,
        pub asked_at: Option<DateTime<Utc>>,
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

/// Those of the keys that were decided before, with what was decided then.
pub(crate) async fn decided_in<'a>(
    tx: &impl Tx,
    keys: impl Iterator<Item = &'a CommandKey>,
) -> Result<HashMap<CommandKey, Decided>, StoreError> {
    let mut names: HashMap<&str, &CommandKey> = keys.map(|key| (key.as_str(), key)).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let found = tx.find::<key::Entity>().among(key::Column::Key, names.keys().copied());
    let columns = [key::Column::Key, key::Column::Fingerprint, key::Column::Answer];
    let found: Vec<(String, Vec<u8>, String)> = found.columns(columns).await?;
    let decided = found.into_iter().filter_map(|(name, fingerprint, answer)| {
        Some((names.remove(name.as_str())?.clone(), Decided { fingerprint, answer }))
    });
    Ok(decided.collect())
}

/// Puts the keys with their answers into `sheaf`, sorted. It falls short if one is there: another node has decided it.
pub(crate) fn answer_into(sheaf: &mut LaneSheaf, now: DateTime<Utc>, answers: &BTreeMap<&CommandKey, (&[u8], String)>) {
    let mut rows =
        Rows::of_columns(&[key::Column::Key, key::Column::Fingerprint, key::Column::Answer, key::Column::AskedAt]);
    for (name, (fingerprint, answer)) in answers {
        let asked_at = name.as_str().starts_with(CommandKey::REQUEST).then_some(now);
        rows.push([name.as_str().into(), fingerprint.to_vec().into(), answer.clone().into(), asked_at.into()]);
    }
    sheaf.insert_first::<key::Entity>(rows);
}

/// What is kept under the key: what distinguishes the request, and its answer. For work that is too long for a batch.
pub async fn kept_in(tx: &impl Tx, key: &CommandKey) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    Ok(decided_in(tx, [key].into_iter()).await?.remove(key).map(|decided| (decided.fingerprint, decided.answer)))
}

/// Keeps an answer under the key, in the transaction of its effect; what is there already stays. Whether the key was
/// free: if not, somebody else was answered under it, and the transaction is to be given up.
pub async fn keep_in(
    tx: &WriteTx<TenantScope>,
    key: &CommandKey,
    (fingerprint, answer): (Vec<u8>, String),
) -> Result<bool, StoreError> {
    let row = key::Model {
        tenant_id: tx.scope().id().uuid(),
        key: key.as_str().to_owned(),
        fingerprint,
        answer,
        asked_at: Some(tx.now()),
    };
    let new: Vec<String> = tx.insert_new(Rows::<key::Entity>::of([row]), key::Column::Key).await?;
    Ok(!new.is_empty())
}

/// Whether the key was taken by a command that was committed.
pub(crate) async fn is_known_in(tx: &impl Tx, key: &CommandKey) -> Result<bool, StoreError> {
    let found = tx.find::<key::Entity>().filter(key::Column::Key.eq(key.as_str())).count().await?;
    Ok(found > 0)
}

/// Forgets up to `limit` keys that callers chose before `moment`, the oldest first; keys of business facts stay.
/// Answers how many went: fewer than the limit means that no more are left.
pub async fn prune_in(tx: &WriteTx<TenantScope>, moment: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
    let old = tx.find::<key::Entity>().filter(key::Column::AskedAt.lt(moment)).ascending(key::Column::AskedAt);
    let old: Vec<(String,)> = old.limit(limit).columns([key::Column::Key]).await?;
    tx.delete::<key::Entity>().among(key::Column::Key, old.into_iter().map(|(key,)| key)).run().await
}
