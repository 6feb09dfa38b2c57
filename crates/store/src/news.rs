//! What this process has just changed, so that it shows the change at once and does not wait until it looks again.
//!
//! Invariant: the number of a tenant rises after the commit and before whoever committed hears of it, so that what was
//! read under the new number contains the change. It also rises when nothing was committed: then somebody looks once in
//! vain. Of other processes it says nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use kernel::TenantId;

/// One number for each tenant that this process has changed anything of; as many as there are tenants, at most.
#[derive(Default)]
pub(crate) struct News(RwLock<HashMap<TenantId, u64>>);

impl News {
    pub fn of(&self, tenant: TenantId) -> u64 {
        self.0.read().expect("no holder panics").get(&tenant).copied().unwrap_or_default()
    }

    fn raise(&self, tenant: TenantId) {
        *self.0.write().expect("no holder panics").entry(tenant).or_default() += 1;
    }
}

/// What a transaction will have to tell: told when its connection is let go, however it ended.
pub(crate) struct ToTell {
    news: Arc<News>,
    tenants: Mutex<Vec<TenantId>>,
}

impl ToTell {
    pub const fn new(news: Arc<News>) -> Self {
        Self { news, tenants: Mutex::new(Vec::new()) }
    }

    pub fn add(&self, tenant: TenantId) {
        let mut tenants = self.tenants.lock().expect("no holder panics");
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
}

impl Drop for ToTell {
    fn drop(&mut self) {
        let tenants = self.tenants.get_mut().expect("no holder panics");
        tenants.drain(..).for_each(|tenant| self.news.raise(tenant));
    }
}
