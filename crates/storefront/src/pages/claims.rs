//! A buyer asks for his money back.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Coded, Language};
use order::{ClaimId, LinePart, LineWish, OrderError, OrderId, Proof, RefundRefusal, RefundTo, RefundWish};
use serde::Deserialize;
use web::{Form, MaybeBuyer, Path, Problem, Visitor, title_of};

use super::order::{Address, problem};
use crate::app::App;
use crate::form::kept_key;
use crate::proof::proof;

/// What the form of the order's page sends.
#[derive(Deserialize)]
pub(crate) struct AskForm {
    key: String,
    reason: String,
    /// The number of a line; the whole order without one.
    #[serde(default)]
    line: String,
    /// Places of cards, whatever stands between them.
    #[serde(default)]
    pieces: String,
    #[serde(default)]
    to: String,
}

/// What the page of an order is told in its address.
#[derive(Default, Deserialize)]
pub(crate) struct ClaimNote {
    #[serde(default)]
    claim: String,
}

impl ClaimNote {
    /// Why a claim was not taken, in words: only what refuses claims, whatever somebody writes into an address.
    pub fn refused(&self, language: Language) -> Option<&'static str> {
        let is_ours = ["claim_", "refund_", "order_"].iter().any(|own| self.claim.starts_with(own));
        title_of(&self.claim, language).filter(|_| is_ours)
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

/// `POST ../claims`: asks, and back to the order.
pub(crate) async fn ask(
    buyer: MaybeBuyer,
    visitor: Visitor,
    State(app): State<App>,
    Path(address): Path<Address>,
    Form(form): Form<AskForm>,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let wish = match form.wish() {
        Ok(wish) => wish,
        Err(refusal) => return back(&address, Err(OrderError::Claim(refusal.into())), &proof),
    };
    let what = (address.id, wish, form.reason.as_str());
    let asked = app.rooms.orders.ask_back(&buyer.scope, &proof, what, &kept_key(&form.key)).await;
    back(&address, asked.map(|_| ()), &proof)
}

/// `POST ../claims/{claim}/withdraw`: does not ask for it any more, and back to the order.
pub(crate) async fn withdraw(
    buyer: MaybeBuyer,
    visitor: Visitor,
    State(app): State<App>,
    Path(ClaimAddress { id, claim, link }): Path<ClaimAddress>,
) -> Result<Response, Problem> {
    let address = Address::of(id, link);
    let proof = proof(&buyer, &visitor, address.link()?);
    let withdrawn = app.rooms.orders.withdraw_claim(&buyer.scope, &proof, (id, claim)).await;
    back(&address, withdrawn, &proof)
}

/// Back to the order, which says why nothing came of it.
fn back(address: &Address, done: Result<(), OrderError>, proof: &Proof) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to(&address.href()).into_response()),
        Err(OrderError::Claim(refusal)) => {
            Ok(Redirect::to(&format!("{}?claim={}#after", address.href(), refusal.code())).into_response())
        }
        Err(error) => Err(problem(error, proof)),
    }
}
