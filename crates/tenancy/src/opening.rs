//! Opening one site, and changing what one says: what an operator does by hand, where a pack says it all at once.

use kernel::{Id, SiteId, TenantScope, Wording};
use store::{Tx, WriteTx};

use crate::error::TenancyError;
use crate::front::Front;
use crate::model::{Host, Mode, Saved, Site, SiteState, Slug, Theme};
use crate::repo;
use crate::rules::SiteTree;
use crate::service::Tenancy;

/// What a site says and how it looks: all that its own people may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteWords {
    /// Its name for buyers.
    pub name: Wording,
    /// A line under the name.
    pub tagline: Wording,
    /// A notice above the goods; may be empty.
    pub notice: Wording,
    /// Its look.
    pub theme: Theme,
    /// Light or dark.
    pub mode: Mode,
    /// How to reach its support.
    pub support: Option<String>,
}

/// A sub-site that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSite {
    /// Its name in packs; never changes.
    pub slug: Slug,
    /// The site right above.
    pub parent: SiteId,
    /// What it says.
    pub words: SiteWords,
    /// Its level, which chooses its prices.
    pub level: String,
    /// Where it is found, if that is known already.
    pub host: Option<Host>,
}

impl Tenancy {
    /// The tenant's sites as a tree.
    pub async fn tree_in(&self, tx: &impl Tx) -> Result<SiteTree, TenancyError> {
        SiteTree::try_new(repo::sites(tx).await?)
    }

    /// A site that this transaction is about to change: nobody else changes the tenant's sites until it ends.
    pub async fn site_to_change_in(&self, tx: &WriteTx<TenantScope>, site: SiteId) -> Result<Site, TenancyError> {
        hold_tree(tx).await?.get(site).cloned().ok_or(TenancyError::NoSite { site })
    }

    /// Opens a sub-site (active). Unlike a pack it never takes what is there: a slug or host that leads anywhere is
    /// refused, be it the same tenant's.
    pub async fn open_site_in(&self, tx: &WriteTx<TenantScope>, new: &OpenSite) -> Result<Site, TenancyError> {
        let tree = hold_tree(tx).await?;
        if tree.find(&new.slug).is_some() {
            return Err(TenancyError::SiteSlugTaken { slug: new.slug.clone() });
        }
        let SiteWords { name, tagline, notice, theme, mode, support } = new.words.clone();
        let site = Site {
            id: Id::new(),
            parent: Some(new.parent),
            depth: tree.place(Some(new.parent))?,
            slug: new.slug.clone(),
            state: SiteState::Active,
            name,
            tagline,
            notice,
            theme,
            mode,
            level: Some(new.level.clone()),
            support,
            limits: None,
            front: Front::default(),
            home: None,
        };
        repo::insert_site(tx, &site).await?;
        if let Some(host) = &new.host {
            self.add_host_in(tx, host, site.id).await?;
            repo::set_home(tx, site.id, host).await?;
        }
        Ok(site)
    }

    /// Makes a host that leads nowhere yet lead to the site; the same again is no error.
    pub async fn add_host_in(
        &self,
        tx: &WriteTx<TenantScope>,
        host: &Host,
        site: SiteId,
    ) -> Result<Saved<SiteId>, TenancyError> {
        if !repo::has_site(tx, site).await? {
            return Err(TenancyError::NoSite { site });
        }
        if repo::insert_host(tx, host, site).await? {
            return Ok(Saved::Created(site));
        }
        match repo::site_of_host(tx, host).await? {
            Some(is) if is == site => Ok(Saved::Same(site)),
            _ => Err(TenancyError::HostTaken { host: host.clone() }),
        }
    }

    /// Makes the site say this.
    pub async fn save_words_in(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        words: &SiteWords,
    ) -> Result<Saved<SiteId>, TenancyError> {
        let SiteWords { name, tagline, notice, theme, mode, support } = words.clone();
        change(tx, site, |is| Ok(Site { name, tagline, notice, theme, mode, support, ..is })).await
    }

    /// Gives a sub-site its level; the main site has none.
    pub async fn set_level_in(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        level: Option<String>,
    ) -> Result<Saved<SiteId>, TenancyError> {
        change(tx, site, |is| match is.parent.is_some() == level.is_some() {
            true => Ok(Site { level, ..is }),
            false => Err(TenancyError::LevelMisplaced),
        })
        .await
    }
}

impl Tenancy {
    /// Makes changes of the tenant's tree, and whatever else begins with this, follow one another until the transaction ends.
    pub async fn hold_in(&self, tx: &WriteTx<TenantScope>) -> Result<(), TenancyError> {
        if repo::hold_tree(tx).await? { Ok(()) } else { Err(TenancyError::NoTenant) }
    }

    /// Gives sub-sites the second of these levels, as far as they still have the first; says to which it was given. Sites that
    /// are closed keep theirs.
    pub async fn move_levels_in(
        &self,
        tx: &WriteTx<TenantScope>,
        moves: &[(SiteId, (String, String))],
    ) -> Result<Vec<SiteId>, TenancyError> {
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let tree = hold_tree(tx).await?;
        let mut moved = Vec::new();
        for (site, (from, to)) in moves {
            let is = tree.get(*site).filter(|is| is.state != SiteState::Closed && is.level.as_ref() == Some(from));
            let Some(is) = is else { continue };
            repo::update_site(tx, &Site { level: Some(to.clone()), ..is.clone() }).await?;
            moved.push(*site);
        }
        Ok(moved)
    }
}

async fn hold_tree(tx: &WriteTx<TenantScope>) -> Result<SiteTree, TenancyError> {
    if repo::hold_tree(tx).await? { SiteTree::try_new(repo::sites(tx).await?) } else { Err(TenancyError::NoTenant) }
}

async fn change(
    tx: &WriteTx<TenantScope>,
    site: SiteId,
    make: impl FnOnce(Site) -> Result<Site, TenancyError>,
) -> Result<Saved<SiteId>, TenancyError> {
    let tree = hold_tree(tx).await?;
    let is = tree.get(site).ok_or(TenancyError::NoSite { site })?;
    let wanted = make(is.clone())?;
    let fields = crate::rules::differing_words(is, &wanted);
    if !fields.is_empty() {
        repo::update_site(tx, &wanted).await?;
    }
    Ok(Saved::of_fields(site, fields))
}
