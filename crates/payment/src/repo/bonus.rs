//! Rules of bonuses, and what top-ups were promised.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Currency, Money, SiteId, TenantScope};
use sea_orm::{ColumnTrait, Condition};
use store::{Change, Rows, Sheaf, Tx, WriteTx};
use uuid::Uuid;

use super::{Read, uuids};
use crate::bonus::{Bonus, BonusRules, BonusVersion};
use crate::error::PaymentError;
use crate::model::IntentId;
use crate::table::{bonus, bonus_rules};

/// At most `limit` versions before this number, the latest first.
pub(crate) async fn bonus_versions_in(tx: &impl Tx, before: Option<i64>, limit: u64) -> Read<BonusVersion> {
    let mut find = tx.find::<bonus_rules::Entity>().descending(bonus_rules::Column::Version).limit(limit);
    if let Some(before) = before {
        find = find.filter(bonus_rules::Column::Version.lt(before));
    }
    find.all().await?.into_iter().map(version_of).collect()
}

/// The version in force at `at`, the highest that has begun; version 0, which gives nothing, if there is none.
pub(crate) async fn bonus_rules_in(tx: &impl Tx, at: DateTime<Utc>) -> Result<(i64, BonusRules), PaymentError> {
    let find = tx.find::<bonus_rules::Entity>().filter(bonus_rules::Column::EffectiveFrom.lte(at));
    let found = find.descending(bonus_rules::Column::Version).limit(1).one().await?.map(version_of).transpose()?;
    Ok(found.map_or((0, BonusRules::default()), |found| (found.version, found.rules)))
}

pub(crate) async fn insert_bonus_version_in(tx: &WriteTx<TenantScope>, new: &BonusVersion) -> Result<(), PaymentError> {
    let row = bonus_rules::Model {
        tenant_id: tx.scope().id().uuid(),
        version: new.version,
        effective_from: new.effective_from,
        rules: serde_json::to_string(&new.rules).expect("rules are plain data"),
        created_at: new.created_at,
        created_by: new.created_by,
    };
    Ok(tx.insert::<bonus_rules::Entity>([row]).await?)
}

/// What these top-ups were promised; one that was promised nothing is left out.
pub(crate) async fn bonuses_in(tx: &impl Tx, intents: &[IntentId]) -> Read<Bonus> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let find = tx.find::<bonus::Entity>().among(bonus::Column::IntentId, uuids(intents));
    find.all().await?.into_iter().map(bonus_of).collect()
}

/// What these customers were given for top-ups that they opened since `since`, in minor units; and what they may still be
/// given for those of the time between `late`, whose money may be late.
pub(crate) async fn granted_in(
    tx: &impl Tx,
    customers: &[CustomerId],
    since: DateTime<Utc>,
    late: RangeInclusive<DateTime<Utc>>,
) -> Result<HashMap<CustomerId, i64>, PaymentError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let find = tx.find::<bonus::Entity>().among(bonus::Column::CustomerId, uuids(customers));
    let find = find.filter(bonus::Column::OpenedAt.gt(since)).filter(
        Condition::any()
            .add(bonus::Column::GrantedAt.is_not_null())
            .add(bonus::Column::OpenedAt.between(*late.start(), *late.end())),
    );
    let sums: Vec<(Uuid, i64)> = find.sum_by(bonus::Column::CustomerId, bonus::Column::AmountMinor).await?;
    Ok(sums.into_iter().map(|(customer, sum)| (CustomerId::from_uuid(customer), sum)).collect())
}

pub(crate) fn insert_bonuses<'a>(sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = &'a Bonus>) {
    let tenant = sheaf.scope().id().uuid();
    sheaf.insert::<bonus::Entity>(new.into_iter().map(|new| bonus::Model {
        tenant_id: tenant,
        site_id: new.site.uuid(),
        intent_id: new.intent.uuid(),
        customer_id: new.customer.uuid(),
        amount_minor: new.amount.minor(),
        currency: new.amount.currency().code().to_owned(),
        rules_version: new.rules_version,
        opened_at: new.opened_at,
        granted_at: new.granted_at,
    }));
}

/// These were given; the caller has locked their top-ups.
pub(crate) async fn grant_bonuses_in<'a>(
    tx: &WriteTx<TenantScope>,
    granted: impl IntoIterator<Item = &'a Bonus>,
) -> Result<(), PaymentError> {
    let mut rows = Rows::of_columns(&[bonus::Column::IntentId, bonus::Column::GrantedAt]);
    for of in granted {
        rows.push([of.intent.uuid().into(), of.granted_at.into()]);
    }
    if !rows.is_empty() {
        tx.update_rows::<bonus::Entity>(rows, &[bonus::Column::IntentId], Change::Set).await?;
    }
    Ok(())
}

/// Bonuses in the order of their top-ups, those after `after`.
pub(crate) async fn bonuses_after_in(tx: &impl Tx, after: IntentId, limit: u64) -> Read<Bonus> {
    let find = tx.find::<bonus::Entity>().filter(bonus::Column::IntentId.gt(after.uuid()));
    let rows = find.ascending(bonus::Column::IntentId).limit(limit).all().await?;
    rows.into_iter().map(bonus_of).collect()
}

fn version_of(row: bonus_rules::Model) -> Result<BonusVersion, PaymentError> {
    let unreadable = |_| PaymentError::Broken { table: "top_up_rules", row: row.version.to_string(), what: "rules" };
    Ok(BonusVersion {
        version: row.version,
        effective_from: row.effective_from,
        created_at: row.created_at,
        created_by: row.created_by,
        rules: serde_json::from_str(&row.rules).map_err(unreadable)?,
    })
}

fn bonus_of(row: bonus::Model) -> Result<Bonus, PaymentError> {
    let unreadable =
        |_| PaymentError::Broken { table: "top_up_bonuses", row: row.intent_id.to_string(), what: "currency" };
    Ok(Bonus {
        intent: IntentId::from_uuid(row.intent_id),
        site: SiteId::from_uuid(row.site_id),
        customer: CustomerId::from_uuid(row.customer_id),
        amount: Money::new(row.amount_minor, Currency::parse(&row.currency).map_err(unreadable)?),
        rules_version: row.rules_version,
        opened_at: row.opened_at,
        granted_at: row.granted_at,
    })
}
