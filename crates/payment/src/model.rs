//! Channels, intents, tries to pay, money that came, what was wrong with it, refunds: as values.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Currency, Money, SiteId, Wording};
use serde::{Deserialize, Serialize};

use crate::number::OutNo;

kernel::kinds! {
    /// A way to pay at one merchant account.
    ChannelId = ChannelMark "chn";
    /// Something to be paid; an order's intent has the order's id.
    IntentId = IntentMark "int";
    /// Money that came.
    PaymentId = PaymentMark "pay";
    /// Money that came and could not be used.
    ExceptionId = ExceptionMark "exc";
    /// Money to be sent back.
    RefundId = RefundMark "rfd";
    /// A verified message of a gateway.
    CallbackId = CallbackMark "cbk";
}

kernel::words! {
    /// Whether buyers are offered a channel.
    ChannelState {
        /// Offered.
        Active = "active",
        /// Not offered; money that still comes is taken.
        Paused = "paused",
    }
}

kernel::words! {
    /// What an intent pays for.
    Purpose {
        /// An order.
        Order = "order",
        /// A customer's wallet.
        TopUp = "top_up",
    }
}

kernel::words! {
    /// Whether an intent still waits for money.
    IntentState {
        /// It waits.
        Open = "open",
        /// It was paid.
        Paid = "paid",
        /// It is over: expired or cancelled.
        Closed = "closed",
    }
}

kernel::words! {
    /// Where a try to pay stands.
    AttemptState {
        /// The gateway does not know of it yet.
        New = "new",
        /// The gateway waits for the buyer.
        Waiting = "waiting",
        /// Its money came.
        Paid = "paid",
        /// Nothing came, and nothing can.
        Closed = "closed",
        /// The gateway refused it.
        Failed = "failed",
        /// Money of another amount or for another payee came.
        Mismatched = "mismatched",
    }
}

kernel::words! {
    /// What became of money that came.
    Use {
        /// It paid an order.
        Order = "order",
        /// It went into a wallet.
        TopUp = "top_up",
        /// It could not be used.
        Exception = "exception",
    }
}

kernel::words! {
    /// Why money could not be used.
    ExceptionKind {
        /// It came after the order was over.
        Late = "late",
        /// What it pays was paid before.
        Double = "double",
        /// Not the amount that was asked for.
        WrongAmount = "wrong_amount",
        /// It went to another merchant.
        WrongPayee = "wrong_payee",
        /// It names no try of ours.
        Unmatched = "unmatched",
        /// The site that collects cannot pay for the goods.
        AwaitingFunds = "awaiting_funds",
    }
}

kernel::words! {
    /// Whether an exception waits for somebody.
    ExceptionState {
        /// It waits.
        Open = "open",
        /// It is settled; its cause says how.
        Resolved = "resolved",
    }
}

kernel::words! {
    /// Where a refund stands.
    RefundState {
        /// Somebody has to decide.
        Requested = "requested",
        /// It is to be sent.
        Approved = "approved",
        /// The gateway was asked, or is just being asked.
        Submitting = "submitting",
        /// The gateway was asked and its answer is not known.
        Unknown = "unknown",
        /// The money went back.
        Done = "done",
        /// The gateway refused; no money moved.
        Failed = "failed",
        /// It was never sent.
        Cancelled = "cancelled",
    }
}

/// A way to pay at one merchant account, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// The site it collects for.
    pub site: SiteId,
    /// Whether that is the main site.
    pub is_main: bool,
    /// The name of the gateway it goes through.
    pub provider: String,
    /// What buyers see.
    pub name: Wording,
    /// The merchant's id at the gateway; a channel keeps it for life.
    pub payee: String,
    /// The one currency it takes.
    pub currency: Currency,
    /// What the gateway's adapter wants to know.
    pub settings: serde_json::Value,
    /// Whether buyers are offered it.
    pub state: ChannelState,
    /// Its place in the list, the lowest first.
    pub sort: i32,
}

/// Who takes a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collector {
    /// The main site.
    Main,
    /// A site for itself.
    Own(SiteId),
}

/// Something to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its id; an order's intent has the order's.
    pub id: IntentId,
    /// The site that sells.
    pub site: SiteId,
    /// What it pays for.
    pub purpose: Purpose,
    /// Who pays, if he has an account.
    pub customer: Option<CustomerId>,
    /// How much.
    pub amount: Money,
    /// Whether it waits.
    pub state: IntentState,
    /// Where the buyer comes back to; never proof of anything.
    pub return_url: String,
    /// Until when it may be paid.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One try to pay an intent; binds all that its money is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number at the gateway.
    pub out_no: OutNo,
    /// What it pays.
    pub intent: IntentId,
    /// The site that sells.
    pub site: SiteId,
    /// The way.
    pub channel: ChannelId,
    /// The merchant's id as it was.
    pub payee: String,
    /// How much, exactly.
    pub amount: Money,
    /// Where it stands.
    pub state: AttemptState,
    /// Where the buyer pays, once the gateway has said so.
    pub pay_url: Option<String>,
    /// The gateway's own number, once it has said so.
    pub trade_no: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Facts about money at a gateway: from a verified callback or an active query, and from nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The channel it was seen at.
    pub channel: ChannelId,
    /// Our number as the gateway says it; [`Seen::number`] reads it.
    pub out_no: String,
    /// The gateway's number.
    pub trade_no: String,
    /// The merchant that was paid.
    pub payee: String,
    /// What was paid.
    pub amount: Money,
    /// When, by the gateway's clock.
    pub paid_at: DateTime<Utc>,
    /// Whether the gateway said so when it was asked; a callback alone does not confirm.
    pub is_confirmed: bool,
}

/// Money that came, recorded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The channel.
    pub channel: ChannelId,
    /// The site that sells, or the channel's if it is not known what was paid.
    pub site: SiteId,
    /// The gateway's number, one payment each.
    pub trade_no: String,
    /// Our number as the gateway says it.
    pub out_no: String,
    /// What it was meant to pay, if that is known.
    pub intent: Option<IntentId>,
    /// The merchant that was paid.
    pub payee: String,
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub use_: Use,
    /// When, by the gateway's clock.
    pub paid_at: DateTime<Utc>,
    /// When we recorded it.
    pub received_at: DateTime<Utc>,
}

/// Money that came and could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its id.
    pub id: ExceptionId,
    /// The site of the payment.
    pub site: SiteId,
    /// Why.
    pub kind: ExceptionKind,
    /// The money.
    pub payment: PaymentId,
    /// What it was meant to pay, if that is known.
    pub intent: Option<IntentId>,
    /// How much.
    pub amount: Money,
    /// Whether it waits for somebody.
    pub state: ExceptionState,
    /// What it waits for, or how it was settled.
    pub cause: Option<String>,
    /// Since when.
    pub opened_at: DateTime<Utc>,
}

/// Money to be sent back to where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Its number at the gateway, the same however often it is sent.
    pub refund_no: OutNo,
    /// The money that came.
    pub payment: PaymentId,
    /// The exception it settles; none if it is an order's.
    pub exception: Option<ExceptionId>,
    /// The channel of the payment.
    pub channel: ChannelId,
    /// Our number of the payment as the gateway knows it.
    pub out_no: String,
    /// The site of the payment.
    pub site: SiteId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: RefundState,
    /// Why it is made.
    pub reason: String,
    /// How often the gateway was asked for it.
    pub tries: u32,
    /// What the gateway said against it last.
    pub error: Option<String>,
}

impl Channel {
    /// Who takes what is paid here.
    pub const fn collector(&self) -> Collector {
        if self.is_main { Collector::Main } else { Collector::Own(self.site) }
    }

    /// Whether it may collect for a sale of `site`: its own channel or one of the main site.
    pub fn serves(&self, site: SiteId) -> bool {
        self.is_main || self.site == site
    }
}

impl Intent {
    /// Whether it can be paid at `now`.
    pub fn is_payable(&self, now: DateTime<Utc>) -> bool {
        self.state == IntentState::Open && now < self.expires_at
    }

    /// A first or further try to pay it by `channel`.
    pub fn attempt(&self, out_no: OutNo, channel: &Channel, now: DateTime<Utc>) -> Attempt {
        Attempt {
            out_no,
            intent: self.id,
            site: self.site,
            channel: channel.id,
            payee: channel.payee.clone(),
            amount: self.amount,
            state: AttemptState::New,
            pay_url: None,
            trade_no: None,
            created_at: now,
        }
    }
}

impl Seen {
    /// Our number, if it is one.
    pub fn number(&self) -> Option<OutNo> {
        OutNo::parse(&self.out_no).ok()
    }

    /// The payment to record for this money.
    pub fn payment(&self, (site, intent): (SiteId, Option<IntentId>), use_: Use, now: DateTime<Utc>) -> Payment {
        Payment {
            id: PaymentId::new(),
            channel: self.channel,
            site,
            trade_no: self.trade_no.clone(),
            out_no: self.out_no.clone(),
            intent,
            payee: self.payee.clone(),
            amount: self.amount,
            use_,
            paid_at: self.paid_at,
            received_at: now,
        }
    }
}

impl Payment {
    /// The exception that this money is.
    pub fn exception(&self, kind: ExceptionKind) -> Exception {
        Exception {
            id: ExceptionId::new(),
            site: self.site,
            kind,
            payment: self.id,
            intent: self.intent,
            amount: self.amount,
            state: ExceptionState::Open,
            cause: None,
            opened_at: self.received_at,
        }
    }

    /// A refund of so much of it because the order that it paid is refunded, or a part of it. The gateway is told no more
    /// than that.
    pub fn refund_of_order(&self, amount: Money) -> Refund {
        Refund { amount, ..self.refund_because(None, (RefundState::Approved, "order_refunded")) }
    }

    /// A refund of all of it. Money at another merchant's needs a person's word first, other money goes back at once.
    pub fn refund(&self, exception: &Exception) -> Refund {
        let state = match exception.kind {
            ExceptionKind::WrongPayee => RefundState::Requested,
            _ => RefundState::Approved,
        };
        self.refund_because(Some(exception.id), (state, exception.kind.word()))
    }

    fn refund_because(&self, exception: Option<ExceptionId>, (state, reason): (RefundState, &str)) -> Refund {
        Refund {
            id: RefundId::new(),
            refund_no: OutNo::new(),
            payment: self.id,
            exception,
            channel: self.channel,
            out_no: self.out_no.clone(),
            site: self.site,
            amount: self.amount,
            state,
            reason: reason.to_owned(),
            tries: 0,
            error: None,
        }
    }
}
