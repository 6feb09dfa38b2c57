//! An order's money goes back, all of it or a part.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::{Currency, TenantScope};
use order::{LinePart, LineWish, OrderId, OrderRefund, RefundOf, RefundTo, RefundWish, ReturnedLine, ReturnedPart};
use payment::{RefundId, RefundState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{IdempotencyKey, Json, Operator, OrderRefund as MayRefund, Path, Problem};

use crate::body::Fields;
use crate::page::{MoneyView, answer_once};
use crate::routes::{ApiState, App};

/// The most lines of one request.
const LINES_MAX: usize = 100;

/// What goes back, where to, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundBody {
    /// Up to 500 characters; kept with the order.
    reason: String,
    /// Of which lines; without it whatever is left of the order.
    lines: Option<Vec<RefundLineBody>>,
    /// `source` (where the money came from, the default) or `wallet` (the buyer wants it in his wallet).
    #[serde(default = "source")]
    to: String,
}

/// What of a line goes back: with neither `amount` nor `pieces` whatever is left of it, which is void then.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundLineBody {
    /// Its place in the order, from 1.
    line: i32,
    /// So much money; the goods stay with the buyer, unless nothing is left.
    amount: Option<MoneyView>,
    /// These cards at their price, by their place in the line, from 1; they are void then.
    pieces: Option<Vec<u32>>,
}

/// A refund that was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundAskedView {
    /// Its number among the refunds of the order, from 1.
    number: i32,
    /// How much goes back.
    amount: MoneyView,
    /// Of which lines; whoever takes the last cent of one takes the whole.
    lines: Vec<AskedLineView>,
    /// Its number at the channel's desk; none if the wallet has it already.
    #[schema(value_type = Option<String>)]
    refund: Option<RefundId>,
    /// Where the order's money is now.
    payment: &'static str,
}

/// What goes back of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskedLineView {
    /// Its place in the order, from 1.
    line: i32,
    /// How much.
    amount: MoneyView,
    /// Whether nothing is left of it: it is void.
    whole: bool,
}

/// A refund of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderRefundView {
    /// Its number among the refunds of the order, from 1.
    number: i32,
    /// How much.
    amount: MoneyView,
    /// Of which lines.
    lines: Vec<ReturnedPartView>,
    /// `source` or `wallet`.
    to: &'static str,
    /// Why; the owner of a site is not told.
    reason: Option<String>,
    /// Who said so; the owner of a site is not told.
    #[schema(value_type = Option<String>)]
    by: Option<OperatorId>,
    /// When.
    at: DateTime<Utc>,
    /// Its number at the channel's desk; none if it went to the wallet.
    #[schema(value_type = Option<String>)]
    refund: Option<RefundId>,
    /// How it stands.
    state: &'static str,
    /// When the money was back.
    settled_at: Option<DateTime<Utc>>,
}

/// What went back of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReturnedPartView {
    /// Its place in the order, from 1.
    line: i32,
    /// How much.
    amount: MoneyView,
    /// Whether nothing was left of it then.
    whole: bool,
    /// The places of the cards that are void with it, from 1.
    pieces: Vec<u32>,
}

/// Where money goes if nobody says so: where it came from.
pub(crate) fn source() -> String {
    RefundTo::Source.word().to_owned()
}

/// Send the order's money back: all that is left of it, or so much of its lines.
///
/// A line that goes back whole is void afterwards, and so are the cards that are named. Every site and agent gives back what it
/// earned, in proportion. Money goes where it came from, or into the buyer's wallet if he wants that.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/orders/{order}/refund", tag = "orders", request_body = RefundBody,
    params(("tenant" = String, Path), ("order" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = RefundAskedView), (status = 409, description = "not paid, or refunded before"),
        (status = 422, description = "refused; `idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn refund(
    operator: Operator<MayRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, order)): Path<(String, OrderId)>,
    key: IdempotencyKey,
    Json(sent): Json<RefundBody>,
) -> Result<Response, Problem> {
    let by = operator.operator.id;
    let wish = wish_of(&rooms, &operator.scope, &sent).await?;
    let refund = RefundOf { reason: sent.reason, by };
    let asked = rooms.orders.refund(&operator.scope, (order, wish), refund, &key.scoped(&by)).await?;
    let body = RefundAskedView {
        number: asked.answer.number,
        amount: asked.answer.amount.into(),
        lines: asked.answer.lines.into_iter().map(Into::into).collect(),
        refund: asked.answer.refund,
        payment: asked.answer.states.payment.word(),
    };
    Ok(answer_once(asked.is_replay, body))
}

async fn wish_of(rooms: &ApiState, scope: &TenantScope, sent: &RefundBody) -> Result<RefundWish, Problem> {
    let mut fields = Fields::default();
    let to = fields.word("/to", &sent.to, RefundTo::parse);
    let mut lines = Vec::new();
    if let Some(sent) = &sent.lines {
        check_named(&mut fields, sent.len());
        let currency = rooms.currency_in(&rooms.store.read(scope).await?).await?;
        for (place, line) in sent.iter().enumerate() {
            lines.extend(line_of(&mut fields, &format!("/lines/{place}"), line, currency));
        }
    }
    fields.whole(to.map(|to| RefundWish { lines, to }))
}

/// Refuses a list of no lines: that is not all of them, a program may have filtered them away.
pub(crate) fn check_named(fields: &mut Fields, count: usize) {
    if !(1..=LINES_MAX).contains(&count) {
        fields.refuse("/lines", "value_out_of_range", format!("1 to {LINES_MAX} lines"));
    }
}

fn line_of(fields: &mut Fields, at: &str, sent: &RefundLineBody, currency: Currency) -> Option<LineWish> {
    let part = match (&sent.amount, &sent.pieces) {
        (None, None) => LinePart::Rest,
        (Some(amount), None) => LinePart::Amount(fields.money(&format!("{at}/amount"), amount, currency)?),
        (None, Some(pieces)) => LinePart::Pieces(pieces.iter().copied().collect()),
        (Some(_), Some(_)) => {
            fields.refuse(format!("{at}/pieces"), "value_out_of_range", "an amount or pieces, not both");
            return None;
        }
    };
    Some(LineWish { line: sent.line, part })
}

impl From<OrderRefund> for OrderRefundView {
    fn from(refund: OrderRefund) -> Self {
        let state: RefundState = refund.state;
        Self {
            number: refund.number,
            amount: refund.amount.into(),
            lines: refund.lines.into_iter().map(Into::into).collect(),
            to: refund.to.word(),
            reason: refund.reason,
            by: refund.by,
            at: refund.at,
            refund: refund.refund,
            state: state.word(),
            settled_at: refund.settled_at,
        }
    }
}

impl From<ReturnedLine> for AskedLineView {
    fn from(line: ReturnedLine) -> Self {
        Self { line: line.line, amount: line.amount.into(), whole: line.is_last }
    }
}

impl From<ReturnedPart> for ReturnedPartView {
    fn from(part: ReturnedPart) -> Self {
        Self { line: part.line, amount: part.amount.into(), whole: part.is_last, pieces: part.pieces }
    }
}
