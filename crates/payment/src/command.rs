//! The commands of the room. Money that arrives is the order room's: it knows what is paid.

use chrono::{DateTime, TimeDelta, Utc};
use identity::CustomerId;
use kernel::{Coded, FaultKind, Money, SiteId};
use lane::{Command, CommandKey, Parts, actor};
use ledger::{Account, AccountKind, Book};
use serde::{Deserialize, Serialize};

use crate::bonus::Bonus;
use crate::model::{Channel, ChannelId, ChannelState, Intent, IntentId, IntentState, Purpose, RefundId, RefundState};
use crate::number::OutNo;
use crate::postings;
use crate::rules::{RefundEvent, refund_step, top_up_limits, wallet_room};
use crate::till::Till;

/// How long a top-up may be paid.
pub(crate) const TOP_UP_LIFE: TimeDelta = TimeDelta::minutes(15);
/// For how long the money of one that was not paid in time is thought of as late: its bonus is promised still.
pub(crate) const TOP_UP_LATE: TimeDelta = TimeDelta::hours(25);
/// The most top-ups that wait for one customer's money.
const OPEN_TOP_UPS_MAX: usize = 3;
/// The most tries to pay one intent.
const ATTEMPTS_MAX: usize = 10;

/// Why a command of this room was not carried out. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("this way to pay is not offered here")]
    NoChannel,
    #[error("a top-up is between {least} and {most}")]
    TopUpLimit { least: Money, most: Money },
    #[error("{most} top-ups wait for their money, no more")]
    TooManyTopUps { most: usize },
    #[error("there is nothing to pay here")]
    NoIntent,
    #[error("it is {} already", state.word())]
    NotOpen { state: IntentState },
    #[error("the time to pay is over")]
    Expired,
    #[error("it was tried {most} times, no more")]
    TooManyAttempts { most: usize },
    #[error("there is no such refund")]
    NoRefund,
    #[error("a refund that is {} cannot do this", state.word())]
    RefundState { state: RefundState },
    #[error("the refund was sent {tries} times by now")]
    RefundMoved { tries: u32 },
    #[error("the amount does not fit")]
    TooLarge,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoChannel => "channel_unavailable",
            Self::TopUpLimit { .. } => "top_up_limit",
            Self::TooManyTopUps { .. } => "too_many_top_ups",
            Self::NoIntent => "payment_not_found",
            Self::NotOpen { .. } => "payment_not_open",
            Self::Expired => "payment_expired",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::NoRefund => "refund_not_found",
            Self::RefundState { .. } | Self::RefundMoved { .. } => "refund_state",
            Self::TooLarge => "amount_too_large",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::TooLarge => FaultKind::Invalid,
            Self::NoIntent | Self::NoRefund => FaultKind::NotFound,
            Self::NotOpen { .. } | Self::Expired | Self::RefundState { .. } | Self::RefundMoved { .. } => {
                FaultKind::Conflict
            }
            Self::NoChannel | Self::TopUpLimit { .. } | Self::TooManyTopUps { .. } | Self::TooManyAttempts { .. } => {
                FaultKind::Refused
            }
        }
    }
}

/// Opens a payment into a customer's wallet. Wallet money is the main site's, so only its channels take it.
#[derive(Debug, Clone)]
pub struct OpenTopUp {
    /// The caller's key: the same one is the same top-up.
    pub key: String,
    /// Whose wallet.
    pub customer: CustomerId,
    /// The site he is on.
    pub site: SiteId,
    /// How much.
    pub amount: Money,
    /// By which channel.
    pub channel: ChannelId,
    /// Where he comes back to.
    pub return_url: String,
    /// The ids it gets, chosen before, so that a retry inside the lane makes the same ones.
    pub ids: TopUpOpened,
}

/// A top-up that waits for its money; also the tries that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpOpened {
    /// What is to be paid.
    pub intent: IntentId,
    /// The try.
    pub out_no: OutNo,
}

impl TopUpOpened {
    /// Ids nobody else has.
    #[expect(clippy::new_without_default, reason = "default ids would suggest that there are neutral ones")]
    pub fn new() -> Self {
        Self { intent: IntentId::new(), out_no: OutNo::new() }
    }
}

impl OpenTopUp {
    fn wallet(&self) -> Account {
        Account::of(AccountKind::Wallet, self.customer.uuid(), self.amount.currency())
    }

    /// What is in the wallet and what may still come into it: each open top-up can be paid.
    fn taken(&self, till: &Till, balance: Money, now: DateTime<Utc>) -> Result<Money, Refusal> {
        if till.open_top_ups(self.customer, now).count() >= OPEN_TOP_UPS_MAX {
            return Err(Refusal::TooManyTopUps { most: OPEN_TOP_UPS_MAX });
        }
        let coming = till.on_its_way(self.customer, balance.currency(), now);
        balance.plus(Money::new(coming, balance.currency())).map_err(|_| Refusal::TooLarge)
    }

    /// What is given beside it, by the rules in force: the wallet holds both.
    fn bonus(&self, till: &Till, taken: Money, now: DateTime<Utc>) -> Option<Bonus> {
        let (rules_version, rules) = till.bonus_rules();
        let room = wallet_room(taken).minor() - self.amount.minor();
        let minor = rules.bonus(self.amount, till.granted(self.customer, now), room);
        let amount = Money::new(minor, self.amount.currency());
        let (intent, site, customer) = (self.ids.intent, self.site, self.customer);
        let bonus = Bonus { intent, site, customer, amount, rules_version, opened_at: now, granted_at: None };
        (minor > 0).then_some(bonus)
    }

    fn intent(&self, now: DateTime<Utc>) -> Intent {
        Intent {
            id: self.ids.intent,
            site: self.site,
            purpose: Purpose::TopUp,
            customer: Some(self.customer),
            amount: self.amount,
            state: IntentState::Open,
            return_url: self.return_url.clone(),
            expires_at: now + TOP_UP_LIFE,
            created_at: now,
        }
    }
}

impl Command for OpenTopUp {
    type Answer = Result<TopUpOpened, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.customer, &format!("top-up:{}", self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut bytes = self.channel.uuid().as_bytes().to_vec();
        bytes.extend(self.site.uuid().as_bytes());
        bytes.extend(self.amount.minor().to_be_bytes());
        bytes.extend(self.amount.currency().code().as_bytes());
        bytes
    }

    /// What goes into one wallet goes one after another: what it may hold, and be given, is looked up before.
    fn actors(&self) -> Vec<u64> {
        vec![actor(&self.customer.uuid())]
    }

    fn want(&self, parts: &mut Parts) {
        let till = parts.part::<Till>();
        till.want_channel(self.channel);
        till.want_open_top_ups(self.customer);
        till.want_bonuses(self.customer);
        parts.part::<Book>().want(self.wallet());
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        let balance = parts.part::<Book>().balance(&self.wallet()).map_err(|_| Refusal::TooLarge)?;
        let till = parts.part::<Till>();
        let channel = till.channel(self.channel).filter(|channel| channel.is_main);
        let channel = offered(channel, self.amount)?.clone();
        let taken = self.taken(till, balance, now)?;
        top_up_limits(self.amount, taken).map_err(|(least, most)| Refusal::TopUpLimit { least, most })?;
        if let Some(bonus) = self.bonus(till, taken, now) {
            till.promise(bonus);
        }
        let intent = self.intent(now);
        till.open_attempt(intent.attempt(self.ids.out_no, &channel, now));
        till.open_intent(intent);
        Ok(self.ids)
    }
}

/// Tries once more to pay an open intent, maybe by another channel. Older tries stay payable until the intent is over.
#[derive(Debug, Clone)]
pub struct StartAttempt {
    /// The caller's key: the same one is the same try.
    pub key: String,
    /// What is to be paid.
    pub intent: IntentId,
    /// By which channel.
    pub channel: ChannelId,
    /// The number it gets, chosen before.
    pub out_no: OutNo,
}

impl Command for StartAttempt {
    type Answer = Result<OutNo, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.intent, &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.channel.uuid().as_bytes().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        let till = parts.part::<Till>();
        till.want_intent(self.intent);
        till.want_channel(self.channel);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        let till = parts.part::<Till>();
        let intent = till.intent(self.intent).ok_or(Refusal::NoIntent)?;
        match intent.state {
            IntentState::Open if now >= intent.expires_at => return Err(Refusal::Expired),
            IntentState::Open => {}
            state => return Err(Refusal::NotOpen { state }),
        }
        let channel = till.channel(self.channel).filter(|channel| channel.serves(intent.site));
        let channel = offered(channel, intent.amount)?;
        // Who collects was decided with the first try: prices and holds follow from it.
        let earlier = till.attempts_of(intent.id).filter_map(|attempt| till.channel(attempt.channel));
        let is_same = earlier.map(Channel::collector).all(|collector| collector == channel.collector());
        if !is_same || (intent.purpose == Purpose::TopUp && !channel.is_main) {
            return Err(Refusal::NoChannel);
        }
        if till.attempts_of(intent.id).count() >= ATTEMPTS_MAX {
            return Err(Refusal::TooManyAttempts { most: ATTEMPTS_MAX });
        }
        let attempt = intent.attempt(self.out_no, channel, now);
        till.open_attempt(attempt);
        Ok(self.out_no)
    }
}

/// A channel that takes this amount now.
fn offered(channel: Option<&Channel>, amount: Money) -> Result<&Channel, Refusal> {
    let channel = channel.filter(|channel| channel.state == ChannelState::Active);
    channel.filter(|channel| channel.currency == amount.currency()).ok_or(Refusal::NoChannel)
}

/// Makes something happen to a refund, with what it means for the books and for the exception it settles.
#[derive(Debug, Clone)]
pub struct MoveRefund {
    /// Which.
    pub refund: RefundId,
    /// What happens.
    pub event: RefundEvent,
    /// How often the caller knows it to have been sent; what happened to another sending is not this one's news.
    pub tries: u32,
}

/// What a refund came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundMoved {
    /// Its state now.
    pub state: RefundState,
    /// How often it was sent.
    pub tries: u32,
}

impl Command for MoveRefund {
    type Answer = Result<RefundMoved, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::fact(self.refund, &format!("{}:{}", self.event.word(), self.tries))
    }

    fn fingerprint(&self) -> Vec<u8> {
        // The gateway's words may differ from one telling to the next; the fact is the same.
        self.event.word().as_bytes().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Till>().want_refund(self.refund);
    }

    fn decide(&self, parts: &mut Parts, _now: DateTime<Utc>) -> Self::Answer {
        let till = parts.part::<Till>();
        let refund = till.refund(self.refund).ok_or(Refusal::NoRefund)?;
        let (payment, channel) =
            till.payment(refund.payment).zip(till.channel(refund.channel)).ok_or(Refusal::NoRefund)?;
        if refund.tries != self.tries {
            return Err(Refusal::RefundMoved { tries: refund.tries });
        }
        // An order that is refunded stays so: its money waits until the channel takes it.
        if refund.exception.is_none() && self.event == RefundEvent::Cancel {
            return Err(Refusal::RefundState { state: refund.state });
        }
        let before = refund.state;
        let state = refund_step(before, &self.event).ok_or(Refusal::RefundState { state: before })?;
        let entry = match (before, state) {
            (RefundState::Approved, RefundState::Submitting) => postings::refund_submitted(refund, payment, channel),
            (_, RefundState::Done) => postings::refund_done(refund, payment, channel),
            (_, RefundState::Failed) => postings::refund_failed(refund, payment, channel),
            _ => return Ok(self.apply(till, state, None)),
        };
        let (entry, exception) = (entry.map_err(|_| Refusal::TooLarge)?, refund.exception);
        parts.part::<Book>().post(entry).map_err(|_| Refusal::TooLarge)?;
        Ok(self.apply(parts.part::<Till>(), state, exception))
    }
}

/// A person's word on a refund. Each press of the button is a command of its own: whether it can happen is up to the
/// refund's state now, and an earlier refusal says nothing about that.
#[derive(Debug, Clone)]
pub(crate) struct DecideRefund {
    /// What is to happen.
    pub moved: MoveRefund,
    /// The caller's key: the same one is the same press.
    pub key: String,
}

impl Command for DecideRefund {
    type Answer = Result<RefundMoved, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request("refund", &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        // Not how often it was sent: pressed again after a failure, the same key is still the first press.
        format!("{}:{}", self.moved.refund, self.moved.event.word()).into_bytes()
    }

    fn want(&self, parts: &mut Parts) {
        self.moved.want(parts);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.moved.decide(parts, now)
    }
}

impl MoveRefund {
    fn apply(&self, till: &mut Till, state: RefundState, exception: Option<crate::ExceptionId>) -> RefundMoved {
        let error = match &self.event {
            RefundEvent::Unknown { reason } | RefundEvent::Failed { reason } => {
                Some(reason.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect::<String>())
            }
            _ => None,
        };
        if let Some(exception) = exception {
            match (&error, state) {
                (_, RefundState::Done) => till.resolve(exception, "refunded"),
                (Some(reason), RefundState::Failed) => till.explain_open(exception, reason),
                _ => {}
            }
        }
        till.move_refund(self.refund, state, error);
        let tries = till.refund(self.refund).map_or(self.tries, |refund| refund.tries);
        RefundMoved { state, tries }
    }
}

/// What is kept of a gateway's words.
const REASON_CHARS_MAX: usize = 200;
