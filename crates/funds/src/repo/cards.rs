//! Recharge cards, by batch and by code.

use inventory::SealedSecret;
use kernel::{Currency, Money, SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Tx, WriteTx};
use uuid::Uuid;

use crate::error::FundsError;
use crate::model::{
    CardState, NewRechargeBatch, Origin, RechargeBatch, RechargeBatchId, RechargeCard, RechargeCardId,
    RechargeExportId, Redemption, Tally,
};
use crate::table::{batch, card, export};

type Read<T> = Result<T, FundsError>;

/// Rows of one statement.
const CHUNK: usize = 1_000;

/// Writes a batch unless its key is taken; answers whether it was written.
pub(crate) async fn insert_batch(
    tx: &WriteTx<TenantScope>,
    new: &RechargeBatch,
    (key, fingerprint): (&str, Vec<u8>),
) -> Read<bool> {
    let row = batch::Model {
        tenant_id: tx.scope().id().uuid(),
        id: new.id.uuid(),
        name: new.of.name.clone(),
        face_minor: new.of.face.minor(),
        currency: new.of.face.currency().code().to_owned(),
        card_count: i32::try_from(new.of.count).unwrap_or(i32::MAX),
        origin: new.of.origin.word().to_owned(),
        expires_at: new.of.expires_at,
        request_key: key.to_owned(),
        fingerprint,
        created_at: new.created.0,
        created_by: new.created.1,
        voided_at: None,
        voided_by: None,
        void_reason: None,
    };
    let made: Vec<Uuid> = tx.insert_new(Rows::<batch::Entity>::of([row]), batch::Column::Id).await?;
    Ok(!made.is_empty())
}

/// The batch that was made by a key, with the fingerprint of what was asked for.
pub(crate) async fn batch_of_key(tx: &impl Tx, key: &str) -> Read<Option<(RechargeBatch, Vec<u8>)>> {
    let row = tx.find::<batch::Entity>().filter(batch::Column::RequestKey.eq(key)).one().await?;
    row.map(|row| Ok((read_batch(row.clone())?, row.fingerprint))).transpose()
}

pub(crate) async fn batch(tx: &impl Tx, id: RechargeBatchId) -> Read<Option<RechargeBatch>> {
    let row = tx.find::<batch::Entity>().filter(batch::Column::Id.eq(id.uuid())).one().await?;
    row.map(read_batch).transpose()
}

/// The batch, and nobody else's until the transaction ends.
pub(crate) async fn locked_batch(tx: &impl Tx, id: RechargeBatchId) -> Read<Option<RechargeBatch>> {
    let row = tx.find::<batch::Entity>().filter(batch::Column::Id.eq(id.uuid())).locked().one().await?;
    row.map(read_batch).transpose()
}

pub(crate) async fn batches_of(tx: &impl Tx, ids: &[RechargeBatchId]) -> Read<Vec<RechargeBatch>> {
    let find = tx.find::<batch::Entity>().among(batch::Column::Id, ids.iter().map(|id| id.uuid()));
    find.all().await?.into_iter().map(read_batch).collect()
}

/// At most `limit` batches before this one, the newest first.
pub(crate) async fn batches(tx: &impl Tx, before: Option<RechargeBatchId>, limit: u64) -> Read<Vec<RechargeBatch>> {
    let mut find = tx.find::<batch::Entity>().descending(batch::Column::Id).limit(limit);
    if let Some(before) = before {
        find = find.filter(batch::Column::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read_batch).collect()
}

/// Writes the cards of a batch, numbered from 1.
pub(crate) async fn insert_cards(
    tx: &WriteTx<TenantScope>,
    of: RechargeBatchId,
    cards: impl IntoIterator<Item = (RechargeCardId, SealedSecret)>,
) -> Read<()> {
    let tenant = tx.scope().id().uuid();
    let row = |(number, (id, sealed)): (i32, (RechargeCardId, SealedSecret))| card::Model {
        tenant_id: tenant,
        id: id.uuid(),
        batch_id: of.uuid(),
        number,
        state: CardState::Ready.word().to_owned(),
        hash: sealed.hash,
        sealed: sealed.bytes,
        key_version: sealed.key_version,
        customer_id: None,
        site_id: None,
        redeemed_at: None,
    };
    let mut rows = (1..).zip(cards).map(row).peekable();
    while rows.peek().is_some() {
        tx.insert::<card::Entity>(rows.by_ref().take(CHUNK).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// The card of the code with this hash.
pub(crate) async fn by_hash(tx: &impl Tx, hash: Vec<u8>) -> Read<Option<RechargeCard>> {
    let row = tx.find::<card::Entity>().filter(card::Column::Hash.eq(hash)).one().await?;
    row.map(read_card).transpose()
}

/// These cards, locked ascending until the transaction ends.
pub(crate) async fn lock(tx: &impl Tx, ids: impl Iterator<Item = RechargeCardId>) -> Read<Vec<RechargeCard>> {
    let find = tx.find::<card::Entity>().among(card::Column::Id, ids.map(|id| id.uuid()));
    find.ascending(card::Column::Id).locked().all().await?.into_iter().map(read_card).collect()
}

/// At most `limit` cards of a batch after this number.
pub(crate) async fn of_batch(tx: &impl Tx, of: RechargeBatchId, after: u32, limit: u64) -> Read<Vec<RechargeCard>> {
    let find = tx.find::<card::Entity>().filter(card::Column::BatchId.eq(of.uuid()));
    let find = find.filter(card::Column::Number.gt(i32::try_from(after).unwrap_or(i32::MAX)));
    find.ascending(card::Column::Number).limit(limit).all().await?.into_iter().map(read_card).collect()
}

/// The cards of a batch that may be redeemed, with what their codes are sealed as.
pub(crate) async fn sealed_of(tx: &impl Tx, of: RechargeBatchId) -> Read<Vec<(RechargeCard, (Vec<u8>, i32))>> {
    let find = tx.find::<card::Entity>().filter(card::Column::BatchId.eq(of.uuid()));
    let find = find.filter(card::Column::State.eq(CardState::Ready.word())).ascending(card::Column::Number);
    let rows = find.limit(u64::from(crate::rules::CARDS_MAX)).all().await?;
    let read = |row: card::Model| {
        let sealed = (row.sealed.clone(), row.key_version);
        Ok((read_card(row)?, sealed))
    };
    rows.into_iter().map(read).collect()
}

/// How many cards of a batch are in which state.
pub(crate) async fn tally(tx: &impl Tx, of: RechargeBatchId) -> Read<Tally> {
    let find = tx.find::<card::Entity>().filter(card::Column::BatchId.eq(of.uuid()));
    let mut tally = Tally::default();
    for (state, count) in find.count_by::<String>(card::Column::State).await? {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match CardState::parse(&state) {
            Some(CardState::Ready) => tally.ready = count,
            Some(CardState::Redeemed) => tally.redeemed = count,
            Some(CardState::Void) => tally.void = count,
            None => return Err(FundsError::Corrupt { table: "recharge_cards", what: state }),
        }
    }
    Ok(tally)
}

/// What of a batch nobody has redeemed is void from now on.
pub(crate) async fn void(tx: &WriteTx<TenantScope>, of: RechargeBatchId, (by, reason): (Uuid, &str)) -> Read<()> {
    let update = tx.update::<batch::Entity>().filter(batch::Column::Id.eq(of.uuid()));
    let update = update.set(batch::Column::VoidedAt, Some(tx.now())).set(batch::Column::VoidedBy, Some(by));
    update.set(batch::Column::VoidReason, Some(reason.to_owned())).run().await?;
    let update = tx.update::<card::Entity>().filter(card::Column::BatchId.eq(of.uuid()));
    let update = update.filter(card::Column::State.eq(CardState::Ready.word()));
    update.set(card::Column::State, CardState::Void.word()).run().await?;
    Ok(())
}

/// Cards that were redeemed; the caller has locked them.
pub(crate) async fn redeem(tx: &WriteTx<TenantScope>, cards: impl Iterator<Item = &RechargeCard>) -> Read<()> {
    use card::Column as C;
    let mut rows = Rows::of_columns(&[C::Id, C::State, C::CustomerId, C::SiteId, C::RedeemedAt]);
    for card in cards {
        rows.push([
            card.id.uuid().into(),
            card.state.word().into(),
            card.redemption.map(|by| by.customer.uuid()).into(),
            card.redemption.map(|by| by.site.uuid()).into(),
            card.redemption.map(|by| by.at).into(),
        ]);
    }
    tx.update_rows::<card::Entity>(rows, &[C::Id], Change::Set).await?;
    Ok(())
}

/// Writes down who carries the codes of a batch away.
pub(crate) async fn note_export(
    tx: &WriteTx<TenantScope>,
    of: RechargeBatchId,
    (by, reason): (Uuid, &str),
) -> Read<()> {
    let row = export::Model {
        tenant_id: tx.scope().id().uuid(),
        id: RechargeExportId::new().uuid(),
        batch_id: of.uuid(),
        exported_by: by,
        reason: reason.to_owned(),
        created_at: tx.now(),
    };
    Ok(tx.insert::<export::Entity>([row]).await?)
}

/// At most `limit` cards after this one, ascending, for the audit.
pub(crate) async fn after(tx: &impl Tx, after: Uuid, limit: u64) -> Read<Vec<RechargeCard>> {
    let find = tx.find::<card::Entity>().filter(card::Column::Id.gt(after));
    find.ascending(card::Column::Id).limit(limit).all().await?.into_iter().map(read_card).collect()
}

fn read_batch(row: batch::Model) -> Read<RechargeBatch> {
    let unreadable = || FundsError::Corrupt { table: "recharge_batches", what: row.id.to_string() };
    let currency = Currency::parse(&row.currency).map_err(|_| unreadable())?;
    Ok(RechargeBatch {
        id: RechargeBatchId::from_uuid(row.id),
        of: NewRechargeBatch {
            name: row.name.clone(),
            face: Money::new(row.face_minor, currency),
            count: u32::try_from(row.card_count).map_err(|_| unreadable())?,
            origin: Origin::parse(&row.origin).ok_or_else(unreadable)?,
            expires_at: row.expires_at,
        },
        created: (row.created_at, row.created_by),
        voided: row.voided_at.zip(row.voided_by).map(|(at, by)| (at, by, row.void_reason.clone().unwrap_or_default())),
    })
}

fn read_card(row: card::Model) -> Read<RechargeCard> {
    let unreadable = || FundsError::Corrupt { table: "recharge_cards", what: row.id.to_string() };
    let redemption = match (row.customer_id, row.site_id, row.redeemed_at) {
        (Some(customer), Some(site), Some(at)) => {
            Some(Redemption { customer: kernel::Id::from_uuid(customer), site: SiteId::from_uuid(site), at })
        }
        (None, None, None) => None,
        _ => return Err(unreadable()),
    };
    Ok(RechargeCard {
        id: RechargeCardId::from_uuid(row.id),
        batch: RechargeBatchId::from_uuid(row.batch_id),
        number: u32::try_from(row.number).map_err(|_| unreadable())?,
        state: CardState::parse(&row.state).ok_or_else(unreadable)?,
        redemption,
    })
}
