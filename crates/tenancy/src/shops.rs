//! The host table: what every request asks first, held in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Platform, SiteId, SiteScope, TenantId, Wording};
use tokio::task::JoinHandle;

use crate::error::TenancyError;
use crate::model::{Host, Site, SiteState, Tenant};
use crate::repo::Directory;
use crate::rules::{SiteTree, state_of};

/// What a host leads to. Made by the host table only, because its scope opens the site's rows.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The tenant.
    pub tenant: Tenant,
    /// The site.
    pub site: Site,
    /// The sites from the main site down to this one, which is the last.
    pub chain: Vec<SiteId>,
    /// The level of each of them as seen from the one above it; the main site has none.
    pub levels: Vec<Option<String>>,
    /// Another number, in this process, whenever anything else here is another: what was made of a shop is good for as
    /// long as its edition is the same.
    pub edition: u64,
    /// The host that its pages name as theirs and lead to, whichever they are asked at: the chosen one, else the one
    /// that it had first.
    pub home: Host,
    /// Whether it sells: no more than every site above it does.
    pub state: SiteState,
    /// The main site's name: who the seller's customers are customers of.
    pub main_name: Wording,
    scope: SiteScope,
}

impl Shop {
    /// The scope that a visitor of this shop acts in.
    pub const fn scope(&self) -> SiteScope {
        self.scope
    }

    /// Whether all but the edition is the same.
    fn says_the_same(&self, other: &Self) -> bool {
        let Self { tenant, site, chain, levels, edition: _, home, state, main_name, scope } = self;
        (tenant, site, chain, levels) == (&other.tenant, &other.site, &other.chain, &other.levels)
            && (home, state, main_name, scope) == (&other.home, &other.state, &other.main_name, &other.scope)
    }
}

/// The last edition that was given out.
static EDITIONS: AtomicU64 = AtomicU64::new(0);

/// Host to shop.
pub(crate) type HostTable = HashMap<Host, Arc<Shop>>;

/// Builds the table after the `last` one, whose shops stay where nothing about them is new. A tenant whose rows are
/// unreadable is left out and told of: the other shops stay open.
pub(crate) fn host_table(directory: Directory, last: &HostTable) -> HostTable {
    let before: HashMap<SiteId, &Arc<Shop>> = last.values().map(|shop| (shop.site.id, shop)).collect();
    let kept = |shop: Shop| match before.get(&shop.site.id) {
        Some(before) if before.says_the_same(&shop) => Arc::clone(before),
        _ => Arc::new(shop),
    };
    let tenants: HashMap<TenantId, Tenant> =
        directory.tenants.into_iter().filter_map(|(id, tenant)| Some((id, readable(id, tenant)?))).collect();
    let mut sites: HashMap<TenantId, Result<Vec<Site>, TenancyError>> = HashMap::new();
    for (id, site) in directory.sites {
        let of_tenant = sites.entry(id).or_insert_with(|| Ok(Vec::new()));
        match (of_tenant.as_mut(), site) {
            (Ok(of_tenant), Ok(site)) => of_tenant.push(site),
            (Ok(_), Err(error)) => *of_tenant = Err(error),
            (Err(_), _) => {}
        }
    }
    let trees: HashMap<TenantId, SiteTree> = sites
        .into_iter()
        .filter_map(|(id, sites)| Some((id, readable(id, sites.and_then(SiteTree::try_new))?)))
        .collect();
    let leading: HashMap<Host, SiteId> =
        directory.hosts.iter().filter_map(|(_, site, host)| Some((host.as_ref().ok()?.clone(), *site))).collect();
    let home = |site: &Site, first: &Host| {
        let chosen = site.home.as_ref().filter(|host| leading.get(*host) == Some(&site.id));
        chosen.unwrap_or(first).clone()
    };
    let mut shops: HashMap<SiteId, Arc<Shop>> = HashMap::new();
    let mut table = HostTable::with_capacity(directory.hosts.len());
    for (id, site, host) in directory.hosts {
        let (Some(tenant), Some(tree), Some(host)) = (tenants.get(&id), trees.get(&id), readable(id, host)) else {
            continue;
        };
        let known = shops.get(&site).cloned().or_else(|| shop(tenant, tree, site, |site| home(site, &host)).map(kept));
        if let Some(shop) = known {
            shops.insert(site, Arc::clone(&shop));
            table.insert(host, shop);
        }
    }
    table
}

fn shop(tenant: &Tenant, tree: &SiteTree, site: SiteId, home: impl Fn(&Site) -> Host) -> Option<Shop> {
    let chain = tree.chain(site);
    let (main, site) = (chain.first()?, chain.last()?);
    Some(Shop {
        tenant: tenant.clone(),
        site: (*site).clone(),
        chain: chain.iter().map(|site| site.id).collect(),
        levels: chain.iter().map(|site| site.level.clone()).collect(),
        edition: EDITIONS.fetch_add(1, Ordering::Relaxed) + 1,
        home: home(site),
        state: state_of(&chain),
        main_name: main.name.clone(),
        // The one place where a stranger's request gets a scope: the host it came to says which.
        scope: Platform::assume().tenant(tenant.id).site(site.id),
    })
}

fn readable<T>(tenant: TenantId, value: Result<T, TenancyError>) -> Option<T> {
    value.map_err(|error| tracing::error!(tenant.id = %tenant, %error, "tenant {tenant} is not served")).ok()
}

/// Keeps the host table fresh until it is dropped.
#[must_use = "the host table is reloaded only while the watch is held"]
pub struct Watch(pub(crate) JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
