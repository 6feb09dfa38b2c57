//! The page of one order: how it stands, what was bought, its codes.

use std::collections::HashMap;

use catalog::{Answer, FieldKind, Goods, SkuId};
use chrono::{DateTime, Utc};
use kernel::{Language, Money};
use order::machine::OrderEvent;
use order::{
    BuyerRefund, Claim, ClaimState, Event, FulfilState, LinePart, LineView, LineWish, Method, OrderView, RefundTo,
    Revealed, Sight,
};
use serde::Serialize;

use super::goods::art;
use super::pay::{Bought, BoughtLine, MoneyView, Watch};
use super::stage::{StateView, Status, state_at};
use crate::form::form_key;
use crate::format;
use crate::pages::claims::AskForm;
use crate::words::Words;

/// An order as somebody looks at it.
pub(crate) struct Look<'a> {
    pub view: &'a OrderView,
    pub sight: Sight,
    /// Its codes, if the view was just logged.
    pub revealed: Option<&'a [Revealed]>,
    /// What the goods are today, for pictures and for buying them again.
    pub goods: &'a HashMap<SkuId, Goods>,
    pub now: DateTime<Utc>,
    /// Why what was asked for just now is not.
    pub refused: Option<String>,
    /// What was typed to ask for it.
    pub typed: Option<&'a AskForm>,
}

/// The keys of the page.
#[derive(Serialize)]
pub(crate) struct OrderPageView {
    order: OrderDetail,
    reveal: Reveal,
    watch: Option<Watch>,
    money: Vec<MoneyView>,
    /// What persons do for it.
    works: Vec<Work>,
    /// Whether there are codes in it, or will be.
    cards: bool,
    /// Its money on the way back, or back.
    refunds: Vec<RefundView>,
    /// What the buyer has asked to have back.
    claims: Vec<ClaimView>,
    /// How he asks; none where nothing can be asked for, or somebody else looks.
    ask: Option<AskView>,
    /// Why what was asked for just now is not.
    refused: Option<String>,
}

#[derive(Serialize)]
struct RefundView {
    amount: String,
    at: String,
    settled_at: Option<String>,
    wallet: bool,
}

impl From<&BuyerRefund> for RefundView {
    fn from(refund: &BuyerRefund) -> Self {
        Self {
            amount: format::money(refund.amount),
            at: format::moment(refund.at),
            settled_at: refund.settled_at.map(format::moment),
            wallet: refund.is_to_wallet,
        }
    }
}

/// What the buyer has asked to have back.
#[derive(Serialize)]
struct ClaimView {
    /// Of what.
    what: String,
    state: StateView,
    reason: String,
    answer: Option<String>,
    at: String,
    /// Where he says that he does not want it any more, while it waits.
    withdraw: Option<String>,
}

/// How he asks.
#[derive(Serialize)]
struct AskView {
    action: String,
    key: String,
    choices: Vec<ChoiceView>,
    /// Whether single cards can be named.
    pieces: bool,
    /// Whether he may have it in his wallet.
    wallet: bool,
    /// Whether the form was sent and refused: it is open, with what was typed.
    is_open: bool,
    typed_pieces: String,
    typed_reason: String,
    is_to_wallet: bool,
}

#[derive(Serialize)]
struct ChoiceView {
    value: String,
    label: String,
    chosen: bool,
}

/// A line that a person fulfils.
#[derive(Serialize)]
struct Work {
    title: String,
    sku_name: String,
    /// None as long as it is not paid.
    state: Option<StateView>,
    hours: u32,
    due_at: Option<String>,
    is_late: bool,
    answers: Vec<AnswerView>,
    proof: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct AnswerView {
    label: String,
    value: String,
}

#[derive(Serialize)]
struct OrderDetail {
    number: String,
    placed_at: String,
    state: StateView,
    total: String,
    lines: Vec<Line>,
    events: Vec<EventView>,
}

#[derive(Serialize)]
struct Reveal {
    action: String,
    file_action: String,
    done: bool,
    allowed: bool,
}

#[derive(Serialize)]
struct Line {
    title: String,
    sku_name: String,
    quantity: u32,
    total: String,
    /// What of it went back.
    returned: Option<String>,
    codes: Vec<Code>,
    art: Option<String>,
    /// Its goods, while they are sold.
    href: Option<String>,
}

/// The text is a code in the open: this value has no `Debug`.
#[derive(Serialize)]
struct Code {
    index: u32,
    masked: Option<String>,
    text: Option<String>,
    /// When it took the place of one that did not work.
    replaced_at: Option<String>,
}

#[derive(Serialize)]
struct EventView {
    label: String,
    at: String,
}

impl Look<'_> {
    /// The one word for how the order stands.
    pub fn state(&self) -> &'static str {
        let order = &self.view.order;
        state_at(order.states, order.expires_at, self.now)
    }

    /// The address of the order's page.
    pub fn href(&self) -> String {
        order_href(self.view)
    }

    /// Until when it may be paid and how much, while it may.
    pub fn is_to_be_paid(&self) -> Option<(Money, DateTime<Utc>)> {
        let order = &self.view.order;
        let expires_at = order.expires_at.filter(|_| self.state() == "unpaid")?;
        Some((order.total, expires_at))
    }

    /// What was ordered.
    pub fn bought(&self, language: Language) -> Bought {
        let line = |line: &LineView| BoughtLine {
            title: line.title.get(language).to_owned(),
            sku_name: line.sku_name.get(language).to_owned(),
            quantity: line.quantity,
            total: format::money(line.total),
        };
        Bought { number: self.view.order.number.to_string(), lines: self.view.lines.iter().map(line).collect() }
    }
}

/// The address of an order's page: with its word, if it has one.
pub(crate) fn order_href(view: &OrderView) -> String {
    match &view.link {
        Some(link) => format!("/orders/{}/{}", view.order.id, link.as_str()),
        None => format!("/orders/{}", view.order.id),
    }
}

/// The codes of an order as a file to keep: one line each, the goods above them.
pub(crate) fn file(language: Language, view: &OrderView, revealed: &[Revealed]) -> String {
    let mut text = String::new();
    for line in &view.lines {
        let Some(open) = revealed.iter().find(|revealed| revealed.line == line.number) else { continue };
        text.push_str(&format!("# {} · {}\r\n", line.title.get(language), line.sku_name.get(language)));
        for (_, code) in &open.codes {
            text.push_str(code.reveal());
            text.push_str("\r\n");
        }
    }
    text
}

impl OrderPageView {
    /// The order; with codes in the open, it waits for nothing.
    pub fn new((words, language): (&Words, Language), look: &Look<'_>, money: Vec<MoneyView>) -> Self {
        let (view, href, state) = (look.view, look.href(), look.state());
        let lines = view.lines.iter().map(|line| self::line(language, line, look)).collect();
        let is_open = look.revealed.is_some();
        Self {
            order: OrderDetail {
                number: view.order.number.to_string(),
                placed_at: format::moment(view.order.placed_at),
                state: StateView::new(words, state),
                total: format::money(view.order.total),
                lines,
                events: events(words, view),
            },
            reveal: Reveal {
                action: format!("{href}/codes"),
                file_action: format!("{href}/file"),
                done: is_open,
                allowed: look.sight == Sight::Codes,
            },
            watch: Watch::of(&href, Status::of_order(state, view)).filter(|_| !is_open),
            money,
            works: view.lines.iter().filter_map(|line| work((words, language), line, look)).collect(),
            cards: view.lines.iter().any(|line| line.manual.is_none()),
            refunds: view.refunds.iter().map(RefundView::from).collect(),
            claims: claims((words, language), look),
            ask: ask((words, language), look),
            refused: look.refused.clone(),
        }
    }
}

fn line(language: Language, line: &LineView, look: &Look<'_>) -> Line {
    let open = look.revealed.and_then(|all| all.iter().find(|revealed| revealed.line == line.number));
    let goods = look.goods.get(&line.sku);
    let text = |place| {
        let (_, code) = open?.codes.iter().find(|(own, _)| *own == place)?;
        Some(code.reveal().to_owned())
    };
    let replaced_at = |place| {
        let mut own = look.view.replacements.iter().rev().filter(|one| (one.line, one.piece) == (line.number, place));
        own.next().map(|one| format::moment(one.at))
    };
    let code = |(place, _)| Code { index: place, masked: None, text: text(place), replaced_at: replaced_at(place) };
    let codes = line.live().map(code);
    Line {
        title: line.title.get(language).to_owned(),
        sku_name: line.sku_name.get(language).to_owned(),
        quantity: line.quantity,
        total: format::money(line.total),
        returned: (line.returned.minor() > 0).then(|| format::money(line.returned)),
        codes: codes.collect(),
        art: goods.and_then(|goods| art(goods, language)),
        href: goods.filter(|goods| goods.state.is_on()).map(|goods| format!("/goods/{}", goods.code)),
    }
}

/// What a person does for the line; an answer of a choice in the words of today's form.
fn work((words, language): (&Words, Language), line: &LineView, look: &Look<'_>) -> Option<Work> {
    let manual = line.manual.as_ref()?;
    let fields = look.goods.get(&line.sku).map_or(&[][..], |goods| goods.fulfilment.form.fields());
    let chosen = |answer: &Answer| {
        let field = fields.iter().find(|field| field.key.as_str() == answer.key)?;
        let FieldKind::Choice { choices } = &field.kind else { return None };
        let choice = choices.iter().find(|choice| choice.value == answer.value)?;
        Some(choice.label.get(language).to_owned())
    };
    let answer = |answer: &Answer| AnswerView {
        label: answer.label.get(language).to_owned(),
        value: chosen(answer).unwrap_or_else(|| answer.value.clone()),
    };
    let is_open = |state| matches!(state, FulfilState::Waiting | FulfilState::Taken);
    Some(Work {
        title: line.title.get(language).to_owned(),
        sku_name: line.sku_name.get(language).to_owned(),
        state: manual.state.map(|state| StateView::of_work(words, state.word())),
        hours: manual.within_hours,
        due_at: manual.due_at.map(format::moment),
        is_late: manual.state.is_some_and(is_open) && manual.due_at.is_some_and(|due_at| due_at < look.now),
        answers: manual.answers.iter().map(answer).collect(),
        proof: manual.proof.clone(),
        reason: manual.reason.clone(),
    })
}

/// What was asked for, the newest first; only for whom the order is.
fn claims((words, language): (&Words, Language), look: &Look<'_>) -> Vec<ClaimView> {
    let line = |wish: &LineWish| {
        let title = look.view.lines.iter().find(|line| line.number == wish.line);
        let title = title.map(|line| line.title.get(language)).unwrap_or_default();
        match &wish.part {
            LinePart::Pieces(places) => {
                let places: Vec<String> = places.iter().map(u32::to_string).collect();
                format!("{title} · {}", words.get("claim.places", &[("places", &places.join(", "))]))
            }
            LinePart::Rest | LinePart::Amount(_) => title.to_owned(),
        }
    };
    let what = |claim: &Claim| match claim.wish.lines.as_slice() {
        [] => words.get("claim.whole", &[]),
        lines => lines.iter().map(line).collect::<Vec<_>>().join(" / "),
    };
    let view = |claim: &Claim| ClaimView {
        what: match claim.wish.to {
            RefundTo::Source => what(claim),
            RefundTo::Wallet => format!("{} → {}", what(claim), words.get("claim.to_wallet", &[])),
        },
        state: StateView::of_claim(words, claim.state.word()),
        reason: claim.reason.clone(),
        answer: claim.answer.clone(),
        at: format::moment(claim.asked_at),
        withdraw: (claim.state == ClaimState::Open).then(|| format!("{}/claims/{}/withdraw", look.href(), claim.id)),
    };
    let claims = look.view.claims.iter().rev().filter(|_| look.sight == Sight::Codes);
    claims.map(view).collect()
}

/// Of what he may ask for: the whole order, or its lines that are in time.
fn ask((words, language): (&Words, Language), look: &Look<'_>) -> Option<AskView> {
    let view = look.view;
    let waits = view.claims.iter().any(|claim| claim.state == ClaimState::Open);
    if look.sight != Sight::Codes || !view.order.states.payment.has_come() || waits {
        return None;
    }
    let (open, over): (Vec<&LineView>, Vec<&LineView>) =
        view.lines.iter().filter(|line| !line.is_over).partition(|line| line.is_in_time(look.now));
    let typed = look.typed.cloned().unwrap_or_default();
    let line = |line: &LineView| ChoiceView {
        value: line.number.to_string(),
        chosen: typed.line == line.number.to_string(),
        label: format!("{} · {} × {}", line.title.get(language), line.sku_name.get(language), line.quantity),
    };
    let whole =
        ChoiceView { value: String::new(), label: words.get("claim.whole", &[]), chosen: typed.line.is_empty() };
    let mut choices: Vec<ChoiceView> = open.iter().map(|one| line(one)).collect();
    if choices.is_empty() {
        return None;
    }
    if over.is_empty() && view.lines.len() > 1 {
        choices.insert(0, whole);
    }
    Some(AskView {
        action: format!("{}/claims", look.href()),
        key: form_key(),
        choices,
        pieces: open.iter().any(|line| !line.is_shared && line.live().count() > 1),
        wallet: view.may_fill_wallet,
        is_open: look.typed.is_some(),
        is_to_wallet: typed.to == "wallet",
        typed_pieces: typed.pieces,
        typed_reason: typed.reason,
    })
}

/// Newest first, ending with the order itself.
fn events(words: &Words, view: &OrderView) -> Vec<EventView> {
    let happened = view.events.iter().rev().filter_map(|event| happened(words, view, event));
    let placed = EventView { label: words.get("order.event.placed", &[]), at: format::moment(view.order.placed_at) };
    happened.chain([placed]).collect()
}

/// What happened, in the buyer's words; steps that say nothing to him are left out.
fn happened(words: &Words, view: &OrderView, event: &Event) -> Option<EventView> {
    let amount = format::money(view.order.total);
    // With several refunds their amounts stand above, each with its own.
    let refund = match view.refunds.as_slice() {
        [only] => Some((format::money(only.amount), only.is_to_wallet)),
        _ => None,
    };
    let count = view.lines.iter().map(|line| line.cards.len()).sum::<usize>().to_string();
    let is_wallet = view.order.method == Method::Wallet;
    let label = match event.event {
        OrderEvent::Paid if is_wallet => words.get("order.event.paid", &[("amount", &amount)]),
        OrderEvent::Paid => words.get("order.event.paid_channel", &[("amount", &amount)]),
        OrderEvent::PaidLate => words.get("order.event.paid_late", &[("amount", &amount)]),
        OrderEvent::Delivered if count == "1" => words.get("order.event.delivered_one", &[]),
        OrderEvent::Delivered => words.get("order.event.delivered", &[("count", &count)]),
        OrderEvent::CodesReplaced => words.get("order.event.codes_replaced", &[]),
        OrderEvent::DeliveryFailed => words.get("order.event.failed", &[]),
        OrderEvent::Refunded | OrderEvent::PartRefunded | OrderEvent::RefundRequested => {
            let key = match (event.event, &refund) {
                (OrderEvent::RefundRequested, Some(_)) => "order.event.refund_requested",
                (OrderEvent::RefundRequested, None) => "order.event.refund_requested_part",
                (_, Some((_, true))) => "order.event.refunded",
                (_, Some((_, false))) => "order.event.refunded_channel",
                (OrderEvent::Refunded, None) => "order.event.refunded_all",
                (_, None) => "order.event.refunded_part",
            };
            let amount = refund.map_or_else(String::new, |(amount, _)| amount);
            words.get(key, &[("amount", &amount)])
        }
        OrderEvent::Expired => words.get("order.event.expired", &[]),
        OrderEvent::PartDelivered => words.get("order.state.part_delivered", &[]),
        OrderEvent::Cancelled => words.get("order.state.cancelled", &[]),
        OrderEvent::Disputed => words.get("order.state.disputed", &[]),
        OrderEvent::PaymentStarted
        | OrderEvent::PaymentFailed
        | OrderEvent::DeliveryStarted
        | OrderEvent::DeliveryRetried
        | OrderEvent::DisputeSettled => return None,
    };
    Some(EventView { label, at: format::moment(event.at) })
}
