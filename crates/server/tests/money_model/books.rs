//! Accounts as the model keeps them: a name, an owner, a day, and a sum.

use std::collections::BTreeMap;

use chrono::NaiveDate;

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Main,
    Site(usize),
    Agent(usize),
    Customer(usize),
    /// The channel of this site.
    Channel(usize),
}

/// An account: its name in docs/guides/ledger.md, its owner, and the day on which it falls due.
pub type Name = (&'static str, Owner, Option<NaiveDate>);

/// Who earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Earner {
    Site(usize),
    Agent(usize),
}

impl Earner {
    pub fn owner(self) -> Owner {
        match self {
            Self::Site(site) => Owner::Site(site),
            Self::Agent(agent) => Owner::Agent(agent),
        }
    }

    fn account(self, of_site: &'static str, of_agent: &'static str) -> Name {
        match self {
            Self::Site(_) => (of_site, self.owner(), None),
            Self::Agent(_) => (of_agent, self.owner(), None),
        }
    }

    pub fn pending(self, day: NaiveDate) -> Name {
        let (name, owner, _) = self.account("site_pending", "agent_pending");
        (name, owner, Some(day))
    }

    pub fn available(self) -> Name {
        self.account("site_available", "agent_available")
    }

    pub fn locked(self) -> Name {
        self.account("site_locked", "agent_locked")
    }

    pub fn debt(self) -> Name {
        self.account("site_debt", "agent_debt")
    }
}

/// All balances that are not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books(BTreeMap<Name, i64>);

impl Books {
    pub fn of(&self, name: Name) -> i64 {
        self.0.get(&name).copied().unwrap_or(0)
    }

    /// Posts amounts that sum to zero.
    pub fn post(&mut self, postings: &[(Name, i64)]) {
        let sum: i64 = postings.iter().map(|(_, amount)| amount).sum();
        assert_eq!(sum, 0, "{postings:?}");
        for (name, amount) in postings {
            *self.0.entry(*name).or_default() += amount;
        }
        self.0.retain(|_, amount| *amount != 0);
    }

    /// From one account to another.
    pub fn carry(&mut self, amount: i64, from: Name, to: Name) {
        self.post(&[(from, -amount), (to, amount)]);
    }

    /// What the earner has pending, the first day first.
    pub fn pending(&self, earner: Earner) -> Vec<(NaiveDate, i64)> {
        let mine = self.0.iter().filter_map(|((name, owner, day), amount)| {
            let is_pending = *owner == earner.owner() && matches!(*name, "site_pending" | "agent_pending");
            is_pending.then_some(((*day)?, *amount))
        });
        mine.collect()
    }

    pub fn put(&mut self, name: Name, amount: i64) {
        if amount != 0 {
            self.0.insert(name, amount);
        }
    }

    /// The accounts that differ from those of `other`, with both balances.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.0.keys().chain(other.0.keys().filter(|name| !self.0.contains_key(*name)));
        let differs = names.filter(|name| self.of(**name) != other.of(**name));
        differs.map(|name| format!("{name:?}: {} here, {} there", self.of(*name), other.of(*name))).collect()
    }
}
