//! Orders against the money that bought them.

use std::collections::{BTreeMap, HashMap};

use kernel::Money;
use ledger::{AccountKind, Entry, EntryId, EntryKind};
use payment::{Intent, IntentId, IntentState, Payment, Use};
use store::Tx;
use uuid::Uuid;

use super::{OrderAudit, PAGE, Sale, of_ledger};
use crate::error::OrderError;
use crate::model::Method;
use crate::table::order;

/// What entries about an order are of.
const OF_ORDERS: [EntryKind; 8] = [
    EntryKind::OrderHeld,
    EntryKind::OrderReleased,
    EntryKind::OrderPaid,
    EntryKind::OwnTakings,
    EntryKind::LineDelivered,
    EntryKind::LineReturned,
    EntryKind::CodeReplaced,
    EntryKind::OrderRefunded,
];

/// The money that bought these orders; what came for them and could not be used is not among it.
pub(super) async fn payments_in(
    tx: &impl Tx,
    orders: &[order::Model],
) -> Result<HashMap<Uuid, Vec<Payment>>, OrderError> {
    let intents: Vec<IntentId> = orders.iter().map(|row| IntentId::from_uuid(row.id)).collect();
    let mut payments: HashMap<Uuid, Vec<Payment>> = HashMap::new();
    for payment in payment::payments_for_in(tx, &intents).await? {
        if let (Use::Order, Some(intent)) = (payment.use_, payment.intent) {
            payments.entry(intent.uuid()).or_default().push(payment);
        }
    }
    Ok(payments)
}

/// An order by channel has one intent over its total, and once it is paid one payment of that; one by wallet has neither
/// (invariant 6).
pub(super) fn check(audit: &mut OrderAudit, sale: &Sale<'_>) {
    let row = sale.row;
    let is_by_channel = row.method == Method::Channel.word();
    let is_total =
        |amount: Money| (amount.minor(), amount.currency().code()) == (row.total_minor, row.currency.as_str());
    let is_meant = |intent: &Intent| {
        is_total(intent.amount)
            && intent.customer.map(|customer| customer.uuid()) == row.customer_id
            && (intent.state == IntentState::Paid) == sale.has_money()
    };
    let has_intent = match sale.intents {
        [] => !is_by_channel,
        [intent] => is_by_channel && is_meant(intent),
        _ => false,
    };
    if !has_intent {
        audit.report(6, format!("what order {} waits for, or waited for, is not its total", row.id));
    }
    let has_payment = match sale.payments {
        [] => !(is_by_channel && sale.has_money()),
        [payment] => {
            is_by_channel && sale.has_money() && is_total(payment.amount) && payment.site.uuid() == row.site_id
        }
        _ => false,
    };
    if !has_payment {
        let (id, state, count) = (row.id, &row.payment_state, sale.payments.len());
        audit.report(6, format!("order {id} is {state} by {}, and {count} payments bought it", row.method));
    }
    if row.collector_id.is_some_and(|collector| collector != row.site_id) {
        audit.report(13, format!("another site than the seller of order {} collects for it", row.id));
    }
}

/// The ledger took the order's money from where it came, and wrote down what the seller's own channel took.
pub(super) fn check_entries(audit: &mut OrderAudit, sale: &Sale<'_>, entries: &[Entry]) {
    let mut given: BTreeMap<(EntryKind, AccountKind, Option<Uuid>), i128> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| matches!(entry.kind(), EntryKind::OrderPaid | EntryKind::OwnTakings)) {
        for posting in entry.postings() {
            *given.entry((entry.kind(), posting.account.kind, posting.account.owner)).or_default() +=
                i128::from(posting.amount.minor());
        }
    }
    given.retain(|_, sum| *sum != 0);
    if given != taken(sale) {
        audit.report(16, format!("the ledger did not take the money of order {} from where it came", sale.row.id));
    }
}

pub(super) fn taken(sale: &Sale<'_>) -> BTreeMap<(EntryKind, AccountKind, Option<Uuid>), i128> {
    let (row, mut taken) = (sale.row, BTreeMap::new());
    if !sale.has_money() {
        return taken;
    }
    let (total, deposit) = (i128::from(row.total_minor), sale.deposit(|_| true));
    let channel = sale.payments.first().map(|payment| payment.channel.uuid());
    let (paid, own) = (EntryKind::OrderPaid, EntryKind::OwnTakings);
    taken.insert((paid, AccountKind::OrderDeposits, None), deposit);
    match row.collector_id {
        Some(site) => {
            taken.insert((paid, AccountKind::SitePrepaidHeld, Some(site)), -deposit);
            taken.insert((own, AccountKind::OwnClearing, channel), -total);
            taken.insert((own, AccountKind::OwnTakings, Some(site)), total);
        }
        None if row.method == Method::Channel.word() => {
            taken.insert((paid, AccountKind::ChannelClearing, channel), -total);
        }
        None => {
            taken.insert((paid, AccountKind::Wallet, row.customer_id), -total);
        }
    }
    taken.retain(|_, sum| *sum != 0);
    taken
}

/// What the ledger says of orders, it says of orders that are there (invariant 13).
pub(super) async fn check_subjects(tx: &impl Tx, audit: &mut OrderAudit) -> Result<(), OrderError> {
    let mut after = EntryId::from_uuid(Uuid::nil());
    loop {
        let page = ledger::subjects_in(tx, &OF_ORDERS, after, PAGE).await;
        let page = of_ledger(page, audit)?.unwrap_or_default();
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        let subjects = page.iter().map(|(_, subject)| *subject);
        let known = tx.find::<order::Entity>().among(order::Column::Id, subjects);
        let known: Vec<(Uuid,)> = known.columns([order::Column::Id]).await?;
        for (entry, subject) in page.iter().filter(|(_, subject)| !known.contains(&(*subject,))) {
            audit.report(13, format!("{entry} is about {subject}, which is no order"));
        }
    }
}
