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

impl Side {
    /// The stable word, the same in columns and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Agent => "agent",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Site, Self::Agent].into_iter().find(|side| side.word() == word)
    }
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
    /// What of it is asked for and not on its way yet.
    pub locked: i64,
    /// What is owed, as a number above zero.
    pub debt: i64,
}

impl Earner {
    /// Whose account this is; none if it is no earner's.
    pub fn of(account: &Account) -> Option<Self> {
        use AccountKind::{
            AgentAvailable, AgentDebt, AgentLocked, AgentPending, SiteAvailable, SiteDebt, SiteLocked, SitePending,
        };
        let side = match account.kind {
            SitePending | SiteAvailable | SiteLocked | SiteDebt => Side::Site,
            AgentPending | AgentAvailable | AgentLocked | AgentDebt => Side::Agent,
            _ => return None,
        };
        Some(Self { side, owner: account.owner?, currency: account.currency })
    }

    const fn kind(&self, of_site: AccountKind, of_agent: AccountKind) -> Account {
        let kind = match self.side {
            Side::Site => of_site,
            Side::Agent => of_agent,
        };
        Account::of(kind, self.owner, self.currency)
    }

    /// What falls due on `day`.
    pub const fn pending(&self, day: Day) -> Account {
        Account { due: Some(day), ..self.kind(AccountKind::SitePending, AccountKind::AgentPending) }
    }

    /// What is settled.
    pub const fn available(&self) -> Account {
        self.kind(AccountKind::SiteAvailable, AccountKind::AgentAvailable)
    }

    /// What of it is asked for.
    pub const fn locked(&self) -> Account {
        self.kind(AccountKind::SiteLocked, AccountKind::AgentLocked)
    }

    /// What is owed.
    pub const fn debt(&self) -> Account {
        self.kind(AccountKind::SiteDebt, AccountKind::AgentDebt)
    }

    /// What has one balance, whatever the day: available, locked, owed.
    pub const fn ends(&self) -> [Account; 3] {
        [self.available(), self.locked(), self.debt()]
    }

    /// An amount of this many minor units.
    pub const fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}
