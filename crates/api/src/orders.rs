//! Orders: as the main site's people see all of them, and as the owner of a site sees his own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::SkuId;
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::SiteId;
use order::machine::{DeliveryState, OrderState, PaymentState};
use order::{
    DeskLine, DeskPayment, DeskView, Event, FrozenCommission, OrderError, OrderFilter, OrderId, OrderList, OrderNumber,
    OrderRow,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Operator, OrderRead, Path, Problem, Query, SiteOperator};

use crate::claims::ClaimView;
use crate::fulfilments::ManualView;
use crate::page::{List, MoneyView, WordingView, after, answer, limit};
use crate::replacements::OrderReplacementView;
use crate::returns::OrderRefundView;
use crate::routes::App;

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// How many, 1 to 100.
    #[serde(default = "crate::page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// Of this site only.
    #[param(value_type = Option<String>)]
    site: Option<SiteId>,
    /// With this SKU only.
    #[param(value_type = Option<String>)]
    sku: Option<SkuId>,
    /// `open`, `completed`, `expired`, `cancelled` or `disputed`.
    #[param(value_type = Option<String>)]
    status: Option<OrderState>,
    /// `unpaid`, `paying`, `paid`, `part_refunded` or `refunded`.
    #[param(value_type = Option<String>)]
    payment: Option<PaymentState>,
    /// `none`, `queued`, `delivering`, `part_delivered`, `delivered` or `failed`.
    #[param(value_type = Option<String>)]
    delivery: Option<DeliveryState>,
    /// With this number, in groups or without; two orders may have one.
    number: Option<String>,
    /// Placed at this moment or later.
    placed_from: Option<DateTime<Utc>>,
    /// Placed before this moment.
    placed_to: Option<DateTime<Utc>>,
}

impl Filter {
    fn read(self) -> Result<(OrderFilter, Option<OrderId>, u64), Problem> {
        let (limit, after) = (limit(self.limit)?, after(self.cursor.as_deref(), OrderId::parse)?);
        let number = self.number.as_deref().map(OrderNumber::parse).transpose().map_err(OrderError::from)?;
        let filter = OrderFilter {
            number,
            site: self.site,
            orders: self.status.into_iter().collect(),
            payments: self.payment.into_iter().collect(),
            deliveries: self.delivery.into_iter().collect(),
            sku: self.sku,
            placed_from: self.placed_from,
            placed_to: self.placed_to,
        };
        Ok((filter, after, limit))
    }
}

/// An order in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderRowView {
    /// Its id.
    #[schema(value_type = String)]
    id: OrderId,
    /// What people call it: the buyer sees it, and finds the order by it.
    #[schema(example = "20261101-01234-567897")]
    number: String,
    /// The selling site.
    #[schema(value_type = String)]
    site: SiteId,
    /// `wallet` or `channel`.
    method: &'static str,
    /// What a person sees: `open`, `completed`, `expired`, `cancelled`, `disputed`.
    status: &'static str,
    /// Where the money is.
    payment: &'static str,
    /// Where the goods are.
    delivery: &'static str,
    /// What the buyer pays.
    total: MoneyView,
    /// The title of its first line.
    title: WordingView,
    /// How many lines it has.
    lines: u32,
    /// How many pieces.
    pieces: u32,
    /// When it was placed.
    placed_at: DateTime<Utc>,
    /// Until when it is to be paid.
    expires_at: Option<DateTime<Utc>>,
    /// When it was paid.
    paid_at: Option<DateTime<Utc>>,
    /// When the last of it was delivered.
    delivered_at: Option<DateTime<Utc>>,
}

/// An order: no contact, no code, no word that opens its page.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderView {
    #[serde(flatten)]
    order: OrderRowView,
    /// The site whose own channel collects; none for the main site.
    #[schema(value_type = Option<String>)]
    collector: Option<SiteId>,
    /// What was bought.
    items: Vec<ItemView>,
    /// What happened, oldest first.
    events: Vec<EventView>,
    /// The money that came for it.
    payments: Vec<PaymentView>,
    /// The money that goes back, the first refund first.
    refunds: Vec<OrderRefundView>,
    /// What the buyer has asked to have back, the first claim first.
    claims: Vec<ClaimView>,
    /// The codes that were replaced because they did not work, the first one first.
    replacements: Vec<OrderReplacementView>,
    /// The agent who brought the buyer.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
}

/// A line.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    /// Its place, from 1.
    number: i32,
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// The goods' title at the time.
    title: WordingView,
    /// The SKU's name at the time.
    sku_name: WordingView,
    /// How many.
    quantity: u32,
    /// What one cost the buyer.
    unit: MoneyView,
    /// What all cost him.
    total: MoneyView,
    /// Who bought for how much from whom, the main site first; for the owner of a site his own part only.
    hops: Vec<HopView>,
    /// What agents earn once it is delivered, the one who brought the buyer first; it comes out of the last hop's margin.
    commissions: Vec<CommissionView>,
    /// What a person does for it.
    manual: Option<ManualView>,
}

/// A site's part in a line: what a piece cost it, and what it asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct HopView {
    /// The site.
    #[schema(value_type = String)]
    site: SiteId,
    /// What it paid.
    cost: MoneyView,
    /// What it asked.
    price: MoneyView,
    /// By which version of which rule.
    rule: String,
}

/// What an agent earns from a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommissionView {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// 0 for the one who brought the buyer.
    tier: u8,
    /// For all pieces.
    amount: MoneyView,
    /// By which rule of which version of the plan.
    rule: String,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventView {
    /// What.
    event: &'static str,
    /// When.
    at: DateTime<Utc>,
    /// By whom.
    actor: String,
}

/// Money that came.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentView {
    /// Its id.
    id: String,
    /// The channel it came by.
    channel: String,
    /// What the channel is called.
    channel_name: WordingView,
    /// The gateway's number.
    trade_no: String,
    /// How much.
    amount: MoneyView,
    /// When, by the gateway's clock.
    paid_at: DateTime<Utc>,
}

/// The tenant's orders, newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/orders", tag = "orders", params(("tenant" = String, Path), Filter),
    responses((status = 200, body = List<OrderRowView>))
)]
pub(crate) async fn list(
    operator: Operator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let (filter, after, limit) = filter.read()?;
    let found = rooms.orders.list(&operator.scope, &filter, after, limit).await?;
    Ok(answer(StatusCode::OK, part(found)))
}

/// One order.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/orders/{order}", tag = "orders",
    params(("tenant" = String, Path), ("order" = String, Path)), responses((status = 200, body = OrderView))
)]
pub(crate) async fn show(
    operator: Operator<OrderRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, order)): Path<(String, OrderId)>,
) -> Result<Response, Problem> {
    let view = rooms.orders.desk_view(&operator.scope, order).await?;
    Ok(answer(StatusCode::OK, OrderView::from(view)))
}

/// An order as the owner of its site sees it: with the buyer's contact, and of each line his own part only.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnOrderView {
    #[serde(flatten)]
    order: OrderView,
    /// How the buyer is reached.
    contact: Option<String>,
}

/// The site's own orders, newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/orders", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Filter),
    responses((status = 200, body = List<OrderRowView>))
)]
pub(crate) async fn own_orders(
    operator: SiteOperator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let (filter, after, limit) = filter.read()?;
    let found = rooms.orders.list(&operator.scope, &filter, after, limit).await?;
    Ok(answer(StatusCode::OK, part(found)))
}

/// One of the site's own orders.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/orders/{order}", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("order" = String, Path)),
    responses((status = 200, body = OwnOrderView))
)]
pub(crate) async fn own_order(
    operator: SiteOperator<OrderRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, order)): Path<(String, String, OrderId)>,
) -> Result<Response, Problem> {
    let view = rooms.orders.own_view(&operator.scope, order).await?;
    Ok(answer(StatusCode::OK, OwnOrderView { order: view.desk.into(), contact: view.contact }))
}

fn part(found: OrderList) -> List<OrderRowView> {
    List::part(found.rows.into_iter().map(Into::into).collect(), found.next)
}

impl From<DeskView> for OrderView {
    fn from(view: DeskView) -> Self {
        Self {
            order: view.order.into(),
            collector: view.collector,
            items: view.lines.into_iter().map(Into::into).collect(),
            events: view.events.into_iter().map(Into::into).collect(),
            payments: view.payments.into_iter().map(Into::into).collect(),
            refunds: view.refunds.into_iter().map(Into::into).collect(),
            claims: view.claims.into_iter().map(Into::into).collect(),
            replacements: view.replacements.into_iter().map(Into::into).collect(),
            agent: view.agent,
        }
    }
}

impl From<OrderRow> for OrderRowView {
    fn from(row: OrderRow) -> Self {
        Self {
            id: row.id,
            number: row.number.to_string(),
            site: row.site,
            method: row.method.word(),
            status: row.states.order.word(),
            payment: row.states.payment.word(),
            delivery: row.states.delivery.word(),
            total: row.total.into(),
            title: row.title.into(),
            lines: row.lines,
            pieces: row.pieces,
            placed_at: row.placed_at,
            expires_at: row.expires_at,
            paid_at: row.paid_at,
            delivered_at: row.delivered_at,
        }
    }
}

impl From<DeskLine> for ItemView {
    fn from(line: DeskLine) -> Self {
        let hop = |hop: order::DeskHop| HopView {
            site: hop.site,
            cost: hop.cost.into(),
            price: hop.price.into(),
            rule: hop.rule,
        };
        let commission = |own: FrozenCommission| CommissionView {
            agent: own.agent,
            tier: own.tier,
            amount: own.amount.into(),
            rule: own.rule,
        };
        Self {
            number: line.number,
            sku: line.sku,
            title: line.title.into(),
            sku_name: line.sku_name.into(),
            quantity: line.quantity,
            unit: line.unit.into(),
            total: line.total.into(),
            hops: line.hops.into_iter().map(hop).collect(),
            commissions: line.commissions.into_iter().map(commission).collect(),
            manual: line.manual.map(Into::into),
        }
    }
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { event: event.event.word(), at: event.at, actor: event.actor }
    }
}

impl From<DeskPayment> for PaymentView {
    fn from(payment: DeskPayment) -> Self {
        Self {
            id: payment.id.to_string(),
            channel: payment.channel.to_string(),
            channel_name: payment.name.into(),
            trade_no: payment.trade_no,
            amount: payment.amount.into(),
            paid_at: payment.paid_at,
        }
    }
}
