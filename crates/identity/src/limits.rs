//! How often somebody may fail: per login and per address, in this process's memory.
//!
//! A try counts from its beginning, so that many at once are no way around the limit; it is taken back when it was
//! right or when we could not tell. Several nodes count each for itself, which multiplies the limit by the nodes.
//! Invariant: no more than `KEYS_MAX` keys are remembered, the one tried longest ago goes first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Allowance, Clock, TenantId, network};
use sha2::{Digest, Sha256};

use crate::error::IdentityError;
use crate::model::Login;

const WINDOW: TimeDelta = TimeDelta::minutes(15);
const FAILURES_PER_ACCOUNT_MAX: usize = 5;
const FAILURES_PER_ADDRESS_MAX: usize = 20;
const KEYS_MAX: usize = 50_000;

/// Counts failed log-ins. Clones share the counts; customers and operators should, too.
#[derive(Clone)]
pub struct LoginLimits {
    clock: Arc<dyn Clock>,
    tries: Arc<Mutex<Tries>>,
}

/// Whose log-in is tried: a tenant's customer, or an operator (no tenant).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub tenant: Option<TenantId>,
    pub login: Login,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(Account),
    /// What a guess is about, as a hash: a long text takes no more room than a short one.
    About(TenantId, [u8; 32]),
    Address(IpAddr),
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    /// Nobody can tell: it does not count.
    Unknown,
}

impl Key {
    fn about(tenant: TenantId, about: &str) -> Self {
        let about: String =
            about.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect();
        Self::About(tenant, Sha256::digest(about.as_bytes()).into())
    }

    /// What the limit is called outside.
    const fn name(&self) -> &'static str {
        match self {
            Self::Account(_) => "login",
            Self::About(..) => "lookup",
            Self::Address(_) => "address",
        }
    }

    const fn failures_max(&self) -> usize {
        match self {
            Self::Account(_) | Self::About(..) => FAILURES_PER_ACCOUNT_MAX,
            Self::Address(_) => FAILURES_PER_ADDRESS_MAX,
        }
    }
}

struct Tries {
    keys_max: usize,
    by_key: HashMap<Key, Recent>,
    /// The keys by the turn of their last try, the oldest first.
    by_turn: BTreeMap<u64, Key>,
    turn: u64,
}

#[derive(Default)]
struct Recent {
    at: VecDeque<DateTime<Utc>>,
    turn: u64,
}

impl LoginLimits {
    /// Nobody has failed yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_keys_max(clock, KEYS_MAX)
    }

    pub(crate) fn with_keys_max(clock: Arc<dyn Clock>, keys_max: usize) -> Self {
        let tries = Tries { keys_max, by_key: HashMap::new(), by_turn: BTreeMap::new(), turn: 0 };
        Self { clock, tries: Arc::new(Mutex::new(tries)) }
    }

    /// Runs a log-in if login and address have tries left. A right one clears the login's count; a caller that
    /// goes away before the answer has failed.
    pub(crate) async fn guard<T>(
        &self,
        account: Account,
        from: IpAddr,
        log_in: impl Future<Output = Result<T, IdentityError>>,
    ) -> Result<T, IdentityError> {
        let keys = (Key::Account(account), Key::Address(network(from)));
        let at = self.begin(&[&keys.0, &keys.1])?;
        let outcome = log_in.await;
        let was = match &outcome {
            Ok(_) => Outcome::Right,
            Err(IdentityError::BadLogin) => Outcome::Wrong,
            Err(_) => Outcome::Unknown,
        };
        self.settle(&keys, at, was);
        outcome
    }

    /// Makes somebody new if his address has tries left. What was made counts like what was refused: an address makes
    /// no crowd, and asks for no long list of logins whether they are taken. What nobody can tell does not count.
    pub(crate) async fn guard_new<T>(
        &self,
        from: IpAddr,
        make: impl Future<Output = Result<T, IdentityError>>,
    ) -> Result<T, IdentityError> {
        let address = Key::Address(network(from));
        let at = self.begin(&[&address])?;
        let outcome = make.await;
        if !matches!(outcome, Ok(_) | Err(IdentityError::LoginTaken)) {
            self.lock().take_back(&address, at);
        }
        outcome
    }

    /// Runs a guess at something that is no log-in, such as a guest's look-up, under the same bounds: `about` names
    /// what is asked for in `tenant`, spaces and letter case aside. A guess that finds nothing was wrong.
    pub async fn guard_guess<T, E: From<IdentityError>>(
        &self,
        (tenant, about): (TenantId, &str),
        from: IpAddr,
        guess: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Option<T>, E> {
        let keys = (Key::about(tenant, about), Key::Address(network(from)));
        let at = self.begin(&[&keys.0, &keys.1])?;
        let outcome = guess.await;
        let was = match &outcome {
            Ok(Some(_)) => Outcome::Right,
            Ok(None) => Outcome::Wrong,
            Err(_) => Outcome::Unknown,
        };
        self.settle(&keys, at, was);
        outcome
    }

    /// What is left to a caller at `from` for this log-in: a customer's of the tenant, or an operator's.
    pub fn left_for_login(&self, tenant: Option<TenantId>, login: &str, from: IpAddr) -> Vec<Allowance> {
        let login = Login::parse(login).ok().map(|login| Key::Account(Account { tenant, login }));
        self.left(login.into_iter().chain([Key::Address(network(from))]))
    }

    /// What is left to a caller at `from` for guesses at `about` in the tenant.
    pub fn left_for_guess(&self, (tenant, about): (TenantId, &str), from: IpAddr) -> Vec<Allowance> {
        self.left([Key::about(tenant, about), Key::Address(network(from))])
    }

    /// What is left to a caller at `from` for making somebody new.
    pub fn left_for_new(&self, from: IpAddr) -> Vec<Allowance> {
        self.left([Key::Address(network(from))])
    }

    fn left(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Allowance> {
        let now = self.clock.now();
        let mut tries = self.lock();
        keys.into_iter().map(|key| tries.left(&key, now)).collect()
    }

    fn settle(&self, (key, address): &(Key, Key), at: DateTime<Utc>, was: Outcome) {
        if was == Outcome::Wrong {
            return;
        }
        let mut tries = self.lock();
        match was {
            Outcome::Right => tries.forget(key),
            _ => tries.take_back(key, at),
        }
        tries.take_back(address, at);
    }

    fn begin(&self, keys: &[&Key]) -> Result<DateTime<Utc>, IdentityError> {
        let now = self.clock.now();
        let mut tries = self.lock();
        let free = keys.iter().filter_map(|key| tries.free_at(key, now)).max();
        if let Some(free) = free {
            return Err(IdentityError::TooManyTries { retry_after: (free - now).to_std().unwrap_or_default() });
        }
        for key in keys {
            tries.record(key, now);
        }
        Ok(now)
    }

    fn lock(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().expect("no holder panics")
    }
}

impl Tries {
    /// When the key may be tried again, if it may not now.
    fn free_at(&mut self, key: &Key, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (count, oldest) = self.counted(key, now)?;
        (count >= key.failures_max()).then_some(oldest + WINDOW)
    }

    /// How many tries count at `now`, and the oldest of them; none if none does.
    fn counted(&mut self, key: &Key, now: DateTime<Utc>) -> Option<(usize, DateTime<Utc>)> {
        let recent = self.by_key.get_mut(key)?;
        while recent.at.front().is_some_and(|at| *at + WINDOW <= now) {
            recent.at.pop_front();
        }
        Some((recent.at.len(), recent.at.front().copied()?))
    }

    fn left(&mut self, key: &Key, now: DateTime<Utc>) -> Allowance {
        let (count, oldest) = self.counted(key, now).unwrap_or((0, now - WINDOW));
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Allowance {
            name: key.name(),
            most: small(key.failures_max()),
            window: WINDOW.to_std().unwrap_or_default(),
            left: small(key.failures_max().saturating_sub(count)),
            resets_after: (oldest + WINDOW - now).to_std().unwrap_or_default(),
        }
    }

    fn record(&mut self, key: &Key, now: DateTime<Utc>) {
        self.turn += 1;
        let recent = self.by_key.entry(key.clone()).or_default();
        self.by_turn.remove(&recent.turn);
        recent.at.push_back(now);
        recent.turn = self.turn;
        self.by_turn.insert(self.turn, key.clone());
        while self.by_key.len() > self.keys_max {
            let Some((_, oldest)) = self.by_turn.pop_first() else { break };
            self.by_key.remove(&oldest);
        }
    }

    fn take_back(&mut self, key: &Key, at: DateTime<Utc>) {
        let Some(recent) = self.by_key.get_mut(key) else { return };
        if let Some(index) = recent.at.iter().rposition(|other| *other == at) {
            recent.at.remove(index);
        }
        if recent.at.is_empty() {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(recent) = self.by_key.remove(key) {
            self.by_turn.remove(&recent.turn);
        }
    }
}

#[cfg(test)]
mod tests;
