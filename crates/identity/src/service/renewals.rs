//! Sessions that are in use and will soon be too old to be believed: those of one site are read together.
//!
//! Invariant: nobody's session waits to be renewed, and no renewal makes a session believed for longer than before, counted
//! from when its row was read.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{SiteId, SiteScope, TenantId};

use super::customers::Customers;

/// How long sessions are gathered.
const GATHERED: Duration = Duration::from_millis(200);
/// Sessions of one site that are read together; the others are asked for one by one.
const TOGETHER_MAX: usize = 1_000;

/// Hashes of tokens, by their sites.
type Due = HashMap<(TenantId, SiteId), HashSet<Vec<u8>>>;

/// The sessions that are due. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Renewals(Arc<Mutex<Due>>);

impl Renewals {
    /// Has the session renewed soon.
    pub fn note(&self, customers: &Customers, scope: &SiteScope, hash: Vec<u8>) {
        let place = (scope.tenant(), scope.site());
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(others) = due.get_mut(&place) {
            if others.len() < TOGETHER_MAX {
                others.insert(hash);
            }
            return;
        }
        due.insert(place, HashSet::from([hash]));
        drop(due);
        let (customers, scope) = (customers.clone(), *scope);
        tokio::spawn(async move {
            tokio::time::sleep(GATHERED).await;
            let due = customers.renewals().take(&scope);
            customers.renew(&scope, due).await;
        });
    }

    fn take(&self, scope: &SiteScope) -> HashSet<Vec<u8>> {
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        due.remove(&(scope.tenant(), scope.site())).unwrap_or_default()
    }
}
