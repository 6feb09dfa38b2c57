//! Categories, goods, SKUs.

use chrono::{DateTime, Utc};
use kernel::{Money, TenantScope, Wording};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Tx, WriteTx};
use uuid::Uuid;

use super::{currency, money, signed, stored, unsigned};
use crate::error::CatalogError;
use crate::model::{
    Category, CategoryDraft, CategoryId, Code, Form, Fulfilment, Goods, GoodsDraft, GoodsId, GoodsKind, OnSale,
    RefundRule, Sku, SkuDraft, SkuId, Target,
};
use crate::table::{category, goods, sku};

/// The categories, sorted as they are shown.
pub(crate) async fn categories(tx: &impl Tx, limit: u64) -> Result<Vec<Category>, CatalogError> {
    use category::Column::{Id, Sort};
    let rows = tx.find::<category::Entity>().ascending(Sort).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_category).collect()
}

/// The goods on sale, sorted as they are shown.
pub(crate) async fn goods_on_sale(tx: &impl Tx, limit: u64) -> Result<Vec<Goods>, CatalogError> {
    use goods::Column::{Id, Sort, State};
    let find = tx.find::<goods::Entity>().filter(State.eq(OnSale::On.word()));
    let rows = find.ascending(Sort).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_goods).collect()
}

/// The SKUs on sale, whether their goods are or not, sorted as they are shown.
pub(crate) async fn skus_on_sale(tx: &impl Tx, limit: u64) -> Result<Vec<Sku>, CatalogError> {
    use sku::Column::{Id, Sort, State};
    let find = tx.find::<sku::Entity>().filter(State.eq(OnSale::On.word()));
    let rows = find.ascending(Sort).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_sku).collect()
}

/// The SKUs on sale of one goods page, sorted as they are shown.
pub(crate) async fn skus_on_sale_of(tx: &impl Tx, goods: GoodsId, limit: u64) -> Result<Vec<Sku>, CatalogError> {
    use sku::Column::{GoodsId, Id, Sort, State};
    let find = tx.find::<sku::Entity>().filter(GoodsId.eq(goods.uuid())).filter(State.eq(OnSale::On.word()));
    let rows = find.ascending(Sort).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_sku).collect()
}

/// These SKUs, on sale or not, in no order; unknown ones are left out.
pub(crate) async fn skus(tx: &impl Tx, ids: &[SkuId]) -> Result<Vec<Sku>, CatalogError> {
    let ids = ids.iter().map(|id| id.uuid());
    let rows = tx.find::<sku::Entity>().among(sku::Column::Id, ids).all().await?;
    rows.into_iter().map(read_sku).collect()
}

/// These goods, on sale or not, in no order; unknown ones are left out.
pub(crate) async fn goods(tx: &impl Tx, ids: impl Iterator<Item = GoodsId>) -> Result<Vec<Goods>, CatalogError> {
    let rows = tx.find::<goods::Entity>().among(goods::Column::Id, ids.map(GoodsId::uuid)).all().await?;
    rows.into_iter().map(read_goods).collect()
}

/// The category with this code, locked for a change.
pub(crate) async fn category_to_change(
    tx: &WriteTx<TenantScope>,
    code: &Code,
) -> Result<Option<Category>, CatalogError> {
    let find = tx.find::<category::Entity>().filter(category::Column::Code.eq(code.as_str()));
    find.locked().one().await?.map(read_category).transpose()
}

/// The goods with this code.
pub(crate) async fn goods_by_code(tx: &impl Tx, code: &Code) -> Result<Option<Goods>, CatalogError> {
    let find = tx.find::<goods::Entity>().filter(goods::Column::Code.eq(code.as_str()));
    find.one().await?.map(read_goods).transpose()
}

/// The goods with this code, locked for a change, with the moment they were made.
pub(crate) async fn goods_to_change(
    tx: &WriteTx<TenantScope>,
    code: &Code,
) -> Result<Option<(Goods, DateTime<Utc>)>, CatalogError> {
    let find = tx.find::<goods::Entity>().filter(goods::Column::Code.eq(code.as_str()));
    let Some(row) = find.locked().one().await? else { return Ok(None) };
    let created_at = row.created_at;
    Ok(Some((read_goods(row)?, created_at)))
}

/// The SKU with this code.
pub(crate) async fn sku_by_code(tx: &impl Tx, code: &Code) -> Result<Option<Sku>, CatalogError> {
    let find = tx.find::<sku::Entity>().filter(sku::Column::Code.eq(code.as_str()));
    find.one().await?.map(read_sku).transpose()
}

/// The SKU with this code, locked for a change.
pub(crate) async fn sku_to_change(tx: &WriteTx<TenantScope>, code: &Code) -> Result<Option<Sku>, CatalogError> {
    let find = tx.find::<sku::Entity>().filter(sku::Column::Code.eq(code.as_str()));
    find.locked().one().await?.map(read_sku).transpose()
}

/// How many categories there are.
pub(crate) async fn category_count(tx: &impl Tx) -> Result<u64, CatalogError> {
    Ok(tx.find::<category::Entity>().count().await?)
}

/// How many SKUs there are, on sale or not.
pub(crate) async fn sku_count(tx: &impl Tx) -> Result<u64, CatalogError> {
    Ok(tx.find::<sku::Entity>().count().await?)
}

/// How many goods there are, on sale or not.
pub(crate) async fn goods_count(tx: &impl Tx) -> Result<u64, CatalogError> {
    Ok(tx.find::<goods::Entity>().count().await?)
}

/// Whether what a rule is about is there.
pub(crate) async fn has_target(tx: &impl Tx, target: Target) -> Result<bool, CatalogError> {
    let count = match target {
        Target::Site => return Ok(true),
        Target::Category(id) => tx.find::<category::Entity>().filter(category::Column::Id.eq(id.uuid())).count(),
        Target::Goods(id) => return Ok(!goods(tx, std::iter::once(id)).await?.is_empty()),
        Target::Sku(id) => return Ok(!skus(tx, &[id]).await?.is_empty()),
    };
    Ok(count.await? > 0)
}

/// Writes a new category, or all of one that is there.
pub(crate) async fn save_category(
    tx: &WriteTx<TenantScope>,
    id: Option<CategoryId>,
    draft: &CategoryDraft,
) -> Result<CategoryId, CatalogError> {
    let known = id.unwrap_or_else(CategoryId::new);
    let row = category::Model {
        tenant_id: tenant(tx),
        id: known.uuid(),
        code: draft.code.to_string(),
        name_zh: draft.name.zh.clone(),
        name_en: draft.name.en.clone(),
        sort: draft.sort,
    };
    match id {
        None => tx.insert::<category::Entity>([row]).await?,
        Some(_) => {
            tx.update_rows(Rows::<category::Entity>::of([row]), &[category::Column::Id], Change::Set).await?;
        }
    }
    Ok(known)
}

/// Writes new goods, or all of those that are there.
pub(crate) async fn save_goods(
    tx: &WriteTx<TenantScope>,
    known: Option<(GoodsId, DateTime<Utc>)>,
    draft: &GoodsDraft,
) -> Result<GoodsId, CatalogError> {
    let (id, created_at) = known.unwrap_or_else(|| (GoodsId::new(), tx.now()));
    let row = goods::Model {
        tenant_id: tenant(tx),
        id: id.uuid(),
        category_id: draft.category.uuid(),
        code: draft.code.to_string(),
        kind: draft.kind.word().to_owned(),
        form: form_text(&draft.fulfilment.form),
        fulfil_within_hours: signed(draft.fulfilment.within_hours),
        refund_rule: draft.refunds.kept(),
        site_levels: (!draft.site_levels.is_empty()).then(|| Code::listed(&draft.site_levels)),
        state: draft.state.word().to_owned(),
        title_zh: draft.title.zh.clone(),
        title_en: draft.title.en.clone(),
        description_zh: draft.description.zh.clone(),
        description_en: draft.description.en.clone(),
        art: draft.art.clone(),
        sort: draft.sort,
        created_at,
    };
    match known {
        None => tx.insert::<goods::Entity>([row]).await?,
        Some(_) => {
            tx.update_rows(Rows::<goods::Entity>::of([row]), &[goods::Column::Id], Change::Set).await?;
        }
    }
    Ok(id)
}

/// Writes a new SKU, or all of one that is there.
pub(crate) async fn save_sku(
    tx: &WriteTx<TenantScope>,
    id: Option<SkuId>,
    epoch: i64,
    draft: &SkuDraft,
) -> Result<SkuId, CatalogError> {
    let known = id.unwrap_or_else(SkuId::new);
    let row = sku::Model {
        tenant_id: tenant(tx),
        id: known.uuid(),
        goods_id: draft.goods.uuid(),
        code: draft.code.to_string(),
        state: draft.state.word().to_owned(),
        name_zh: draft.name.zh.clone(),
        name_en: draft.name.en.clone(),
        currency: draft.price.currency().code().to_owned(),
        face_value_minor: draft.face_value.as_ref().map(Money::minor),
        cost_minor: draft.cost.minor(),
        price_minor: draft.price.minor(),
        quantity_max: signed(draft.quantity_max),
        sort: draft.sort,
        epoch,
    };
    match id {
        None => tx.insert::<sku::Entity>([row]).await?,
        Some(_) => {
            tx.update_rows(Rows::<sku::Entity>::of([row]), &[sku::Column::Id], Change::Set).await?;
        }
    }
    Ok(known)
}

/// Raises the epochs of all SKUs of these goods.
pub(crate) async fn raise_epochs_of(tx: &WriteTx<TenantScope>, goods: GoodsId) -> Result<(), CatalogError> {
    let update = tx.update::<sku::Entity>().add(sku::Column::Epoch, 1i64);
    update.filter(sku::Column::GoodsId.eq(goods.uuid())).run().await?;
    Ok(())
}

fn tenant(tx: &WriteTx<TenantScope>) -> Uuid {
    tx.scope().id().uuid()
}

pub(super) fn read_category(row: category::Model) -> Result<Category, CatalogError> {
    Ok(Category {
        id: CategoryId::from_uuid(row.id),
        code: stored("categories", Code::parse(&row.code))?,
        name: Wording::new(row.name_zh, row.name_en),
        sort: row.sort,
    })
}

pub(super) fn read_goods(row: goods::Model) -> Result<Goods, CatalogError> {
    const TABLE: &str = "goods";
    Ok(Goods {
        id: GoodsId::from_uuid(row.id),
        category: CategoryId::from_uuid(row.category_id),
        code: stored(TABLE, Code::parse(&row.code))?,
        kind: stored(TABLE, GoodsKind::parse(&row.kind))?,
        fulfilment: Fulfilment { form: read_form(&row.form)?, within_hours: unsigned(TABLE, row.fulfil_within_hours)? },
        refunds: stored(TABLE, RefundRule::read(row.refund_rule.as_deref()).ok_or("no refund rule"))?,
        site_levels: stored(TABLE, read_levels(row.site_levels.as_deref()))?,
        state: stored(TABLE, OnSale::parse(&row.state))?,
        title: Wording::new(row.title_zh, row.title_en),
        description: Wording::new(row.description_zh, row.description_en),
        art: row.art,
        sort: row.sort,
    })
}

fn read_levels(text: Option<&str>) -> Result<Vec<Code>, CatalogError> {
    text.into_iter().flat_map(|text| text.split(',')).map(Code::parse).collect()
}

/// A form without questions, which nearly all goods have.
const NO_FORM: &str = "[]";

fn form_text(form: &Form) -> String {
    if form.is_empty() { NO_FORM.to_owned() } else { serde_json::to_string(form).expect("a form is plain data") }
}

fn read_form(text: &str) -> Result<Form, CatalogError> {
    if text == NO_FORM {
        return Ok(Form::default());
    }
    serde_json::from_str(text).map_err(|error| CatalogError::Corrupt { table: "goods", what: error.to_string() })
}

pub(super) fn read_sku(row: sku::Model) -> Result<Sku, CatalogError> {
    const TABLE: &str = "skus";
    let currency = currency(TABLE, &row.currency)?;
    Ok(Sku {
        id: SkuId::from_uuid(row.id),
        goods: GoodsId::from_uuid(row.goods_id),
        code: stored(TABLE, Code::parse(&row.code))?,
        state: stored(TABLE, OnSale::parse(&row.state))?,
        name: Wording::new(row.name_zh, row.name_en),
        face_value: money(row.face_value_minor, Some(currency)),
        cost: Money::new(row.cost_minor, currency),
        price: Money::new(row.price_minor, currency),
        quantity_max: unsigned(TABLE, row.quantity_max)?,
        sort: row.sort,
        epoch: row.epoch,
    })
}
