//! The chart of accounts.

use kernel::{Currency, Day, TenantId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

kernel::kinds! {
    /// An account of a tenant. It follows from what the account is, so nobody has to look it up.
    AccountId = AccountMark "acc";
}

/// What an account holds. The owner is named in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// A buyer's spendable money inside one main site (customer).
    Wallet,
    /// A site's prepaid money at the main site (site).
    SitePrepaid,
    /// The part of it that placed orders hold (site).
    SitePrepaidHeld,
    /// What of its prepaid money a site was lent; never above zero (site).
    SiteCredit,
    /// A site's margins that are earned and fall due on the account's day (site).
    SitePending,
    /// A site's margins that are settled: it may ask to be paid (site).
    SiteAvailable,
    /// What of it the site has asked to be paid and may still get back (site).
    SiteLocked,
    /// What a site owes because it was paid for what went back; never above zero (site).
    SiteDebt,
    /// An agent's commissions that are earned and fall due on the account's day (agent).
    AgentPending,
    /// An agent's commissions that are settled: he may ask to be paid (agent).
    AgentAvailable,
    /// What of it the agent has asked to be paid and may still get back (agent).
    AgentLocked,
    /// What an agent owes because he was paid for what went back; never above zero (agent).
    AgentDebt,
    /// What is on its way out to sites and agents.
    WithdrawalsInTransit,
    /// What left a bank account or a wallet of the main site's for its sites and agents.
    PayoutClearing,
    /// What the main site keeps for paying out.
    WithdrawalFees,
    /// Tax kept back from what was paid out: the main site owes it to the tax office.
    TaxWithheld,
    /// Money of paid orders that are not delivered yet.
    OrderDeposits,
    /// What the main site sold for, less the margins of its sites.
    Revenue,
    /// What the sold goods had cost.
    CostOfGoods,
    /// Goods in stock at what they cost.
    StockAtCost,
    /// Opening balances and adjustments; every entry here has a reason.
    Opening,
    /// What the recharge cards of a batch were worth that came back: their price was taken where they were sold (batch).
    RechargeClearing,
    /// Money that came or went outside of all channels, such as by a bank transfer.
    OutsideClearing,
    /// What the main site has given away: goodwill, and recharge cards that were not sold.
    PromotionCost,
    /// What was put right by hand.
    Corrections,
    /// Money at a channel of the main site (channel).
    ChannelClearing,
    /// Money at a channel of a site that collects for itself (channel).
    OwnClearing,
    /// What such a site has taken; recorded, never payable by the main site (site).
    OwnTakings,
    /// Money that came and belongs to no order; of an own channel (site).
    PaymentSuspense,
    /// Refunds that a channel was asked for and has not answered; of an own channel (site).
    RefundsInTransit,
}

impl AccountKind {
    /// All kinds, in the order of the chart.
    pub const ALL: [Self; 30] = [
        Self::Wallet,
        Self::SitePrepaid,
        Self::SitePrepaidHeld,
        Self::SiteCredit,
        Self::SitePending,
        Self::SiteAvailable,
        Self::SiteLocked,
        Self::SiteDebt,
        Self::AgentPending,
        Self::AgentAvailable,
        Self::AgentLocked,
        Self::AgentDebt,
        Self::WithdrawalsInTransit,
        Self::PayoutClearing,
        Self::WithdrawalFees,
        Self::TaxWithheld,
        Self::OrderDeposits,
        Self::Revenue,
        Self::CostOfGoods,
        Self::StockAtCost,
        Self::Opening,
        Self::RechargeClearing,
        Self::OutsideClearing,
        Self::PromotionCost,
        Self::Corrections,
        Self::ChannelClearing,
        Self::OwnClearing,
        Self::OwnTakings,
        Self::PaymentSuspense,
        Self::RefundsInTransit,
    ];

    /// The name in the database and in statements.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::SitePrepaid => "site_prepaid",
            Self::SitePrepaidHeld => "site_prepaid_held",
            Self::SiteCredit => "site_credit",
            Self::SitePending => "site_pending",
            Self::SiteAvailable => "site_available",
            Self::SiteLocked => "site_locked",
            Self::SiteDebt => "site_debt",
            Self::AgentPending => "agent_pending",
            Self::AgentAvailable => "agent_available",
            Self::AgentLocked => "agent_locked",
            Self::AgentDebt => "agent_debt",
            Self::WithdrawalsInTransit => "withdrawals_in_transit",
            Self::PayoutClearing => "payout_clearing",
            Self::WithdrawalFees => "withdrawal_fees",
            Self::TaxWithheld => "tax_withheld",
            Self::OrderDeposits => "order_deposits",
            Self::Revenue => "revenue",
            Self::CostOfGoods => "cost_of_goods",
            Self::StockAtCost => "stock_at_cost",
            Self::Opening => "opening",
            Self::RechargeClearing => "recharge_clearing",
            Self::OutsideClearing => "outside_clearing",
            Self::PromotionCost => "promotion_cost",
            Self::Corrections => "corrections",
            Self::ChannelClearing => "channel_clearing",
            Self::OwnClearing => "own_clearing",
            Self::OwnTakings => "own_takings",
            Self::PaymentSuspense => "payment_suspense",
            Self::RefundsInTransit => "refunds_in_transit",
        }
    }

    /// Reads the name back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether somebody spends from it, so that it may never go below zero. The others only gather.
    pub const fn is_spendable(self) -> bool {
        matches!(
            self,
            Self::Wallet
                | Self::SitePrepaid
                | Self::SitePrepaidHeld
                | Self::SitePending
                | Self::SiteAvailable
                | Self::SiteLocked
                | Self::AgentPending
                | Self::AgentAvailable
                | Self::AgentLocked
                | Self::WithdrawalsInTransit
        )
    }

    /// Whether it says what somebody owes us, so that it may never go above zero.
    pub const fn is_debt(self) -> bool {
        matches!(self, Self::SiteDebt | Self::AgentDebt | Self::SiteCredit)
    }
}

/// One account: what it holds, whose it is, in which currency, and for what is pending, when it falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Account {
    /// What it holds.
    pub kind: AccountKind,
    /// Whose it is; none for the tenant's own accounts.
    pub owner: Option<Uuid>,
    /// In which currency.
    pub currency: Currency,
    /// The day on which what is pending here is settled: each day is an account of its own. None for all other kinds, and
    /// for what was earned before there were such days.
    pub due: Option<Day>,
}

impl Account {
    /// The tenant's own account.
    pub const fn own(kind: AccountKind, currency: Currency) -> Self {
        Self { kind, owner: None, currency, due: None }
    }

    /// The account of a customer, a site or an agent.
    pub const fn of(kind: AccountKind, owner: Uuid, currency: Currency) -> Self {
        Self { kind, owner: Some(owner), currency, due: None }
    }

    /// The id: a hash of tenant, kind, owner, currency and day in the form of a UUID of version 8 (RFC 9562, 5.8).
    pub fn id(&self, tenant: TenantId) -> AccountId {
        let mut hash = Sha256::new();
        hash.update(b"cardgrove account\0");
        hash.update(tenant.uuid().as_bytes());
        hash.update(self.kind.name().as_bytes());
        hash.update([0]);
        hash.update(self.owner.unwrap_or_default().as_bytes());
        hash.update(self.currency.code().as_bytes());
        if let Some(day) = self.due {
            hash.update(day.number().to_be_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        AccountId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}
