//! The writes of packs and of the console: each finds its row by code, says what differs, and writes only that.
//!
//! What a change makes stale: a changed SKU raises its own epoch; goods that change their category or state raise
//! the epochs of their SKUs; a changed price rule, whatever it is about, raises the tenant's one price epoch. Rules
//! change rarely, and one number is simpler than working out which SKUs of which branch a rule can touch. Whatever
//! changes, the tenant's one catalogue epoch rises as well: pages ask for it (see [`crate::Showcases`]).

use kernel::TenantScope;
use store::{Tx, WriteTx};

use super::prices::RULES_MAX;
use super::{CATEGORIES_MAX, Catalog, SKUS_MAX};
use crate::error::CatalogError;
use crate::model::{
    CategoryDraft, CategoryId, GoodsDraft, GoodsId, PriceRule, RuleDraft, RuleId, Saved, SkuDraft, SkuId,
};
use crate::{repo, rules};

impl Catalog {
    /// Makes the category with this code what the draft says.
    pub async fn save_category_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &CategoryDraft,
    ) -> Result<(CategoryId, Saved), CatalogError> {
        repo::price::epoch_to_change(tx).await?;
        let Some(old) = repo::goods::category_to_change(tx, &draft.code).await? else {
            at_most(repo::goods::category_count(tx).await?, CATEGORIES_MAX, "categories")?;
            repo::price::raise_catalog_epoch(tx).await?;
            return Ok((repo::goods::save_category(tx, None, draft).await?, Saved::Created));
        };
        let changes = rules::category_changes(&old, draft);
        if changes.has_any() {
            repo::goods::save_category(tx, Some(old.id), draft).await?;
            repo::price::raise_catalog_epoch(tx).await?;
        }
        Ok((old.id, changes.into_saved()))
    }

    /// Makes the goods with this code what the draft says.
    pub async fn save_goods_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &GoodsDraft,
    ) -> Result<(GoodsId, Saved), CatalogError> {
        draft.check()?;
        repo::price::epoch_to_change(tx).await?;
        let Some((old, created_at)) = repo::goods::goods_to_change(tx, &draft.code).await? else {
            at_most(repo::goods::goods_count(tx).await?, SKUS_MAX, "goods")?;
            repo::price::raise_catalog_epoch(tx).await?;
            return Ok((repo::goods::save_goods(tx, None, draft).await?, Saved::Created));
        };
        let changes = rules::goods_changes(&old, draft);
        if changes.has_any() {
            repo::goods::save_goods(tx, Some((old.id, created_at)), draft).await?;
            repo::price::raise_catalog_epoch(tx).await?;
        }
        if changes.touch(&["category", "state", "site_levels"]) {
            repo::goods::raise_epochs_of(tx, old.id).await?;
        }
        Ok((old.id, changes.into_saved()))
    }

    /// Makes the SKU with this code what the draft says.
    pub async fn save_sku_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &SkuDraft,
    ) -> Result<(SkuId, Saved), CatalogError> {
        draft.check()?;
        repo::price::epoch_to_change(tx).await?;
        let Some(old) = repo::goods::sku_to_change(tx, &draft.code).await? else {
            at_most(repo::goods::sku_count(tx).await?, SKUS_MAX, "skus")?;
            repo::price::raise_catalog_epoch(tx).await?;
            return Ok((repo::goods::save_sku(tx, None, 1, draft).await?, Saved::Created));
        };
        let changes = rules::sku_changes(&old, draft);
        if changes.has_any() {
            repo::goods::save_sku(tx, Some(old.id), old.epoch + 1, draft).await?;
            repo::price::raise_catalog_epoch(tx).await?;
        }
        Ok((old.id, changes.into_saved()))
    }

    /// Makes the rule for the same site, people, things, quantity and start what the draft says. A rule that becomes
    /// another one takes the tenant's next price epoch as its version.
    pub async fn save_rule_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &RuleDraft,
    ) -> Result<(RuleId, Saved), CatalogError> {
        let draft = &draft.clone().in_whole_micros();
        draft.check()?;
        let code = draft.code();
        let version = repo::price::epoch_to_change(tx).await? + 1;
        if let Some(template) = draft.terms.template()
            && !repo::template::has_template(tx, draft.site, template).await?
        {
            return Err(CatalogError::Missing { what: "template" });
        }
        let Some(old) = repo::price::rule_by_code(tx, &code).await? else {
            at_most(repo::price::rule_count(tx, draft.site).await?, RULES_MAX, "price rules")?;
            if !repo::goods::has_target(tx, draft.reach.target).await? {
                return Err(CatalogError::Missing { what: draft.reach.target.word() });
            }
            let rule = rule(RuleId::new(), tx.now(), version, draft);
            repo::price::insert_rule(tx, &rule, &code).await?;
            repo::price::raise_epoch(tx).await?;
            return Ok((rule.id, Saved::Created));
        };
        let changes = rules::rule_changes(&old, draft);
        if changes.has_any() {
            repo::price::update_rule(tx, &rule(old.id, old.created_at, version, draft), &code).await?;
            repo::price::raise_epoch(tx).await?;
        }
        Ok((old.id, changes.into_saved()))
    }
}

fn rule(id: RuleId, created_at: chrono::DateTime<chrono::Utc>, version: i64, draft: &RuleDraft) -> PriceRule {
    PriceRule { id, site: draft.site, reach: draft.reach.clone(), terms: draft.terms, version, created_at }
}

/// Refuses one more than the limit.
pub(super) fn at_most(count: u64, limit: u64, what: &'static str) -> Result<(), CatalogError> {
    if count < limit { Ok(()) } else { Err(CatalogError::TooMany { what, limit }) }
}
