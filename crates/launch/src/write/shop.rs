//! The tenant, its sites, their hosts and customers.

use std::collections::HashMap;

use catalog::FieldChange;
use kernel::SiteId;
use ledger::AccountKind;
use payment::{Channel, NewChannel};
use tenancy::{Host, Saved, Site, Slug};

use super::{Opening, Writer};
use crate::difference;
use crate::error::{At, LaunchError};
use crate::model::Thing;
use crate::pack::{PackCustomer, PackSite};

impl Writer<'_> {
    pub(super) async fn tenant_and_sites(&mut self) -> Result<(), LaunchError> {
        let (tenancy, new) = (&self.launch.tenancy, &self.pack.tenant);
        let old = tenancy.tenant_in(self.tx).await?;
        let saved = tenancy.save_tenant_in(self.tx, new).await.at(|| format!("tenant {}", new.slug))?;
        match (saved, old) {
            (Saved::Changed(_, fields), Some(old)) => {
                let fields = difference::of_tenant(&old, new, &fields);
                self.plan.changed(Thing::Tenant, new.slug.as_str(), fields);
            }
            (Saved::Created(_), _) => self.plan.created(Thing::Tenant, new.slug.as_str()),
            _ => self.plan.unchanged += 1,
        }
        let old: HashMap<SiteId, Site> =
            tenancy.sites_in(self.tx).await?.into_iter().map(|site| (site.id, site)).collect();
        let slugs: HashMap<SiteId, Slug> = old.values().map(|site| (site.id, site.slug.clone())).collect();
        for site in &self.pack.sites {
            self.site(site, &old, &slugs).await?;
        }
        Ok(())
    }

    async fn site(
        &mut self,
        site: &PackSite,
        old: &HashMap<SiteId, Site>,
        slugs: &HashMap<SiteId, Slug>,
    ) -> Result<(), LaunchError> {
        let slug = &site.new.slug;
        let saved = self.launch.tenancy.save_site_in(self.tx, &site.new).await.at(|| format!("site {slug}"))?;
        let id = saved.id();
        self.sites.insert(slug.clone(), id);
        let front = (site.front.sections(), site.front.tokens.clone());
        let front = self.launch.tenancy.save_front_in(self.tx, id, front).await;
        let saved = saved.and(front.at(|| format!("front of site {slug}"))?);
        match (saved, old.get(&id)) {
            (Saved::Changed(_, fields), Some(old)) => {
                let fields = difference::of_site(old, site, &fields, slugs);
                self.plan.changed(Thing::Site, slug.as_str(), fields);
            }
            (Saved::Created(_), _) => {
                self.plan.created(Thing::Site, slug.as_str());
                let prepaid = site.prepaid.filter(|prepaid| prepaid.minor() != 0);
                let opening = |amount| Opening { kind: AccountKind::SitePrepaid, owner: id.uuid(), amount };
                self.openings.extend(prepaid.map(opening));
            }
            _ => self.plan.unchanged += 1,
        }
        Ok(())
    }

    pub(super) async fn hosts(&mut self) -> Result<(), LaunchError> {
        let tenancy = &self.launch.tenancy;
        let old: HashMap<Host, SiteId> = tenancy.hosts_in(self.tx).await?.into_iter().collect();
        let slugs: HashMap<SiteId, Slug> =
            tenancy.sites_in(self.tx).await?.into_iter().map(|site| (site.id, site.slug)).collect();
        let mut hosts: Vec<(&Host, &Slug)> = Vec::new();
        for site in &self.pack.sites {
            hosts.extend(site.hosts.iter().map(|(host, _)| (host, &site.new.slug)));
        }
        let homes: Vec<(SiteId, &Host)> = self
            .pack
            .sites
            .iter()
            .filter_map(|site| Some((self.sites[&site.new.slug], &site.hosts.first()?.0)))
            .collect();
        hosts.sort();
        for (host, slug) in hosts {
            let saved = tenancy.save_host_in(self.tx, host, self.sites[slug]).await;
            match saved.at(|| format!("host {host} of site {slug}"))? {
                Saved::Created(_) => self.plan.created(Thing::Host, host.as_str()),
                Saved::Same(_) => self.plan.unchanged += 1,
                Saved::Changed(..) => {
                    let before = old.get(host).and_then(|site| slugs.get(site));
                    let old = before.map(Slug::to_string).unwrap_or_default();
                    let field = FieldChange { field: "site", old, new: slug.to_string() };
                    self.plan.changed(Thing::Host, host.as_str(), vec![field]);
                }
            }
        }
        for (site, host) in homes {
            tenancy.save_home_in(self.tx, site, host).await.at(|| format!("host {host}"))?;
        }
        Ok(())
    }

    /// The ways to pay of all sites; a channel keeps the secret that it has.
    pub(super) async fn channels(&mut self) -> Result<(), LaunchError> {
        for site in &self.pack.sites {
            let id = self.sites[&site.new.slug];
            let old = if site.channels.is_empty() { Vec::new() } else { self.channels_of(id).await? };
            for channel in &site.channels {
                let name = format!("{} {}", channel.provider, channel.payee);
                let new = NewChannel {
                    site: id,
                    provider: channel.provider.clone(),
                    name: channel.name.clone(),
                    payee: channel.payee.clone(),
                    currency: self.pack.tenant.currency,
                    settings: serde_json::json!({}),
                    secret: None,
                    sort: channel.sort,
                };
                let saved = self.launch.payments.save_channel_in(self.tx, &new).await;
                match saved.at(|| format!("channel {name}"))? {
                    Saved::Created(_) => self.plan.created(Thing::Channel, name),
                    Saved::Same(_) => self.plan.unchanged += 1,
                    Saved::Changed(_, fields) => {
                        let known = old.iter().find(|old| (&old.provider, &old.payee) == (&new.provider, &new.payee));
                        let fields = known.map(|old| difference::of_channel(old, &new, &fields));
                        self.plan.changed(Thing::Channel, name, fields.unwrap_or_default());
                    }
                }
            }
        }
        Ok(())
    }

    async fn channels_of(&self, site: SiteId) -> Result<Vec<Channel>, LaunchError> {
        Ok(self.launch.payments.channels_of_in(self.tx, &[site]).await?)
    }

    pub(super) async fn customers(&mut self) -> Result<(), LaunchError> {
        let mut customers: Vec<(&PackCustomer, &Slug)> = Vec::new();
        for site in &self.pack.sites {
            customers.extend(site.customers.iter().map(|customer| (customer, &site.new.slug)));
        }
        customers.sort_by_key(|(customer, _)| &customer.person.login);
        for (customer, slug) in customers {
            self.customer(customer, self.sites[slug]).await.at(|| format!("customer {}", customer.person.login))?;
        }
        Ok(())
    }

    async fn customer(&mut self, customer: &PackCustomer, site: SiteId) -> Result<(), LaunchError> {
        let (customers, login) = (&self.launch.customers, &customer.person.login);
        let old = customers.find_in(self.tx, login).await?;
        let saved = customers.save_in(self.tx, &self.people.customer(site, &customer.person)).await?;
        if self.people.is_locked_out(login, &saved) {
            return Err(LaunchError::ChangedMeanwhile);
        }
        self.customers.insert(login.clone(), saved.id());
        match saved {
            Saved::Created(id) => {
                self.plan.created(Thing::Customer, login.as_str());
                self.new_customers.push(login.clone());
                let wallet = customer.wallet.filter(|wallet| wallet.minor() != 0);
                let opening = |amount| Opening { kind: AccountKind::Wallet, owner: id.uuid(), amount };
                self.openings.extend(wallet.map(opening));
            }
            Saved::Same(_) => self.plan.unchanged += 1,
            Saved::Changed(_, fields) => {
                let (old, new) = (old.map(|old| old.name).unwrap_or_default(), &customer.person.name);
                let change = |field| FieldChange { field, old: old.clone(), new: new.clone() };
                self.plan.changed(Thing::Customer, login.as_str(), fields.into_iter().map(change).collect());
            }
        }
        Ok(())
    }
}
