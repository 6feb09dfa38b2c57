//! Closings and whose statements there are.

use chrono::{DateTime, Utc};
use commission::AgentId;
use identity::CustomerId;
use kernel::{Day, SiteId, TenantId};
use ledger::AccountKind;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::seal::PublicKey;

kernel::kinds! {
    /// A key with which a tenant's closings are signed.
    ClosingKeyId = ClosingKeyMark "clk";
}

/// What a document of this form begins with.
pub(crate) const FORM: &str = "cardgrove closing v1";

/// What is signed: a day of a tenant's books. As text it is JSON, and its very bytes are what the signature is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosingDocument {
    /// `cardgrove closing v1`.
    pub form: String,
    /// Whose books.
    pub tenant: TenantId,
    /// The day, on the clocks of the shops (UTC+8).
    pub day: Day,
    /// When it was closed.
    pub closed_at: DateTime<Utc>,
    /// The closing of the day before; none for the first one.
    pub previous: Option<Previous>,
    /// The links of the hash chain that are in it.
    pub links: Links,
    /// The trial balance: every kind of account that was ever posted to.
    pub accounts: Vec<TrialRow>,
}

/// The closing that this one stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its day.
    pub day: Day,
    /// SHA-256 of its document, in hexadecimal digits.
    pub sha256: String,
}

/// A run of links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The number of the first one; one more than `last` if there are none.
    pub first: i64,
    /// The number of the last one: where the books stood when the day ended.
    pub last: i64,
    /// The hash of that link.
    pub head: String,
}

/// One kind of account in a trial balance. Above zero is a credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRow {
    /// The kind of account, by its name in the chart.
    pub kind: String,
    /// The currency.
    pub currency: String,
    /// What was there when the day began, in minor units.
    pub opening: i128,
    /// What was taken from such accounts.
    pub debits: i128,
    /// What was put on them.
    pub credits: i128,
    /// What was there when it ended.
    pub closing: i128,
}

impl TrialRow {
    /// The kind, if this program knows it.
    pub fn account(&self) -> Option<AccountKind> {
        AccountKind::parse(&self.kind)
    }
}

/// A day that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The day.
    pub day: Day,
    /// When it was closed.
    pub closed_at: DateTime<Utc>,
    /// The number of its last link.
    pub head_seq: i64,
    /// What was signed, to the byte.
    pub text: String,
    /// Ed25519 over the bytes of the text (RFC 8032).
    pub signature: Vec<u8>,
    /// With what it was signed.
    pub key: (ClosingKeyId, PublicKey),
}

/// Whose money a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// A site below the main one.
    Site(SiteId),
    /// An agent.
    Agent(AgentId),
    /// A customer.
    Customer(CustomerId),
}

impl Party {
    /// The owner of its accounts.
    pub const fn owner(self) -> Uuid {
        match self {
            Self::Site(id) => id.uuid(),
            Self::Agent(id) => id.uuid(),
            Self::Customer(id) => id.uuid(),
        }
    }

    /// The kinds of its accounts, in the order of a statement.
    pub const fn kinds(self) -> &'static [AccountKind] {
        use AccountKind::{
            AgentAvailable, AgentDebt, AgentLocked, AgentPending, OwnTakings, PaymentSuspense, RefundsInTransit,
            SiteAvailable, SiteCredit, SiteDebt, SiteLocked, SitePending, SitePrepaid, SitePrepaidHeld, Wallet,
        };
        match self {
            Self::Site(_) => &[
                SitePending,
                SiteAvailable,
                SiteLocked,
                SiteDebt,
                SitePrepaid,
                SitePrepaidHeld,
                SiteCredit,
                OwnTakings,
                PaymentSuspense,
                RefundsInTransit,
            ],
            Self::Agent(_) => &[AgentPending, AgentAvailable, AgentLocked, AgentDebt],
            Self::Customer(_) => &[Wallet],
        }
    }
}
