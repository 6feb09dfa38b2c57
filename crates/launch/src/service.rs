//! Planning and applying packs.

use catalog::Catalog;
use identity::{Customers, Operators, Passwords};
use inventory::Inventory;
use kernel::{Platform, TenantId, TenantScope};
use payment::Payments;
use store::Store;
use tenancy::Tenancy;

use crate::error::LaunchError;
use crate::model::{Applied, GeneratedLogin, Mode, Plan, Progress, Who};
use crate::pack::Pack;
use crate::people::{People, Prepared};
use crate::write::{Writer, Written};

/// Launches whole shops. Clones share everything.
#[derive(Clone)]
pub struct Launch {
    pub(crate) store: Store,
    pub(crate) tenancy: Tenancy,
    pub(crate) catalog: Catalog,
    pub(crate) inventory: Inventory,
    pub(crate) customers: Customers,
    pub(crate) payments: Payments,
    pub(crate) operators: Operators,
    passwords: Passwords,
}

/// How often a transaction that another one was in the way of is run.
const ATTEMPTS_MAX: u32 = 3;

impl Launch {
    /// Launches into the rooms' own services.
    pub fn new(
        store: Store,
        tenancy: Tenancy,
        catalog: Catalog,
        inventory: Inventory,
        payments: Payments,
        (customers, operators, passwords): (Customers, Operators, Passwords),
    ) -> Self {
        Self { store, tenancy, catalog, inventory, customers, payments, operators, passwords }
    }

    /// What applying the pack would change. Changes nothing.
    pub async fn plan(&self, pack: &Pack) -> Result<Plan, LaunchError> {
        Ok(self.apply(pack, Mode::DryRun, &()).await?.plan)
    }

    /// Makes the shop what the pack says, in one transaction; an error means that nothing was written, except that
    /// a lost connection may have been lost after the commit. Passwords are in the answer and nowhere else.
    pub async fn apply(&self, pack: &Pack, mode: Mode, progress: &dyn Progress) -> Result<Applied, LaunchError> {
        let known = self.tenancy.find_tenant(pack.slug()).await?;
        let scope = Platform::assume().tenant(known.unwrap_or_else(TenantId::new));
        let people = self.prepare(&scope, pack, mode).await?;
        // Nothing may fail between the commit and the answer: it holds passwords that are kept nowhere else.
        let staff = self.staff_changes(&scope, pack).await?;
        let mut written = self.write(&scope, pack, &people, mode, progress).await?;
        for change in staff {
            match change {
                Some(change) => written.plan.changes.push(change),
                None => written.plan.unchanged += 1,
            }
        }
        let mut applied = Applied {
            cards_added: written.plan.cards_added(),
            duplicates: written.plan.duplicates(),
            plan: written.plan,
            logins: Vec::new(),
            left_undone: Vec::new(),
        };
        if mode == Mode::Apply {
            applied.logins = logins(pack, &people, &written.new_customers);
            self.finish(&scope, pack, &people, &mut applied).await;
        }
        Ok(applied)
    }

    /// Generates passwords for the people that are not there yet. A dry run needs none: nobody will have them.
    async fn prepare(&self, scope: &TenantScope, pack: &Pack, mode: Mode) -> Result<People, LaunchError> {
        let mut people = People::none(&self.passwords).await?;
        let mut new = Vec::new();
        {
            let tx = self.store.read(scope).await?;
            for customer in pack.sites.iter().flat_map(|site| &site.customers) {
                let login = &customer.person.login;
                if self.customers.find_in(&tx, login).await?.is_none() {
                    new.push(login.clone());
                }
            }
        }
        for login in new {
            let prepared = match mode {
                Mode::Apply => Prepared::new(&self.passwords).await?,
                Mode::DryRun => people.nobodys(),
            };
            people.customers.insert(login, prepared);
        }
        if mode == Mode::Apply {
            for login in self.new_staff(pack).await? {
                people.operators.insert(login, Prepared::new(&self.passwords).await?);
            }
        }
        Ok(people)
    }

    async fn write(
        &self,
        scope: &TenantScope,
        pack: &Pack,
        people: &People,
        mode: Mode,
        progress: &dyn Progress,
    ) -> Result<Written, LaunchError> {
        let mut attempt = 1;
        loop {
            match self.write_once(scope, pack, people, mode, progress).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => attempt += 1,
                written => return written,
            }
        }
    }

    async fn write_once(
        &self,
        scope: &TenantScope,
        pack: &Pack,
        people: &People,
        mode: Mode,
        progress: &dyn Progress,
    ) -> Result<Written, LaunchError> {
        let tx = self.store.write(scope).await?;
        let written = Writer::new(self, &tx, pack, people).write(progress).await?;
        match mode {
            Mode::Apply => tx.commit().await?,
            // Dropped without a commit, a transaction leaves nothing behind.
            Mode::DryRun => drop(tx),
        }
        Ok(written)
    }

    /// What comes after the commit. The shop is there by now, so a failure is told beside the log-ins, not instead.
    async fn finish(&self, scope: &TenantScope, pack: &Pack, people: &People, applied: &mut Applied) {
        self.save_staff(scope, pack, people, applied).await;
        if let Err(error) = self.tenancy.reload().await {
            applied.left_undone.push(error.into());
        }
        let (tenant, changes, cards) = (pack.slug(), applied.plan.changes.len(), applied.cards_added);
        tracing::info!(
            tenant.id = %scope.id(), pack.changes = changes, pack.cards_added = cards,
            "applied the pack {tenant}: {changes} changes, {cards} new cards"
        );
    }
}

/// The log-ins of the customers that were made.
fn logins(pack: &Pack, people: &People, new: &[identity::Login]) -> Vec<GeneratedLogin> {
    let mut logins = Vec::new();
    for site in &pack.sites {
        for customer in site.customers.iter().filter(|customer| new.contains(&customer.person.login)) {
            let Some(prepared) = people.customers.get(&customer.person.login) else { continue };
            logins.push(GeneratedLogin {
                who: Who::Customer,
                name: customer.person.name.clone(),
                login: customer.person.login.clone(),
                password: prepared.password.clone(),
                site: Some(site.new.slug.clone()),
                host: site.hosts.first().map(|(host, _)| host.clone()),
            });
        }
    }
    logins
}
