//! Our lines of a gateway's bill.

use chrono::{DateTime, Utc};
use sea_orm::ColumnTrait;
use store::Tx;

use super::rows;
use crate::bill::{BillKind, BillLine};
use crate::error::PaymentError;
use crate::model::{Channel, Payment, Refund, RefundState};
use crate::table::{channel, payment, refund};

/// All channels, in the order of their ids.
pub(crate) async fn all_channels_in(tx: &impl Tx) -> Result<Vec<Channel>, PaymentError> {
    let rows = tx.find::<channel::Entity>().ascending(channel::Column::Id).all().await?;
    rows.iter().map(rows::channel_of).collect()
}

/// What came by this channel for its merchant between these moments, by the gateway's clock, and what went back then.
pub(crate) async fn bill_lines_in(
    tx: &impl Tx,
    channel: &Channel,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    limit: u64,
) -> Result<Vec<BillLine>, PaymentError> {
    use {payment::Column as P, refund::Column as R};
    let payments = tx.find::<payment::Entity>().filter(P::ChannelId.eq(channel.id.uuid()));
    let payments = payments.filter(P::PaidAt.gte(from)).filter(P::PaidAt.lt(until)).filter(P::Payee.eq(&channel.payee));
    let payments = payments.ascending(P::PaidAt).ascending(P::Id).limit(limit).all().await?;
    let refunds = tx.find::<refund::Entity>().filter(R::ChannelId.eq(channel.id.uuid()));
    let refunds = refunds.filter(R::State.eq(RefundState::Done.word()));
    let refunds = refunds.filter(R::ChangedAt.gte(from)).filter(R::ChangedAt.lt(until));
    let refunds = refunds.ascending(R::ChangedAt).ascending(R::Id).limit(limit).all().await?;
    lines(&payments, &refunds)
}

/// The lines with these numbers, whenever they came or went. A refund that we do not hold for done is none: that the
/// gateway has it on its bill is a difference.
pub(crate) async fn bill_lines_of_in(
    tx: &impl Tx,
    channel: &Channel,
    (trade_nos, refund_nos): (&[String], &[String]),
) -> Result<Vec<BillLine>, PaymentError> {
    use {payment::Column as P, refund::Column as R};
    let (mut payments, mut refunds) = (Vec::new(), Vec::new());
    if !trade_nos.is_empty() {
        let found = tx.find::<payment::Entity>().filter(P::ChannelId.eq(channel.id.uuid()));
        payments = found.among(P::TradeNo, trade_nos.iter().cloned()).all().await?;
    }
    if !refund_nos.is_empty() {
        let found = tx.find::<refund::Entity>().filter(R::ChannelId.eq(channel.id.uuid()));
        let done = found.filter(R::State.eq(RefundState::Done.word()));
        refunds = done.among(R::RefundNo, refund_nos.iter().cloned()).all().await?;
    }
    lines(&payments, &refunds)
}

fn lines(payments: &[payment::Model], refunds: &[refund::Model]) -> Result<Vec<BillLine>, PaymentError> {
    let payments = payments.iter().map(|row| rows::payment_of(row).map(came));
    let refunds = refunds.iter().map(|row| Ok(went(rows::refund_of(row)?, row.changed_at)));
    payments.chain(refunds).collect()
}

fn came(payment: Payment) -> BillLine {
    let Payment { trade_no: number, out_no, amount, paid_at: at, .. } = payment;
    BillLine { kind: BillKind::Payment, number, out_no, amount, at }
}

fn went(refund: Refund, at: DateTime<Utc>) -> BillLine {
    let Refund { refund_no, out_no, amount, .. } = refund;
    BillLine { kind: BillKind::Refund, number: refund_no.to_string(), out_no, amount, at }
}
