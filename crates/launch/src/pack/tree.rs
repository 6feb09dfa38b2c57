//! What no file can know alone: one tree of sites, distinct hosts and log-ins, targets and people that exist.

use std::collections::{HashMap, HashSet};

use catalog::Code;
use identity::Login;
use tenancy::{DEPTH_MAX, Slug};

use super::fault::Faults;
use super::{PackSite, PackTarget, PackWhom};

/// The codes that prices, goods and cards may name; none where the file that says so could not be read.
pub(super) struct Known<'a> {
    pub categories: Option<HashSet<&'a Code>>,
    pub goods: Option<HashSet<&'a Code>>,
    pub skus: Option<HashSet<&'a Code>>,
}

/// Puts a parent before its children, and reports what stands outside of the tree. `files` are the slugs of all files,
/// those that could not be read included.
pub(super) fn in_order(sites: Vec<PackSite>, files: &HashSet<Slug>, faults: &Faults) -> Vec<PackSite> {
    let is_whole = sites.len() == files.len();
    let mains: Vec<&PackSite> = sites.iter().filter(|site| site.new.parent.is_none()).collect();
    for second in mains.iter().skip(1) {
        faults.report(
            &second.file,
            1,
            format!("{} is a main site already; a sub-site names its parent", mains[0].new.slug),
        );
    }
    if mains.is_empty() && is_whole {
        faults.report("sites", 1, "there is no main site: one site has no parent");
    }
    for site in &sites {
        if let Some(parent) = site.new.parent.as_ref().filter(|parent| !files.contains(parent)) {
            faults.report(&site.file, site.line, format!("there is no site {parent} to stand under"));
        }
    }
    let by_slug: HashMap<&Slug, &PackSite> = sites.iter().map(|site| (&site.new.slug, site)).collect();
    let depths: HashMap<&Slug, Option<u8>> = sites.iter().map(|site| (&site.new.slug, depth(site, &by_slug))).collect();
    for site in &sites {
        match depths[&site.new.slug] {
            None if is_whole => faults.report(&site.file, site.line, "the site stands under itself"),
            Some(depth) if depth > DEPTH_MAX => {
                faults.report(&site.file, site.line, format!("a site stands at most {DEPTH_MAX} levels deep"));
            }
            _ => {}
        }
    }
    let mut places: Vec<(Option<u8>, Slug)> =
        sites.iter().map(|site| (depths[&site.new.slug], site.new.slug.clone())).collect();
    places.sort();
    let rank: HashMap<Slug, usize> = places.into_iter().enumerate().map(|(rank, (_, slug))| (slug, rank)).collect();
    let mut sites = sites;
    sites.sort_by_key(|site| rank[&site.new.slug]);
    sites
}

/// How many sites are above; none if the way up never ends. A parent that is not there ends it, and is reported elsewhere.
fn depth(site: &PackSite, by_slug: &HashMap<&Slug, &PackSite>) -> Option<u8> {
    let mut at = site;
    for depth in 0..=u8::MAX {
        match at.new.parent.as_ref().and_then(|parent| by_slug.get(parent)) {
            Some(above) => at = above,
            None => return Some(depth),
        }
    }
    None
}

/// Hosts and log-ins stand once in a pack.
pub(super) fn check_distinct(sites: &[PackSite], faults: &Faults) {
    let mut hosts = HashMap::new();
    let mut logins = HashMap::new();
    for site in sites {
        for (host, line) in &site.hosts {
            if let Some((other, before)) = hosts.insert(host, (&site.file, line)) {
                faults.report(&site.file, *line, format!("the host {host} stands in {other}, line {before} already"));
            }
        }
        for customer in &site.customers {
            let (login, line) = (&customer.person.login, customer.line);
            if let Some((other, before)) = logins.insert(login, (&site.file, line)) {
                faults.report(&site.file, line, format!("the login {login} stands in {other}, line {before} already"));
            }
        }
    }
}

/// Every price is about something that the pack has.
pub(super) fn check_targets(sites: &[PackSite], known: &Known<'_>, faults: &Faults) {
    for site in sites {
        for price in &site.prices {
            let (word, codes, code) = match &price.reach.target {
                PackTarget::Site => continue,
                PackTarget::Category(code) => ("category", &known.categories, code),
                PackTarget::Goods(code) => ("goods", &known.goods, code),
                PackTarget::Sku(code) => ("SKU", &known.skus, code),
            };
            if codes.as_ref().is_some_and(|codes| !codes.contains(code)) {
                faults.report(&site.file, price.line, format!("there is no {word} {code} in the pack"));
            }
        }
    }
}

/// A price or limit for somebody by name names a customer of the pack, or a site right below. `files` are the slugs of
/// all files, those that could not be read included.
pub(super) fn check_people(sites: &[PackSite], files: &HashSet<Slug>, faults: &Faults) {
    let is_whole = sites.len() == files.len();
    let customers = sites.iter().flat_map(|site| &site.customers);
    let logins: HashSet<&Login> = customers.map(|customer| &customer.person.login).collect();
    let parents: HashMap<&Slug, Option<&Slug>> =
        sites.iter().map(|site| (&site.new.slug, site.new.parent.as_ref())).collect();
    for site in sites {
        for price in &site.prices {
            let what = match &price.reach.whom {
                PackWhom::Customer(login) if is_whole && !logins.contains(login) => {
                    format!("there is no customer {login} in the pack")
                }
                PackWhom::Site(slug) if !files.contains(slug) => format!("there is no site {slug} in the pack"),
                PackWhom::Site(slug) if parents.get(slug).is_some_and(|above| *above != Some(&site.new.slug)) => {
                    format!("the site {slug} does not stand right below {}", site.new.slug)
                }
                _ => continue,
            };
            faults.report(&site.file, price.line, what);
        }
    }
}
