//! A buyer asks for his money back.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Coded, Language};
use order::{ClaimId, LinePart, LineWish, OrderError, OrderId, RefundRefusal, RefundTo, RefundWish};
use serde::Deserialize;
use web::{Form, MaybeBuyer, Path, Problem, ShopContext, Visitor, title_of};

use super::order::{Address, problem, refused_page};
use crate::app::App;
use crate::complaint::KEY_REUSED;
use crate::form::kept_key;
use crate::frame::Frame;
use crate::proof::proof;
use crate::words::Words;

/// What the form of the order's page sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct AskForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    pub reason: String,
    /// The number of a line; the whole order without one.
    #[serde(default)]
    pub line: String,
    /// Places of cards, whatever stands between them.
    #[serde(default)]
    pub pieces: String,
    #[serde(default)]
    pub to: String,
}

/// What the page of an order is told in its address, or by the form that was sent to it.
#[derive(Default, Deserialize)]
pub(crate) struct ClaimNote {
    #[serde(default)]
    claim: String,
    /// What was typed, to be put right.
    #[serde(skip)]
    pub typed: Option<AskForm>,
}

/// What is wrong with the form itself, as its keys of `claim.error.` say it.
const FORM_FAULTS: [&str; 3] = ["reason", "pieces", "already_used"];

impl ClaimNote {
    /// Why a claim was not taken, in words: only what refuses claims, whatever somebody writes into an address.
    pub fn refused(&self, words: &Words, language: Language) -> Option<String> {
        if FORM_FAULTS.contains(&self.claim.as_str()) {
            return Some(words.get(&format!("claim.error.{}", self.claim), &[]));
        }
        let is_ours = ["claim_", "refund_", "order_"].iter().any(|own| self.claim.starts_with(own));
        title_of(&self.claim, language).filter(|_| is_ours).map(str::to_owned)
    }
}

/// A claim of an order.
#[derive(Deserialize)]
pub(crate) struct ClaimAddress {
    id: OrderId,
    claim: ClaimId,
    #[serde(default)]
    link: Option<String>,
}

impl AskForm {
    /// What is asked for; what cannot be read is not taken for all of the order.
    fn wish(&self) -> Result<RefundWish, RefundRefusal> {
        let to = match self.to.as_str() {
            "" => RefundTo::default(),
            word => RefundTo::parse(word).ok_or(RefundRefusal::NoWallet)?,
        };
        let pieces = places(&self.pieces)?;
        if self.line.is_empty() {
            let nothing = RefundRefusal::NoLine { line: 0 };
            return if pieces.is_empty() { Ok(RefundWish { lines: Vec::new(), to }) } else { Err(nothing) };
        }
        let line = self.line.parse().map_err(|_| RefundRefusal::NoLine { line: 0 })?;
        let part = if pieces.is_empty() { LinePart::Rest } else { LinePart::Pieces(pieces) };
        Ok(RefundWish { lines: vec![LineWish { line, part }], to })
    }
}

/// Places of cards: numbers with commas or spaces between them, as they are typed in Chinese or English.
fn places(text: &str) -> Result<BTreeSet<u32>, RefundRefusal> {
    let ascii = |letter: char| match letter {
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(letter) - 0xff10, 10).unwrap_or(letter),
        '，' | '、' | '；' | ';' | '\u{3000}' => ',',
        other if other.is_whitespace() => ',',
        other => other,
    };
    let text: String = text.chars().map(ascii).collect();
    let read = |word: &str| word.parse().map_err(|_| RefundRefusal::Piece { line: 0, piece: 0 });
    text.split(',').filter(|word| !word.is_empty()).map(read).collect()
}

/// `POST ../claims`: asks, and back to the order; what is refused stands in its form again.
pub(crate) async fn ask(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    State(app): State<App>,
    Path(address): Path<Address>,
    Form(form): Form<AskForm>,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let fault = match form.wish() {
        Ok(wish) => {
            let what = (address.id, wish, form.reason.as_str());
            let asked = app.rooms.orders.ask_back(&buyer.scope, &proof, what, &kept_key(&form.key)).await;
            match asked {
                Ok(_) => return Ok(Redirect::to(&address.href()).into_response()),
                Err(OrderError::Claim(refusal)) => refusal.code(),
                Err(OrderError::Text { .. }) => "reason",
                Err(error) if error.code() == KEY_REUSED => "already_used",
                Err(error) => return Err(problem(error, &proof)),
            }
        }
        Err(RefundRefusal::Piece { .. }) => "pieces",
        Err(refusal) => refusal.code(),
    };
    let note = ClaimNote { claim: fault.to_owned(), typed: Some(form) };
    refused_page(&app, &frame, (&shop, &buyer), (&proof, address.id), note).await
}

/// `POST ../claims/{claim}/withdraw`: does not ask for it any more, and back to the order, which says why if that is too late.
pub(crate) async fn withdraw(
    buyer: MaybeBuyer,
    visitor: Visitor,
    State(app): State<App>,
    Path(ClaimAddress { id, claim, link }): Path<ClaimAddress>,
) -> Result<Response, Problem> {
    let address = Address::of(id, link);
    let proof = proof(&buyer, &visitor, address.link()?);
    match app.rooms.orders.withdraw_claim(&buyer.scope, &proof, (id, claim)).await {
        Ok(()) => Ok(Redirect::to(&address.href()).into_response()),
        Err(OrderError::Claim(refusal)) => {
            Ok(Redirect::to(&format!("{}?claim={}#after", address.href(), refusal.code())).into_response())
        }
        Err(error) => Err(problem(error, &proof)),
    }
}
