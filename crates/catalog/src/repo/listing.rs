//! What operators list: on sale or not, in parts, ascending by id.

use std::collections::HashMap;

use kernel::SiteId;
use sea_orm::{ColumnTrait, Condition};
use store::Tx;
use uuid::Uuid;

use super::goods::{read_category, read_goods, read_sku};
use super::price::read_rule;
use super::stored;
use crate::error::CatalogError;
use crate::model::{Category, CategoryId, Code, Goods, GoodsId, PriceRule, RuleId, Sku, SkuId, Target};
use crate::service::{GoodsFilter, RuleFamily, RuleFilter, SkuFilter};
use crate::table::{category, goods, price_rule, sku};

const LIMIT_WORD: &str = "limit";

pub(crate) async fn goods_page(
    tx: &impl Tx,
    filter: &GoodsFilter,
    after: Option<GoodsId>,
    limit: u64,
) -> Result<Vec<Goods>, CatalogError> {
    use goods::Column::{CategoryId, Id, State};
    let condition = Condition::all()
        .add_option(filter.category.map(|id| CategoryId.eq(id.uuid())))
        .add_option(filter.state.map(|state| State.eq(state.word())))
        .add_option(after.map(|id| Id.gt(id.uuid())));
    let rows = tx.find::<goods::Entity>().filter(condition).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_goods).collect()
}

pub(crate) async fn skus_page(
    tx: &impl Tx,
    filter: &SkuFilter,
    after: Option<SkuId>,
    limit: u64,
) -> Result<Vec<Sku>, CatalogError> {
    use sku::Column::{GoodsId, Id, State};
    let condition = Condition::all()
        .add_option(filter.goods.map(|id| GoodsId.eq(id.uuid())))
        .add_option(filter.state.map(|state| State.eq(state.word())))
        .add_option(after.map(|id| Id.gt(id.uuid())));
    let rows = tx.find::<sku::Entity>().filter(condition).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_sku).collect()
}

/// The SKUs of one goods page, on sale or not, sorted as they are shown.
pub(crate) async fn skus_of(tx: &impl Tx, goods: GoodsId, limit: u64) -> Result<Vec<Sku>, CatalogError> {
    use sku::Column::{GoodsId, Id, Sort};
    let find = tx.find::<sku::Entity>().filter(GoodsId.eq(goods.uuid()));
    let rows = find.ascending(Sort).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_sku).collect()
}

pub(crate) async fn rules_page(
    tx: &impl Tx,
    site: SiteId,
    filter: &RuleFilter,
    after: Option<RuleId>,
    limit: u64,
) -> Result<Vec<PriceRule>, CatalogError> {
    use price_rule::Column::{Audience, Id, Kind, SiteId, SubjectId};
    let family = |family| match family {
        RuleFamily::Limit => Kind.eq(LIMIT_WORD),
        RuleFamily::Price => Kind.ne(LIMIT_WORD),
    };
    let condition = Condition::all()
        .add(SiteId.eq(site.uuid()))
        .add_option(filter.audience.map(|audience| Audience.eq(audience.word())))
        .add_option(filter.family.map(family))
        .add_option(filter.subject.map(|subject| SubjectId.eq(subject)))
        .add_option(after.map(|id| Id.gt(id.uuid())));
    let rows = tx.find::<price_rule::Entity>().filter(condition).ascending(Id).limit(limit).all().await?;
    rows.into_iter().map(read_rule).collect()
}

pub(crate) async fn category_by_code(tx: &impl Tx, code: &Code) -> Result<Option<Category>, CatalogError> {
    let find = tx.find::<category::Entity>().filter(category::Column::Code.eq(code.as_str()));
    find.one().await?.map(read_category).transpose()
}

pub(crate) async fn sku_by_code(tx: &impl Tx, code: &Code) -> Result<Option<Sku>, CatalogError> {
    let find = tx.find::<sku::Entity>().filter(sku::Column::Code.eq(code.as_str()));
    find.one().await?.map(read_sku).transpose()
}

/// The codes of these things; unknown ones, and whole sites, are left out.
pub(crate) async fn codes(tx: &impl Tx, targets: &[Target]) -> Result<HashMap<Target, Code>, CatalogError> {
    let ids = |word: &str| -> Vec<Uuid> {
        targets.iter().filter(|target| target.word() == word).filter_map(|target| target.id()).collect()
    };
    let mut codes = HashMap::new();
    let rows: Vec<(Uuid, String)> = {
        let find = tx.find::<category::Entity>().among(category::Column::Id, ids("category"));
        find.columns([category::Column::Id, category::Column::Code]).await?
    };
    for (id, code) in rows {
        codes.insert(Target::Category(CategoryId::from_uuid(id)), stored("categories", Code::parse(&code))?);
    }
    let rows: Vec<(Uuid, String)> = {
        let find = tx.find::<goods::Entity>().among(goods::Column::Id, ids("goods"));
        find.columns([goods::Column::Id, goods::Column::Code]).await?
    };
    for (id, code) in rows {
        codes.insert(Target::Goods(GoodsId::from_uuid(id)), stored("goods", Code::parse(&code))?);
    }
    let rows: Vec<(Uuid, String)> = {
        let find = tx.find::<sku::Entity>().among(sku::Column::Id, ids("sku"));
        find.columns([sku::Column::Id, sku::Column::Code]).await?
    };
    for (id, code) in rows {
        codes.insert(Target::Sku(SkuId::from_uuid(id)), stored("skus", Code::parse(&code))?);
    }
    Ok(codes)
}
