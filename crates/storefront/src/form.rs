//! Forms: what was sent, and what of it can be used. Pure; nothing a browser sends is believed.

use std::collections::BTreeMap;

use catalog::{Code, FieldFault, Filled, FormField, SkuId};
use identity::Token;
use kernel::{Currency, Money};
use order::{Contact, QueryPassword, Wanted};
use payment::ChannelId;
use serde::Deserialize;
use uuid::Uuid;

use crate::complaint::Complaint;
use crate::view::{Choice, Offer};

/// The value of `pay` that stands for the wallet.
pub(crate) const WALLET: &str = "wallet";

/// A key for a form that was not sent yet.
pub(crate) fn form_key() -> String {
    Uuid::now_v7().simple().to_string()
}

/// The longest key that a form of ours has.
const KEY_LEN_MAX: usize = 64;

/// The key that a form came with; a form without one of ours is a form of its own.
pub(crate) fn kept_key(key: &str) -> String {
    let is_usable = (1..=KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_usable { key.to_owned() } else { form_key() }
}

/// What the page of goods sends.
#[derive(Default, Deserialize)]
pub(crate) struct ChoiceForm {
    #[serde(default)]
    pub sku: String,
    #[serde(default)]
    pub quantity: String,
}

/// What is to be bought: in the query of the checkout, and in its form.
#[derive(Default, Deserialize)]
pub(crate) struct Basket {
    #[serde(default)]
    pub goods: String,
    #[serde(default)]
    pub sku: String,
    #[serde(default)]
    pub quantity: String,
}

/// A basket that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub code: Code,
    pub wanted: Wanted,
}

/// What the checkout sends.
#[derive(Default, Deserialize)]
pub(crate) struct CheckoutForm {
    #[serde(default)]
    pub goods: String,
    #[serde(default)]
    pub sku: String,
    #[serde(default)]
    pub quantity: String,
    /// Another quantity, which a button offered; the page is shown again with it.
    #[serde(default)]
    pub fewer: String,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub visitor: String,
    #[serde(default)]
    pub contact: String,
    #[serde(default)]
    pub password: String,
    #[serde(default)]
    pub pay: String,
    #[serde(default)]
    pub confirm: String,
    /// What the goods ask, by `field-KEY`, and whatever else was sent.
    #[serde(flatten)]
    pub rest: BTreeMap<String, String>,
}

/// How the buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayBy {
    Wallet,
    Channel(ChannelId),
}

/// A checkout that could be read.
pub(crate) struct Order {
    pub pay: PayBy,
    pub reached: Option<(Contact, QueryPassword)>,
    /// What the goods ask, as it was typed; the form has taken it.
    pub filled: Filled,
}

/// A field of the checkout that has to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One that the goods ask.
    Field(FieldFault),
    Contact,
    Password,
    Pay,
    Confirm,
}

impl Fault {
    /// The name of the field.
    pub fn field(&self) -> String {
        let name = match self {
            Self::Field(fault) => return field_name(&fault.key),
            Self::Contact => "contact",
            Self::Password => "password",
            Self::Pay => "pay",
            Self::Confirm => "confirm",
        };
        name.to_owned()
    }
}

impl ChoiceForm {
    /// The choice, as far as it can be read.
    pub fn choice(&self) -> Choice {
        Choice { sku: seen(&self.sku).map(|(sku, _)| sku), quantity: self.quantity.trim().parse().unwrap_or(1) }
    }

    /// What is wanted, if the form is complete.
    pub fn wanted(&self, currency: Currency) -> Result<Wanted, Complaint> {
        wanted(&self.sku, &self.quantity, currency)
    }
}

impl Basket {
    /// The basket, if it names goods and a quantity at all.
    pub fn wish(&self, currency: Currency) -> Option<Wish> {
        wish(&self.goods, (&self.sku, &self.quantity), currency)
    }
}

impl Wish {
    /// The choice on the page of goods.
    pub const fn choice(&self) -> Choice {
        Choice { sku: Some(self.wanted.sku), quantity: self.wanted.quantity }
    }

    /// The value of the field `sku`: with the unit price that is shown beside it.
    pub fn sku_value(&self) -> String {
        format!("{}:{}", self.wanted.sku, self.wanted.unit.minor())
    }

    /// The query of the checkout's address.
    pub fn query(&self) -> String {
        format!("goods={}&sku={}&quantity={}", self.code, self.sku_value(), self.wanted.quantity)
    }
}

impl CheckoutForm {
    /// What is to be bought; with the quantity of the button that was pressed, if one was.
    pub fn wish(&self, currency: Currency) -> Option<Wish> {
        let quantity = if self.is_fewer() { &self.fewer } else { &self.quantity };
        wish(&self.goods, (&self.sku, quantity), currency)
    }

    /// Whether the buyer only takes fewer, and looks at the page again.
    pub const fn is_fewer(&self) -> bool {
        !self.fewer.is_empty()
    }

    /// The token that this form gives a browser that has none: the same form sent twice is the same browser.
    pub fn visitor(&self) -> Option<Token> {
        Token::parse(&self.visitor)
    }

    /// What was typed into the fields that the goods ask; what they do not ask is not read.
    pub fn filled(&self, form: &catalog::Form) -> Filled {
        let typed = |field: &FormField| {
            let key = field.key.as_str();
            Some((key.to_owned(), self.rest.get(&field_name(key))?.clone()))
        };
        form.fields().iter().filter_map(typed).collect()
    }

    /// The rest of the form, or every field that has to be changed. A guest must say how he is reached; somebody with
    /// an account may.
    pub fn read(&self, is_guest: bool, open: &[ChannelId], form: &catalog::Form) -> Result<Order, Vec<Fault>> {
        let filled = self.filled(form);
        let mut faults: Vec<Fault> =
            form.check(&filled).err().unwrap_or_default().into_iter().map(Fault::Field).collect();
        let channel = ChannelId::parse(&self.pay).ok().filter(|channel| open.contains(channel));
        let pay = match channel {
            Some(channel) => Some(PayBy::Channel(channel)),
            None if self.pay == WALLET && !is_guest => Some(PayBy::Wallet),
            None => None,
        };
        let is_left_out = !is_guest && self.contact.trim().is_empty() && self.password.is_empty();
        let mut reached = None;
        if !is_left_out {
            let (contact, password) = (Contact::parse(&self.contact), QueryPassword::parse(&self.password));
            faults.extend(contact.is_err().then_some(Fault::Contact));
            faults.extend(password.is_err().then_some(Fault::Password));
            reached = contact.ok().zip(password.ok());
        }
        faults.extend(pay.is_none().then_some(Fault::Pay));
        faults.extend((self.confirm != "yes").then_some(Fault::Confirm));
        match pay {
            Some(pay) if faults.is_empty() => Ok(Order { pay, reached, filled }),
            _ => Err(faults),
        }
    }
}

/// The name of a field that the goods ask: no key can be taken for a field of ours.
pub(crate) fn field_name(key: &str) -> String {
    format!("field-{key}")
}

/// Whether a wish can be bought as things stand. The lane decides again.
pub(crate) fn check(offers: &[Offer], wanted: &Wanted) -> Result<(), Complaint> {
    let offer = offers.iter().find(|offer| offer.sku.id == wanted.sku).ok_or(Complaint::NotForSale)?;
    if wanted.quantity == 0 || wanted.quantity > offer.sku.quantity_max {
        return Err(Complaint::Quantity);
    }
    if u64::from(wanted.quantity) > offer.left {
        let left = u32::try_from(offer.left).unwrap_or(u32::MAX);
        return Err(Complaint::OutOfStock { left });
    }
    Ok(())
}

fn wish(goods: &str, (sku, quantity): (&str, &str), currency: Currency) -> Option<Wish> {
    Some(Wish { code: Code::parse(goods).ok()?, wanted: wanted(sku, quantity, currency).ok()? })
}

fn wanted(sku: &str, quantity: &str, currency: Currency) -> Result<Wanted, Complaint> {
    let (sku, unit_minor) = seen(sku).ok_or(Complaint::Sku)?;
    let quantity: u32 = quantity.trim().parse().map_err(|_| Complaint::Quantity)?;
    if quantity == 0 {
        return Err(Complaint::Quantity);
    }
    Ok(Wanted::new(sku, quantity, Money::new(unit_minor, currency)))
}

/// The SKU and the unit price that stood beside it.
fn seen(text: &str) -> Option<(SkuId, i64)> {
    let (sku, minor) = text.split_once(':')?;
    let minor: i64 = minor.parse().ok().filter(|minor| *minor >= 0)?;
    Some((SkuId::parse(sku).ok()?, minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn choice(sku: &str, quantity: &str) -> ChoiceForm {
        ChoiceForm { sku: sku.to_owned(), quantity: quantity.to_owned() }
    }

    fn checkout(pay: &str, contact: &str, password: &str, confirm: &str) -> CheckoutForm {
        let text = str::to_owned;
        let (contact, password, pay, confirm) = (text(contact), text(password), text(pay), text(confirm));
        CheckoutForm { pay, contact, password, confirm, ..CheckoutForm::default() }
    }

    #[test]
    fn a_complete_choice_says_what_is_wanted() {
        let sku = SkuId::new();
        let wanted = choice(&format!("{sku}:9690"), "2").wanted(Currency::CNY).expect("complete");
        assert_eq!((wanted.sku, wanted.quantity, wanted.unit), (sku, 2, Money::new(9690, Currency::CNY)));
    }

    #[test]
    fn a_choice_that_is_not_complete_says_what_is_missing() {
        let sku = format!("{}:9690", SkuId::new());
        for (form, complaint) in [
            (choice("", "1"), Complaint::Sku),
            (choice("sku_x:1", "1"), Complaint::Sku),
            (choice(&sku.replace(":9690", ":-1"), "1"), Complaint::Sku),
            (choice(&sku, "0"), Complaint::Quantity),
            (choice(&sku, "-1"), Complaint::Quantity),
            (choice(&sku, "1.5"), Complaint::Quantity),
            (choice(&sku, "99999999999"), Complaint::Quantity),
        ] {
            assert_eq!(form.wanted(Currency::CNY), Err(complaint));
        }
    }

    #[test]
    fn a_wish_reads_back_from_its_address() {
        let (sku, currency) = (format!("{}:9690", SkuId::new()), Currency::CNY);
        let basket = Basket { goods: "starfall".to_owned(), sku: sku.clone(), quantity: "3".to_owned() };
        let wish = basket.wish(currency).expect("complete");
        assert_eq!(wish.query(), format!("goods=starfall&sku={sku}&quantity=3"));
    }

    #[test]
    fn a_guest_says_how_he_is_reached_and_an_account_may() {
        let channel = ChannelId::new();
        let pay = channel.to_string();
        let faults = |form: &CheckoutForm, is_guest| {
            form.read(is_guest, &[channel], &catalog::Form::default()).err().unwrap_or_default()
        };
        let empty = checkout(&pay, " ", "", "yes");
        assert_eq!(faults(&empty, true), [Fault::Contact, Fault::Password]);
        assert_eq!(faults(&empty, false), []);
        assert_eq!(faults(&checkout(&pay, "lin@x.test", "", "yes"), false), [Fault::Password]);
        assert_eq!(faults(&checkout(&pay, "lin@x.test", "ocean", "yes"), true), []);
    }

    #[test]
    fn only_a_way_that_is_open_is_taken() {
        let (open, closed) = (ChannelId::new(), ChannelId::new().to_string());
        let read = |pay: &str, is_guest: bool| {
            let form = checkout(pay, "lin@x.test", "ocean", "yes");
            form.read(is_guest, &[open], &catalog::Form::default()).map(|order| order.pay)
        };
        assert_eq!(read(&open.to_string(), true), Ok(PayBy::Channel(open)));
        assert_eq!(read(WALLET, false), Ok(PayBy::Wallet));
        for (pay, is_guest) in [(WALLET, true), (closed.as_str(), false), ("", false)] {
            assert_eq!(read(pay, is_guest), Err(vec![Fault::Pay]), "{pay}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = checkout("", "", "", "").read(true, &[], &catalog::Form::default()).err();
        assert_eq!(faults, Some(vec![Fault::Contact, Fault::Password, Fault::Pay, Fault::Confirm]));
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_refused_without_panic(
            sku in "\\PC{0,60}", quantity in "\\PC{0,12}", goods in "\\PC{0,12}", pay in "\\PC{0,40}"
        ) {
            let form = choice(&sku, &quantity);
            let _ = (form.choice(), form.wanted(Currency::CNY));
            let form = CheckoutForm { goods, sku, quantity, pay, ..CheckoutForm::default() };
            let _ = (form.wish(Currency::CNY), form.read(true, &[], &catalog::Form::default()).is_ok());
        }
    }
}
