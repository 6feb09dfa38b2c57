//! Price templates and their bands.

use std::collections::HashMap;

use kernel::{Money, Rate, SiteId, TenantScope, Wording};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Tx, WriteTx};

use super::{currency, money, stored};
use crate::error::CatalogError;
use crate::model::{Addition, BANDS_MAX, Band, Code, Rounding, Template, TemplateId};
use crate::table::{price_rule, price_template, price_template_band as band};

const TABLE: &str = "price_templates";
const BANDS: &str = "price_template_bands";

/// The bands of these templates, the lowest first.
pub(crate) async fn bands(
    tx: &impl Tx,
    templates: impl ExactSizeIterator<Item = TemplateId>,
) -> Result<HashMap<TemplateId, Vec<Band>>, CatalogError> {
    let limit = (templates.len() * BANDS_MAX) as u64;
    let find = tx.find::<band::Entity>().among(band::Column::TemplateId, templates.map(|id| id.uuid()));
    let rows = find.ascending(band::Column::TemplateId).ascending(band::Column::FromMinor).limit(limit).all().await?;
    let mut bands: HashMap<TemplateId, Vec<Band>> = HashMap::new();
    for row in rows {
        bands.entry(TemplateId::from_uuid(row.template_id)).or_default().push(read_band(&row)?);
    }
    Ok(bands)
}

/// The templates of the site, by code.
pub(crate) async fn templates(tx: &impl Tx, site: SiteId, limit: u64) -> Result<Vec<Template>, CatalogError> {
    let find = tx.find::<price_template::Entity>().filter(price_template::Column::SiteId.eq(site.uuid()));
    let rows = find.ascending(price_template::Column::Code).limit(limit).all().await?;
    let mut bands = bands(tx, rows.iter().map(|row| TemplateId::from_uuid(row.id))).await?;
    let with_bands = |row: price_template::Model| {
        let bands = bands.remove(&TemplateId::from_uuid(row.id)).unwrap_or_default();
        read_template(row, bands)
    };
    rows.into_iter().map(with_bands).collect()
}

/// The site's template with this code.
pub(crate) async fn template_by_code(
    tx: &impl Tx,
    site: SiteId,
    code: &Code,
) -> Result<Option<Template>, CatalogError> {
    let find = tx.find::<price_template::Entity>().filter(price_template::Column::SiteId.eq(site.uuid()));
    let Some(row) = find.filter(price_template::Column::Code.eq(code.as_str())).one().await? else { return Ok(None) };
    let bands = bands(tx, [TemplateId::from_uuid(row.id)].into_iter()).await?;
    read_template(row, bands.into_values().next().unwrap_or_default()).map(Some)
}

/// How many templates the site has.
pub(crate) async fn template_count(tx: &impl Tx, site: SiteId) -> Result<u64, CatalogError> {
    let find = tx.find::<price_template::Entity>().filter(price_template::Column::SiteId.eq(site.uuid()));
    Ok(find.count().await?)
}

/// Whether the template is there and the site's own.
pub(crate) async fn has_template(tx: &impl Tx, site: SiteId, template: TemplateId) -> Result<bool, CatalogError> {
    let find = tx.find::<price_template::Entity>().filter(price_template::Column::SiteId.eq(site.uuid()));
    Ok(find.filter(price_template::Column::Id.eq(template.uuid())).count().await? > 0)
}

/// Writes a new template with its bands.
pub(crate) async fn insert_template(tx: &WriteTx<TenantScope>, template: &Template) -> Result<(), CatalogError> {
    tx.insert::<price_template::Entity>([row_of(tx, template)]).await?;
    insert_bands(tx, template).await
}

/// Writes all of a template that is there, and gives the rules that name it this version.
pub(crate) async fn update_template(
    tx: &WriteTx<TenantScope>,
    template: &Template,
    version: i64,
) -> Result<(), CatalogError> {
    let rows = Rows::<price_template::Entity>::of([row_of(tx, template)]);
    tx.update_rows(rows, &[price_template::Column::Id], Change::Set).await?;
    let id = template.id.uuid();
    tx.delete::<band::Entity>().filter(band::Column::TemplateId.eq(id)).run().await?;
    insert_bands(tx, template).await?;
    let rules = tx.update::<price_rule::Entity>().filter(price_rule::Column::TemplateId.eq(id));
    rules.set(price_rule::Column::Version, version).run().await?;
    Ok(())
}

async fn insert_bands(tx: &WriteTx<TenantScope>, template: &Template) -> Result<(), CatalogError> {
    let rows = template.bands.iter().map(|one| {
        let (add_minor, add_ppm) = match one.addition {
            Addition::Amount { amount } => (Some(amount.minor()), None),
            Addition::Percent { rate } => (None, Some(i64::from(rate.ppm()))),
        };
        band::Model {
            tenant_id: tx.scope().id().uuid(),
            template_id: template.id.uuid(),
            from_minor: one.from.minor(),
            currency: one.from.currency().code().to_owned(),
            add_minor,
            add_ppm,
            rounding: one.rounding.word().to_owned(),
        }
    });
    Ok(tx.insert::<band::Entity>(rows).await?)
}

fn row_of(tx: &WriteTx<TenantScope>, template: &Template) -> price_template::Model {
    price_template::Model {
        tenant_id: tx.scope().id().uuid(),
        id: template.id.uuid(),
        site_id: template.site.uuid(),
        code: template.code.to_string(),
        name_zh: template.name.zh.clone(),
        name_en: template.name.en.clone(),
        created_at: template.created_at,
    }
}

fn read_template(row: price_template::Model, bands: Vec<Band>) -> Result<Template, CatalogError> {
    Ok(Template {
        id: TemplateId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        code: stored(TABLE, Code::parse(&row.code))?,
        name: Wording::new(row.name_zh, row.name_en),
        bands,
        created_at: row.created_at,
    })
}

fn read_band(row: &band::Model) -> Result<Band, CatalogError> {
    let currency = currency(BANDS, &row.currency)?;
    let addition = match (money(row.add_minor, Some(currency)), row.add_ppm) {
        (Some(amount), None) => Addition::Amount { amount },
        (None, Some(ppm)) => Addition::Percent { rate: stored(BANDS, u32::try_from(ppm)).map(Rate::from_ppm)? },
        _ => return Err(CatalogError::Corrupt { table: BANDS, what: "not one addition".to_owned() }),
    };
    let rounding = stored(BANDS, Rounding::parse(&row.rounding))?;
    Ok(Band { from: Money::new(row.from_minor, currency), addition, rounding })
}
