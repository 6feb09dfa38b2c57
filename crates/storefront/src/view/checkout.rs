//! The checkout: what is bought, how the order is found again, how it is paid.

use catalog::{Goods, GoodsKind};
use kernel::{Language, Money};
use payment::Channel;
use serde::Serialize;
use tenancy::Shop;

use super::fields::{FieldView, fault_message, fields};
use super::goods::art;
use super::pay::Payee;
use super::{FormError, Offer};
use crate::form::{CheckoutForm, Fault, WALLET, Wish, kept_key};
use crate::format;
use crate::words::Words;

/// What the checkout shows, as it was read.
pub(crate) struct Counter {
    pub goods: Goods,
    pub offer: Offer,
    pub channels: Vec<Channel>,
    /// What the buyer may spend, if he has an account.
    pub wallet: Option<Money>,
}

/// What the buyer typed, and what he has to change. The form's key is the one it came with: whether pressing once more
/// is the same purchase is decided by [`crate::complaint::Complaint::key`] and by nobody else.
#[derive(Default)]
pub(crate) struct Typed {
    pub form: CheckoutForm,
    pub faults: Vec<Fault>,
    pub error: Option<FormError>,
    pub fewer: Option<u32>,
    /// The token that the form gives a browser that has none.
    pub visitor: String,
}

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct CheckoutView {
    item: Item,
    form: FormView,
    /// What the goods ask.
    fields: Vec<FieldView>,
    ways: Vec<Way>,
    payee: Option<Payee>,
    faults: Vec<FaultView>,
    error: Option<FormError>,
    fewer: Option<u32>,
    guest: bool,
    login_href: String,
    change_href: String,
}

#[derive(Serialize)]
struct Item {
    title: String,
    art: Option<String>,
    sku_name: String,
    quantity: u32,
    unit: String,
    total: String,
    /// Whether a person does it.
    manual: bool,
}

#[derive(Serialize)]
struct FormView {
    action: &'static str,
    key: String,
    visitor: String,
    goods: String,
    sku: String,
    quantity: u32,
    contact: String,
    password: String,
}

#[derive(Serialize)]
struct Way {
    value: String,
    name: String,
    /// The balance, if it is the wallet.
    balance: Option<String>,
    short: bool,
    checked: bool,
}

#[derive(Serialize)]
struct FaultView {
    field: String,
    label: String,
    message: String,
}

impl CheckoutView {
    /// The wish has the price of now; the browser is asked the money of `Counter`.
    pub fn new(
        (words, language): (&Words, Language),
        shop: &Shop,
        counter: &Counter,
        wish: &Wish,
        typed: Typed,
    ) -> Self {
        let Typed { form, faults, error, fewer, visitor } = typed;
        let (quantity, unit) = (wish.wanted.quantity, wish.wanted.unit);
        let total = unit.times(quantity).unwrap_or(unit);
        let asked = &counter.goods.fulfilment.form;
        let fields = fields(language, asked, &form.filled(asked));
        Self {
            item: Item {
                title: counter.goods.title.get(language).to_owned(),
                art: art(&counter.goods, language),
                sku_name: counter.offer.sku.name.get(language).to_owned(),
                quantity,
                unit: format::money(unit),
                total: format::money(total),
                manual: counter.goods.kind == GoodsKind::Manual,
            },
            fields,
            ways: ways(words, language, counter, (total, form.pay.as_str())),
            payee: (!counter.channels.is_empty()).then(|| Payee::of(language, shop, &counter.channels)),
            form: FormView {
                action: "/checkout",
                key: kept_key(&form.key),
                visitor,
                goods: wish.code.to_string(),
                sku: wish.sku_value(),
                quantity,
                contact: form.contact,
                password: form.password,
            },
            faults: faults.iter().map(|fault| fault_view((words, language), asked, fault)).collect(),
            error,
            fewer,
            guest: counter.wallet.is_none(),
            login_href: format!("/login?next={}", format::query_value(&format!("/checkout?{}", wish.query()))),
            change_href: format!("/goods/{}", wish.code),
        }
    }
}

fn fault_view((words, language): (&Words, Language), asked: &catalog::Form, fault: &Fault) -> FaultView {
    let field = fault.field();
    let Fault::Field(of_goods) = fault else {
        let say = |what: &str| words.get(&format!("checkout.{what}.{field}"), &[]);
        return FaultView { label: say("label"), message: say("error"), field };
    };
    let known = asked.fields().iter().find(|known| known.key.as_str() == of_goods.key);
    let label = known.map_or(of_goods.key.as_str(), |known| known.label.get(language)).to_owned();
    FaultView { label, message: fault_message(words, known, of_goods.fault), field }
}

/// The wallet first while it covers the total, then the channels. The way that was chosen before stays chosen.
fn ways(words: &Words, language: Language, counter: &Counter, (total, chosen): (Money, &str)) -> Vec<Way> {
    let channel = |channel: &Channel| Way {
        value: channel.id.to_string(),
        name: channel.name.get(language).to_owned(),
        balance: None,
        short: false,
        checked: false,
    };
    let mut ways: Vec<Way> = counter.channels.iter().map(channel).collect();
    if let Some(balance) = counter.wallet {
        let is_short = balance.minor() < total.minor();
        let wallet = Way {
            value: WALLET.to_owned(),
            name: words.get("checkout.wallet", &[]),
            balance: Some(format::money(balance)),
            short: is_short,
            checked: false,
        };
        let place = if is_short { ways.len() } else { 0 };
        ways.insert(place, wallet);
    }
    let kept = ways.iter().position(|way| way.value == chosen && !way.short);
    let place = kept.or_else(|| ways.iter().position(|way| !way.short));
    if let Some(way) = place.and_then(|place| ways.get_mut(place)) {
        way.checked = true;
    }
    ways
}
