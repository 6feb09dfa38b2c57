//! The operators of a pack: whoever runs the main site, and the owners of sub-sites. They are rows of the platform, so
//! they are read and written outside of the tenant's transaction.

use std::collections::HashMap;

use catalog::FieldChange;
use identity::{Membership, Role};
use kernel::{SiteId, TenantScope};
use tenancy::{Host, Saved, Slug};

use crate::error::LaunchError;
use crate::model::{Applied, Change, GeneratedLogin, Thing, What, Who};
use crate::pack::{Pack, PackPerson};
use crate::people::People;
use crate::service::Launch;

/// Somebody with a role at a site.
struct Post<'p> {
    site: &'p Slug,
    host: Option<&'p Host>,
    role: Role,
    person: &'p PackPerson,
}

/// Everybody with a role, the main site's operator first.
fn posts(pack: &Pack) -> Vec<Post<'_>> {
    let mut posts = Vec::new();
    for site in &pack.sites {
        let (slug, host) = (&site.new.slug, site.hosts.first().map(|(host, _)| host));
        if site.new.parent.is_none() {
            posts.push(Post { site: slug, host: None, role: Role::Owner, person: &pack.operator });
        }
        posts.extend(site.owner.iter().map(|person| Post { site: slug, host, role: Role::SiteOwner, person }));
    }
    posts
}

impl Launch {
    /// What is still to do for the operators; `None` for one who has his role already.
    pub(crate) async fn staff_changes(
        &self,
        scope: &TenantScope,
        pack: &Pack,
    ) -> Result<Vec<Option<Change>>, LaunchError> {
        let sites = self.sites_by_slug(scope).await?;
        let mut changes = Vec::new();
        for Post { site, role, person, .. } in posts(pack) {
            let what = match self.operators.find(&person.login).await? {
                None => What::Created,
                Some(known) => {
                    let tenant = scope.id();
                    let member = sites.get(site).map(|site| Membership { tenant, site: *site, role });
                    if member.is_some_and(|member| known.memberships().contains(&member)) {
                        changes.push(None);
                        continue;
                    }
                    let place = if role == Role::Owner { pack.slug() } else { site };
                    let new = format!("{} of {place}", role.word());
                    What::Changed(vec![FieldChange { field: "membership", old: String::new(), new }])
                }
            };
            changes.push(Some(Change { thing: Thing::Operator, name: person.login.to_string(), what }));
        }
        Ok(changes)
    }

    /// Makes the operators and their memberships. What fails is told beside the log-ins, because the shop is there.
    pub(crate) async fn save_staff(&self, scope: &TenantScope, pack: &Pack, people: &People, applied: &mut Applied) {
        let sites = match self.sites_by_slug(scope).await {
            Ok(sites) => sites,
            Err(error) => return applied.left_undone.push(error),
        };
        for Post { site, host, role, person } in posts(pack) {
            let Some(id) = sites.get(site) else { continue };
            let new = people.operator(person);
            let member = Membership { tenant: scope.id(), site: *id, role };
            match self.operators.save(&new, member).await {
                Ok(Saved::Created(_)) => {
                    let prepared = people.operators.get(&person.login);
                    applied.logins.extend(prepared.map(|prepared| GeneratedLogin {
                        who: if role == Role::Owner { Who::Operator } else { Who::SiteOwner },
                        name: new.name.clone(),
                        login: new.login.clone(),
                        password: prepared.password.clone(),
                        site: (role == Role::SiteOwner).then(|| site.clone()),
                        host: host.cloned(),
                    }));
                }
                Ok(_) => {}
                Err(error) => applied.left_undone.push(error.into()),
            }
        }
    }

    /// The log-ins of operators that are not there yet.
    pub(crate) async fn new_staff(&self, pack: &Pack) -> Result<Vec<identity::Login>, LaunchError> {
        let mut new = Vec::new();
        for post in posts(pack) {
            if self.operators.find(&post.person.login).await?.is_none() {
                new.push(post.person.login.clone());
            }
        }
        Ok(new)
    }

    async fn sites_by_slug(&self, scope: &TenantScope) -> Result<HashMap<Slug, SiteId>, LaunchError> {
        let tx = self.store.read(scope).await?;
        // A tenant that is still to be made has no sites.
        if self.tenancy.tenant_in(&tx).await?.is_none() {
            return Ok(HashMap::new());
        }
        Ok(self.tenancy.sites_in(&tx).await?.into_iter().map(|site| (site.slug, site.id)).collect())
    }
}
