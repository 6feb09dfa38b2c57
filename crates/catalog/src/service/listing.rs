//! What operators read: everything, also what is off sale, found by code or listed in parts.

use std::collections::HashMap;

use kernel::{SiteId, TenantScope};
use store::{Tx, WriteTx};
use uuid::Uuid;

use super::{CATEGORIES_MAX, Catalog, SKUS_MAX};
use crate::error::CatalogError;
use crate::model::{
    Audience, Category, CategoryId, Code, Goods, GoodsId, OnSale, PriceRule, RuleDraft, RuleId, Sku, SkuId, Target,
    Template,
};
use crate::repo;

/// Which goods are listed; nothing said is all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct GoodsFilter {
    /// In this category.
    pub category: Option<CategoryId>,
    /// On sale or off.
    pub state: Option<OnSale>,
}

/// Which SKUs are listed; nothing said is all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SkuFilter {
    /// Of these goods.
    pub goods: Option<GoodsId>,
    /// On sale or off.
    pub state: Option<OnSale>,
}

kernel::words! {
    /// The two families of rules: what a site asks, and what binds the branch below it.
    RuleFamily {
        /// A price.
        Price = "price",
        /// A floor, a highest markup, or both.
        Limit = "limit",
    }
}

/// Which rules of a site are listed; nothing said is all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RuleFilter {
    /// For whom.
    pub audience: Option<Audience>,
    /// Prices or limits.
    pub family: Option<RuleFamily>,
    /// For this very site or buyer.
    pub subject: Option<Uuid>,
}

impl Catalog {
    /// All categories, sorted as they are shown.
    pub async fn categories_in(&self, tx: &impl Tx) -> Result<Vec<Category>, CatalogError> {
        repo::goods::categories(tx, CATEGORIES_MAX).await
    }

    /// The category with this code.
    pub async fn find_category_in(&self, tx: &impl Tx, code: &Code) -> Result<Option<Category>, CatalogError> {
        repo::listing::category_by_code(tx, code).await
    }

    /// At most `limit` goods after this one, ascending by id.
    pub async fn goods_page_in(
        &self,
        tx: &impl Tx,
        filter: &GoodsFilter,
        after: Option<GoodsId>,
        limit: u64,
    ) -> Result<Vec<Goods>, CatalogError> {
        repo::listing::goods_page(tx, filter, after, limit).await
    }

    /// The goods with this code, on sale or not.
    pub async fn find_goods_in(&self, tx: &impl Tx, code: &Code) -> Result<Option<Goods>, CatalogError> {
        repo::goods::goods_by_code(tx, code).await
    }

    /// These goods, on sale or not, in no order; unknown ones are left out.
    pub async fn goods_in(&self, tx: &impl Tx, ids: &[GoodsId]) -> Result<Vec<Goods>, CatalogError> {
        repo::goods::goods(tx, ids.iter().copied()).await
    }

    /// All SKUs of these goods, on sale or not, sorted as they are shown.
    pub async fn skus_of_in(&self, tx: &impl Tx, goods: GoodsId) -> Result<Vec<Sku>, CatalogError> {
        repo::listing::skus_of(tx, goods, SKUS_MAX).await
    }

    /// At most `limit` SKUs after this one, ascending by id.
    pub async fn skus_page_in(
        &self,
        tx: &impl Tx,
        filter: &SkuFilter,
        after: Option<SkuId>,
        limit: u64,
    ) -> Result<Vec<Sku>, CatalogError> {
        repo::listing::skus_page(tx, filter, after, limit).await
    }

    /// The SKU with this code, on sale or not.
    pub async fn find_sku_in(&self, tx: &impl Tx, code: &Code) -> Result<Option<Sku>, CatalogError> {
        repo::listing::sku_by_code(tx, code).await
    }

    /// At most `limit` rules of the site after this one, ascending by id; rules outside their window are among them.
    pub async fn rules_page_in(
        &self,
        tx: &impl Tx,
        site: SiteId,
        filter: &RuleFilter,
        after: Option<RuleId>,
        limit: u64,
    ) -> Result<Vec<PriceRule>, CatalogError> {
        repo::listing::rules_page(tx, site, filter, after, limit).await
    }

    /// The rule that the draft would change. Nobody else changes a rule of the tenant until the transaction ends.
    pub async fn rule_to_change_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &RuleDraft,
    ) -> Result<Option<PriceRule>, CatalogError> {
        repo::price::epoch_to_change(tx).await?;
        repo::price::rule_by_code(tx, &draft.clone().in_whole_micros().code()).await
    }

    /// The site's template with this code.
    pub async fn find_template_in(
        &self,
        tx: &impl Tx,
        site: SiteId,
        code: &Code,
    ) -> Result<Option<Template>, CatalogError> {
        repo::template::template_by_code(tx, site, code).await
    }

    /// What a rule is about, by the word for its kind and the code of the thing; a whole site has none.
    pub async fn target_in(&self, tx: &impl Tx, word: &str, code: Option<&Code>) -> Result<Target, CatalogError> {
        let found = match (word, code) {
            ("site", None) => Some(Target::Site),
            ("category", Some(code)) => self.find_category_in(tx, code).await?.map(|one| Target::Category(one.id)),
            ("goods", Some(code)) => self.find_goods_in(tx, code).await?.map(|one| Target::Goods(one.id)),
            ("sku", Some(code)) => self.find_sku_in(tx, code).await?.map(|one| Target::Sku(one.id)),
            _ => return Err(CatalogError::Word { what: "scope", text: word.chars().take(16).collect() }),
        };
        found.ok_or(CatalogError::Missing { what: "target" })
    }

    /// The codes of what rules are about; a whole site has none.
    pub async fn codes_of_in(&self, tx: &impl Tx, targets: &[Target]) -> Result<HashMap<Target, Code>, CatalogError> {
        repo::listing::codes(tx, targets).await
    }
}
