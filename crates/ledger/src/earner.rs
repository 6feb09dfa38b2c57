//! Who earns from sales, and the accounts that his earnings go through.

use kernel::{Currency, Day, Money};
use uuid::Uuid;

use crate::account::{Account, AccountKind};

/// Whether a site or an agent earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// A site below the main one.
    Site,
    /// An agent.
    Agent,
}

/// A site or an agent with what it earns in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Earner {
    /// What it is.
    pub side: Side,
    /// Its id.
    pub owner: Uuid,
    /// The currency.
    pub currency: Currency,
}

/// What an earner has, as a batch knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purse {
    /// The accounts of what is pending and how much is on each, by the day on which it falls due; none of them is empty.
    pub pending: Vec<(Account, i64)>,
    /// What is settled.
    pub available: i64,
    /// What is owed, as a number above zero.
    pub debt: i64,
}

impl Earner {
    /// Whose account this is; none if it is no earner's.
    pub fn of(account: &Account) -> Option<Self> {
        let side = match account.kind {
            AccountKind::SitePending | AccountKind::SiteAvailable | AccountKind::SiteDebt => Side::Site,
            AccountKind::AgentPending | AccountKind::AgentAvailable | AccountKind::AgentDebt => Side::Agent,
            _ => return None,
        };
        Some(Self { side, owner: account.owner?, currency: account.currency })
    }

    /// The kinds of the accounts of a site or an agent: what is pending, what is settled, what is owed.
    const fn kinds(side: Side) -> [AccountKind; 3] {
        match side {
            Side::Site => [AccountKind::SitePending, AccountKind::SiteAvailable, AccountKind::SiteDebt],
            Side::Agent => [AccountKind::AgentPending, AccountKind::AgentAvailable, AccountKind::AgentDebt],
        }
    }

    /// What falls due on `day`.
    pub const fn pending(&self, day: Day) -> Account {
        Account { due: Some(day), ..self.account(0) }
    }

    /// What is settled.
    pub const fn available(&self) -> Account {
        self.account(1)
    }

    /// What is owed.
    pub const fn debt(&self) -> Account {
        self.account(2)
    }

    const fn account(&self, place: usize) -> Account {
        Account::of(Self::kinds(self.side)[place], self.owner, self.currency)
    }

    /// An amount of this many minor units.
    pub const fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}
