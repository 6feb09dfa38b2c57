//! What is checked after each commit: whatever it has touched.

use std::collections::{BTreeMap, BTreeSet};

use inventory::CardState;
use kernel::{Currency, Day};
use ledger::{Earner, Entry, EntryKind, Posting};
use order::machine::{OrderState, PaymentState, States, step};
use order::{FulfilState, LineRow, StoredOrder};
use payment::{IntentState, Use};

use crate::database::{Database, Touched};

/// Why something does not hold, in words.
pub(crate) type Finding = String;

/// Checks what a commit has touched.
pub(crate) fn check(database: &Database, touched: &Touched) -> Result<(), Finding> {
    if let Some(fault) = touched.faults.first() {
        return Err(fault.clone());
    }
    for entry in &database.entries[touched.entries.clone()] {
        sums_to_zero(entry)?;
        is_not_early(entry, Day::of(touched.now))?;
    }
    for account in &touched.accounts {
        let (balance, posted) = (database.balance(account), database.posted.get(account).copied().unwrap_or(0));
        if i128::from(balance) != posted {
            return Err(format!("{account:?} has {balance}, its postings sum to {posted}"));
        }
        if account.kind.is_spendable() && balance < 0 {
            return Err(format!("{account:?} is below zero: {balance}"));
        }
        if account.kind.is_debt() && balance > 0 {
            return Err(format!("{account:?} is above zero: {balance}"));
        }
    }
    for id in &touched.orders {
        order_is_sound(database, &database.orders[id])?;
    }
    for card in &touched.cards {
        let row = database.cards[card];
        let order = row.line.and_then(|(order, _)| database.orders.get(&order::OrderId::from_uuid(order)));
        let number = row.line.map(|(_, number)| number);
        let line = order.and_then(|order| order.lines().find(|line| Some(line.number) == number));
        let had_it = |order: &StoredOrder| order.replaced().any(|(line, old, _)| (Some(line), old) == (number, *card));
        let has_it = line.is_some_and(|line| line.cards.contains(card)) || order.is_some_and(had_it);
        if has_it == (row.state == CardState::Available) {
            return Err(format!("card {card} is {}, its line says otherwise", row.state.word()));
        }
    }
    for id in &touched.intents {
        intent_is_sound(database, *id)?;
    }
    Ok(())
}

/// Whether a release takes what was due on its day, of one earner only.
fn is_not_early(entry: &Entry, day: Day) -> Result<(), Finding> {
    if entry.kind() != EntryKind::EarningReleased {
        return Ok(());
    }
    let is_due = |posting: &Posting| posting.account.due.is_none_or(|due| due <= day);
    let is_own = |posting: &Posting| Earner::of(&posting.account).is_some_and(|earner| earner.owner == entry.subject());
    match entry.postings().iter().all(|posting| is_due(posting) && is_own(posting)) {
        true => Ok(()),
        false => Err(format!("entry {} of {day} releases what is not due, or another's: {entry:?}", entry.id())),
    }
}

/// Whether the postings of an entry sum to zero in each currency.
pub(crate) fn sums_to_zero(entry: &Entry) -> Result<(), Finding> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for posting in entry.postings() {
        *sums.entry(posting.amount.currency()).or_default() += i128::from(posting.amount.minor());
    }
    match sums.values().all(|sum| *sum == 0) && !entry.postings().is_empty() {
        true => Ok(()),
        false => Err(format!("entry {} sums to {sums:?}", entry.id())),
    }
}

/// Whether an order is what its events make of it, and its cards are its own.
pub(crate) fn order_is_sound(database: &Database, order: &StoredOrder) -> Result<(), Finding> {
    let id = order.id();
    let mut states = States::NEW;
    for (event, _) in order.events() {
        states = step(states, *event).map_err(|error| format!("order {id}: {error}"))?;
    }
    if states != order.states() {
        return Err(format!("order {id} is {:?}, its events say {states:?}", order.states()));
    }
    if order.version() as usize != order.events().len() || !order.events().is_sorted_by_key(|(_, at)| *at) {
        return Err(format!("order {id} has events out of order: {:?}", order.events()));
    }
    let price = |line: LineRow<'_>| line.hops.last().map_or(0, |hop| hop.price.minor()) * i64::from(line.quantity);
    if order.lines().map(price).sum::<i64>() != order.total().minor() {
        return Err(format!("order {id} does not cost what its lines cost"));
    }
    if !database.layout.sites.iter().any(|site| site.id == order.site()) {
        return Err(format!("order {id} is of no site of its tenant"));
    }
    order.lines().try_for_each(|line| line_is_sound(database, order, line))
}

fn line_is_sound(database: &Database, order: &StoredOrder, line: LineRow<'_>) -> Result<(), Finding> {
    let (id, number) = (order.id(), line.number);
    let is_open = order.is_waiting() || is_paid(order);
    let count = if is_open && !line.is_manual { line.quantity as usize } else { 0 };
    if line.cards.len() != count {
        return Err(format!("line {number} of order {id} has {} cards, not {count}", line.cards.len()));
    }
    let wanted = match () {
        () if line.is_shared => CardState::Shared,
        () if order.is_waiting() => CardState::Held,
        () => CardState::Sold,
    };
    let returned = order.returns().flat_map(|(_, lines, ..)| lines).filter(|back| back.line == number);
    let price = line.hops.last().map_or(0, |hop| hop.price.minor()) * i64::from(line.quantity);
    let (mut void, mut is_over, mut sum) = (BTreeSet::new(), false, 0);
    for back in returned {
        let is_new = back.cards.iter().all(|card| void.insert(*card));
        sum += back.amount.minor();
        if is_over || !is_new || sum > price || (back.is_last != (sum == price) && price > 0) {
            return Err(format!("line {number} of order {id} cost {price} and gives back what it has not: {back:?}"));
        }
        is_over = back.is_last;
    }
    for (_, old, new) in order.replaced().filter(|(of, ..)| *of == number) {
        let row = database.cards.get(&old).ok_or_else(|| format!("card {old} of order {id} is not there"))?;
        let is_followed = line.cards.contains(&new) || order.replaced().any(|(of, old, _)| (of, old) == (number, new));
        if row.state != CardState::Void || row.line != Some((id.uuid(), number)) || row.sku != line.sku || !is_followed
        {
            return Err(format!("card {old} of order {id} was replaced by {new}, and is {}", row.state.word()));
        }
    }
    let is_gone = |card| !line.is_shared && (is_over || void.contains(card));
    for card in line.cards {
        let wanted = if is_gone(card) { CardState::Void } else { wanted };
        let row = database.cards.get(card).ok_or_else(|| format!("card {card} of order {id} is not there"))?;
        let is_own = line.is_shared || row.line == Some((id.uuid(), number));
        if row.state != wanted || !is_own || row.sku != line.sku {
            return Err(format!(
                "card {card} of line {number} of order {id} is {} of {:?}",
                row.state.word(),
                row.line
            ));
        }
    }
    Ok(())
}

/// Whether the money of an order came, and is not known to be all back.
pub(crate) fn is_paid(order: &StoredOrder) -> bool {
    !matches!(order.states().payment, PaymentState::Unpaid | PaymentState::Paying)
}

/// Whether a line is with the buyer, or was before the refund.
pub(crate) fn is_delivered(order: &StoredOrder, line: &LineRow<'_>) -> bool {
    is_paid(order) && (!line.is_manual || line.work == Some(FulfilState::Done))
}

/// Whether money was used for an intent once, and only if the intent says so.
fn intent_is_sound(database: &Database, id: payment::IntentId) -> Result<(), Finding> {
    let Some(intent) = database.intents.get(&id) else { return Err(format!("intent {id} is not there")) };
    let payments = database.payments_of.get(&id).into_iter().flatten().map(|id| &database.payments[id]);
    let used: Vec<_> = payments.filter(|payment| payment.use_ != Use::Exception).collect();
    let is_right = match used.as_slice() {
        [] => intent.state != IntentState::Paid,
        [only] => {
            intent.state == IntentState::Paid
                && only.amount == intent.amount
                && only.payee == database.payee(only.channel)
        }
        _ => false,
    };
    if !is_right {
        return Err(format!("intent {id} is {}, and {} payments are used for it", intent.state.word(), used.len()));
    }
    let order = database.orders.get(&order::OrderId::from_uuid(id.uuid()));
    match order {
        Some(order) if is_paid(order) != (intent.state == IntentState::Paid) => {
            Err(format!("order {} is {:?}, its intent {}", order.id(), order.states(), intent.state.word()))
        }
        Some(order) if order.states().order == OrderState::Expired && intent.state == IntentState::Open => {
            Err(format!("order {} has expired, its intent is open", order.id()))
        }
        _ => Ok(()),
    }
}
