//! Use cases: channels, trades, hand-overs, messages, and what pages want to know.
//!
//! A conversation with a gateway happens between transactions: what it needs is read before, what it says is written
//! after, and whoever does the same twice finds it done.

mod bill;
mod callback;
mod channel;
mod handover;
mod own_channel;
pub(crate) mod refund;
mod rescue;
mod topups;
pub(crate) mod trade;

use std::collections::HashMap;

use inventory::Inventory;
use kernel::{SiteScope, TenantScope};
use lane::Lanes;
use outbox::Outbox;
use store::{Inside, Store, Tx};
use tenancy::Tenancy;
use url::Url;

pub use callback::{Message, Received};
pub use channel::NewChannel;

use crate::command::{OpenTopUp, StartAttempt, TopUpOpened};
use crate::error::PaymentError;
use crate::gateway::Gateways;
use crate::job::MoneySeen;
use crate::model::{
    Attempt, CallbackId, Channel, ChannelId, Exception, ExceptionId, ExceptionState, Intent, IntentId, Payment,
    PaymentId, Refund, RefundId, RefundState,
};
use crate::number::OutNo;
use crate::pace::Rooms;
use crate::repo;

/// Exceptions of a page.
const PAGE: u64 = 50;

/// How this installation is reached.
#[derive(Debug, Clone)]
pub struct PaymentSettings {
    /// Where gateways report to, such as `https://cashier.example.com`.
    pub notify_base: Url,
}

/// Paying, being paid, paying back. Clones share everything.
#[derive(Clone)]
pub struct Payments {
    store: Store,
    lanes: Lanes,
    inventory: Inventory,
    tenancy: Tenancy,
    gateways: Gateways,
    outbox: Outbox,
    rooms: Rooms,
    settings: PaymentSettings,
}

/// A page of exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionPage {
    /// The exceptions, newest first.
    pub exceptions: Vec<Exception>,
    /// Where the next page begins, if there is one.
    pub next: Option<ExceptionId>,
}

/// A page of refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPage {
    /// The refunds, newest first.
    pub refunds: Vec<Refund>,
    /// Where the next page begins, if there is one.
    pub next: Option<RefundId>,
}

impl Payments {
    /// Payments over this database, by these gateways; the secrets of channels are sealed with the tenant's keys.
    pub fn new(
        store: Store,
        lanes: Lanes,
        inventory: Inventory,
        gateways: Gateways,
        settings: PaymentSettings,
    ) -> Self {
        let tenancy = Tenancy::new(store.clone());
        Self { store, lanes, inventory, tenancy, gateways, outbox: Outbox::new(), rooms: Rooms::default(), settings }
    }

    /// Opens a top-up; the same key is the same top-up.
    pub async fn open_top_up(&self, scope: &SiteScope, top_up: OpenTopUp) -> Result<TopUpOpened, PaymentError> {
        assert_eq!(top_up.site, scope.site(), "a top-up is opened on its own site");
        Ok(self.lanes.run(&scope.engine(), top_up).await?.answer?)
    }

    /// Tries once more to pay an open intent; the same key is the same try.
    pub async fn start_attempt(&self, scope: &SiteScope, start: StartAttempt) -> Result<OutNo, PaymentError> {
        // The lane works for the whole tenant; that the intent is this site's own is seen here.
        self.intent(scope, start.intent).await?;
        Ok(self.lanes.run(&scope.engine(), start).await?.answer?)
    }

    /// What is to be paid, if it is in this scope.
    pub async fn intent<S: Inside>(&self, scope: &S, id: IntentId) -> Result<Intent, PaymentError> {
        let tx = self.store.read(scope).await?;
        repo::intent_in(&tx, id).await?.ok_or(PaymentError::NotFound("intent"))
    }

    /// All tries to pay an intent, the oldest first.
    pub async fn attempts_of<S: Inside>(&self, scope: &S, intent: IntentId) -> Result<Vec<Attempt>, PaymentError> {
        let tx = self.store.read(scope).await?;
        repo::attempts_of_in(&tx, &[intent]).await
    }

    /// The try of this number, if it is in the transaction's scope.
    pub async fn attempt_in(&self, tx: &impl Tx, out_no: &OutNo) -> Result<Option<Attempt>, PaymentError> {
        repo::attempt_in(tx, *out_no).await
    }

    /// The money that came for an intent, used or not.
    pub async fn payments_of<S: Inside>(&self, scope: &S, intent: IntentId) -> Result<Vec<Payment>, PaymentError> {
        let tx = self.store.read(scope).await?;
        repo::payments_of_in(&tx, &[intent]).await
    }

    /// Exceptions in this state, newest first, from `before` on.
    pub async fn exceptions<S: Inside>(
        &self,
        scope: &S,
        state: ExceptionState,
        before: Option<ExceptionId>,
    ) -> Result<ExceptionPage, PaymentError> {
        let tx = self.store.read(scope).await?;
        let mut exceptions = repo::exception_page_in(&tx, state, before, PAGE + 1).await?;
        let is_more = exceptions.len() as u64 > PAGE;
        exceptions.truncate(PAGE as usize);
        let next = is_more.then(|| exceptions.last().map(|exception| exception.id)).flatten();
        Ok(ExceptionPage { exceptions, next })
    }

    /// What goes back for these exceptions.
    pub async fn exception_refunds<S: Inside>(
        &self,
        scope: &S,
        exceptions: &[ExceptionId],
    ) -> Result<HashMap<ExceptionId, Refund>, PaymentError> {
        let tx = self.store.read(scope).await?;
        let refunds = repo::refunds_of_exceptions_in(&tx, exceptions).await?;
        Ok(refunds.into_iter().filter_map(|refund| Some((refund.exception?, refund))).collect())
    }

    /// Refunds in this state, newest first, from `before` on.
    pub async fn refunds<S: Inside>(
        &self,
        scope: &S,
        state: RefundState,
        before: Option<RefundId>,
    ) -> Result<RefundPage, PaymentError> {
        let tx = self.store.read(scope).await?;
        let mut refunds = repo::refund_page_in(&tx, state, before, PAGE + 1).await?;
        let is_more = refunds.len() as u64 > PAGE;
        refunds.truncate(PAGE as usize);
        let next = is_more.then(|| refunds.last().map(|refund| refund.id)).flatten();
        Ok(RefundPage { refunds, next })
    }

    /// The money that came for an intent, used or not, with the channel of each.
    pub async fn paid_in(&self, tx: &impl Tx, intent: IntentId) -> Result<Vec<(Payment, Channel)>, PaymentError> {
        let payments = repo::payments_of_in(tx, &[intent]).await?;
        let ids: Vec<ChannelId> = payments.iter().map(|payment| payment.channel).collect();
        let channels = repo::channels_in(tx, &ids).await?;
        let channel = |id: ChannelId| channels.iter().find(|channel| channel.id == id).cloned();
        let with_channel = |payment: Payment| channel(payment.channel).map(|channel| (payment, channel));
        Ok(payments.into_iter().filter_map(with_channel).collect())
    }

    /// The refund, if it is in the transaction's scope.
    pub async fn refund_in(&self, tx: &impl Tx, id: RefundId) -> Result<Option<Refund>, PaymentError> {
        repo::refund_in(tx, id).await
    }

    /// The refunds of a payment, the oldest first.
    pub async fn refunds_of<S: Inside>(&self, scope: &S, payment: PaymentId) -> Result<Vec<Refund>, PaymentError> {
        let tx = self.store.read(scope).await?;
        repo::refunds_of_in(&tx, &[payment]).await
    }

    /// Notes that a gateway's message was dealt with: the job that stands in for whoever offered its money is not
    /// needed any more.
    pub async fn processed(&self, scope: &TenantScope, callback: CallbackId) -> Result<(), PaymentError> {
        let tx = self.store.write(scope).await?;
        repo::end_callbacks_in(&tx, &[callback]).await?;
        self.outbox.withdraw_in::<MoneySeen>(&tx, &[MoneySeen::name_of(callback)]).await?;
        Ok(tx.commit().await?)
    }
}
