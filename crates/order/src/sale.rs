//! What a sale costs and earns whom: a quote and a quantity become postings. Pure.
//!
//! In central collection the main site takes the retail price. It keeps the wholesale price that it asked from the
//! first site below as its revenue; every site below earns its margin, pending until settlement. A seller that
//! sells at an allowed loss covers it from its prepaid money in the same entry.

use catalog::{Hop, Quote};
use kernel::{Money, MoneyError, SiteId};
use ledger::{Account, AccountKind, Entry, EntryKind, LedgerError, Posting};
use uuid::Uuid;

/// Sites strictly between the main site and the selling one that may earn from a sale (the cap of CN mode;
/// referral agents will count against the same cap).
pub const DEPTH_MAX: usize = 2;

/// The depth of a sale by this quote: the selling site and the main site are not counted.
pub fn depth(quote: &Quote) -> usize {
    quote.hops.len().saturating_sub(2)
}

/// The seller's prepaid account, if the quote sells at a loss that the account covers.
pub fn loss_account(quote: &Quote) -> Option<Account> {
    let loss = quote.loss?;
    let seller = quote.hops.last()?.site;
    (quote.hops.len() > 1).then(|| Account::of(AccountKind::SitePrepaid, seller.uuid(), loss.currency()))
}

/// The money of an order comes from the buyer's wallet and waits as a deposit.
pub fn paid(order: Uuid, wallet: Account, total: Money) -> Result<Entry, LedgerError> {
    let deposits = Account::own(AccountKind::OrderDeposits, total.currency());
    let less = Money::new(-total.minor(), total.currency());
    let postings = [Posting { account: wallet, amount: less }, Posting { account: deposits, amount: total }];
    Entry::try_new(EntryKind::OrderPaid, order, "paid", postings)
}

/// A line was delivered: its deposit becomes revenue and margins, and the goods leave the stock at cost.
pub fn delivered(order: Uuid, line: i32, quote: &Quote, quantity: u32) -> Result<Entry, SaleError> {
    let currency = quote.unit.currency();
    let main = quote.hops.first().ok_or(SaleError::NoChain)?;
    let retail = quote.unit.times(quantity)?;
    let cost = main.cost.times(quantity)?;
    let own = |kind| Account::own(kind, currency);
    let mut postings = vec![
        debit(own(AccountKind::OrderDeposits), retail),
        credit(own(AccountKind::Revenue), main.price.times(quantity)?),
        debit(own(AccountKind::CostOfGoods), cost),
        credit(own(AccountKind::StockAtCost), cost),
    ];
    for hop in &quote.hops[1..] {
        postings.push(margin(hop, quantity)?);
    }
    Ok(Entry::try_new(EntryKind::LineDelivered, order, &format!("delivered:{line}"), postings)?)
}

/// A site's margin: earned and pending, or, below zero, covered by its prepaid money.
fn margin(hop: &Hop, quantity: u32) -> Result<Posting, MoneyError> {
    let amount = hop.margin.times(quantity)?;
    let kind = if amount.is_negative() { AccountKind::SitePrepaid } else { AccountKind::SitePending };
    Ok(Posting { account: site_account(kind, hop.site, amount), amount })
}

fn site_account(kind: AccountKind, site: SiteId, amount: Money) -> Account {
    Account::of(kind, site.uuid(), amount.currency())
}

const fn credit(account: Account, amount: Money) -> Posting {
    Posting { account, amount }
}

fn debit(account: Account, amount: Money) -> Posting {
    Posting { account, amount: Money::new(-amount.minor(), amount.currency()) }
}

/// Why a sale cannot be posted; amounts outside of the range, or a bug.
#[derive(Debug, thiserror::Error)]
pub enum SaleError {
    #[error("a quote has at least one site")]
    NoChain,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
