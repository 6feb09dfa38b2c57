//! The room's part in the lane: what is known of payments, and what a batch makes of them.
//!
//! Intents are locked in ascending order, then refunds; everything else is read after them and is as they say. Messages
//! that are dealt with and the jobs that stood in for them are locked as they are changed, before the chain's head. A batch
//! that asks for nothing reads nothing and writes nothing.

mod bonus;
mod simulation;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use futures::future::BoxFuture;
use identity::CustomerId;
use lane::{Known, LaneSheaf, LaneTx, Look, Part, PartError, Step, news};
use outbox::Outbox;
use store::Tx;
use uuid::Uuid;

use crate::bonus::{Bonus, BonusRules};
use crate::error::PaymentError;
use crate::job::{CreateTrade, MoneySeen, OrdersReturned, SubmitRefund, WatchTrades};
use crate::model::{
    Attempt, AttemptState, CallbackId, Channel, ChannelId, Exception, ExceptionId, ExceptionState, Intent, IntentId,
    IntentState, Payment, PaymentId, Refund, RefundId, RefundState, Use,
};
use crate::number::OutNo;
use crate::{repo, rules};

pub use simulation::{TillJobs, TillNews, TillRows, TillWishes};

/// A buyer's own request registers his trade at once; the job is for the case that it could not.
const CREATE_AFTER: TimeDelta = TimeDelta::seconds(3);

#[derive(Default)]
struct Wanted {
    intents: BTreeSet<IntentId>,
    paid_intents: BTreeSet<IntentId>,
    customers: BTreeSet<CustomerId>,
    bonuses: BTreeSet<CustomerId>,
    out_nos: BTreeSet<OutNo>,
    trades: BTreeSet<(ChannelId, String)>,
    refunds: BTreeSet<RefundId>,
    channels: BTreeSet<ChannelId>,
}

/// What a batch knows of payments, and what it writes of them.
///
/// Ask with the `want_` methods; the facts answer what was read together with what earlier commands of the batch did.
#[derive(Default)]
pub struct Till {
    wanted: Wanted,
    channels: HashMap<ChannelId, Channel>,
    intents: BTreeMap<IntentId, Known<Intent>>,
    attempts: BTreeMap<OutNo, Known<Attempt>>,
    payments: BTreeMap<PaymentId, Known<Payment>>,
    by_trade: HashMap<(ChannelId, String), PaymentId>,
    exceptions: BTreeMap<ExceptionId, Known<Exception>>,
    refunds: BTreeMap<RefundId, Known<Refund>>,
    /// What top-ups were promised.
    bonuses: BTreeMap<IntentId, Known<Bonus>>,
    bonus_rules: Option<(i64, BonusRules)>,
    /// What customers were given before.
    granted: HashMap<CustomerId, i64>,
    /// Intents to be closed if they still wait, unread.
    closing: BTreeSet<IntentId>,
    /// Refunds that may be sent now.
    approved: Vec<RefundId>,
    /// Refunds of orders whose money is back.
    returned: Vec<RefundId>,
    /// Messages of which the money has its place.
    ended: BTreeSet<CallbackId>,
}

/// What commands ask for.
impl Till {
    /// An empty till.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for an intent, locked, with its tries and their channels.
    pub fn want_intent(&mut self, id: IntentId) {
        self.wanted.intents.insert(id);
    }

    /// Asks for the top-ups that wait for a customer's money, locked. One that another node opens at this moment is not
    /// seen.
    pub fn want_open_top_ups(&mut self, customer: CustomerId) {
        self.wanted.customers.insert(customer);
    }

    /// Asks for a try, its intent (locked) and its channel.
    pub fn want_out_no(&mut self, out_no: &OutNo) {
        self.wanted.out_nos.insert(*out_no);
    }

    /// Asks for the payment that a gateway's number names, and the channel.
    pub fn want_trade(&mut self, channel: ChannelId, trade_no: &str) {
        self.wanted.channels.insert(channel);
        self.wanted.trades.insert((channel, trade_no.to_owned()));
    }

    /// Asks for a refund, locked, with its payment, exception and channel.
    pub fn want_refund(&mut self, id: RefundId) {
        self.wanted.refunds.insert(id);
    }

    /// Asks for the money that came for an intent, with its channels.
    pub fn want_payments_of(&mut self, intent: IntentId) {
        self.wanted.paid_intents.insert(intent);
    }

    /// Asks for a channel.
    pub fn want_channel(&mut self, id: ChannelId) {
        self.wanted.channels.insert(id);
    }
}

/// What is known.
impl Till {
    /// The intent.
    pub fn intent(&self, id: IntentId) -> Option<&Intent> {
        self.intents.get(&id).map(|known| &known.value)
    }

    /// The try of this number.
    pub fn attempt(&self, out_no: &OutNo) -> Option<&Attempt> {
        self.attempts.get(out_no).map(|known| &known.value)
    }

    /// All tries to pay an intent, the oldest first.
    pub fn attempts_of(&self, intent: IntentId) -> impl Iterator<Item = &Attempt> {
        self.attempts.values().map(|known| &known.value).filter(move |attempt| attempt.intent == intent)
    }

    /// The channel.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(&id)
    }

    /// The payment.
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&id).map(|known| &known.value)
    }

    /// The payment that a gateway's number names.
    pub fn payment_by_trade(&self, channel: ChannelId, trade_no: &str) -> Option<&Payment> {
        self.by_trade.get(&(channel, trade_no.to_owned())).and_then(|id| self.payment(*id))
    }

    /// The money that came for an intent.
    pub fn payments_of(&self, intent: IntentId) -> impl Iterator<Item = &Payment> {
        self.payments.values().map(|known| &known.value).filter(move |payment| payment.intent == Some(intent))
    }

    /// The exception.
    pub fn exception(&self, id: ExceptionId) -> Option<&Exception> {
        self.exceptions.get(&id).map(|known| &known.value)
    }

    /// The refund.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.get(&id).map(|known| &known.value)
    }
}

/// What commands do.
impl Till {
    /// Something new is to be paid.
    pub fn open_intent(&mut self, intent: Intent) {
        self.intents.insert(intent.id, Known::new(intent));
    }

    /// A new try to pay; it is registered at its gateway and looked after once the batch is committed.
    pub fn open_attempt(&mut self, attempt: Attempt) {
        self.attempts.insert(attempt.out_no, Known::new(attempt));
    }

    /// Money came and is recorded. Used for an order or a top-up it pays the try and the intent; as an exception it
    /// changes neither, but a try whose amount or payee it does not meet is noted as mismatched.
    pub fn take(&mut self, payment: Payment) {
        let attempt = OutNo::parse(&payment.out_no).ok().and_then(|number| self.attempts.get_mut(&number));
        let attempt = attempt.filter(|known| known.value.channel == payment.channel);
        if payment.use_ == Use::Exception {
            if let Some(known) = attempt {
                let is_met = known.value.amount == payment.amount && known.value.payee == payment.payee;
                if !is_met && known.value.state != AttemptState::Paid {
                    known.change(|attempt| attempt.state = AttemptState::Mismatched);
                }
            }
        } else {
            if let Some(known) = attempt {
                known.change(|attempt| attempt.state = AttemptState::Paid);
            }
            if let Some(known) = payment.intent.and_then(|id| self.intents.get_mut(&id)) {
                known.change(|intent| intent.state = IntentState::Paid);
            }
        }
        self.by_trade.insert((payment.channel, payment.trade_no.clone()), payment.id);
        self.payments.insert(payment.id, Known::new(payment));
    }

    /// The money that a stored message tells of has its place: the job that stands in for its offer is not needed.
    pub fn end_message(&mut self, callback: CallbackId) {
        self.ended.insert(callback);
    }

    /// An intent waits no more; a paid one stays paid.
    /// It need not have been asked for: an order that expires is found after the reading.
    pub fn close_intent(&mut self, id: IntentId) {
        match self.intents.get_mut(&id) {
            Some(known) if known.value.state == IntentState::Open => {
                known.change(|intent| intent.state = IntentState::Closed);
            }
            Some(_) => {}
            None => {
                self.closing.insert(id);
            }
        }
    }

    /// Money cannot be used.
    pub fn raise(&mut self, exception: Exception) {
        self.exceptions.insert(exception.id, Known::new(exception));
    }

    /// Money is to go back; at once if the refund is approved.
    pub fn request_refund(&mut self, refund: Refund) {
        if refund.state == RefundState::Approved {
            self.approved.push(refund.id);
        }
        self.refunds.insert(refund.id, Known::new(refund));
    }

    /// A refund gets into `state`; `error` is what the gateway said against it last.
    pub fn move_refund(&mut self, id: RefundId, state: RefundState, error: Option<String>) {
        let Some(known) = self.refunds.get_mut(&id) else { return };
        if state == RefundState::Approved && known.value.state != state {
            self.approved.push(id);
        }
        if state == RefundState::Done && known.value.exception.is_none() {
            self.returned.push(id);
        }
        known.change(|refund| {
            refund.tries += u32::from(state == RefundState::Submitting && refund.state != state);
            refund.state = state;
            refund.error = error;
        });
    }

    /// An exception is settled.
    pub fn resolve(&mut self, id: ExceptionId, cause: &str) {
        self.explain(id, ExceptionState::Resolved, cause);
    }

    /// An exception waits, for this reason.
    pub fn explain_open(&mut self, id: ExceptionId, cause: &str) {
        self.explain(id, ExceptionState::Open, cause);
    }

    fn explain(&mut self, id: ExceptionId, state: ExceptionState, cause: &str) {
        if let Some(known) = self.exceptions.get_mut(&id) {
            known.change(|exception| {
                exception.state = state;
                exception.cause = Some(cause.to_owned());
            });
        }
    }
}

/// How it is read and written.
impl Till {
    async fn read_rows(&mut self, tx: &LaneTx) -> Result<(), PaymentError> {
        let wanted = std::mem::take(&mut self.wanted);
        let out_nos: Vec<OutNo> = wanted.out_nos.into_iter().collect();
        let mut intents = wanted.intents;
        intents.extend(repo::intents_of_in(tx, &out_nos).await?);
        let customers: Vec<CustomerId> = wanted.customers.into_iter().collect();
        intents.extend(repo::open_top_ups_in(tx, &customers).await?);
        let intents: Vec<IntentId> = intents.into_iter().collect();
        for intent in repo::lock_intents_in(tx, &intents).await? {
            self.intents.insert(intent.id, Known::read(intent));
        }
        let refunds: Vec<RefundId> = wanted.refunds.into_iter().collect();
        for refund in repo::lock_refunds_in(tx, &refunds).await? {
            self.refunds.insert(refund.id, Known::read(refund));
        }
        self.read_bonuses(tx, wanted.bonuses.into_iter().collect()).await?;
        // From here on nothing is locked: what follows is changed under the locks above, or never.
        for attempt in repo::attempts_of_in(tx, &intents).await? {
            self.attempts.insert(attempt.out_no, Known::read(attempt));
        }
        let trades: Vec<(ChannelId, String)> = wanted.trades.into_iter().collect();
        let mut payments = repo::payments_by_trade_in(tx, &trades).await?;
        let refunded: Vec<PaymentId> = self.refunds.values().map(|known| known.value.payment).collect();
        payments.extend(repo::payments_in(tx, &refunded).await?);
        let paid: Vec<IntentId> = wanted.paid_intents.into_iter().collect();
        payments.extend(repo::payments_of_in(tx, &paid).await?);
        for payment in payments {
            self.by_trade.insert((payment.channel, payment.trade_no.clone()), payment.id);
            self.payments.insert(payment.id, Known::read(payment));
        }
        let exceptions: Vec<ExceptionId> = self.refunds.values().filter_map(|known| known.value.exception).collect();
        for exception in repo::exceptions_in(tx, &exceptions).await? {
            self.exceptions.insert(exception.id, Known::read(exception));
        }
        let mut channels = wanted.channels;
        channels.extend(self.attempts.values().map(|known| known.value.channel));
        channels.extend(self.refunds.values().map(|known| known.value.channel));
        channels.extend(self.payments.values().map(|known| known.value.channel));
        let channels: Vec<ChannelId> = channels.into_iter().collect();
        for channel in repo::channels_in(tx, &channels).await? {
            self.channels.insert(channel.id, channel);
        }
        Ok(())
    }

    async fn write_rows(&self, tx: &LaneTx, sheaf: &mut LaneSheaf) -> Result<(), PartError> {
        let (new, changed) = news(&self.intents);
        repo::insert_intents(sheaf, new);
        repo::change_intents_in(tx, changed).await?;
        repo::close_intents_in(tx, &self.closing).await?;
        let (promised, granted) = news(&self.bonuses);
        repo::insert_bonuses(sheaf, promised);
        repo::grant_bonuses_in(tx, granted).await.map_err(part_error)?;
        let (new, changed) = news(&self.attempts);
        repo::insert_attempts(sheaf, new);
        repo::change_attempts_in(tx, changed).await?;
        repo::insert_payments(sheaf, news(&self.payments).0);
        let (new, changed) = news(&self.exceptions);
        repo::insert_exceptions(sheaf, tx.now(), new);
        repo::change_exceptions_in(tx, changed).await?;
        let (new, changed) = news(&self.refunds);
        repo::insert_refunds(sheaf, tx.now(), new);
        repo::change_refunds_in(tx, changed).await?;
        let ended: Vec<CallbackId> = self.ended.iter().copied().collect();
        repo::end_callbacks_in(tx, &ended).await?;
        Ok(())
    }

    /// What is to happen after the commit.
    fn jobs(&self) -> TillJobs {
        let out_nos: Vec<OutNo> = news(&self.attempts).0.iter().map(|attempt| attempt.out_no).collect();
        let intent = |id: &RefundId| self.payment(self.refund(*id)?.payment)?.intent;
        let refunds: Vec<(RefundId, IntentId)> =
            self.returned.iter().filter_map(|id| Some((*id, intent(id)?))).collect();
        TillJobs {
            create: out_nos.iter().map(|&out_no| CreateTrade { out_no, round: 0 }).collect(),
            watch: (!out_nos.is_empty()).then_some(WatchTrades { out_nos }),
            submit: self.approved.iter().map(|&refund| SubmitRefund { refund }).collect(),
            returned: (!refunds.is_empty()).then_some(OrdersReturned { refunds }),
        }
    }

    async fn enqueue(&self, tx: &LaneTx) -> Result<(), PaymentError> {
        let (outbox, jobs) = (Outbox::default(), self.jobs());
        let offered: Vec<String> = self.ended.iter().map(|callback| MoneySeen::name_of(*callback)).collect();
        outbox.withdraw_in::<MoneySeen>(tx, &offered).await?;
        if let Some(watch) = &jobs.watch {
            let create: Vec<_> = jobs.create.iter().map(|job| (job.name(), job.clone())).collect();
            outbox.enqueue_named_at_in(tx, &create, tx.now() + CREATE_AFTER).await?;
            outbox.enqueue_at_in(tx, watch, tx.now() + rules::FIRST_ASK).await?;
        }
        outbox.enqueue_all_in(tx, &jobs.submit).await?;
        if let Some(returned) = &jobs.returned {
            outbox.enqueue_in(tx, returned).await?;
        }
        Ok(())
    }
}

impl Part for Till {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self::default())
    }

    fn read<'a>(&'a mut self, tx: &'a LaneTx, _look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.read_rows(tx).await.map_err(part_error) })
    }

    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        _batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if step == Step::Rows {
                self.write_rows(tx, sheaf).await?;
                self.enqueue(tx).await.map_err(part_error)?;
            }
            Ok(())
        })
    }

    fn end(&mut self, _is_committed: bool) {
        *self = Self::default();
    }
}

fn part_error(error: PaymentError) -> PartError {
    match error {
        PaymentError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
