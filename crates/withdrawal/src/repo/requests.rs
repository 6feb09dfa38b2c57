//! Withdrawals, their history, and payouts.

use kernel::{Currency, Money, SiteId, TenantScope};
use sea_orm::ColumnTrait;
use settlement::EarnerRef;
use store::{Change, Find, Rows, Sheaf, Tx, WriteTx};
use uuid::Uuid;

use super::payees::{agent_of, earner_of};
use crate::error::WithdrawalError;
use crate::model::{Event, EventKind, PayeeId, Payout, PayoutId, Rules, Split, State, Withdrawal, WithdrawalId};
use crate::table::{event, payout, withdrawal};

type Read<T> = Result<T, WithdrawalError>;

/// So many of an earner's last ones show what he has asked for and converted today: not more of either in a day.
const RECENT: u64 = 2 * Rules::DAILY_COUNT_MAX as u64;
/// The states of a withdrawal that is not sent.
const OPEN: [&str; 2] = [State::Requested.word(), State::Approved.word()];

/// Which withdrawals a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this earner.
    pub earner: Option<EarnerRef>,
    /// Of this site and its agents.
    pub site: Option<SiteId>,
    /// In this state.
    pub state: Option<State>,
}

/// These withdrawals, locked ascending until the transaction ends.
pub(crate) async fn lock(tx: &impl Tx, ids: impl Iterator<Item = WithdrawalId>) -> Read<Vec<Withdrawal>> {
    let find = tx.find::<withdrawal::Entity>().among(withdrawal::Column::Id, ids.map(|id| id.uuid()));
    all(find.ascending(withdrawal::Column::Id).locked()).await
}

/// These withdrawals.
pub(crate) async fn these(tx: &impl Tx, ids: &[WithdrawalId]) -> Read<Vec<Withdrawal>> {
    all(tx.find::<withdrawal::Entity>().among(withdrawal::Column::Id, ids.iter().map(|id| id.uuid()))).await
}

/// Those of an earner that are not sent: one a currency.
pub(crate) async fn open(tx: &impl Tx, earner: EarnerRef) -> Read<Vec<Withdrawal>> {
    let find = tx.find::<withdrawal::Entity>().filter(withdrawal::Column::EarnerId.eq(earner.key().1));
    all(find.of_words(withdrawal::Column::State, &OPEN)).await
}

/// The last withdrawals of an earner, the newest first, and those before that are not sent.
pub(crate) async fn recent(tx: &impl Tx, earner: EarnerRef) -> Read<Vec<Withdrawal>> {
    let find = tx.find::<withdrawal::Entity>().filter(withdrawal::Column::EarnerId.eq(earner.key().1));
    let mut recent = all(find.descending(withdrawal::Column::Id).limit(RECENT)).await?;
    for one in open(tx, earner).await? {
        if recent.iter().all(|known| known.id != one.id) {
            recent.push(one);
        }
    }
    Ok(recent)
}

/// The withdrawals of a payout.
pub(crate) async fn of_payout(tx: &impl Tx, payout: PayoutId) -> Read<Vec<Withdrawal>> {
    let find = tx.find::<withdrawal::Entity>().filter(withdrawal::Column::PayoutId.eq(payout.uuid()));
    all(find.ascending(withdrawal::Column::Id)).await
}

/// At most `limit` withdrawals before this one, the newest first.
pub(crate) async fn page(
    tx: &impl Tx,
    filter: Filter,
    before: Option<WithdrawalId>,
    limit: u64,
) -> Read<Vec<Withdrawal>> {
    use withdrawal::Column::{EarnerId, Id, SiteId, State};
    let mut find = tx.find::<withdrawal::Entity>().descending(Id).limit(limit);
    if let Some(earner) = filter.earner {
        find = find.filter(EarnerId.eq(earner.key().1));
    }
    if let Some(site) = filter.site {
        find = find.filter(SiteId.eq(site.uuid()));
    }
    if let Some(state) = filter.state {
        find = find.filter(State.eq(state.word()));
    }
    if let Some(before) = before {
        find = find.filter(Id.lt(before.uuid()));
    }
    all(find).await
}

/// At most `limit` withdrawals after this one, ascending.
pub(crate) async fn after(tx: &impl Tx, after: Uuid, limit: u64) -> Read<Vec<Withdrawal>> {
    let find = tx.find::<withdrawal::Entity>().filter(withdrawal::Column::Id.gt(after));
    all(find.ascending(withdrawal::Column::Id).limit(limit)).await
}

/// The withdrawal that goes to this payee and is not sent yet.
pub(crate) async fn open_to(tx: &impl Tx, earner: EarnerRef, payee: PayeeId) -> Read<Option<Withdrawal>> {
    Ok(open(tx, earner).await?.into_iter().find(|one| one.payee == Some(payee)))
}

pub(crate) fn insert<'a>(sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = &'a Withdrawal>) {
    let tenant = sheaf.scope().id().uuid();
    sheaf.insert::<withdrawal::Entity>(new.into_iter().map(|new| row(tenant, new)));
}

/// Everything that changes of a withdrawal.
pub(crate) async fn change<'a>(
    tx: &WriteTx<TenantScope>,
    changed: impl IntoIterator<Item = &'a Withdrawal>,
) -> Read<()> {
    use withdrawal::Column as C;
    let mut rows = Rows::of_columns(&[
        C::Id,
        C::State,
        C::ApprovedBy,
        C::SecondedBy,
        C::PayoutId,
        C::NetMinor,
        C::FeeMinor,
        C::TaxMinor,
        C::ChangedAt,
        C::Note,
    ]);
    for one in changed {
        let row = row(tx.scope().id().uuid(), one);
        rows.push([
            row.id.into(),
            row.state.into(),
            row.approved_by.into(),
            row.seconded_by.into(),
            row.payout_id.into(),
            row.net_minor.into(),
            row.fee_minor.into(),
            row.tax_minor.into(),
            row.changed_at.into(),
            row.note.into(),
        ]);
    }
    tx.update_rows::<withdrawal::Entity>(rows, &[C::Id], Change::Set).await?;
    Ok(())
}

/// Writes what has happened, in this order; `of` gives the withdrawal.
pub(crate) fn insert_events<'a>(
    sheaf: &mut Sheaf<TenantScope>,
    new: &[(WithdrawalId, Event)],
    of: impl Fn(WithdrawalId) -> Option<&'a Withdrawal>,
) {
    let tenant = sheaf.scope().id().uuid();
    let rows = new.iter().filter_map(|(id, event)| Some(event_row(tenant, of(*id)?, event)));
    sheaf.insert::<event::Entity>(rows.collect::<Vec<_>>());
}

/// Writes that somebody has read who is paid.
pub(crate) async fn note_opened(tx: &WriteTx<TenantScope>, of: &[Withdrawal], by: Uuid) -> Read<()> {
    let tenant = tx.scope().id().uuid();
    let event = Event { kind: EventKind::Opened, at: tx.now(), by, note: None };
    Ok(tx.insert::<event::Entity>(of.iter().map(|one| event_row(tenant, one, &event))).await?)
}

fn event_row(tenant: Uuid, of: &Withdrawal, new: &Event) -> event::Model {
    event::Model {
        tenant_id: tenant,
        site_id: of.earner.site().uuid(),
        withdrawal_id: of.id.uuid(),
        id: Uuid::now_v7(),
        kind: new.kind.word().to_owned(),
        happened_at: new.at,
        done_by: new.by,
        note: new.note.clone(),
    }
}

/// What has happened to a withdrawal, the oldest first.
pub(crate) async fn events(tx: &impl Tx, of: WithdrawalId) -> Read<Vec<Event>> {
    let find = tx.find::<event::Entity>().filter(event::Column::WithdrawalId.eq(of.uuid()));
    let rows = find.ascending(event::Column::Id).all().await?;
    let read = |row: event::Model| {
        let kind = EventKind::parse(&row.kind);
        let unreadable = || WithdrawalError::Corrupt { table: "withdrawal_events", what: row.id.to_string() };
        Ok(Event { kind: kind.ok_or_else(unreadable)?, at: row.happened_at, by: row.done_by, note: row.note })
    };
    rows.into_iter().map(read).collect()
}

pub(crate) async fn insert_payouts(tx: &WriteTx<TenantScope>, new: &[Payout]) -> Read<()> {
    let tenant = tx.scope().id().uuid();
    let rows = new.iter().map(|new| payout::Model {
        tenant_id: tenant,
        id: new.id.uuid(),
        count: i32::try_from(new.count).unwrap_or(i32::MAX),
        currency: new.net.currency().code().to_owned(),
        net_minor: new.net.minor(),
        created_at: new.created.0,
        created_by: new.created.1,
    });
    Ok(tx.insert::<payout::Entity>(rows).await?)
}

/// At most `limit` payouts before this one, the newest first.
pub(crate) async fn payouts(tx: &impl Tx, before: Option<PayoutId>, limit: u64) -> Read<Vec<Payout>> {
    let mut find = tx.find::<payout::Entity>().descending(payout::Column::Id).limit(limit);
    if let Some(before) = before {
        find = find.filter(payout::Column::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read_payout).collect()
}

/// The payout.
pub(crate) async fn payout(tx: &impl Tx, id: PayoutId) -> Read<Option<Payout>> {
    let find = tx.find::<payout::Entity>().filter(payout::Column::Id.eq(id.uuid()));
    find.one().await?.map(read_payout).transpose()
}

fn read_payout(row: payout::Model) -> Read<Payout> {
    let unreadable = || WithdrawalError::Corrupt { table: "payouts", what: row.id.to_string() };
    Ok(Payout {
        id: PayoutId::from_uuid(row.id),
        count: u32::try_from(row.count).map_err(|_| unreadable())?,
        net: Money::new(row.net_minor, Currency::parse(&row.currency).map_err(|_| unreadable())?),
        created: (row.created_at, row.created_by),
    })
}

async fn all(find: Find<'_, withdrawal::Entity>) -> Read<Vec<Withdrawal>> {
    find.all().await?.into_iter().map(read).collect()
}

fn row(tenant: Uuid, of: &Withdrawal) -> withdrawal::Model {
    let split = of.sent.map(|(_, split)| split);
    withdrawal::Model {
        tenant_id: tenant,
        site_id: of.earner.site().uuid(),
        id: of.id.uuid(),
        earner_id: of.earner.key().1,
        agent_id: agent_of(of.earner),
        currency: of.amount.currency().code().to_owned(),
        amount_minor: of.amount.minor(),
        state: of.state.word().to_owned(),
        rules_version: of.rules_version,
        payee_id: of.payee.map(|payee| payee.uuid()),
        invoice: of.invoice.clone(),
        requested_at: of.requested.0,
        requested_by: of.requested.1,
        approved_by: of.approved_by.first().copied(),
        seconded_by: of.approved_by.get(1).copied(),
        payout_id: of.sent.map(|(payout, _)| payout.uuid()),
        net_minor: split.map(|split| split.net.minor()),
        fee_minor: split.map(|split| split.fee.minor()),
        tax_minor: split.map(|split| split.tax.minor()),
        changed_at: of.changed_at,
        note: of.note.clone(),
    }
}

fn read(row: withdrawal::Model) -> Read<Withdrawal> {
    let unreadable = || WithdrawalError::Corrupt { table: "withdrawals", what: row.id.to_string() };
    let currency = Currency::parse(&row.currency).map_err(|_| unreadable())?;
    let money = |minor| Money::new(minor, currency);
    let sent = match (row.payout_id, row.net_minor, row.fee_minor, row.tax_minor) {
        (Some(payout), Some(net), Some(fee), Some(tax)) => {
            let split = Split { net: money(net), fee: money(fee), tax: money(tax) };
            Some((PayoutId::from_uuid(payout), split))
        }
        (None, None, None, None) => None,
        _ => return Err(unreadable()),
    };
    Ok(Withdrawal {
        id: WithdrawalId::from_uuid(row.id),
        earner: earner_of(row.site_id, row.agent_id),
        amount: money(row.amount_minor),
        state: State::parse(&row.state).ok_or_else(unreadable)?,
        rules_version: row.rules_version,
        payee: row.payee_id.map(PayeeId::from_uuid),
        invoice: row.invoice.clone(),
        requested: (row.requested_at, row.requested_by),
        approved_by: row.approved_by.into_iter().chain(row.seconded_by).collect(),
        sent,
        changed_at: row.changed_at,
        note: row.note.clone(),
    })
}
