//! Values of the room.

use std::collections::BTreeSet;
use std::net::IpAddr;

use catalog::{Filled, RefundRule, SkuId};
use chrono::{DateTime, TimeDelta, Utc};
use commission::{AgentCode, Referral};
use identity::{CustomerId, Token};
use inventory::{CardCode, CardId};
use kernel::{Money, SiteId, Wording, hex};
use payment::{ChannelId, OutNo};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::claim::{Claim, LineAge};
use crate::error::OrderError;
use crate::fulfil::ManualLine;
use crate::known::KnownReturn;
use crate::machine::{DeliveryState, OrderEvent, States};
use crate::number::OrderNumber;
use crate::refund::BuyerRefund;
use crate::replace::BuyerReplacement;

kernel::kinds! {
    /// An order; people call it by its [`crate::OrderNumber`].
    OrderId = OrderMark "ord";
}

/// One thing that a buyer wants, at the price that was shown to him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub sku: SkuId,
    /// How many.
    pub quantity: u32,
    /// The unit price he saw: dearer asks again, cheaper is charged cheaper.
    pub unit: Money,
    /// What he filled in, if the goods ask for something.
    #[serde(default)]
    pub form: Filled,
}

impl Wanted {
    /// A wish for goods that ask nothing.
    pub const fn new(sku: SkuId, quantity: u32, unit: Money) -> Self {
        Self { sku, quantity, unit, form: Filled::new() }
    }

    /// The same with what was filled in.
    pub fn with_form(self, form: Filled) -> Self {
        Self { form, ..self }
    }
}

/// Who buys: somebody with an account, a guest whom his browser's cookie names, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The account.
    pub customer: Option<CustomerId>,
    /// The hash of the browser's visitor token.
    pub visitor: Option<Vec<u8>>,
    /// Where the buyer can be reached; a guest needs it to find the order again.
    pub contact: Option<Contact>,
    /// The key that contact and query password make ([`crate::Lookups::query_key`]).
    pub query_key: Option<Vec<u8>>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

impl Buyer {
    /// Somebody with an account and nothing else.
    pub const fn account(customer: CustomerId) -> Self {
        Self { customer: Some(customer), visitor: None, contact: None, query_key: None, address: None }
    }

    /// The name under which this buyer's requests are kept apart from those of others.
    pub(crate) fn actor(&self) -> String {
        match (self.customer, &self.visitor) {
            (Some(customer), _) => customer.to_string(),
            (None, Some(visitor)) => format!("visitor:{}", hex(visitor)),
            (None, None) => "nobody".to_owned(),
        }
    }
}

/// A mail address, a phone number or another name under which a buyer can be reached; lower case, without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Contact(String);

impl Contact {
    const CHARS_MIN: usize = 3;
    const CHARS_MAX: usize = 100;

    /// Reads what a buyer typed; the same contact in other letters is the same contact.
    pub fn parse(text: &str) -> Result<Self, OrderError> {
        let text: String =
            text.chars().filter(|character| !character.is_whitespace()).collect::<String>().to_lowercase();
        let count = text.chars().count();
        if !(Self::CHARS_MIN..=Self::CHARS_MAX).contains(&count) || text.contains(char::is_control) {
            return Err(OrderError::Contact);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for it where it is only compared.
    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

/// Who brought a buyer, and by what that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Brought {
    /// Nobody.
    #[default]
    Nobody,
    /// The agent whose link his browser has followed.
    Link(Referral),
    /// The agent whose code he said; an order with a code that nobody has is refused.
    Code {
        /// What he said.
        code: AgentCode,
        /// Whose it is.
        referral: Option<Referral>,
    },
}

impl Brought {
    /// The agent with those above him.
    pub const fn referral(&self) -> Option<&Referral> {
        match self {
            Self::Nobody => None,
            Self::Link(referral) => Some(referral),
            Self::Code { referral, .. } => referral.as_ref(),
        }
    }
}

/// How an order is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pay {
    /// From the account's wallet, at once.
    Wallet,
    /// By a channel: the goods are held until the money comes or the time is over.
    Channel(ChannelPay),
}

/// How an order is to be paid by a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPay {
    /// Which.
    pub channel: ChannelId,
    /// The number of the first attempt.
    pub out_no: OutNo,
    /// Where the buyer comes back to.
    pub return_url: String,
    /// The word that opens the order's page ([`LinkToken`]).
    pub link: LinkToken,
    /// How long the goods are held.
    pub hold_for: TimeDelta,
}

/// The word in the address of an order's page: whoever has it sees how the order stands, and no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkToken(String);

impl LinkToken {
    const DIGITS: usize = 32;

    /// A word nobody can guess: 128 random bits.
    #[expect(clippy::new_without_default, reason = "there is no neutral one")]
    pub fn new() -> Self {
        Self(Token::new().text().expose()[..Self::DIGITS].to_owned())
    }

    /// Reads the word out of an address.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == Self::DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_ours.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

kernel::words! {
    /// How an order is paid.
    Method {
        /// From a wallet.
        Wallet = "wallet",
        /// By a channel.
        Channel = "channel",
    }
}

/// An order as its site sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What people call it.
    pub number: OrderNumber,
    /// The selling site.
    pub site: SiteId,
    /// The buyer's account.
    pub customer: Option<CustomerId>,
    /// How it is paid.
    pub method: Method,
    /// Where it stands.
    pub states: States,
    /// What the buyer pays.
    pub total: Money,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// Until when it is to be paid.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Order {
    /// Whether the goods are with the buyer.
    pub const fn is_delivered(&self) -> bool {
        matches!(self.states.delivery, DeliveryState::Delivered)
    }

    /// Whether some of them are.
    pub const fn has_deliveries(&self) -> bool {
        matches!(self.states.delivery, DeliveryState::Delivered | DeliveryState::PartDelivered)
    }
}

/// What tells a buyer's right to look: the strongest of what the request has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The account that is logged in.
    pub customer: Option<CustomerId>,
    /// The hash of the browser's visitor token.
    pub visitor: Option<Vec<u8>>,
    /// The key of contact and query password.
    pub query_key: Option<Vec<u8>>,
    /// The word of the order's page; shows the state and no code.
    pub link: Option<LinkToken>,
}

/// How much of an order somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// How it stands.
    Status,
    /// The codes too.
    Codes,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
    /// Its place in the order, from 1.
    pub number: i32,
    /// What was bought.
    pub sku: SkuId,
    /// The goods' title at the time of the order.
    pub title: Wording,
    /// The SKU's name at the time of the order.
    pub sku_name: Wording,
    /// How many.
    pub quantity: u32,
    /// What one cost.
    pub unit: Money,
    /// What all cost.
    pub total: Money,
    /// The cards that were delivered.
    pub cards: Vec<CardId>,
    /// Whether they are everybody's.
    pub is_shared: bool,
    /// What of its price went back, or is on its way.
    pub returned: Money,
    /// The places of the cards that are void with it, from 1.
    pub void: BTreeSet<u32>,
    /// Whether nothing is left of it: it is refunded whole.
    pub is_over: bool,
    /// By when its money may be asked for.
    pub refunds: RefundRule,
    /// Since when it is with the buyer.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What a person does for it; none for cards.
    pub manual: Option<ManualLine>,
}

impl LineView {
    /// Whether its money may be asked for at `now`, as far as that is a question of time.
    pub fn is_in_time(&self, now: DateTime<Utc>) -> bool {
        let age = LineAge { line: self.number, rule: self.refunds, delivered_at: self.delivered_at, is_seen: false };
        !self.is_over && age.check(now).is_ok()
    }

    /// The cards that may be shown, each with its place in the line, from 1: what is refunded is void.
    pub fn live(&self) -> impl Iterator<Item = (u32, CardId)> + '_ {
        let cards = (1..).zip(self.cards.iter().copied());
        cards.filter(|(place, _)| !self.is_over && !self.void.contains(place))
    }

    /// Notes what went back of it.
    pub(crate) fn take_back(&mut self, returns: &[KnownReturn]) {
        for back in returns.iter().flat_map(|back| &back.lines).filter(|back| back.line == self.number) {
            self.returned = self.returned.plus(back.amount).unwrap_or(self.total);
            self.is_over |= back.is_last;
            let void = (1..).zip(&self.cards).filter(|(_, card)| back.cards.contains(card)).map(|(place, _)| place);
            self.void.extend(void);
        }
        if self.is_over
            && let Some(manual) = &mut self.manual
        {
            // What was done is called back like the codes.
            manual.proof = None;
        }
    }
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub event: OrderEvent,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
}

/// An order with its lines and what happened to it, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Its lines.
    pub lines: Vec<LineView>,
    /// Its events.
    pub events: Vec<Event>,
    /// The word of its page, if it has one.
    pub link: Option<LinkToken>,
    /// Its money on the way back, or back, the first return first.
    pub refunds: Vec<BuyerRefund>,
    /// What its buyer has asked to have back, the first claim first; who decided is not told.
    pub claims: Vec<Claim>,
    /// Its codes that were replaced, the first one first.
    pub replacements: Vec<BuyerReplacement>,
    /// Whether money that came by a channel may go into the buyer's wallet.
    pub may_fill_wallet: bool,
}

impl OrderView {
    /// The same for somebody who may see how it stands and nothing else.
    pub(crate) fn of_status(mut self) -> Self {
        for line in &mut self.lines {
            line.manual = line.manual.take().map(ManualLine::without_answers);
        }
        self.claims.clear();
        self.replacements.clear();
        self
    }
}

/// One page of a customer's orders, newest first, each with its first line's title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<(Order, Wording)>,
    /// Where the next page begins, if there is one.
    pub next: Option<OrderId>,
}

/// What somebody looks with, as his program calls itself: kept beside each view of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    const CHARS_MAX: usize = 200;

    /// Takes the name of a program, such as a `User-Agent` header; cut, and without control characters.
    pub fn named(text: &str) -> Self {
        Self(text.chars().filter(|character| !character.is_control()).take(Self::CHARS_MAX).collect())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The codes of a line, opened after the view was logged.
pub struct Revealed {
    /// The line.
    pub line: i32,
    /// Its codes, each with its place in the line, from 1.
    pub codes: Vec<(u32, CardCode)>,
}

/// What the database holds of a key of contact and query password: whoever reads it there cannot use it.
pub(crate) fn kept_key(query_key: &[u8]) -> Vec<u8> {
    Sha256::digest(query_key).to_vec()
}
