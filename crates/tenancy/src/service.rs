//! Finding the shop of a request, and writing tenants, sites and hosts.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kernel::{Id, Platform, SiteId, TenantId, TenantScope};
use store::{ScopedCache, Store, Tx, WriteTx};
use tokio::time::MissedTickBehavior;

use crate::error::{TenancyError, UnknownHost};
use crate::front::{Front, Section, Tokens};
use crate::model::{Host, NewSite, NewTenant, Saved, Site, SiteState, Slug, Tenant, TenantState, shown, without_port};
use crate::rules::{self, SiteTree};
use crate::shops::{HostTable, Shop, Watch, host_table};
use crate::{repo, shops};

/// Tenants, sites and hosts. Clones share one host table.
#[derive(Clone)]
pub struct Tenancy {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    table: ArcSwap<HostTable>,
    levels: ScopedCache<Rung, Levels>,
    /// One reload at a time, so that an older reading never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

/// The levels of the sites of a chain, the main site's first.
type Levels = Arc<[Option<String>]>;
/// A chain, and the news that its levels were read under. A site may be moved to another chain.
type Rung = (Arc<[SiteId]>, u64);

const RELOAD_EVERY: Duration = Duration::from_secs(2);
/// Chains whose levels are kept.
const LEVELS_MAX: u64 = 20_000;
/// How long a node may not know that another one has changed a level: no longer than a page may be behind.
const LEVELS_LIFE: Duration = Duration::from_secs(1);

impl Tenancy {
    /// Knows no host until the first [`Tenancy::reload`].
    pub fn new(store: Store) -> Self {
        let table = ArcSwap::from_pointee(HostTable::new());
        let levels = ScopedCache::new(Arc::new(store.clone()), LEVELS_MAX, LEVELS_LIFE);
        Self { inner: Arc::new(Inner { store, table, levels, reloading: tokio::sync::Mutex::new(()) }) }
    }

    /// The shop at the host of a `Host` header, whatever its state. A known host in lower case is found
    /// without parsing and without allocating.
    pub fn resolve(&self, host_header: &str) -> Result<Arc<Shop>, UnknownHost> {
        let table = self.inner.table.load();
        if let Some(shop) = without_port(host_header).and_then(|name| table.get(name)) {
            return Ok(Arc::clone(shop));
        }
        let host = Host::parse(host_header).map_err(|_| UnknownHost { host: shown(host_header) })?;
        table.get(&host).cloned().ok_or_else(|| UnknownHost { host: host.into() })
    }

    /// The level of each site of the shop's chain, the main site's first, as orders are priced by it. What this node has
    /// changed is in it at once, what another one has after a second: the host table lags behind longer.
    pub async fn levels_of(&self, shop: &Shop) -> Result<Levels, TenancyError> {
        if shop.chain.len() == 1 {
            return Ok(Arc::new([None]));
        }
        let (scope, inner) = (shop.scope().engine(), &self.inner);
        let rung: Rung = (shop.chain.as_slice().into(), inner.store.news(&scope));
        if let Some(levels) = inner.levels.get(&scope, &rung) {
            return Ok(levels);
        }
        let (store, chain) = (inner.store.clone(), Arc::clone(&rung.0));
        let read = move |rungs: Vec<Rung>| async move {
            let tx = store.read(&scope).await?;
            let known = repo::levels(&tx, &chain).await?;
            let levels: Levels = chain.iter().map(|site| known.get(site).cloned().flatten()).collect();
            Ok(rungs.into_iter().map(|rung| (rung, Arc::clone(&levels))).collect())
        };
        let read = inner.levels.get_all(&scope, std::slice::from_ref(&rung), read).await?;
        Ok(read.get(&rung).cloned().unwrap_or_else(|| shop.chain.iter().map(|_| None).collect()))
    }

    /// All hosts with their shops, sorted by host.
    pub fn shops(&self) -> Vec<(Host, Arc<Shop>)> {
        let table = self.inner.table.load();
        let mut all: Vec<_> = table.iter().map(|(host, shop)| (host.clone(), Arc::clone(shop))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Reads the directory anew; what was committed before the call is in the table after it.
    pub async fn reload(&self) -> Result<(), TenancyError> {
        let _alone = self.inner.reloading.lock().await;
        let tx = self.inner.store.read_platform(&Platform::assume()).await?;
        let directory = repo::directory(&tx).await?;
        let table = host_table(directory, &self.inner.table.load());
        self.inner.table.store(Arc::new(table));
        Ok(())
    }

    /// Reloads every two seconds, so that what other nodes changed arrives. While the database is away the
    /// table stays as it was.
    pub fn watch(&self) -> Watch {
        self.watch_every(RELOAD_EVERY)
    }

    pub(crate) fn watch_every(&self, period: Duration) -> Watch {
        let tenancy = self.clone();
        shops::Watch(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut is_failing = false;
            loop {
                ticks.tick().await;
                match tenancy.reload().await {
                    Ok(()) => is_failing = false,
                    Err(error) if !is_failing => {
                        is_failing = true;
                        tracing::warn!(%error, "the host table is not reloaded: {error}");
                    }
                    Err(_) => {}
                }
            }
        }))
    }

    /// The tenant with this slug: the one way to a tenant before a scope exists.
    pub async fn find_tenant(&self, slug: &Slug) -> Result<Option<TenantId>, TenancyError> {
        let tx = self.inner.store.read_platform(&Platform::assume()).await?;
        Ok(repo::tenant_of_slug(&tx, slug).await?)
    }

    /// Ids and slugs of all tenants, with or without a shop that is served: for what must leave nobody out.
    pub async fn tenants(&self) -> Result<Vec<(TenantId, String)>, TenancyError> {
        let tx = self.inner.store.read_platform(&Platform::assume()).await?;
        Ok(repo::tenant_names(&tx).await?)
    }

    /// The scope's tenant, if it exists.
    pub async fn tenant_in(&self, tx: &impl Tx) -> Result<Option<Tenant>, TenancyError> {
        repo::tenant(tx).await
    }

    /// The tenant's sites, a parent before its children.
    pub async fn sites_in(&self, tx: &impl Tx) -> Result<Vec<Site>, TenancyError> {
        Ok(SiteTree::try_new(repo::sites(tx).await?)?.into_sites())
    }

    /// The tenant's hosts and the sites they lead to, sorted by host.
    pub async fn hosts_in(&self, tx: &impl Tx) -> Result<Vec<(Host, SiteId)>, TenancyError> {
        repo::hosts(tx).await
    }

    /// Makes the scope's tenant (active), or makes it what it is to be.
    pub async fn save_tenant_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: &NewTenant,
    ) -> Result<Saved<TenantId>, TenancyError> {
        let id = tx.scope().id();
        let wanted = Tenant {
            id,
            slug: new.slug.clone(),
            name: new.name.clone(),
            currency: new.currency,
            region: new.region.clone(),
            state: TenantState::Active,
            seller: new.seller.clone(),
        };
        if repo::insert_tenant(tx, &wanted).await? {
            return Ok(Saved::Created(id));
        }
        let taken = || TenancyError::SlugTaken { slug: new.slug.clone() };
        let is = repo::tenant(tx).await?.ok_or_else(taken)?;
        let fields = rules::change_tenant(&is, new)?;
        if !fields.is_empty() {
            repo::update_tenant(tx, &wanted).await?;
        }
        Ok(Saved::of_fields(id, fields))
    }

    /// Makes the site with this slug (active), or makes it what it is to be; a new parent moves the whole
    /// branch. Writers of one tenant's tree wait for each other.
    pub async fn save_site_in(&self, tx: &WriteTx<TenantScope>, new: &NewSite) -> Result<Saved<SiteId>, TenancyError> {
        if !repo::hold_tree(tx).await? {
            return Err(TenancyError::NoTenant);
        }
        let tree = SiteTree::try_new(repo::sites(tx).await?)?;
        let unknown = |slug: &Slug| TenancyError::NoParent { parent: slug.to_string() };
        let parent = match &new.parent {
            Some(slug) => Some(tree.find(slug).ok_or_else(|| unknown(slug))?.id),
            None => None,
        };
        let Some(is) = tree.find(&new.slug) else {
            let site = site_of(new, Id::new(), parent, tree.place(parent)?);
            repo::insert_site(tx, &site).await?;
            tx.announce();
            return Ok(Saved::Created(site.id));
        };
        let fields = rules::change_site(is, new, parent);
        if fields.is_empty() {
            return Ok(Saved::Same(is.id));
        }
        let mut depth = is.depth;
        if is.parent != parent {
            let depths = tree.relocate(is.id, parent)?;
            repo::set_depths(tx, &depths).await?;
            depth = tree.place(parent)?;
        }
        repo::update_site(tx, &site_of(new, is.id, parent, depth)).await?;
        tx.announce();
        Ok(Saved::Changed(is.id, fields))
    }

    /// Makes the host lead to the site; answers the site. A host of another tenant is refused without a word
    /// about whose it is.
    pub async fn save_host_in(
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
            None => Err(TenancyError::HostTaken { host: host.clone() }),
            Some(is) if is == site => Ok(Saved::Same(site)),
            Some(_) => {
                repo::move_host(tx, host, site).await?;
                Ok(Saved::Changed(site, vec!["site"]))
            }
        }
    }

    /// Gives the site this home page and these colours; refused if they cannot be read in its theme.
    pub async fn save_front_in(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        (sections, tokens): (Vec<Section>, Tokens),
    ) -> Result<Saved<SiteId>, TenancyError> {
        let is = repo::site(tx, site).await?.ok_or(TenancyError::NoSite { site })?;
        let front = Front::try_new(sections, tokens, is.theme)?;
        let fields = rules::change_front(&is.front, &front);
        if !fields.is_empty() {
            repo::set_front(tx, site, &front).await?;
        }
        Ok(Saved::of_fields(site, fields))
    }

    /// Makes this the host that the site's pages name as theirs; it leads to the site.
    pub async fn save_home_in(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        host: &Host,
    ) -> Result<Saved<SiteId>, TenancyError> {
        let is = repo::site(tx, site).await?.ok_or(TenancyError::NoSite { site })?;
        if repo::site_of_host(tx, host).await? != Some(site) {
            return Err(TenancyError::HostTaken { host: host.clone() });
        }
        if is.home.as_ref() == Some(host) {
            return Ok(Saved::Same(site));
        }
        repo::set_home(tx, site, host).await?;
        Ok(Saved::Changed(site, vec!["home"]))
    }

    /// Opens, suspends or closes the scope's tenant.
    pub async fn set_tenant_state_in(&self, tx: &WriteTx<TenantScope>, state: TenantState) -> Result<(), TenancyError> {
        if repo::set_tenant_state(tx, state).await? { Ok(()) } else { Err(TenancyError::NoTenant) }
    }

    /// Opens, suspends or closes a site.
    pub async fn set_site_state_in(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        state: SiteState,
    ) -> Result<(), TenancyError> {
        if repo::set_site_state(tx, site, state).await? { Ok(()) } else { Err(TenancyError::NoSite { site }) }
    }
}

fn site_of(new: &NewSite, id: SiteId, parent: Option<SiteId>, depth: u8) -> Site {
    Site {
        id,
        parent,
        depth,
        slug: new.slug.clone(),
        state: SiteState::Active,
        name: new.name.clone(),
        tagline: new.tagline.clone(),
        notice: new.notice.clone(),
        theme: new.theme,
        mode: new.mode,
        level: new.level.clone(),
        support: new.support.clone(),
        limits: new.limits.clone(),
        front: Front::default(),
        home: None,
    }
}
