//! Price rules, and the tenant's price epoch.

use kernel::{Currency, Money, Rate, SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Sheaf, StoreError, Tx, WriteTx};

use super::{currency, money, signed, stored, unsigned};
use crate::error::CatalogError;
use crate::model::{
    Audience, Code, Epochs, Formula, PriceRule, Reach, Rounding, RuleId, Target, TemplateId, Terms, Whom,
};
use crate::table::{price_epoch, price_rule};

const TABLE: &str = "price_rules";

/// The rules of these sites, in no order.
pub(crate) async fn rules(tx: &impl Tx, sites: &[SiteId], limit: u64) -> Result<Vec<PriceRule>, CatalogError> {
    let sites = sites.iter().map(|site| site.uuid());
    let rows = tx.find::<price_rule::Entity>().among(price_rule::Column::SiteId, sites).limit(limit).all().await?;
    rows.into_iter().map(read_rule).collect()
}

/// How many rules the site has.
pub(crate) async fn rule_count(tx: &impl Tx, site: SiteId) -> Result<u64, CatalogError> {
    Ok(tx.find::<price_rule::Entity>().filter(price_rule::Column::SiteId.eq(site.uuid())).count().await?)
}

/// The rule that is found by this text.
pub(crate) async fn rule_by_code(tx: &impl Tx, code: &str) -> Result<Option<PriceRule>, CatalogError> {
    let find = tx.find::<price_rule::Entity>().filter(price_rule::Column::Code.eq(code));
    find.one().await?.map(read_rule).transpose()
}

/// Writes a new rule.
pub(crate) async fn insert_rule(tx: &WriteTx<TenantScope>, rule: &PriceRule, code: &str) -> Result<(), CatalogError> {
    Ok(tx.insert::<price_rule::Entity>([row_of(tx, rule, code)]).await?)
}

/// Writes all of a rule that is there.
pub(crate) async fn update_rule(tx: &WriteTx<TenantScope>, rule: &PriceRule, code: &str) -> Result<(), CatalogError> {
    let rows = Rows::<price_rule::Entity>::of([row_of(tx, rule, code)]);
    tx.update_rows(rows, &[price_rule::Column::Id], Change::Set).await?;
    Ok(())
}

/// Both epochs of the tenant, read at one moment.
pub(crate) async fn epochs(tx: &impl Tx) -> Result<Epochs, StoreError> {
    let row = tx.find::<price_epoch::Entity>().one().await?;
    Ok(row.map_or(Epochs::default(), |row| Epochs { prices: row.epoch, catalogue: row.catalog_epoch }))
}

/// The same, to be proved by what is written.
pub(crate) fn prove_epochs(sheaf: &mut Sheaf<TenantScope>, epochs: Epochs) {
    use price_epoch::Column;
    let values = [(Column::Epoch, epochs.prices.into()), (Column::CatalogEpoch, epochs.catalogue.into())];
    sheaf.prove::<price_epoch::Entity>(values);
}

/// The epoch of the prices, holding the row until the transaction ends, so that the catalogue is written by one after another.
/// It is the first lock of all its writers, or two of them could wait for each other.
pub(crate) async fn epoch_to_change(tx: &WriteTx<TenantScope>) -> Result<i64, CatalogError> {
    let first = price_epoch::Model { tenant_id: tx.scope().id().uuid(), epoch: 0, catalog_epoch: 0 };
    let rows = Rows::<price_epoch::Entity>::of([first]);
    let _: Vec<i64> = tx.insert_new(rows, price_epoch::Column::Epoch).await?;
    let row = tx.find::<price_epoch::Entity>().locked().one().await?;
    row.map(|row| row.epoch).ok_or(CatalogError::Missing { what: "price epoch" })
}

/// Raises both epochs by one: a rule or a template has changed. The row is held already.
pub(crate) async fn raise_epoch(tx: &WriteTx<TenantScope>) -> Result<(), CatalogError> {
    let update = tx.update::<price_epoch::Entity>().add(price_epoch::Column::Epoch, 1i64);
    update.add(price_epoch::Column::CatalogEpoch, 1i64).run().await?;
    tx.announce();
    Ok(())
}

/// Raises the catalogue's epoch by one: something else of it has changed. The row is held already.
pub(crate) async fn raise_catalog_epoch(tx: &WriteTx<TenantScope>) -> Result<(), CatalogError> {
    tx.update::<price_epoch::Entity>().add(price_epoch::Column::CatalogEpoch, 1i64).run().await?;
    tx.announce();
    Ok(())
}

fn row_of(tx: &WriteTx<TenantScope>, rule: &PriceRule, code: &str) -> price_rule::Model {
    let Reach { audience, whom, target, quantity_min, valid_from, valid_until } = &rule.reach;
    let (level, subject_id) = match whom {
        Whom::Everyone => (None, None),
        Whom::Level(level) => (Some(level.to_string()), None),
        Whom::Subject(id) => (None, Some(*id)),
    };
    let mut row = price_rule::Model {
        tenant_id: tx.scope().id().uuid(),
        id: rule.id.uuid(),
        site_id: rule.site.uuid(),
        code: code.to_owned(),
        audience: audience.word().to_owned(),
        level,
        subject_id,
        scope: target.word().to_owned(),
        target_id: target.id(),
        quantity_min: signed(*quantity_min),
        valid_from: *valid_from,
        valid_until: *valid_until,
        kind: rule.terms.word().to_owned(),
        currency: None,
        value_minor: None,
        value_ppm: None,
        template_id: rule.terms.template().map(|template| template.uuid()),
        rounding: Rounding::None.word().to_owned(),
        loss_cap_minor: None,
        floor_minor: None,
        markup_max_ppm: None,
        version: rule.version,
        created_at: rule.created_at,
    };
    write_terms(&mut row, &rule.terms);
    row
}

fn write_terms(row: &mut price_rule::Model, terms: &Terms) {
    let code = |money: Money| money.currency().code().to_owned();
    match *terms {
        Terms::Price { formula, rounding } => {
            rounding.word().clone_into(&mut row.rounding);
            match formula {
                Formula::Fixed { price, loss_cap } => {
                    row.currency = Some(code(price));
                    row.value_minor = Some(price.minor());
                    row.loss_cap_minor = loss_cap.as_ref().map(Money::minor);
                }
                Formula::Markup { amount } => {
                    row.currency = Some(code(amount));
                    row.value_minor = Some(amount.minor());
                }
                Formula::Percent { rate } => row.value_ppm = Some(i64::from(rate.ppm())),
                Formula::Template { .. } => {}
            }
        }
        Terms::Limit { floor, markup_max } => {
            row.currency = floor.map(code);
            row.floor_minor = floor.as_ref().map(Money::minor);
            row.markup_max_ppm = markup_max.map(|rate| i64::from(rate.ppm()));
        }
    }
}

pub(super) fn read_rule(row: price_rule::Model) -> Result<PriceRule, CatalogError> {
    let whom = match (&row.level, row.subject_id) {
        (None, None) => Whom::Everyone,
        (Some(level), None) => Whom::Level(stored(TABLE, Code::parse(level))?),
        (None, Some(id)) => Whom::Subject(id),
        (Some(_), Some(_)) => return Err(unreadable("a level and a subject")),
    };
    let reach = Reach {
        audience: stored(TABLE, Audience::parse(&row.audience))?,
        whom,
        target: stored(TABLE, Target::parse(&row.scope, row.target_id))?,
        quantity_min: unsigned(TABLE, row.quantity_min)?,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
    };
    Ok(PriceRule {
        id: RuleId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        terms: read_terms(&row)?,
        reach,
        version: row.version,
        created_at: row.created_at,
    })
}

fn read_terms(row: &price_rule::Model) -> Result<Terms, CatalogError> {
    let currency: Option<Currency> = row.currency.as_deref().map(|code| currency(TABLE, code)).transpose()?;
    let rate = |ppm: Option<i64>| -> Result<Option<Rate>, CatalogError> {
        ppm.map(|ppm| stored(TABLE, u32::try_from(ppm)).map(Rate::from_ppm)).transpose()
    };
    let value = money(row.value_minor, currency);
    let formula = match (row.kind.as_str(), value, rate(row.value_ppm)?) {
        ("fixed", Some(price), _) => Formula::Fixed { price, loss_cap: money(row.loss_cap_minor, currency) },
        ("markup", Some(amount), _) => Formula::Markup { amount },
        ("percent", _, Some(rate)) => Formula::Percent { rate },
        ("template", ..) => {
            let template = row.template_id.ok_or_else(|| unreadable("a kind without its template"))?;
            Formula::Template { template: TemplateId::from_uuid(template) }
        }
        ("limit", ..) => {
            let floor = money(row.floor_minor, currency);
            return Ok(Terms::Limit { floor, markup_max: rate(row.markup_max_ppm)? });
        }
        _ => return Err(unreadable("a kind without its value")),
    };
    Ok(Terms::Price { formula, rounding: stored(TABLE, Rounding::parse(&row.rounding))? })
}

fn unreadable(what: &str) -> CatalogError {
    CatalogError::Corrupt { table: TABLE, what: what.to_owned() }
}
