//! What each level of the tree got of a line: its frozen hops, each other, and its entry in the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::Day;
use ledger::{AccountKind, Earner, Entry, EntryKind, Side, entry_id};
use settlement::Term;
use uuid::Uuid;

use super::{OrderAudit, Sale};
use crate::model::Method;
use crate::sale::DEPTH_MAX;
use crate::table::{hop, line};

/// Where money goes: what an account holds, and whose it is.
pub(super) type Place = (AccountKind, Option<Uuid>);

/// The hops of a line lead from the main site to its price, each of them pays what the one above asks, none but the seller
/// loses, and not more of them earn than may (invariant 8).
pub(super) fn check(audit: &mut OrderAudit, sale: &Sale<'_>) {
    let row = sale.row;
    for line in sale.lines {
        let place = format!("line {} of order {}", line.line_no, row.id);
        let own: Vec<&hop::Model> = of_line(sale, line).collect();
        let is_linked = own.windows(2).all(|pair| pair[0].price_minor == pair[1].cost_minor);
        let is_numbered = (0i32..).zip(&own).all(|(depth, hop)| hop.depth == depth);
        let ends = own.last().is_some_and(|last| last.price_minor == line.unit_minor && last.site_id == row.site_id);
        if !is_linked || !is_numbered || !ends {
            audit.report(8, format!("the hops of {place} do not lead to its price"));
        }
        let depth = own.len().saturating_sub(2);
        if depth > DEPTH_MAX {
            audit.report(
                8,
                format!("{depth} sites between the main site and the seller of {place}, {DEPTH_MAX} may earn"),
            );
        }
        if let [above @ .., _] = own.as_slice() {
            for hop in above.iter().filter(|hop| hop.price_minor < hop.cost_minor) {
                audit.report(8, format!("site {} above the seller of {place} asks less than it pays", hop.site_id));
            }
        }
    }
}

/// The entry of each delivered line gives every site its margin, the main site its price and takes both out of the deposit;
/// what was not delivered has none. What its goods cost is looked at for the whole order.
pub(super) fn check_entries(audit: &mut OrderAudit, sale: &Sale<'_>, entries: &[Entry]) {
    let mut delivered: Vec<&Entry> = entries.iter().filter(|entry| entry.kind() == EntryKind::LineDelivered).collect();
    for line in sale.lines {
        let id = entry_id(sale.row.id, &format!("delivered:{}", line.line_no));
        let given = delivered.iter().position(|entry| entry.id() == id).map(|place| delivered.swap_remove(place));
        let wanted = if sale.is_delivered(line) { shares(sale, line) } else { BTreeMap::new() };
        let given = given.map(posted).unwrap_or_default();
        if given != wanted {
            let place = format!("line {} of order {}", line.line_no, sale.row.id);
            audit.report(
                8,
                format!("the ledger shares {place} out as {}, its hops say {}", words(&given), words(&wanted)),
            );
        }
    }
    for entry in delivered {
        audit.report(8, format!("{} is of a line that order {} does not have", entry.id(), sale.row.id));
    }
}

/// What a delivery gives an earner falls due when its frozen term says: on that very day, or, counted in business days of a
/// calendar that may have changed since, not before so many days.
pub(super) fn check_days(audit: &mut OrderAudit, sale: &Sale<'_>, posted: &[(DateTime<Utc>, Entry)]) {
    for line in sale.lines {
        let id = entry_id(sale.row.id, &format!("delivered:{}", line.line_no));
        let Some((at, entry)) = posted.iter().find(|(_, entry)| entry.id() == id) else { continue };
        let today = Day::of(*at);
        for account in entry.postings().iter().map(|posting| posting.account) {
            let Some((earner, due)) = Earner::of(&account).zip(account.due) else { continue };
            let term = match earner.side {
                Side::Site => of_line(sale, line).find(|hop| hop.site_id == earner.owner).map(|hop| &hop.term),
                Side::Agent => sale.commissions_of(line).find(|own| own.agent_id == earner.owner).map(|own| &own.term),
            };
            let term = term.and_then(Option::as_deref).and_then(Term::parse).unwrap_or(Term::USUAL);
            let holds = match term {
                Term::Days(days) => due == today.after(days),
                Term::BusinessDays(days) => due >= today.after(days),
            };
            if !holds {
                let (owner, number, order) = (earner.owner, line.line_no, sale.row.id);
                let finding = format!("{owner} is due {due} from line {number} of order {order}, {term} after {today}");
                audit.report(9, finding);
            }
        }
    }
}

fn of_line<'a>(sale: &Sale<'a>, line: &line::Model) -> impl Iterator<Item = &'a hop::Model> {
    let number = line.line_no;
    sale.hops.iter().filter(move |hop| hop.line_no == number)
}

/// Who gets what of a line, by its frozen hops.
pub(super) fn shares(sale: &Sale<'_>, line: &line::Model) -> BTreeMap<Place, i128> {
    let pieces = i128::from(line.quantity);
    let hops: Vec<&hop::Model> = of_line(sale, line).collect();
    let [main, below @ ..] = hops.as_slice() else { return BTreeMap::new() };
    let mut shares: BTreeMap<Place, i128> = BTreeMap::new();
    shares.insert((AccountKind::OrderDeposits, None), -sale.line_deposit(line));
    shares.insert((AccountKind::Revenue, None), pieces * i128::from(main.price_minor));
    // A seller that took the retail price itself has its margin already.
    let earners = match (sale.row.collector_id, below) {
        (Some(_), [above @ .., _]) => above,
        _ => below,
    };
    let commission = sale.commission(line);
    for hop in earners {
        let margin = pieces * (i128::from(hop.price_minor) - i128::from(hop.cost_minor));
        let is_seller = hop.depth > 0 && hop.site_id == sale.row.site_id;
        let left = if is_seller { margin - commission } else { margin };
        let kind = if left >= 0 { AccountKind::SitePending } else { loss_account(sale, line) };
        *shares.entry((kind, Some(hop.site_id))).or_default() += left;
    }
    if below.is_empty() {
        // The main site sells: its agents are paid out of what it takes.
        *shares.entry((AccountKind::Revenue, None)).or_default() -= commission;
    }
    for own in sale.commissions_of(line) {
        *shares.entry((AccountKind::AgentPending, Some(own.agent_id))).or_default() += i128::from(own.amount_minor);
    }
    shares.retain(|_, share| *share != 0);
    shares
}

/// What covers a seller's loss: free money for what is paid and delivered at once, else what was held for it.
fn loss_account(sale: &Sale<'_>, line: &line::Model) -> AccountKind {
    let is_at_once = sale.row.method == Method::Wallet.word() && line.fulfil_within_hours.is_none();
    if is_at_once { AccountKind::SitePrepaid } else { AccountKind::SitePrepaidHeld }
}

fn posted(entry: &Entry) -> BTreeMap<Place, i128> {
    let mut posted: BTreeMap<Place, i128> = BTreeMap::new();
    for posting in entry.postings() {
        let account = posting.account;
        if !matches!(account.kind, AccountKind::CostOfGoods | AccountKind::StockAtCost) {
            *posted.entry((account.kind, account.owner)).or_default() += i128::from(posting.amount.minor());
        }
    }
    posted.retain(|_, sum| *sum != 0);
    posted
}

pub(super) fn words(shares: &BTreeMap<Place, i128>) -> String {
    let word = |((kind, owner), sum): (&Place, &i128)| match owner {
        Some(owner) => format!("{} of {owner} {sum}", kind.name()),
        None => format!("{} {sum}", kind.name()),
    };
    let words: Vec<String> = shares.iter().map(word).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
