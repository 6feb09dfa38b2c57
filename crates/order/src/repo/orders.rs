//! What batches write and read of orders: one statement a table, whatever the batch.

use std::collections::{BTreeSet, HashMap};

use catalog::{RefundRule, SkuId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use identity::CustomerId;
use inventory::Taken;
use kernel::{Currency, Money, SiteId, TenantScope, network};
use lane::LaneSheaf;
use sea_orm::ColumnTrait;
use settlement::Term;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use super::{card_ids, fulfil, referrals, returns, states_of};
use crate::desk::{NewOrder, PricedLine};
use crate::error::OrderError;
use crate::known::{KnownLine, KnownOrder, Manual};
use crate::machine::{DeliveryState, PaymentState};
use crate::model::{Method, OrderId, kept_key};
use crate::sale::FrozenHop;
use crate::table::{contact, event, hold, hop, line, order};
use crate::tally::{Name, Names};

/// How rows are locked that others may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Until they are free.
    Wait,
    /// Only if they are free.
    IfFree,
}

/// Puts into `sheaf` orders with their lines, holds, hops and events.
pub(crate) fn insert_into(sheaf: &mut LaneSheaf, now: DateTime<Utc>, new: &[NewOrder]) {
    let tenant_id = sheaf.scope().id().uuid();
    sheaf.insert::<order::Entity>(new.iter().map(|new| order_row(tenant_id, new, now)));
    let numbered =
        || new.iter().flat_map(|new| (1i32..).zip(&new.lines).map(move |(number, line)| (new, number, line)));
    let lines: Vec<line::Model> =
        numbered().map(|(new, number, line)| line_row(tenant_id, new, number, line)).collect();
    sheaf.insert::<line::Entity>(lines);
    let holds: Vec<hold::Model> =
        numbered().filter_map(|(new, number, line)| hold_row(tenant_id, new, number, line)).collect();
    sheaf.insert::<hold::Entity>(holds);
    sheaf.insert::<contact::Entity>(new.iter().filter_map(|new| contact_row(tenant_id, new)));
    let hops: Vec<hop::Model> = numbered()
        .flat_map(|(new, number, line)| {
            let steps = line.quote.hops.iter().zip(&line.hops);
            (0i32..).zip(steps).map(move |(depth, (step, frozen))| hop::Model {
                tenant_id,
                order_id: new.id.uuid(),
                line_no: number,
                depth,
                site_id: step.site.uuid(),
                cost_minor: step.cost.minor(),
                price_minor: step.price.minor(),
                rule: step.rule_text(),
                term: term_text(frozen.term),
            })
        })
        .collect();
    sheaf.insert::<hop::Entity>(hops);
    referrals::insert_into(sheaf, new);
    fulfil::insert_into(sheaf, now, new);
    let events: Vec<event::Model> = new
        .iter()
        .flat_map(|new| {
            let actor = new.buyer.actor();
            (0i32..).zip(new.events).map(move |(seq, happened)| event::Model {
                tenant_id,
                order_id: new.id.uuid(),
                seq,
                site_id: new.site.uuid(),
                event: happened.word().to_owned(),
                at: now,
                actor: actor.clone(),
            })
        })
        .collect();
    sheaf.insert::<event::Entity>(events);
}

fn order_row(tenant_id: Uuid, new: &NewOrder, now: DateTime<Utc>) -> order::Model {
    let paid_at = new.expires_at.is_none().then_some(now);
    order::Model {
        tenant_id,
        id: new.id.uuid(),
        site_id: new.site.uuid(),
        customer_id: new.buyer.customer.map(|customer| customer.uuid()),
        method: new.method.word().to_owned(),
        state: new.states.order.word().to_owned(),
        payment_state: new.states.payment.word().to_owned(),
        delivery_state: new.states.delivery.word().to_owned(),
        currency: new.total.currency().code().to_owned(),
        total_minor: new.total.minor(),
        collector_id: new.collector.map(|site| site.uuid()),
        held_minor: new.held.minor(),
        version: i32::try_from(new.events.len()).expect("a new order has few events"),
        placed_at: now,
        expires_at: new.expires_at,
        paid_at,
        delivered_at: paid_at.filter(|_| new.states.delivery == DeliveryState::Delivered),
        changed_at: now,
        agent_id: new.referral.as_ref().map(|new| new.referral.agent().uuid()),
    }
}

fn line_row(tenant_id: Uuid, new: &NewOrder, number: i32, line: &PricedLine) -> line::Model {
    line::Model {
        tenant_id,
        order_id: new.id.uuid(),
        line_no: number,
        site_id: new.site.uuid(),
        sku_id: line.sku().uuid(),
        title_zh: line.ware.title.zh.clone(),
        title_en: line.ware.title.en.clone(),
        sku_name_zh: line.ware.name.zh.clone(),
        sku_name_en: line.ware.name.en.clone(),
        quantity: i32::try_from(line.quantity).expect("a quantity was checked against its limit"),
        unit_minor: line.quote.unit.minor(),
        total_minor: line.total.minor(),
        cost_of_goods_minor: line.cards.cost_minor,
        card_ids: packed(&line.cards),
        is_shared: line.cards.is_shared,
        fulfil_within_hours: line.within_hours().map(|hours| i32::try_from(hours).unwrap_or(i32::MAX)),
        refund_rule: line.ware.refunds.kept(),
    }
}

fn hold_row(tenant_id: Uuid, new: &NewOrder, number: i32, line: &PricedLine) -> Option<hold::Model> {
    Some(hold::Model {
        tenant_id,
        order_id: new.id.uuid(),
        line_no: number,
        site_id: new.site.uuid(),
        sku_id: line.sku().uuid(),
        expires_at: new.expires_at?,
        cards_expire_at: line.cards.expires_at,
        visitor: new.buyer.visitor.clone(),
        contact: new.buyer.contact.as_ref().map(|contact| contact.hash()),
        address: new.buyer.address.map(|address| network(address).to_string()),
    })
}

fn contact_row(tenant_id: Uuid, new: &NewOrder) -> Option<contact::Model> {
    Some(contact::Model {
        tenant_id,
        order_id: new.id.uuid(),
        site_id: new.site.uuid(),
        link: new.link.as_ref()?.as_str().to_owned(),
        contact: new.buyer.contact.as_ref().map(|contact| contact.as_str().to_owned()),
        query_key: new.buyer.query_key.as_deref().map(kept_key),
        visitor: new.buyer.visitor.clone(),
        address: new.buyer.address.map(|address| address.to_string()),
    })
}

fn packed(taken: &Taken) -> Vec<u8> {
    taken.cards.iter().flat_map(|card| card.uuid().into_bytes()).collect()
}

/// Orders with their lines and hops, locked in ascending order.
pub(crate) async fn load_in(
    tx: &WriteTx<TenantScope>,
    ids: &BTreeSet<OrderId>,
    lock: Lock,
) -> Result<Vec<KnownOrder>, OrderError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let find = tx.find::<order::Entity>().among(order::Column::Id, ids.iter().map(|id| id.uuid()));
    let find = find.ascending(order::Column::Id);
    let rows = match lock {
        Lock::Wait => find.locked(),
        Lock::IfFree => find.locked_if_free(),
    };
    let rows = rows.all().await?;
    let locked: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut children = children_in(tx, &locked).await?;
    let referred: Vec<Uuid> = rows.iter().filter(|row| row.agent_id.is_some()).map(|row| row.id).collect();
    let mut commissions = referrals::commissions_in(tx, &referred).await?;
    // Only some goods are made by people, and only what was paid is refunded: nothing is asked for the others.
    let is_manual = |id: &Uuid| {
        children.get(id).is_some_and(|children| children.lines.iter().any(|line| line.fulfil_within_hours.is_some()))
    };
    let manual: Vec<Uuid> = locked.iter().copied().filter(is_manual).collect();
    let mut works = fulfil::works_in(tx, &manual).await?;
    let has_money = |row: &&order::Model| PaymentState::parse(&row.payment_state).is_some_and(PaymentState::has_come);
    let paid: Vec<Uuid> = rows.iter().filter(has_money).map(|row| row.id).collect();
    let mut returns = returns::returns_in(tx, &paid).await?;
    let make = |row: &order::Model| {
        let mut order = known(row, children.remove(&row.id).unwrap_or_default())?;
        for line in &mut order.lines {
            let own = commissions.remove(&(row.id, line.number)).unwrap_or_default();
            line.commissions = own.into_iter().map(|own| referrals::frozen(own, line.currency)).collect();
            if let Some(manual) = &mut line.manual {
                manual.work = works.remove(&(row.id, line.number));
            }
        }
        order.returns = returns.remove(&row.id).unwrap_or_default();
        Ok(order)
    };
    rows.iter().map(make).collect()
}

#[derive(Default)]
struct Children {
    lines: Vec<line::Model>,
    hops: Vec<hop::Model>,
    holds: Vec<hold::Model>,
}

async fn children_in(tx: &WriteTx<TenantScope>, ids: &[Uuid]) -> Result<HashMap<Uuid, Children>, StoreError> {
    let mut children: HashMap<Uuid, Children> = HashMap::new();
    if ids.is_empty() {
        return Ok(children);
    }
    let own = || ids.iter().copied();
    let lines = tx.find::<line::Entity>().among(line::Column::OrderId, own()).ascending(line::Column::LineNo);
    for row in lines.all().await? {
        children.entry(row.order_id).or_default().lines.push(row);
    }
    let hops = tx.find::<hop::Entity>().among(hop::Column::OrderId, own()).ascending(hop::Column::Depth);
    for row in hops.all().await? {
        children.entry(row.order_id).or_default().hops.push(row);
    }
    for row in tx.find::<hold::Entity>().among(hold::Column::OrderId, own()).all().await? {
        children.entry(row.order_id).or_default().holds.push(row);
    }
    Ok(children)
}

fn known(row: &order::Model, children: Children) -> Result<KnownOrder, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.id), what: what.to_owned() };
    let currency = Currency::parse(&row.currency).map_err(|_| broken("currency"))?;
    let amount = |minor| Money::new(minor, currency);
    let Children { lines, hops, holds } = children;
    let lines = lines.into_iter().map(|line| {
        let own = hops.iter().filter(|hop| hop.line_no == line.line_no);
        let hold = holds.iter().find(|hold| hold.line_no == line.line_no);
        KnownLine {
            number: line.line_no,
            sku: SkuId::from_uuid(line.sku_id),
            quantity: line.quantity.unsigned_abs(),
            currency,
            cards: Taken {
                cards: card_ids(&line.card_ids),
                expires_at: hold.and_then(|hold| hold.cards_expire_at),
                is_shared: line.is_shared,
                cost_minor: line.cost_of_goods_minor,
            },
            has_new_cards: false,
            hops: own.map(|hop| frozen(hop, amount)).collect(),
            commissions: Vec::new(),
            refunds: RefundRule::read(line.refund_rule.as_deref()).unwrap_or_default(),
            manual: line.fulfil_within_hours.map(|hours| Manual { within_hours: hours.unsigned_abs(), work: None }),
        }
    });
    Ok(KnownOrder {
        id: OrderId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        customer: row.customer_id.map(CustomerId::from_uuid),
        method: Method::parse(&row.method).ok_or_else(|| broken("method"))?,
        states: states_of(row).ok_or_else(|| broken("state"))?,
        total: amount(row.total_minor),
        collector: row.collector_id.map(SiteId::from_uuid),
        held: amount(row.held_minor),
        version: row.version,
        expires_at: row.expires_at,
        paid_at: row.paid_at,
        delivered_at: row.delivered_at,
        changed_at: row.changed_at,
        lines: lines.collect(),
        returns: Vec::new(),
        claims: Vec::new(),
        seen: BTreeSet::new(),
        replacements: Vec::new(),
        happened: Vec::new(),
    })
}

/// The usual term, which nearly every row has, is not written.
pub(super) fn term_text(term: Term) -> Option<String> {
    (term != Term::USUAL).then(|| term.to_string())
}

/// What was written as a term.
pub(super) fn kept_term(text: Option<&str>) -> Term {
    text.and_then(Term::parse).unwrap_or(Term::USUAL)
}

fn frozen(hop: &hop::Model, amount: impl Fn(i64) -> Money) -> FrozenHop {
    let term = kept_term(hop.term.as_deref());
    FrozenHop {
        site: SiteId::from_uuid(hop.site_id),
        cost: amount(hop.cost_minor),
        price: amount(hop.price_minor),
        term,
    }
}

/// Unpaid orders that hold pieces of these SKUs and whose time is over, the oldest first.
pub(crate) async fn overdue_in(
    tx: &impl Tx,
    skus: &BTreeSet<SkuId>,
    limit: u64,
) -> Result<BTreeSet<OrderId>, StoreError> {
    let find = tx.find::<hold::Entity>().among(hold::Column::SkuId, skus.iter().map(|sku| sku.uuid()));
    let find = find.filter(hold::Column::ExpiresAt.lte(tx.now())).ascending(hold::Column::ExpiresAt);
    let found: Vec<(Uuid,)> = find.limit(limit).columns([hold::Column::OrderId]).await?;
    Ok(found.into_iter().map(|(id,)| OrderId::from_uuid(id)).collect())
}

/// Unpaid orders of any SKU whose time is over, the oldest first.
pub(crate) async fn due_in(tx: &impl Tx, limit: u64) -> Result<BTreeSet<OrderId>, StoreError> {
    let find = tx.find::<hold::Entity>().filter(hold::Column::ExpiresAt.lte(tx.now()));
    // Every order has a first line, so the limit is one of orders.
    let find = find.filter(hold::Column::LineNo.eq(1));
    let found = find.ascending(hold::Column::ExpiresAt).limit(limit);
    let found: Vec<(Uuid,)> = found.columns([hold::Column::OrderId]).await?;
    Ok(found.into_iter().map(|(id,)| OrderId::from_uuid(id)).collect())
}

/// Writes what happened to orders that this transaction has locked.
pub(crate) async fn change_in(tx: &WriteTx<TenantScope>, changed: &[&KnownOrder]) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    use order::Column as C;
    let columns = [
        C::Id,
        C::State,
        C::PaymentState,
        C::DeliveryState,
        C::HeldMinor,
        C::Version,
        C::PaidAt,
        C::DeliveredAt,
        C::ChangedAt,
    ];
    let mut rows = Rows::of_columns(&columns);
    for order in changed {
        rows.push([
            order.id.uuid().into(),
            order.states.order.word().into(),
            order.states.payment.word().into(),
            order.states.delivery.word().into(),
            order.held.minor().into(),
            order.version.into(),
            order.paid_at.into(),
            order.delivered_at.into(),
            at(order, tx.now()).into(),
        ]);
    }
    let written = tx.update_rows::<order::Entity>(rows, &[C::Id], Change::Set).await?;
    assert_eq!(written, changed.len() as u64, "locked orders do not go away");
    change_lines_in(tx, changed).await?;
    let over = changed.iter().filter(|order| !order.is_waiting()).map(|order| order.id.uuid());
    tx.delete::<hold::Entity>().among(hold::Column::OrderId, over).run().await?;
    add_events_in(tx, changed).await
}

async fn change_lines_in(tx: &WriteTx<TenantScope>, changed: &[&KnownOrder]) -> Result<(), StoreError> {
    use line::Column::{CardIds, CostOfGoodsMinor, IsShared, LineNo, OrderId as Order};
    let mut rows = Rows::of_columns(&[Order, LineNo, CardIds, IsShared, CostOfGoodsMinor]);
    for order in changed {
        for line in order.lines.iter().filter(|line| line.has_new_cards) {
            let (order, cards) = (order.id.uuid().into(), packed(&line.cards).into());
            let (is_shared, cost) = (line.cards.is_shared.into(), line.cards.cost_minor.into());
            rows.push([order, line.number.into(), cards, is_shared, cost]);
        }
    }
    tx.update_rows::<line::Entity>(rows, &[Order, LineNo], Change::Set).await?;
    Ok(())
}

/// When what this batch made happen has happened. A batch that began before another one and had to wait for it has an
/// earlier time; the order's history does not go back.
fn at(order: &KnownOrder, now: DateTime<Utc>) -> DateTime<Utc> {
    now.max(order.changed_at)
}

async fn add_events_in(tx: &WriteTx<TenantScope>, changed: &[&KnownOrder]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let mut events = Vec::new();
    for order in changed {
        let count = i32::try_from(order.happened.len()).expect("few events a batch");
        for (seq, (happened, actor)) in (order.version - count..).zip(&order.happened) {
            events.push(event::Model {
                tenant_id,
                order_id: order.id.uuid(),
                seq,
                site_id: order.site.uuid(),
                event: happened.word().to_owned(),
                at: at(order, tx.now()),
                actor: actor.clone(),
            });
        }
    }
    tx.insert::<event::Entity>(events).await
}

/// The open unpaid orders of these names, by site: one query a kind of name, none for a kind that nobody has.
pub(crate) async fn open_orders_in(tx: &impl Tx, names: Names) -> Result<HashMap<(SiteId, Name), u64>, StoreError> {
    use hold::Column::{Address, Contact, ExpiresAt, LineNo, SiteId as Site, Visitor};
    let mut open: HashMap<(SiteId, Name), u64> = HashMap::new();
    let mut count = |site: Uuid, name: Name| *open.entry((SiteId::from_uuid(site), name)).or_default() += 1;
    let live = || tx.find::<hold::Entity>().filter(LineNo.eq(1)).filter(ExpiresAt.gt(tx.now()));
    if !names.visitors.is_empty() {
        let rows: Vec<(Uuid, Vec<u8>)> = live().among(Visitor, names.visitors).columns([Site, Visitor]).await?;
        rows.into_iter().for_each(|(site, visitor)| count(site, Name::Visitor(visitor)));
    }
    if !names.contacts.is_empty() {
        let rows: Vec<(Uuid, Vec<u8>)> = live().among(Contact, names.contacts).columns([Site, Contact]).await?;
        rows.into_iter().for_each(|(site, contact)| count(site, Name::Contact(contact)));
    }
    if !names.addresses.is_empty() {
        let rows: Vec<(Uuid, String)> = live().among(Address, names.addresses).columns([Site, Address]).await?;
        rows.into_iter().for_each(|(site, address)| count(site, Name::Address(address)));
    }
    Ok(open)
}

/// How many orders each of the accounts has placed since the beginning of `day`.
pub(crate) async fn placed_since_in(
    tx: &impl Tx,
    customers: &[CustomerId],
    day: NaiveDate,
) -> Result<HashMap<CustomerId, u64>, StoreError> {
    let begins = day.and_time(chrono::NaiveTime::MIN).and_utc();
    // The key begins with the time of the node that made it, which may be a little off: it only says where to look.
    let from = (begins - TimeDelta::days(1)).timestamp_millis().max(0).unsigned_abs();
    let find = tx.find::<order::Entity>().among(order::Column::CustomerId, customers.iter().map(|id| id.uuid()));
    let find = find.filter(order::Column::Id.gte(Uuid::from_u128(u128::from(from) << 80)));
    let counts: Vec<(Uuid, i64)> =
        find.filter(order::Column::PlacedAt.gte(begins)).count_by(order::Column::CustomerId).await?;
    Ok(counts.into_iter().map(|(id, count)| (CustomerId::from_uuid(id), count.unsigned_abs())).collect())
}
