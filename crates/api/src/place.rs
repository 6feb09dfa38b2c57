//! Where a handler works: a site in its tenant's tree.

use catalog::SiteLevel;
use kernel::{Currency, SiteId};
use store::Tx;
use tenancy::{Site, SiteTree, Slug};
use web::Problem;

use crate::routes::ApiState;

/// A site, with all that a price or a name there depends on.
pub(crate) struct Place {
    /// The site.
    pub site: Site,
    /// What its tenant sells in.
    pub currency: Currency,
    /// All sites of the tenant.
    pub tree: SiteTree,
}

impl Place {
    /// The tenant's main site.
    pub(crate) async fn main(rooms: &ApiState, tx: &impl Tx) -> Result<Self, Problem> {
        Self::of(rooms, tx, |tree| tree.main()).await
    }

    /// A site of the tenant by its id.
    pub(crate) async fn at(rooms: &ApiState, tx: &impl Tx, site: SiteId) -> Result<Self, Problem> {
        Self::of(rooms, tx, |tree| tree.get(site)).await
    }

    /// A site of the tenant by its id or slug.
    pub(crate) async fn named(rooms: &ApiState, tx: &impl Tx, text: &str) -> Result<Self, Problem> {
        Self::of(rooms, tx, |tree| named(tree, text)).await
    }

    async fn of(
        rooms: &ApiState,
        tx: &impl Tx,
        find: impl FnOnce(&SiteTree) -> Option<&Site>,
    ) -> Result<Self, Problem> {
        let currency = rooms.currency_in(tx).await?;
        let tree = rooms.tenancy.tree_in(tx).await?;
        let site = find(&tree).ok_or(Problem::not_found())?.clone();
        Ok(Self { site, currency, tree })
    }

    /// Whether this is the main site.
    pub(crate) const fn is_main(&self) -> bool {
        self.site.parent.is_none()
    }

    /// The sites from the main site down to this one, as prices run.
    pub(crate) fn chain(&self) -> Vec<SiteLevel> {
        let chain = self.tree.chain(self.site.id).into_iter();
        chain.map(|site| SiteLevel { site: site.id, level: site.level.clone() }).collect()
    }

    /// The site right below this one with this id or slug.
    pub(crate) fn child(&self, text: &str) -> Option<&Site> {
        named(&self.tree, text).filter(|site| self.tree.is_right_below(site.id, self.site.id))
    }
}

/// The site that a text names. An id has an underscore and a slug has none.
pub(crate) fn named<'t>(tree: &'t SiteTree, text: &str) -> Option<&'t Site> {
    match SiteId::parse(text) {
        Ok(id) => tree.get(id),
        Err(_) => tree.find(&Slug::parse(text).ok()?),
    }
}

impl ApiState {
    /// What the tenant sells in.
    pub(crate) async fn currency_in(&self, tx: &impl Tx) -> Result<Currency, Problem> {
        let tenant = self.tenancy.tenant_in(tx).await?;
        tenant.map(|tenant| tenant.currency).ok_or(Problem::not_found())
    }

    /// Lets shops see at once what was committed. What fails here arrives by the watch within seconds.
    pub(crate) async fn reload(&self) {
        if let Err(error) = self.tenancy.reload().await {
            tracing::warn!(%error, "the host table is not reloaded: {error}");
        }
    }
}
