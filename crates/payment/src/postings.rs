//! How money at channels is posted. Pure.
//!
//! Money that went to another merchant is none of ours: its entries have no postings and leave no trace.

use identity::CustomerId;
use kernel::Money;
use ledger::{Account, AccountKind, Entry, EntryKind, LedgerError, Posting};

use crate::bonus::Bonus;
use crate::model::{Channel, Collector, Payment, Refund};

/// Where the money at a channel is kept in the books.
pub fn clearing_account(channel: &Channel) -> Account {
    let kind = match channel.collector() {
        Collector::Main => AccountKind::ChannelClearing,
        Collector::Own(_) => AccountKind::OwnClearing,
    };
    Account::of(kind, channel.id.uuid(), channel.currency)
}

/// Where money at a channel waits that is to go back.
pub fn suspense_account(channel: &Channel) -> Account {
    waiting(AccountKind::PaymentSuspense, channel, Money::zero(channel.currency))
}

/// Money came that cannot be used: it waits.
pub fn suspended(payment: &Payment, channel: &Channel) -> Result<Entry, LedgerError> {
    let amount = ours(payment, channel);
    let (from, to) = (clearing(channel, amount), waiting(AccountKind::PaymentSuspense, channel, amount));
    entry(EntryKind::MoneySuspended, payment.id.uuid(), "suspended", (from, to), amount)
}

/// Money came for a wallet.
pub fn topped_up(payment: &Payment, channel: &Channel, customer: CustomerId) -> Result<Entry, LedgerError> {
    let amount = ours(payment, channel);
    let wallet = Account::of(AccountKind::Wallet, customer.uuid(), amount.currency());
    entry(EntryKind::TopUpPaid, payment.id.uuid(), "topped_up", (clearing(channel, amount), wallet), amount)
}

/// What the top-up was promised beside it is in the wallet.
pub fn bonus_given(bonus: &Bonus) -> Result<Entry, LedgerError> {
    let wallet = Account::of(AccountKind::Wallet, bonus.customer.uuid(), bonus.amount.currency());
    let from = Account::own(AccountKind::PromotionCost, bonus.amount.currency());
    entry(EntryKind::TopUpBonus, bonus.intent.uuid(), "bonus", (from, wallet), bonus.amount)
}

/// The channel is asked to send waiting money back. A refund that failed may be asked for again, so the entry is named
/// by the try.
pub fn refund_submitted(refund: &Refund, payment: &Payment, channel: &Channel) -> Result<Entry, LedgerError> {
    let amount = to_move(refund, payment, channel);
    let from = waiting(AccountKind::PaymentSuspense, channel, amount);
    let to = waiting(AccountKind::RefundsInTransit, channel, amount);
    let act = format!("submitted:{}", refund.tries + 1);
    entry(EntryKind::RefundSubmitted, refund.id.uuid(), &act, (from, to), amount)
}

/// The channel has sent it back.
pub fn refund_done(refund: &Refund, payment: &Payment, channel: &Channel) -> Result<Entry, LedgerError> {
    let amount = to_move(refund, payment, channel);
    let from = waiting(AccountKind::RefundsInTransit, channel, amount);
    entry(EntryKind::RefundDone, refund.id.uuid(), "done", (from, clearing(channel, amount)), amount)
}

/// The channel has refused to: the money waits again.
pub fn refund_failed(refund: &Refund, payment: &Payment, channel: &Channel) -> Result<Entry, LedgerError> {
    let amount = to_move(refund, payment, channel);
    let from = waiting(AccountKind::RefundsInTransit, channel, amount);
    let to = waiting(AccountKind::PaymentSuspense, channel, amount);
    entry(EntryKind::RefundFailed, refund.id.uuid(), &format!("failed:{}", refund.tries), (from, to), amount)
}

/// What of a payment is at the channel's own merchant: all of it or nothing.
fn ours(payment: &Payment, channel: &Channel) -> Money {
    if payment.payee == channel.payee { payment.amount } else { Money::zero(payment.amount.currency()) }
}

fn to_move(refund: &Refund, payment: &Payment, channel: &Channel) -> Money {
    if payment.payee == channel.payee { refund.amount } else { Money::zero(refund.amount.currency()) }
}

/// The clearing account in the currency of the money, which a gateway may have chosen wrongly.
fn clearing(channel: &Channel, amount: Money) -> Account {
    Account { currency: amount.currency(), ..clearing_account(channel) }
}

fn waiting(kind: AccountKind, channel: &Channel, amount: Money) -> Account {
    match channel.collector() {
        Collector::Main => Account::own(kind, amount.currency()),
        Collector::Own(site) => Account::of(kind, site.uuid(), amount.currency()),
    }
}

fn entry(
    kind: EntryKind,
    subject: uuid::Uuid,
    act: &str,
    (from, to): (Account, Account),
    amount: Money,
) -> Result<Entry, LedgerError> {
    let less = Money::new(-amount.minor(), amount.currency());
    Entry::try_new(kind, subject, act, [Posting { account: from, amount: less }, Posting { account: to, amount }])
}
