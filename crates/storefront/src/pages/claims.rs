//! A buyer asks for his money back.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::Coded;
use order::{ClaimId, LinePart, LineWish, OrderError, OrderId, Proof, RefundTo, RefundWish};
use serde::Deserialize;
use web::{Form, MaybeBuyer, Path, Problem, Visitor};

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

/// A claim of an order.
#[derive(Deserialize)]
pub(crate) struct ClaimAddress {
    id: OrderId,
    claim: ClaimId,
    #[serde(default)]
    link: Option<String>,
}

impl AskForm {
    fn wish(&self) -> RefundWish {
        let to = RefundTo::parse(&self.to).unwrap_or_default();
        let pieces = self.pieces.split(|letter: char| !letter.is_ascii_digit()).filter(|text| !text.is_empty());
        // A number that is none of a card is refused like any other that is not there.
        let pieces: std::collections::BTreeSet<u32> = pieces.map(|text| text.parse().unwrap_or(u32::MAX)).collect();
        let part = if pieces.is_empty() { LinePart::Rest } else { LinePart::Pieces(pieces) };
        let lines = match self.line.parse() {
            Ok(line) => vec![LineWish { line, part }],
            Err(_) => Vec::new(),
        };
        RefundWish { lines, to }
    }
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
    let what = (address.id, form.wish(), form.reason.as_str());
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
