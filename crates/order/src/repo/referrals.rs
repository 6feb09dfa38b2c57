//! Who brought the buyers of orders, and what agents earn from them.

use std::collections::{BTreeSet, HashMap};

use commission::AgentId;
use kernel::{Currency, Money};
use lane::LaneSheaf;
use sea_orm::{ColumnTrait, Condition};
use store::{StoreError, Tx};
use uuid::Uuid;

use super::orders::{kept_term, term_text};
use super::{fulfil, order_of, returns};
use crate::desk::NewOrder;
use crate::earnings::{AgentEarning, EarningState};
use crate::error::OrderError;
use crate::fulfil::FulfilState;
use crate::machine::{OrderState, PaymentState, States};
use crate::model::OrderId;
use crate::refund::ReturnedLine;
use crate::sale::{FrozenCommission, proportion};
use crate::table::{commission as earned, line, order, referral};

/// Puts into `sheaf` who brought the buyers of new orders, and what that earns whom.
pub(crate) fn insert_into(sheaf: &mut LaneSheaf, new: &[NewOrder]) {
    let tenant_id = sheaf.scope().id().uuid();
    let referrals = new.iter().filter_map(|new| {
        let brought = new.referral.as_ref()?;
        Some(referral::Model {
            tenant_id,
            site_id: new.site.uuid(),
            order_id: new.id.uuid(),
            agent_id: brought.referral.agent().uuid(),
            link_id: brought.referral.link.uuid(),
            how: brought.referral.how.word().to_owned(),
            plan_version: brought.plan,
            site_level: brought.site_level.clone(),
            chain: serde_json::to_string(&brought.referral.chain).expect("a chain is plain data"),
        })
    });
    sheaf.insert::<referral::Entity>(referrals.collect::<Vec<_>>());
    let lines = new.iter().flat_map(|new| (1i32..).zip(&new.lines).map(move |(number, line)| (new, number, line)));
    let rows = lines.flat_map(|(new, number, line)| {
        line.commissions.iter().map(move |own| earned::Model {
            tenant_id,
            site_id: new.site.uuid(),
            order_id: new.id.uuid(),
            line_no: number,
            tier: i32::from(own.tier),
            agent_id: own.agent.uuid(),
            amount_minor: own.amount.minor(),
            rule: own.rule.clone(),
            term: term_text(own.term),
        })
    });
    sheaf.insert::<earned::Entity>(rows.collect::<Vec<_>>());
}

/// What agents earn from the lines of these orders, the one who brought the buyer first.
pub(crate) async fn commissions_in(
    tx: &impl Tx,
    orders: &[Uuid],
) -> Result<HashMap<(Uuid, i32), Vec<earned::Model>>, StoreError> {
    let mut commissions: HashMap<(Uuid, i32), Vec<earned::Model>> = HashMap::new();
    if orders.is_empty() {
        return Ok(commissions);
    }
    let find = tx.find::<earned::Entity>().among(earned::Column::OrderId, orders.iter().copied());
    for row in find.ascending(earned::Column::Tier).all().await? {
        commissions.entry((row.order_id, row.line_no)).or_default().push(row);
    }
    Ok(commissions)
}

/// The row as an order that is known has it.
pub(crate) fn frozen(row: earned::Model, currency: Currency) -> FrozenCommission {
    FrozenCommission {
        agent: AgentId::from_uuid(row.agent_id),
        tier: u8::try_from(row.tier).unwrap_or(u8::MAX),
        amount: Money::new(row.amount_minor, currency),
        term: kept_term(row.term.as_deref()),
        rule: row.rule,
    }
}

/// What an agent earns from orders before this line, newest first: at most `limit` lines.
pub(crate) async fn earnings_in(
    tx: &impl Tx,
    agent: AgentId,
    before: Option<(OrderId, i32)>,
    limit: u64,
) -> Result<Vec<AgentEarning>, OrderError> {
    use earned::Column as C;
    let mut find = tx.find::<earned::Entity>().filter(C::AgentId.eq(agent.uuid()));
    if let Some((order, line)) = before {
        let same_order = Condition::all().add(C::OrderId.eq(order.uuid())).add(C::LineNo.lt(line));
        // The first condition says the same as the rest for the index, which cannot begin at one of two places.
        find = find.filter(C::OrderId.lte(order.uuid()));
        find = find.filter(Condition::any().add(C::OrderId.lt(order.uuid())).add(same_order));
    }
    let rows = find.descending(C::OrderId).descending(C::LineNo).limit(limit).all().await?;
    let ids: BTreeSet<Uuid> = rows.iter().map(|row| row.order_id).collect();
    let orders = tx.find::<order::Entity>().among(order::Column::Id, ids.iter().copied()).all().await?;
    let orders: HashMap<Uuid, order::Model> = orders.into_iter().map(|row| (row.id, row)).collect();
    let lines = tx.find::<line::Entity>().among(line::Column::OrderId, ids.iter().copied()).all().await?;
    let manual = lines.iter().filter(|line| line.fulfil_within_hours.is_some());
    let manual: BTreeSet<(Uuid, i32)> = manual.map(|line| (line.order_id, line.line_no)).collect();
    let worked_on: BTreeSet<Uuid> = manual.iter().map(|(order, _)| *order).collect();
    let works = fulfil::works_in(tx, &worked_on.into_iter().collect::<Vec<_>>()).await?;
    let is_done =
        |at: &(Uuid, i32)| !manual.contains(at) || works.get(at).is_some_and(|work| work.state == FulfilState::Done);
    let returns = returns::returns_in(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let prices: HashMap<(Uuid, i32), i64> =
        lines.iter().map(|line| ((line.order_id, line.line_no), line.total_minor)).collect();
    let of = |row: earned::Model| {
        let gone = || OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: "order".to_owned() };
        let order = order_of(orders.get(&row.order_id).ok_or_else(gone)?)?;
        let at = (row.order_id, row.line_no);
        let back = returns.get(&row.order_id).into_iter().flatten().flat_map(|back| &back.lines);
        let back: Vec<&ReturnedLine> = back.filter(|back| back.line == row.line_no).collect();
        let is_over = back.iter().any(|back| back.is_last);
        let state = state_of(order.states, is_done(&at), is_over);
        let FrozenCommission { tier, amount, rule, .. } = frozen(row.clone(), order.total.currency());
        let price = Money::new(prices.get(&at).copied().unwrap_or(0), amount.currency());
        let part = Money::new(back.iter().map(|back| back.amount.minor()).sum(), amount.currency());
        let broken = |_| OrderError::Broken { order: order.id, what: "returns".to_owned() };
        let returned = match state {
            EarningState::Returned => amount,
            EarningState::Earned => proportion(amount, part, price).map_err(broken)?,
            EarningState::Waiting | EarningState::Void => Money::zero(amount.currency()),
        };
        Ok(AgentEarning {
            order: order.id,
            number: order.number,
            line: row.line_no,
            site: order.site,
            placed_at: order.placed_at,
            tier,
            amount,
            returned,
            rule,
            state,
        })
    };
    rows.into_iter().map(of).collect()
}

/// A line that is done is delivered with the payment, or later; with the refund of its order it is clawed back at once,
/// whenever the buyer has his money.
const fn state_of(states: States, is_done: bool, is_over: bool) -> EarningState {
    match (states.payment, states.order) {
        _ if is_over && is_done => EarningState::Returned,
        _ if is_over => EarningState::Void,
        (PaymentState::Paid | PaymentState::PartRefunded, _) if is_done => EarningState::Earned,
        (PaymentState::Unpaid | PaymentState::Paying, OrderState::Expired | OrderState::Cancelled) => {
            EarningState::Void
        }
        _ => EarningState::Waiting,
    }
}
