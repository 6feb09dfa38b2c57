//! Who may do what: one table. Pure.

kernel::words! {
    /// What can be allowed, named `resource:action`.
    Permission {
        /// See sites, hosts and their state.
        SiteRead = "site:read",
        /// Open sites, change what they say, suspend and close them.
        SiteWrite = "site:write",
        /// See goods with their purchase prices.
        GoodsRead = "goods:read",
        /// Change goods.
        GoodsWrite = "goods:write",
        /// See price rules and what leads to a price.
        PriceRead = "price:read",
        /// Change price rules.
        PriceWrite = "price:write",
        /// See how many cards there are, never a code.
        StockRead = "stock:read",
        /// Put cards in stock and take them out.
        StockWrite = "stock:write",
        /// See by what channels money is taken, never their secrets.
        ChannelRead = "channel:read",
        /// Change channels.
        ChannelWrite = "channel:write",
        /// See orders, never a code.
        OrderRead = "order:read",
        /// Do by hand what a buyer has paid for.
        OrderFulfil = "order:fulfil",
        /// Send money back.
        OrderRefund = "order:refund",
        /// See balances and entries.
        LedgerRead = "ledger:read",
        /// See agents and their links.
        AgentRead = "agent:read",
        /// Make customers agents, and change what they are.
        AgentWrite = "agent:write",
        /// See what agents earn by which rules.
        PlanRead = "plan:read",
        /// Write what agents earn.
        PlanWrite = "plan:write",
        /// See when earnings are settled, and who is held back.
        SettlementRead = "settlement:read",
        /// Say when earnings are settled, and hold somebody back.
        SettlementWrite = "settlement:write",
        /// See who asks to be paid, and payouts, never an account's number.
        WithdrawalRead = "withdrawal:read",
        /// Approve and refuse withdrawals, and say by what rules is paid out.
        WithdrawalReview = "withdrawal:review",
        /// Send what is approved, with the accounts that it goes to, and say what the bank has answered.
        WithdrawalPay = "withdrawal:pay",
        /// Ask to be paid, and say where to.
        WithdrawalAsk = "withdrawal:ask",
        /// See recharge cards, never a code, and what is put on accounts by hand.
        FundsRead = "funds:read",
        /// Make recharge cards, carry their codes away, and make them void.
        RechargeWrite = "recharge:write",
        /// Ask for money to be put on an account, or taken off it.
        FundsAdjust = "funds:adjust",
        /// Approve and refuse that, and lend sites money to buy with.
        FundsApprove = "funds:approve",
        /// Hand prepaid money to a site right below.
        PrepaidMove = "prepaid:move",
    }
}

impl Permission {
    /// Its name in errors and documents.
    pub const fn name(self) -> &'static str {
        self.word()
    }
}

kernel::words! {
    /// What an operator is at his site.
    Role {
        /// Runs the main site, and with it the whole tenant.
        Owner = "owner",
        /// Helps the main site's buyers: sees orders and does what is done by hand.
        Clerk = "clerk",
        /// Runs one sub-site, and sees no other.
        SiteOwner = "site_owner",
    }
}

/// How far a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The tenant with all its sites, as the main site sees them.
    Tenant,
    /// One site.
    Site,
}

impl Role {
    /// How far it reaches.
    pub const fn reach(self) -> Reach {
        match self {
            Self::Owner | Self::Clerk => Reach::Tenant,
            Self::SiteOwner => Reach::Site,
        }
    }

    /// The table. A new permission is allowed to nobody until a line here says otherwise.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => matches!(
                permission,
                P::SiteRead
                    | P::SiteWrite
                    | P::GoodsRead
                    | P::GoodsWrite
                    | P::PriceRead
                    | P::PriceWrite
                    | P::StockRead
                    | P::StockWrite
                    | P::ChannelRead
                    | P::ChannelWrite
                    | P::OrderRead
                    | P::OrderFulfil
                    | P::OrderRefund
                    | P::LedgerRead
                    | P::AgentRead
                    | P::AgentWrite
                    | P::PlanRead
                    | P::PlanWrite
                    | P::SettlementRead
                    | P::SettlementWrite
                    | P::WithdrawalRead
                    | P::WithdrawalReview
                    | P::WithdrawalPay
                    | P::FundsRead
                    | P::RechargeWrite
                    | P::FundsAdjust
                    | P::FundsApprove
            ),
            Self::Clerk => matches!(
                permission,
                P::SiteRead | P::StockRead | P::OrderRead | P::OrderFulfil | P::FundsRead | P::FundsAdjust
            ),
            Self::SiteOwner => matches!(
                permission,
                P::SiteRead
                    | P::SiteWrite
                    | P::GoodsRead
                    | P::PriceRead
                    | P::PriceWrite
                    | P::StockRead
                    | P::ChannelRead
                    | P::ChannelWrite
                    | P::OrderRead
                    | P::LedgerRead
                    | P::AgentRead
                    | P::AgentWrite
                    | P::WithdrawalRead
                    | P::WithdrawalAsk
                    | P::PrepaidMove
            ),
        }
    }
}
