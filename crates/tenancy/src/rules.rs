//! The tree of sites, and what differs between a row and what it is to be. Pure.

use std::collections::HashMap;

use kernel::SiteId;

use crate::error::TenancyError;
use crate::front::Front;
use crate::model::{NewSite, NewTenant, Site, SiteState, Slug, Tenant};

/// How many levels a tree of sites may have under its main site.
pub const DEPTH_MAX: u8 = 16;

/// The sites of one tenant, known to be one tree: one main site at most, every parent there, every depth right.
#[derive(Debug, Clone)]
pub struct SiteTree {
    sites: HashMap<SiteId, Site>,
}

impl SiteTree {
    /// Builds the tree; rows that are none are unreadable.
    pub fn try_new(sites: impl IntoIterator<Item = Site>) -> Result<Self, TenancyError> {
        let sites: HashMap<SiteId, Site> = sites.into_iter().map(|site| (site.id, site)).collect();
        // A parent exactly one level above rules out rings as well: depths would have to fall for ever.
        let stands = |site: &Site| match site.parent {
            None => site.depth == 0,
            Some(parent) => sites.get(&parent).is_some_and(|parent| parent.depth.checked_add(1) == Some(site.depth)),
        };
        let mains = sites.values().filter(|site| site.parent.is_none()).count();
        let is_tree = mains <= 1 && sites.values().all(|site| site.depth <= DEPTH_MAX && stands(site));
        if is_tree { Ok(Self { sites }) } else { Err(TenancyError::Unreadable { column: "sites.parent_id" }) }
    }

    /// The main site, once there is one.
    pub fn main(&self) -> Option<&Site> {
        self.sites.values().find(|site| site.parent.is_none())
    }

    /// The site with this id.
    pub fn get(&self, site: SiteId) -> Option<&Site> {
        self.sites.get(&site)
    }

    /// The site with this slug.
    pub fn find(&self, slug: &Slug) -> Option<&Site> {
        self.sites.values().find(|site| site.slug == *slug)
    }

    /// The depth of a new site under `parent`; the first site has none and is the main site.
    pub fn place(&self, parent: Option<SiteId>) -> Result<u8, TenancyError> {
        let Some(parent) = parent else {
            return if self.sites.is_empty() { Ok(0) } else { Err(TenancyError::MainSiteFixed) };
        };
        let parent = self.get(parent).ok_or_else(|| TenancyError::NoParent { parent: parent.to_string() })?;
        below(parent.depth)
    }

    /// The new depths of `site` and all sites under it once it stands under `parent`.
    pub fn relocate(&self, site: SiteId, parent: Option<SiteId>) -> Result<Vec<(SiteId, u8)>, TenancyError> {
        let moved = self.get(site).ok_or(TenancyError::NoSite { site })?;
        let (Some(_), Some(parent)) = (moved.parent, parent) else {
            return Err(TenancyError::MainSiteFixed);
        };
        if self.chain(parent).iter().any(|above| above.id == site) {
            return Err(TenancyError::UnderItself { site });
        }
        let depth = self.place(Some(parent))?;
        let mut depths = Vec::new();
        for under in self.sites.values().filter(|under| self.chain(under.id).iter().any(|above| above.id == site)) {
            let new = depth + (under.depth - moved.depth);
            if new > DEPTH_MAX {
                return Err(TenancyError::TooDeep { depth_max: DEPTH_MAX });
            }
            depths.push((under.id, new));
        }
        depths.sort_by_key(|(site, _)| *site);
        Ok(depths)
    }

    /// The sites from the main site down to `site`, which is the last; none for a site of nobody's.
    pub fn chain(&self, site: SiteId) -> Vec<&Site> {
        let mut chain: Vec<&Site> =
            std::iter::successors(self.get(site), |site| site.parent.and_then(|parent| self.get(parent))).collect();
        chain.reverse();
        chain
    }

    /// Whether `site` stands right below `parent`.
    pub fn is_right_below(&self, site: SiteId, parent: SiteId) -> bool {
        self.get(site).is_some_and(|site| site.parent == Some(parent))
    }

    /// All sites, a parent before its children.
    pub fn into_sites(self) -> Vec<Site> {
        let mut sites: Vec<Site> = self.sites.into_values().collect();
        sites.sort_by_key(|site| (site.depth, site.id));
        sites
    }
}

/// Whether the last site of a chain sells: a site that is stopped stops all that sell for it.
pub(crate) fn state_of(chain: &[&Site]) -> SiteState {
    let is = |state| chain.iter().any(|site| site.state == state);
    [SiteState::Closed, SiteState::Suspended].into_iter().find(|state| is(*state)).unwrap_or(SiteState::Active)
}

fn below(depth: u8) -> Result<u8, TenancyError> {
    if depth >= DEPTH_MAX { Err(TenancyError::TooDeep { depth_max: DEPTH_MAX }) } else { Ok(depth + 1) }
}

/// The fields in which a tenant is not yet what it is to be; slug and currency stay what they are.
pub(crate) fn change_tenant(is: &Tenant, wanted: &NewTenant) -> Result<Vec<&'static str>, TenancyError> {
    if is.slug != wanted.slug {
        return Err(TenancyError::SlugFixed { is: is.slug.clone(), wanted: wanted.slug.clone() });
    }
    if is.currency != wanted.currency {
        return Err(TenancyError::CurrencyFixed { is: is.currency, wanted: wanted.currency });
    }
    Ok(differing(&[
        ("name", is.name == wanted.name),
        ("region", is.region == wanted.region),
        ("seller", is.seller == wanted.seller),
    ]))
}

/// The fields in which a site is not yet what it is to be, `parent` being the id of the wanted parent.
pub(crate) fn change_site(is: &Site, wanted: &NewSite, parent: Option<SiteId>) -> Vec<&'static str> {
    differing(&[
        ("parent", is.parent == parent),
        ("name", is.name == wanted.name),
        ("tagline", is.tagline == wanted.tagline),
        ("notice", is.notice == wanted.notice),
        ("theme", is.theme == wanted.theme),
        ("mode", is.mode == wanted.mode),
        ("level", is.level == wanted.level),
        ("support", is.support == wanted.support),
        ("limits", is.limits == wanted.limits),
    ])
}

/// The parts in which a front is not yet what it is to be.
pub(crate) fn change_front(is: &Front, wanted: &Front) -> Vec<&'static str> {
    let (old, new) = (is.texts(), wanted.texts());
    differing(&[("sections", old.0 == new.0), ("tokens", old.1 == new.1)])
}

/// The fields in which two states of one site differ that its people may change.
pub(crate) fn differing_words(is: &Site, wanted: &Site) -> Vec<&'static str> {
    differing(&[
        ("name", is.name == wanted.name),
        ("tagline", is.tagline == wanted.tagline),
        ("notice", is.notice == wanted.notice),
        ("theme", is.theme == wanted.theme),
        ("mode", is.mode == wanted.mode),
        ("level", is.level == wanted.level),
        ("support", is.support == wanted.support),
    ])
}

fn differing(fields: &[(&'static str, bool)]) -> Vec<&'static str> {
    fields.iter().filter(|(_, is_same)| !is_same).map(|(name, _)| *name).collect()
}
