//! The rows that belong to orders. No foreign key keeps them to one: they are read beside the orders, and those that name
//! none are found.

use std::collections::HashMap;

use payment::{Intent, Payment};
use sea_orm::{ColumnTrait, EntityTrait};
use store::{Find, StoreError, Tx};
use uuid::Uuid;

use super::{PAGE, Sale};
use crate::error::OrderError;
use crate::table::{
    claim, commission, contact, event, form, fulfilment, hold, hop, line, order, referral, replacement, returned_line,
    returns, reveal,
};

/// The rows that belong to a page of orders.
#[derive(Default)]
pub(super) struct Children {
    pub holds: HashMap<Uuid, Vec<hold::Model>>,
    pub lines: HashMap<Uuid, Vec<line::Model>>,
    pub hops: HashMap<Uuid, Vec<hop::Model>>,
    pub referrals: HashMap<Uuid, referral::Model>,
    pub commissions: HashMap<Uuid, Vec<commission::Model>>,
    pub events: HashMap<Uuid, Vec<event::Model>>,
    pub works: HashMap<Uuid, Vec<fulfilment::Model>>,
    pub returns: HashMap<Uuid, Vec<returns::Model>>,
    pub returned: HashMap<Uuid, Vec<returned_line::Model>>,
    pub replacements: HashMap<Uuid, Vec<replacement::Model>>,
    pub intents: HashMap<Uuid, Vec<Intent>>,
    /// What else names an order and is looked at for nothing else.
    others: Vec<Named>,
}

/// What a row says that it belongs to.
struct Named {
    table: &'static str,
    order: Uuid,
    line: Option<i32>,
    site: Option<Uuid>,
    sku: Option<Uuid>,
}

/// The orders from one id, without it, to another; without another, whatever lies behind the last order.
type Span = (Uuid, Option<Uuid>);

impl Children {
    /// Reads the rows of the orders in this span.
    pub async fn read_in(tx: &impl Tx, span: Span) -> Result<Self, OrderError> {
        let mut children = Self::default();
        let lines = within(tx.find::<line::Entity>(), line::Column::OrderId, span).ascending(line::Column::LineNo);
        children.lines = grouped(lines.all().await?, |row| row.order_id);
        let hops = within(tx.find::<hop::Entity>(), hop::Column::OrderId, span).ascending(hop::Column::Depth);
        children.hops = grouped(hops.all().await?, |row| row.order_id);
        let referrals = within(tx.find::<referral::Entity>(), referral::Column::OrderId, span);
        children.referrals = referrals.all().await?.into_iter().map(|row| (row.order_id, row)).collect();
        let commissions = within(tx.find::<commission::Entity>(), commission::Column::OrderId, span);
        let commissions = commissions.ascending(commission::Column::Tier).all().await?;
        children.commissions = grouped(commissions, |row| row.order_id);
        let events = within(tx.find::<event::Entity>(), event::Column::OrderId, span).ascending(event::Column::Seq);
        children.events = grouped(events.all().await?, |row| row.order_id);
        let holds = within(tx.find::<hold::Entity>(), hold::Column::OrderId, span);
        children.holds = grouped(holds.all().await?, |row| row.order_id);
        let works = within(tx.find::<fulfilment::Entity>(), fulfilment::Column::OrderId, span);
        children.works = grouped(works.all().await?, |row| row.order_id);
        let returns = within(tx.find::<returns::Entity>(), returns::Column::OrderId, span);
        let returns = returns.ascending(returns::Column::Number).all().await?;
        children.returns = grouped(returns, |row| row.order_id);
        let returned = within(tx.find::<returned_line::Entity>(), returned_line::Column::OrderId, span);
        let returned = returned.ascending(returned_line::Column::Number).all().await?;
        children.returned = grouped(returned, |row| row.order_id);
        let replacements = within(tx.find::<replacement::Entity>(), replacement::Column::OrderId, span);
        let replacements = replacements.ascending(replacement::Column::Number).all().await?;
        children.replacements = grouped(replacements, |row| row.order_id);
        let intents = payment::order_intents_in(tx, span.0, span.1, PAGE).await?;
        children.intents = grouped(intents, |intent| intent.id.uuid());
        children.others = others_in(tx, span).await?;
        Ok(children)
    }

    /// The order with those of the rows that are its own.
    pub fn sale<'a>(&'a self, row: &'a order::Model, payments: &'a [Payment]) -> Sale<'a> {
        Sale {
            row,
            lines: of(&self.lines, row.id),
            hops: of(&self.hops, row.id),
            referral: self.referrals.get(&row.id),
            commissions: of(&self.commissions, row.id),
            works: of(&self.works, row.id),
            returns: of(&self.returns, row.id),
            returned: of(&self.returned, row.id),
            replacements: of(&self.replacements, row.id),
            intents: of(&self.intents, row.id),
            payments,
        }
    }

    /// The rows that name an order or a line that is not there, or another site or SKU than that.
    pub fn strays(&self, orders: &[order::Model]) -> Vec<String> {
        let orders: HashMap<Uuid, &order::Model> = orders.iter().map(|row| (row.id, row)).collect();
        let mut strays = Vec::new();
        for Named { table, order, line, site, sku } in self.named() {
            let Some(row) = orders.get(&order) else {
                strays.push(format!("a row of {table} belongs to {order}, which is no order"));
                continue;
            };
            if site.is_some_and(|site| site != row.site_id) {
                strays.push(format!("a row of {table} of order {order} is another site's"));
            }
            let Some(number) = line else { continue };
            let line = of(&self.lines, order).iter().find(|line| line.line_no == number);
            if line.is_none_or(|line| sku.is_some_and(|sku| sku != line.sku_id)) {
                strays.push(format!("a row of {table} belongs to line {number} of order {order}, which is not there"));
            }
        }
        strays
    }

    fn named(&self) -> impl Iterator<Item = Named> + '_ {
        let row = |table, order, line, site| Named { table, order, line, site: Some(site), sku: None };
        let lines = self.lines.values().flatten().map(move |own| row("order_lines", own.order_id, None, own.site_id));
        // A hop is of a site above the seller.
        let hops = self.hops.values().flatten();
        let hops = hops.map(|own| Named {
            table: "order_hops",
            order: own.order_id,
            line: Some(own.line_no),
            site: None,
            sku: None,
        });
        let brought = self.referrals.values();
        let brought = brought.map(move |own| row("order_referrals", own.order_id, None, own.site_id));
        let earned = self.commissions.values().flatten();
        let earned = earned.map(move |own| row("order_commissions", own.order_id, Some(own.line_no), own.site_id));
        let events = self.events.values().flatten();
        let events = events.map(move |own| row("order_events", own.order_id, None, own.site_id));
        let holds = self.holds.values().flatten().map(move |own| Named {
            sku: Some(own.sku_id),
            ..row("order_holds", own.order_id, Some(own.line_no), own.site_id)
        });
        let works = self.works.values().flatten().map(move |own| Named {
            sku: Some(own.sku_id),
            ..row("fulfilments", own.order_id, Some(own.line_no), own.site_id)
        });
        let returns = self.returns.values().flatten();
        let returns = returns.map(move |own| row("order_returns", own.order_id, None, own.site_id));
        let returned = self.returned.values().flatten();
        let returned = returned.map(move |own| row("order_return_lines", own.order_id, Some(own.line_no), own.site_id));
        let replaced = self.replacements.values().flatten();
        let replaced = replaced.map(move |own| row("order_replacements", own.order_id, Some(own.line_no), own.site_id));
        let intents = self.intents.values().flatten();
        let intents = intents.map(move |own| row("intents", own.id.uuid(), None, own.site.uuid()));
        let others = self.others.iter().map(|own| Named { ..*own });
        lines
            .chain(hops)
            .chain(brought)
            .chain(earned)
            .chain(events)
            .chain(holds)
            .chain(works)
            .chain(returns)
            .chain(returned)
            .chain(replaced)
            .chain(intents)
            .chain(others)
    }
}

/// What is only asked whose it is: personal data and views are not read.
async fn others_in(tx: &impl Tx, span: Span) -> Result<Vec<Named>, StoreError> {
    let mut others = Vec::new();
    let contacts = within(tx.find::<contact::Entity>(), contact::Column::OrderId, span);
    let contacts: Vec<(Uuid, Uuid)> = contacts.columns([contact::Column::OrderId, contact::Column::SiteId]).await?;
    let of_contact = |(order, site)| Named { table: "order_contacts", order, line: None, site: Some(site), sku: None };
    others.extend(contacts.into_iter().map(of_contact));
    let forms = within(tx.find::<form::Entity>(), form::Column::OrderId, span);
    let columns = [form::Column::OrderId, form::Column::LineNo, form::Column::SiteId];
    let forms: Vec<(Uuid, i32, Uuid)> = forms.columns(columns).await?;
    let of_line = |table: &'static str| {
        move |(order, line, site)| Named { table, order, line: Some(line), site: Some(site), sku: None }
    };
    others.extend(forms.into_iter().map(of_line("order_forms")));
    let claims = within(tx.find::<claim::Entity>(), claim::Column::OrderId, span);
    let claims: Vec<(Uuid, Uuid)> = claims.columns([claim::Column::OrderId, claim::Column::SiteId]).await?;
    let of_claim = |(order, site)| Named { table: "order_claims", order, line: None, site: Some(site), sku: None };
    others.extend(claims.into_iter().map(of_claim));
    let reveals = within(tx.find::<reveal::Entity>(), reveal::Column::OrderId, span);
    let columns = [reveal::Column::OrderId, reveal::Column::LineNo, reveal::Column::SiteId];
    let reveals: Vec<(Uuid, i32, Uuid)> = reveals.columns(columns).await?;
    others.extend(reveals.into_iter().map(of_line("reveals")));
    Ok(others)
}

/// What lies behind the last order belongs to none; a page of it says enough.
fn within<'t, E: EntityTrait>(find: Find<'t, E>, order: E::Column, (after, last): Span) -> Find<'t, E> {
    let find = find.filter(order.gt(after));
    match last {
        Some(last) => find.filter(order.lte(last)),
        None => find.limit(PAGE),
    }
}

fn grouped<T>(rows: Vec<T>, order: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut grouped: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        grouped.entry(order(&row)).or_default().push(row);
    }
    grouped
}

fn of<T>(grouped: &HashMap<Uuid, Vec<T>>, order: Uuid) -> &[T] {
    grouped.get(&order).map_or(&[][..], Vec::as_slice)
}
