//! Orders against the ledger.

use std::collections::BTreeMap;

use kernel::Currency;
use ledger::{Account, AccountKind, Earner, Entry, EntryKind, balances_in, posted_of_in};
use store::Tx;
use uuid::Uuid;

use super::{OrderAudit, Sale, hops, of_ledger, paid, replacements, returns};
use crate::error::OrderError;
use crate::table::line;

/// What the prepaid accounts of sites have held is what their unpaid orders say.
pub(super) async fn check_held_money(
    tx: &impl Tx,
    audit: &mut OrderAudit,
    money: &BTreeMap<(Uuid, Currency), i128>,
) -> Result<(), OrderError> {
    let of = |(site, currency): &(Uuid, Currency)| Account::of(AccountKind::SitePrepaidHeld, *site, *currency);
    let accounts: Vec<Account> = money.keys().map(of).collect();
    let balances = match balances_in(tx, &accounts).await {
        Ok(balances) => balances,
        Err(ledger::LedgerError::Store(error)) => return Err(error.into()),
        Err(error) => {
            audit.report(2, error.to_string());
            return Ok(());
        }
    };
    for (((site, _), expected), balance) in money.iter().zip(balances) {
        if i128::from(balance.minor()) != *expected {
            audit.report(2, format!("site {site} has {balance} held, its orders say {expected}"));
        }
    }
    Ok(())
}

/// The sums of an order's entries.
struct Moved<'a> {
    entries: &'a [Entry],
}

impl Moved<'_> {
    /// What entries of this kind moved on accounts of that one.
    fn by(&self, entry: EntryKind, account: AccountKind) -> i128 {
        let entries = self.entries.iter().filter(|known| known.kind() == entry);
        let postings = entries.flat_map(Entry::postings).filter(|posting| posting.account.kind == account);
        postings.map(|posting| i128::from(posting.amount.minor())).sum()
    }

    /// What is left on each account. An earner's are one: what was settled meanwhile is taken back from elsewhere.
    fn left(&self) -> BTreeMap<(AccountKind, Option<Uuid>), i128> {
        let mut left: BTreeMap<_, i128> = BTreeMap::new();
        for posting in self.entries.iter().flat_map(Entry::postings) {
            let kind = Earner::of(&posting.account).map_or(posting.account.kind, |earner| earner.available().kind);
            *left.entry((kind, posting.account.owner)).or_default() += i128::from(posting.amount.minor());
        }
        left.retain(|_, sum| *sum != 0);
        left
    }
}

/// What the ledger took for an order, passed on for its delivered lines, and gave back (invariant 16); what is left to
/// everybody after a refund is in proportion to what did not go back (invariant 8).
pub(super) async fn check(tx: &impl Tx, audit: &mut OrderAudit, sale: &Sale<'_>) -> Result<(), OrderError> {
    let posted = posted_of_in(tx, sale.row.id).await;
    let Some(posted) = of_ledger(posted, audit)? else { return Ok(()) };
    hops::check_days(audit, sale, &posted);
    let entries: Vec<Entry> = posted.into_iter().map(|(_, entry)| entry).collect();
    let moved = Moved { entries: &entries };
    let (id, deposit) = (sale.row.id, sale.deposit(|_| true));
    let deposits = AccountKind::OrderDeposits;
    let delivered = sale.deposit(|line| sale.is_delivered(line));
    let taken = if sale.has_money() { deposit } else { 0 };
    if moved.by(EntryKind::OrderPaid, deposits) != taken {
        audit.report(16, format!("the ledger did not take the {taken} of order {id}"));
    }
    if moved.by(EntryKind::LineDelivered, deposits) != -delivered {
        audit.report(16, format!("the ledger did not pass on the {delivered} of order {id}"));
    }
    paid::check_entries(audit, sale, &entries);
    hops::check_entries(audit, sale, &entries);
    replacements::check_entries(audit, sale, &entries);
    check_stock(audit, sale, &moved);
    let back = |line: &line::Model| sale.back_of(sale.line_deposit(line), line);
    let returned: i128 = sale.lines.iter().filter(|line| sale.is_delivered(line)).map(back).sum();
    let refunded: i128 = sale.lines.iter().map(back).sum();
    if (moved.by(EntryKind::LineReturned, deposits), moved.by(EntryKind::OrderRefunded, deposits))
        != (returned, -refunded)
    {
        audit.report(16, format!("the ledger did not give back the {refunded} of order {id}"));
    }
    if !sale.returns.is_empty() {
        returns::check_left(audit, sale, moved.left());
    }
    Ok(())
}

/// What was delivered has left the stock for what its cards were put there for, with those that came in the place of others,
/// and nothing has come back.
fn check_stock(audit: &mut OrderAudit, sale: &Sale<'_>, moved: &Moved<'_>) {
    let lines = sale.lines.iter().filter(|line| sale.is_delivered(line));
    let cost: i128 = lines.map(|line| i128::from(line.cost_of_goods_minor)).sum();
    let cost = cost + sale.cost_of_replacements();
    let left = moved.left();
    let on = |kind| left.get(&(kind, None)).copied().unwrap_or(0);
    if (on(AccountKind::StockAtCost), on(AccountKind::CostOfGoods)) != (cost, -cost) {
        audit.report(16, format!("the ledger did not take the {cost} of order {} out of the stock", sale.row.id));
    }
}
