//! Who may do what: one table. Pure.

/// What can be allowed, named `resource:action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::enum_variant_names,
    reason = "the variants are named as the permissions; the first that writes ends this"
)]
pub enum Permission {
    /// See sites, hosts and their state.
    SiteRead,
    /// See goods and prices.
    GoodsRead,
    /// See how many cards there are, never a code.
    StockRead,
    /// See orders, never a code.
    OrderRead,
    /// See balances and entries.
    LedgerRead,
}

impl Permission {
    /// Every one there is.
    pub const ALL: [Self; 5] = [Self::SiteRead, Self::GoodsRead, Self::StockRead, Self::OrderRead, Self::LedgerRead];

    /// Its name in errors and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SiteRead => "site:read",
            Self::GoodsRead => "goods:read",
            Self::StockRead => "stock:read",
            Self::OrderRead => "order:read",
            Self::LedgerRead => "ledger:read",
        }
    }
}

/// What an operator is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the main site.
    Owner,
}

impl Role {
    /// Every one there is.
    pub const ALL: [Self; 1] = [Self::Owner];

    /// The word in the table.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Owner => "owner",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.text() == text)
    }

    /// The table. A new permission is allowed to nobody until a line here says otherwise.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission::{GoodsRead, LedgerRead, OrderRead, SiteRead, StockRead};
        match self {
            Self::Owner => matches!(permission, SiteRead | GoodsRead | StockRead | OrderRead | LedgerRead),
        }
    }
}
