//! What papers say, in both languages.

use kernel::Language;
use ledger::{AccountKind, EntryKind};

const fn of(language: Language, zh: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Chinese => zh,
        Language::English => en,
    }
}

/// Words that stand on papers themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Statement,
    TrialBalance,
    Profit,
    Aging,
    Account,
    Time,
    What,
    Reference,
    Reason,
    Debit,
    Credit,
    Balance,
    Opening,
    Closing,
    Period,
    Of,
    MadeAt,
    Sum,
    Day,
    Links,
    Head,
    Due,
    Amount,
    Owed,
    Since,
    Debtor,
    Goods,
    Site,
    Agent,
    Pieces,
    Sold,
    Margins,
    Commissions,
    Revenue,
    Cost,
    GrossProfit,
    Pending,
    Debts,
    NoDay,
    DebtDays,
}

pub(crate) const fn word(word: Word, language: Language) -> &'static str {
    let (zh, en) = match word {
        Word::Statement => ("对账单", "Statement of account"),
        Word::TrialBalance => ("日结试算平衡表", "Daily closing: trial balance"),
        Word::Profit => ("利润表", "Profit"),
        Word::Aging => ("待结算与欠款账龄", "Pending earnings and debts by age"),
        Word::Account => ("科目", "Account"),
        Word::Time => ("时间", "Time"),
        Word::What => ("事项", "What"),
        Word::Reference => ("单号", "Reference"),
        Word::Reason => ("原因", "Reason"),
        Word::Debit => ("借方（减少）", "Debit (less)"),
        Word::Credit => ("贷方（增加）", "Credit (more)"),
        Word::Balance => ("余额", "Balance"),
        Word::Opening => ("期初", "Opening"),
        Word::Closing => ("期末", "Closing"),
        Word::Period => ("期间", "Period"),
        Word::Of => ("对象", "Of"),
        Word::MadeAt => ("生成时间", "Made at"),
        Word::Sum => ("合计", "Sum"),
        Word::Day => ("日期", "Day"),
        Word::Links => ("哈希链区间", "Links of the chain"),
        Word::Head => ("链头哈希", "Hash of the last link"),
        Word::Due => ("到期日", "Due on"),
        Word::Amount => ("金额", "Amount"),
        Word::Owed => ("欠款", "Owed"),
        Word::Since => ("最早一笔欠款时间", "Oldest unpaid part since"),
        Word::Debtor => ("欠款方", "Debtor"),
        Word::Goods => ("商品", "Goods"),
        Word::Site => ("站点", "Site"),
        Word::Agent => ("代理", "Agent"),
        Word::Pieces => ("件数", "Pieces"),
        Word::Sold => ("销售额", "Sold for"),
        Word::Margins => ("分站差价", "Margins of sub-sites"),
        Word::Commissions => ("代理佣金", "Commissions"),
        Word::Revenue => ("主站收入", "Revenue"),
        Word::Cost => ("商品成本", "Cost of goods"),
        Word::GrossProfit => ("毛利", "Gross profit"),
        Word::Pending => ("待结算", "Pending"),
        Word::Debts => ("欠款", "Debts"),
        Word::NoDay => ("无到期日", "no day"),
        Word::DebtDays => ("欠款天数", "Days owed"),
    };
    of(language, zh, en)
}

/// What an account is called.
pub(crate) const fn account(kind: AccountKind, language: Language) -> &'static str {
    use AccountKind as K;
    let (zh, en) = match kind {
        K::Wallet => ("钱包余额", "Wallet"),
        K::SitePrepaid => ("分站预存款", "Prepaid money of sub-sites"),
        K::SitePrepaidHeld => ("分站预存款（占用）", "Prepaid money that orders hold"),
        K::SiteCredit => ("分站授信", "Credit lent to sub-sites"),
        K::SitePending => ("分站待结算", "Margins pending"),
        K::SiteAvailable => ("分站可提现", "Margins available"),
        K::SiteLocked => ("分站提现锁定", "Margins locked by a withdrawal"),
        K::SiteDebt => ("分站欠款", "Owed by sub-sites"),
        K::AgentPending => ("代理待结算", "Commissions pending"),
        K::AgentAvailable => ("代理可提现", "Commissions available"),
        K::AgentLocked => ("代理提现锁定", "Commissions locked by a withdrawal"),
        K::AgentDebt => ("代理欠款", "Owed by agents"),
        K::WithdrawalsInTransit => ("提现在途", "Withdrawals in transit"),
        K::PayoutClearing => ("已付提现", "Paid out"),
        K::WithdrawalFees => ("提现手续费收入", "Fees for paying out"),
        K::TaxWithheld => ("代扣税款", "Tax withheld"),
        K::OrderDeposits => ("订单预收款", "Order deposits"),
        K::Revenue => ("主站收入", "Revenue"),
        K::CostOfGoods => ("商品成本", "Cost of goods"),
        K::StockAtCost => ("库存（成本）", "Stock at cost"),
        K::Opening => ("期初与导入", "Opening balances"),
        K::RechargeClearing => ("充值卡兑付", "Recharge cards redeemed"),
        K::OutsideClearing => ("渠道外收付", "Money outside of channels"),
        K::PromotionCost => ("赠送成本", "Given away"),
        K::Corrections => ("人工更正", "Corrections"),
        K::ChannelClearing => ("渠道资金", "Money at channels"),
        K::OwnClearing => ("分站自有渠道资金", "Money at channels of sub-sites"),
        K::OwnTakings => ("分站自收货款", "Takings of sub-sites"),
        K::PaymentSuspense => ("待处理款项", "Money that waits"),
        K::RefundsInTransit => ("退款在途", "Refunds in transit"),
    };
    of(language, zh, en)
}

/// What an entry is called.
pub(crate) const fn entry(kind: EntryKind, language: Language) -> &'static str {
    use EntryKind as K;
    let (zh, en) = match kind {
        K::OrderHeld => ("下单占用", "Held for an order"),
        K::OrderReleased => ("订单释放", "Order released"),
        K::OrderPaid => ("订单付款", "Order paid"),
        K::OwnTakings => ("自有渠道收款", "Taken by the own channel"),
        K::LineDelivered => ("交付", "Delivered"),
        K::LineReturned => ("退货扣回", "Clawed back"),
        K::CodeReplaced => ("换码", "Code replaced"),
        K::OrderRefunded => ("订单退款", "Order refunded"),
        K::EarningReleased => ("收益结算", "Earnings settled"),
        K::WithdrawalAsked => ("申请提现", "Withdrawal asked for"),
        K::WithdrawalFreed => ("提现取消", "Withdrawal called off"),
        K::WithdrawalSent => ("提现打款", "Withdrawal sent"),
        K::WithdrawalPaid => ("提现到账", "Withdrawal arrived"),
        K::WithdrawalReturned => ("提现退回", "Withdrawal came back"),
        K::EarningConverted => ("收益转余额", "Earnings converted"),
        K::TopUpPaid => ("充值", "Top-up"),
        K::TopUpBonus => ("充值赠送", "Top-up bonus"),
        K::RechargeRedeemed => ("充值卡兑换", "Recharge card redeemed"),
        K::BalanceAdjusted => ("人工调整", "Adjusted by hand"),
        K::PrepaidMoved => ("预存款划转", "Prepaid money moved"),
        K::CreditChanged => ("授信变更", "Credit changed"),
        K::MoneySuspended => ("款项待处理", "Money set aside"),
        K::RefundSubmitted => ("退款提交", "Refund sent"),
        K::RefundDone => ("退款完成", "Refund done"),
        K::RefundFailed => ("退款失败", "Refund failed"),
        K::Adjustment => ("期初或导入", "Opening or import"),
    };
    of(language, zh, en)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_accounts_or_entries_are_called_the_same() {
        for language in Language::ALL {
            let accounts: BTreeSet<&str> = AccountKind::ALL.map(|kind| account(kind, language)).into();
            let entries: BTreeSet<&str> = EntryKind::ALL.map(|kind| entry(kind, language)).into();
            assert_eq!((accounts.len(), entries.len()), (AccountKind::ALL.len(), EntryKind::ALL.len()));
        }
    }
}
