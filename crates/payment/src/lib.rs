//! Payments: what is to be paid, every try at it, the money that came, and how it goes back.
//!
//! [`Till`] is the room's part in the lane. [`judge`] says what money is; the order room's command decides what it pays.
//! [`Payments`] speaks to gateways, always between transactions and never inside one, and stores what they say before
//! anything is decided. Adapters are leaves that implement [`Gateway`].
//!
//! | limit | |
//! |---|---|
//! | tries to pay an intent | 10 |
//! | a top-up, and a wallet after it | 5,000 of the currency |
//! | tiers of the rules of bonuses | 10, none gives more than was paid in |
//! | top-ups that wait for one customer's money | 3 |
//! | a hand-over to the cashier | once, within 5 minutes |
//! | questions after an unpaid trade | 5 s, 15 s, 30 s, 1, 2, 5, 10 min; closed at its end, asked once more after |
//! | a gateway that does not answer | asked on: trades and money for 25 h, refunds for ever (once a day) |
//! | a conversation | 5 s in a request, 8 s in a job; jobs hold 2 by a channel and 4 with a provider at a time |
//! | what nobody works on | gets its job again every 10 minutes, for a day |
//!
//! Invariants: a return address is never proof, only a verified message or an answer to our own question is; one
//! payment for each of a gateway's numbers; a refund whose answer is unknown is asked after and never sent blindly;
//! who collects is a property of each payment and follows from its channel.

mod audit;
mod bill;
mod bonus;
mod command;
mod error;
mod gateway;
mod job;
mod model;
mod number;
mod pace;
pub mod postings;
mod public;
mod repo;
mod rules;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod till;
mod watched;
mod worker;

pub use audit::{
    PaymentAudit, REFUND_WAITS_MAX, audit_in, ended_refunds_in, order_intents_in, payments_for_in, payments_in,
    refunds_in,
};
pub use bill::{BILL_LINES_MAX, BillKind, BillLine, BillReport, Difference, bill_day, compare};
pub use bonus::{Bonus, BonusRules, BonusTier, BonusVersion, Gives};
pub use command::{MoveRefund, OpenTopUp, RefundMoved, Refusal, StartAttempt, TopUpOpened};
pub use error::PaymentError;
pub use gateway::{
    ChannelAccess, CloseOutcome, Gateway, GatewayError, Gateways, NewTrade, PayAction, RawCallback, RefundOrder,
    RefundOutcome, Reply, TradeState, Verified, VerifyError,
};
pub use job::{CreateTrade, MoneySeen, OrdersReturned, QueryRefund, QueryTrade, Rescue, SubmitRefund, WatchTrades};
pub use model::{
    Attempt, AttemptState, CallbackId, Channel, ChannelId, ChannelState, Collector, Exception, ExceptionId,
    ExceptionKind, ExceptionState, Intent, IntentId, IntentState, Payment, PaymentId, Purpose, Refund, RefundId,
    RefundState, Seen, Use,
};
pub use number::{OutNo, OutNoError};
pub use pace::in_job;
pub use postings::{clearing_account, suspense_account};
pub use public::PublicChannel;
pub use rules::{Judgement, RefundEvent, judge, money_wait, refund_step, room_wait};
pub use service::{ExceptionPage, Message, NewChannel, PaymentSettings, Payments, Received, RefundPage};
pub use till::{Till, TillJobs, TillNews, TillRows, TillWishes};
pub use worker::Cashier;
