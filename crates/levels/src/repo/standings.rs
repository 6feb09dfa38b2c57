//! Where everybody stands, and the history.

use std::collections::HashMap;

use catalog::Code;
use commission::AgentId;
use kernel::{Day, SiteId, TenantScope};
use ledger::Side;
use sea_orm::ColumnTrait;
use settlement::EarnerRef;
use store::{Change as Write, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::error::LevelError;
use crate::model::{Change, ChangeId, Figures, Pin, Standing, Warning, What};
use crate::table::{change, standing};

/// Rows that are written at once.
const AT_ONCE: usize = 5_000;

/// Where these stand, by owner. Whoever changes what he reads holds the tenant's tree before: nobody else does meanwhile.
pub(crate) async fn of(tx: &impl Tx, side: Side, owners: &[Uuid]) -> Result<HashMap<Uuid, Standing>, LevelError> {
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let find = tx.find::<standing::Entity>().filter(standing::Column::Side.eq(side.word()));
    let rows = find.among(standing::Column::OwnerId, owners.iter().copied()).all().await?;
    rows.into_iter().map(|row| Ok((row.owner_id, read(row)?))).collect()
}

/// At most `limit` standings of a side after this owner, ascending; of those who are to fall only, if it is said.
pub(crate) async fn page(
    tx: &impl Tx,
    (side, is_warned): (Side, bool),
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Standing>, LevelError> {
    let mut find = tx.find::<standing::Entity>().of_words(standing::Column::Side, &[side.word()]);
    find = find.ascending(standing::Column::OwnerId).limit(limit);
    if is_warned {
        find = find.filter(standing::Column::WarnedFor.is_not_null());
    }
    if let Some(after) = after {
        find = find.filter(standing::Column::OwnerId.gt(after));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// Writes where these stand, whether they are known or not.
pub(crate) async fn save(tx: &WriteTx<TenantScope>, all: &[Standing]) -> Result<(), StoreError> {
    for some in all.chunks(AT_ONCE) {
        let rows = || Rows::<standing::Entity>::of(some.iter().map(|one| row_of(tx, one)));
        tx.update_rows(rows(), &[standing::Column::Side, standing::Column::OwnerId], Write::Set).await?;
        let _: Vec<Uuid> = tx.insert_new(rows(), standing::Column::OwnerId).await?;
    }
    Ok(())
}

fn row_of(tx: &WriteTx<TenantScope>, of: &Standing) -> standing::Model {
    let (side, owner) = of.earner.key();
    standing::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: of.earner.site().uuid(),
        side: side.word().to_owned(),
        owner_id: owner,
        level: of.level.as_ref().map(Code::to_string),
        since: of.since.number(),
        warned_to: of.warned.as_ref().map(|warning| warning.to.to_string()),
        warned_for: of.warned.as_ref().map(|warning| warning.on.number()),
        pin_reason: of.pin.as_ref().map(|pin| pin.reason.clone()),
        pinned_by: of.pin.as_ref().map(|pin| pin.by),
        pinned_at: of.pin.as_ref().map(|pin| pin.at),
    }
}

fn read(row: standing::Model) -> Result<Standing, LevelError> {
    let earner = earner("level_standings", &row.side, row.site_id, row.owner_id)?;
    let warned = match (row.warned_to, row.warned_for) {
        (Some(to), Some(on)) => Some(Warning { to: code("level_standings", &to)?, on: day("level_standings", on)? }),
        _ => None,
    };
    let pin = match (row.pin_reason, row.pinned_by, row.pinned_at) {
        (Some(reason), Some(by), Some(at)) => Some(Pin { reason, by, at }),
        _ => None,
    };
    let level = row.level.map(|level| code("level_standings", &level)).transpose()?;
    Ok(Standing { earner, level, since: day("level_standings", row.since)?, warned, pin })
}

pub(crate) async fn tell(tx: &WriteTx<TenantScope>, changes: &[Change]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    for some in changes.chunks(AT_ONCE) {
        let rows = some.iter().map(|of| {
            let (side, owner) = of.earner.key();
            change::Model {
                tenant_id,
                site_id: of.earner.site().uuid(),
                id: of.id.uuid(),
                side: side.word().to_owned(),
                owner_id: owner,
                at: of.at,
                what: of.what.word().to_owned(),
                from_level: of.from.as_ref().map(Code::to_string),
                to_level: of.to.as_ref().map(Code::to_string),
                takes_effect: of.takes_effect.map(Day::number),
                figures: of.figures.as_ref().map(figures_text),
                rules_version: of.rules,
                reason: of.decided.as_ref().map(|(reason, _)| reason.clone()),
                decided_by: of.decided.as_ref().map(|(_, by)| *by),
            }
        });
        tx.insert::<change::Entity>(rows.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// At most `limit` lines of the history before this one, the newest first; of one earner if he is named.
pub(crate) async fn history(
    tx: &impl Tx,
    owner: Option<Uuid>,
    before: Option<ChangeId>,
    limit: u64,
) -> Result<Vec<Change>, LevelError> {
    let mut find = tx.find::<change::Entity>().descending(change::Column::Id).limit(limit);
    if let Some(owner) = owner {
        find = find.filter(change::Column::OwnerId.eq(owner));
    }
    if let Some(before) = before {
        find = find.filter(change::Column::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read_change).collect()
}

/// At most `limit` lines of the history after this one, the oldest first.
pub(crate) async fn history_after(
    tx: &impl Tx,
    after: Option<ChangeId>,
    limit: u64,
) -> Result<Vec<Change>, LevelError> {
    let mut find = tx.find::<change::Entity>().ascending(change::Column::Id).limit(limit);
    if let Some(after) = after {
        find = find.filter(change::Column::Id.gt(after.uuid()));
    }
    find.all().await?.into_iter().map(read_change).collect()
}

fn read_change(row: change::Model) -> Result<Change, LevelError> {
    const TABLE: &str = "level_changes";
    let level = |text: Option<String>| text.map(|text| code(TABLE, &text)).transpose();
    let unreadable = |what: &str| LevelError::Corrupt { table: TABLE, what: what.to_owned() };
    let figures = row.figures.as_deref().map(|text| figures_of(text).ok_or_else(|| unreadable("figures")));
    Ok(Change {
        id: ChangeId::from_uuid(row.id),
        earner: earner(TABLE, &row.side, row.site_id, row.owner_id)?,
        at: row.at,
        what: What::parse(&row.what).ok_or_else(|| unreadable("an unknown word"))?,
        from: level(row.from_level)?,
        to: level(row.to_level)?,
        takes_effect: row.takes_effect.map(|number| day(TABLE, number)).transpose()?,
        figures: figures.transpose()?,
        rules: row.rules_version,
        decided: row.reason.zip(row.decided_by),
    })
}

fn figures_text(of: &Figures) -> String {
    let Figures { sales_minor, buyers, orders, complaints } = of;
    format!("{sales_minor},{buyers},{orders},{complaints}")
}

fn figures_of(text: &str) -> Option<Figures> {
    let mut parts = text.split(',');
    let sales_minor = parts.next()?.parse().ok()?;
    let mut next = || parts.next()?.parse().ok();
    let figures = Figures { sales_minor, buyers: next()?, orders: next()?, complaints: next()? };
    parts.next().is_none().then_some(figures)
}

fn earner(table: &'static str, side: &str, site: Uuid, owner: Uuid) -> Result<EarnerRef, LevelError> {
    match Side::parse(side) {
        Some(Side::Site) if site == owner => Ok(EarnerRef::Site(SiteId::from_uuid(site))),
        Some(Side::Agent) => Ok(EarnerRef::Agent(SiteId::from_uuid(site), AgentId::from_uuid(owner))),
        _ => Err(LevelError::Corrupt { table, what: "an unknown side".to_owned() }),
    }
}

fn code(table: &'static str, text: &str) -> Result<Code, LevelError> {
    Code::parse(text).map_err(|error| LevelError::Corrupt { table, what: error.to_string() })
}

fn day(table: &'static str, number: i32) -> Result<Day, LevelError> {
    Day::from_number(number).ok_or_else(|| LevelError::Corrupt { table, what: format!("{number} is no day") })
}
