//! Cards that gave their place to another one: each of them void, one after another in its place, and its successor posted.

use std::collections::{BTreeMap, HashMap};

use inventory::{CardId, GivenCard};
use ledger::{AccountKind, Entry, EntryKind};
use uuid::Uuid;

use super::{OrderAudit, Sale};
use crate::machine::OrderEvent;
use crate::repo::card_ids;
use crate::sale::replaced_id;
use crate::table::{event, line, replacement};

impl Sale<'_> {
    /// The replacements in a line, the first one first.
    fn replaced_in(&self, line: &line::Model) -> impl DoubleEndedIterator<Item = &replacement::Model> {
        let number = line.line_no;
        self.replacements.iter().filter(move |own| own.line_no == number)
    }

    /// What the cards that came later had cost.
    pub(super) fn cost_of_replacements(&self) -> i128 {
        self.replacements.iter().map(|own| i128::from(own.cost_minor)).sum()
    }
}

/// Replacements are numbered, of the order's currency, and its history tells of them.
pub(super) fn check(audit: &mut OrderAudit, sale: &Sale<'_>, events: &[event::Model]) {
    let (row, all) = (sale.row, sale.replacements);
    let is_numbered = (1..).zip(all).all(|(number, own)| own.number == number && own.currency == row.currency);
    let is_told = events.iter().any(|event| event.event == OrderEvent::CodesReplaced.word());
    if !is_numbered || is_told == all.is_empty() {
        audit.report(3, format!("the replacements of order {} are not what its history says", row.id));
    }
}

/// The cards that had their places in this line before: each was followed by the next one, and the last by the card that is
/// there. `given` are the line's own cards by now. Answers what the cards had cost that the line was sold with, beyond those.
pub(super) fn check_line(
    audit: &mut OrderAudit,
    sale: &Sale<'_>,
    line: &line::Model,
    (mut given, void): (HashMap<Uuid, GivenCard>, &mut HashMap<Uuid, GivenCard>),
) -> i128 {
    let place = format!("line {} of order {}", line.line_no, sale.row.id);
    let cards: Vec<CardId> = card_ids(&line.card_ids);
    let mut follower: BTreeMap<i32, Uuid> = (1..).zip(cards).map(|(piece, card)| (piece, card.uuid())).collect();
    let mut cost = 0;
    for own in sale.replaced_in(line).rev() {
        if line.is_shared || follower.insert(own.piece, own.old_card_id) != Some(own.new_card_id) {
            let card = own.new_card_id;
            audit.report(
                3,
                format!("card {card} did not take place {} of {place}, as replacement {} says", own.piece, own.number),
            );
        }
        match void.remove(&own.old_card_id) {
            Some(old) if (old.order, old.line) == (sale.row.id, line.line_no) => {
                cost += i128::from(old.cost_minor);
                given.insert(own.old_card_id, old);
            }
            _ => audit.report(3, format!("card {} is replaced in {place}, and not void there", own.old_card_id)),
        }
        let new = given.get(&own.new_card_id).map(|card| card.cost_minor);
        if new != Some(own.cost_minor) {
            let (number, said) = (own.number, own.cost_minor);
            audit.report(3, format!("replacement {number} in {place} says that its card cost {said}, it cost {new:?}"));
        }
        cost -= i128::from(own.cost_minor);
    }
    cost
}

/// What each card that came later had cost has left the stock, in an entry of its own, and nothing else has.
pub(super) fn check_entries(audit: &mut OrderAudit, sale: &Sale<'_>, entries: &[Entry]) {
    let id = sale.row.id;
    let given: BTreeMap<_, i128> = entries
        .iter()
        .filter(|entry| entry.kind() == EntryKind::CodeReplaced)
        .map(|entry| {
            let stock = entry.postings().iter().filter(|posting| posting.account.kind == AccountKind::StockAtCost);
            (entry.id(), stock.map(|posting| i128::from(posting.amount.minor())).sum())
        })
        .collect();
    let costly = sale.replacements.iter().filter(|own| own.cost_minor > 0);
    let wanted: BTreeMap<_, i128> =
        costly.map(|own| (replaced_id(id, own.number), i128::from(own.cost_minor))).collect();
    if given != wanted {
        audit.report(16, format!("the ledger took {given:?} for replaced cards of order {id} in place of {wanted:?}"));
    }
}
