//! Between rows and values.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Currency, Money, SiteId, TenantId, Wording};

use super::SealedChannel;
use crate::error::PaymentError;
use crate::model::{
    Attempt, AttemptState, Channel, ChannelId, ChannelState, Exception, ExceptionId, ExceptionKind, ExceptionState,
    Intent, IntentId, IntentState, Payment, PaymentId, Purpose, Refund, RefundId, RefundState, Use,
};
use crate::number::OutNo;
use crate::table::{attempt, channel, exception, intent, payment, refund};

type Value<T> = Result<T, PaymentError>;

/// Says which row cannot be read.
struct Row<'a>(&'static str, &'a dyn std::fmt::Display);

impl Row<'_> {
    fn part<T>(&self, what: &'static str, value: Option<T>) -> Value<T> {
        value.ok_or_else(|| PaymentError::Broken { table: self.0, row: self.1.to_string(), what })
    }

    fn currency(&self, code: &str) -> Value<Currency> {
        self.part("currency", Currency::parse(code).ok())
    }

    fn money(&self, minor: i64, code: &str) -> Value<Money> {
        Ok(Money::new(minor, self.currency(code)?))
    }
}

pub(super) fn channel_of(row: &channel::Model) -> Value<Channel> {
    let read = Row("channels", &row.id);
    Ok(Channel {
        id: ChannelId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        is_main: row.is_main,
        provider: row.provider.clone(),
        name: Wording::new(&row.name_zh, &row.name_en),
        payee: row.payee.clone(),
        currency: read.currency(&row.currency)?,
        settings: read.part("settings", serde_json::from_str(&row.settings).ok())?,
        state: read.part("state", ChannelState::parse(&row.state))?,
        sort: row.sort,
    })
}

pub(super) fn channel_row(tenant: TenantId, new: SealedChannel, now: DateTime<Utc>) -> channel::Model {
    let SealedChannel { channel, sealed, key_version } = new;
    channel::Model {
        tenant_id: tenant.uuid(),
        id: channel.id.uuid(),
        site_id: channel.site.uuid(),
        is_main: channel.is_main,
        provider: channel.provider,
        name_zh: channel.name.zh,
        name_en: channel.name.en,
        payee: channel.payee,
        currency: channel.currency.code().to_owned(),
        settings: channel.settings.to_string(),
        sealed,
        key_version,
        state: channel.state.word().to_owned(),
        sort: channel.sort,
        created_at: now,
    }
}

pub(super) fn intent_of(row: &intent::Model) -> Value<Intent> {
    let read = Row("intents", &row.id);
    Ok(Intent {
        id: IntentId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        purpose: read.part("purpose", Purpose::parse(&row.purpose))?,
        customer: row.customer_id.map(CustomerId::from_uuid),
        amount: read.money(row.amount_minor, &row.currency)?,
        state: read.part("state", IntentState::parse(&row.state))?,
        return_url: row.return_url.clone(),
        expires_at: row.expires_at,
        created_at: row.created_at,
    })
}

pub(super) fn intent_row(tenant: TenantId, intent: &Intent) -> intent::Model {
    intent::Model {
        tenant_id: tenant.uuid(),
        id: intent.id.uuid(),
        site_id: intent.site.uuid(),
        purpose: intent.purpose.word().to_owned(),
        customer_id: intent.customer.map(|customer| customer.uuid()),
        amount_minor: intent.amount.minor(),
        currency: intent.amount.currency().code().to_owned(),
        state: intent.state.word().to_owned(),
        return_url: intent.return_url.clone(),
        expires_at: intent.expires_at,
        created_at: intent.created_at,
    }
}

pub(super) fn attempt_of(row: &attempt::Model) -> Value<Attempt> {
    let read = Row("attempts", &row.out_no);
    Ok(Attempt {
        out_no: read.part("out_no", OutNo::parse(&row.out_no).ok())?,
        intent: IntentId::from_uuid(row.intent_id),
        site: SiteId::from_uuid(row.site_id),
        channel: ChannelId::from_uuid(row.channel_id),
        payee: row.payee.clone(),
        amount: read.money(row.amount_minor, &row.currency)?,
        state: read.part("state", AttemptState::parse(&row.state))?,
        pay_url: row.pay_url.clone(),
        trade_no: row.trade_no.clone(),
        created_at: row.created_at,
    })
}

pub(super) fn attempt_row(tenant: TenantId, attempt: &Attempt) -> attempt::Model {
    attempt::Model {
        tenant_id: tenant.uuid(),
        out_no: attempt.out_no.to_string(),
        site_id: attempt.site.uuid(),
        intent_id: attempt.intent.uuid(),
        channel_id: attempt.channel.uuid(),
        payee: attempt.payee.clone(),
        amount_minor: attempt.amount.minor(),
        currency: attempt.amount.currency().code().to_owned(),
        state: attempt.state.word().to_owned(),
        pay_url: attempt.pay_url.clone(),
        trade_no: attempt.trade_no.clone(),
        created_at: attempt.created_at,
    }
}

pub(super) fn payment_of(row: &payment::Model) -> Value<Payment> {
    let read = Row("payments", &row.id);
    Ok(Payment {
        id: PaymentId::from_uuid(row.id),
        channel: ChannelId::from_uuid(row.channel_id),
        site: SiteId::from_uuid(row.site_id),
        trade_no: row.trade_no.clone(),
        out_no: row.out_no.clone(),
        intent: row.intent_id.map(IntentId::from_uuid),
        payee: row.payee.clone(),
        amount: read.money(row.amount_minor, &row.currency)?,
        use_: read.part("used_for", Use::parse(&row.used_for))?,
        paid_at: row.paid_at,
        received_at: row.received_at,
    })
}

pub(super) fn payment_row(tenant: TenantId, payment: &Payment) -> payment::Model {
    payment::Model {
        tenant_id: tenant.uuid(),
        id: payment.id.uuid(),
        site_id: payment.site.uuid(),
        channel_id: payment.channel.uuid(),
        trade_no: payment.trade_no.clone(),
        out_no: payment.out_no.clone(),
        intent_id: payment.intent.map(|intent| intent.uuid()),
        payee: payment.payee.clone(),
        amount_minor: payment.amount.minor(),
        currency: payment.amount.currency().code().to_owned(),
        used_for: payment.use_.word().to_owned(),
        paid_at: payment.paid_at,
        received_at: payment.received_at,
    }
}

pub(super) fn exception_of(row: &exception::Model) -> Value<Exception> {
    let read = Row("exceptions", &row.id);
    Ok(Exception {
        id: ExceptionId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        kind: read.part("kind", ExceptionKind::parse(&row.kind))?,
        payment: PaymentId::from_uuid(row.payment_id),
        intent: row.intent_id.map(IntentId::from_uuid),
        amount: read.money(row.amount_minor, &row.currency)?,
        state: read.part("state", ExceptionState::parse(&row.state))?,
        cause: row.cause.clone(),
        opened_at: row.opened_at,
    })
}

pub(super) fn exception_row(tenant: TenantId, exception: &Exception, now: DateTime<Utc>) -> exception::Model {
    exception::Model {
        tenant_id: tenant.uuid(),
        id: exception.id.uuid(),
        site_id: exception.site.uuid(),
        kind: exception.kind.word().to_owned(),
        payment_id: exception.payment.uuid(),
        intent_id: exception.intent.map(|intent| intent.uuid()),
        amount_minor: exception.amount.minor(),
        currency: exception.amount.currency().code().to_owned(),
        state: exception.state.word().to_owned(),
        cause: exception.cause.clone(),
        opened_at: exception.opened_at,
        resolved_at: (exception.state == ExceptionState::Resolved).then_some(now),
    }
}

pub(super) fn refund_of(row: &refund::Model) -> Value<Refund> {
    let read = Row("refunds", &row.id);
    Ok(Refund {
        id: RefundId::from_uuid(row.id),
        refund_no: read.part("refund_no", OutNo::parse(&row.refund_no).ok())?,
        payment: PaymentId::from_uuid(row.payment_id),
        exception: row.exception_id.map(ExceptionId::from_uuid),
        channel: ChannelId::from_uuid(row.channel_id),
        out_no: row.out_no.clone(),
        site: SiteId::from_uuid(row.site_id),
        amount: read.money(row.amount_minor, &row.currency)?,
        state: read.part("state", RefundState::parse(&row.state))?,
        reason: row.reason.clone(),
        tries: row.tries.unsigned_abs(),
        error: row.error.clone(),
    })
}

pub(super) fn refund_row(tenant: TenantId, refund: &Refund, now: DateTime<Utc>) -> refund::Model {
    refund::Model {
        tenant_id: tenant.uuid(),
        id: refund.id.uuid(),
        site_id: refund.site.uuid(),
        refund_no: refund.refund_no.to_string(),
        payment_id: refund.payment.uuid(),
        exception_id: refund.exception.map(|exception| exception.uuid()),
        channel_id: refund.channel.uuid(),
        out_no: refund.out_no.clone(),
        amount_minor: refund.amount.minor(),
        currency: refund.amount.currency().code().to_owned(),
        state: refund.state.word().to_owned(),
        reason: refund.reason.clone(),
        tries: i32::try_from(refund.tries).unwrap_or(i32::MAX),
        error: refund.error.clone(),
        requested_at: now,
        changed_at: now,
    }
}
