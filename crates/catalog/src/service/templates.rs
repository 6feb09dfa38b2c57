//! Price templates: saved like rules, by code, and stale in the same way.

use kernel::{SiteId, TenantScope};
use store::{Tx, WriteTx};

use super::Catalog;
use super::save::at_most;
use crate::error::CatalogError;
use crate::model::{Saved, Template, TemplateDraft, TemplateId};
use crate::{repo, rules};

/// The most templates a site may have.
const TEMPLATES_MAX: u64 = 200;

impl Catalog {
    /// The site's templates, sorted by code.
    pub async fn templates_in(&self, tx: &impl Tx, site: SiteId) -> Result<Vec<Template>, CatalogError> {
        repo::template::templates(tx, site, TEMPLATES_MAX).await
    }

    /// Makes the site's template with this code what the draft says. A template that becomes another one raises the
    /// tenant's price epoch, and the rules that name it take it as their version: an order keeps which state of the
    /// template made its price. A new template raises nothing, because no rule names it yet.
    pub async fn save_template_in(
        &self,
        tx: &WriteTx<TenantScope>,
        draft: &TemplateDraft,
    ) -> Result<(TemplateId, Saved), CatalogError> {
        draft.check()?;
        let version = repo::price::epoch_to_change(tx).await? + 1;
        let Some(old) = repo::template::template_by_code(tx, draft.site, &draft.code).await? else {
            at_most(repo::template::template_count(tx, draft.site).await?, TEMPLATES_MAX, "price templates")?;
            let id = TemplateId::new();
            repo::template::insert_template(tx, &template(id, tx.now(), draft)).await?;
            return Ok((id, Saved::Created));
        };
        let changes = rules::template_changes(&old, draft);
        if changes.has_any() {
            repo::template::update_template(tx, &template(old.id, old.created_at, draft), version).await?;
            repo::price::raise_epoch(tx).await?;
        }
        Ok((old.id, changes.into_saved()))
    }
}

fn template(id: TemplateId, created_at: chrono::DateTime<chrono::Utc>, draft: &TemplateDraft) -> Template {
    let TemplateDraft { site, code, name, bands } = draft.clone();
    Template { id, site, code, name, bands, created_at }
}
