//! What a request proves about its sender, and what it may be asked for.

use std::net::IpAddr;

use identity::Token;
use order::{Buyer, Contact, LinkToken, Proof};
use web::{MaybeBuyer, Visitor};

/// All that the request proves.
pub(crate) fn proof(buyer: &MaybeBuyer, visitor: &Visitor, link: Option<LinkToken>) -> Proof {
    Proof {
        customer: buyer.customer.as_ref().map(|(customer, _)| customer.id),
        visitor: visitor.token.as_ref().map(Token::hash),
        query_key: visitor.look_up.as_ref().map(|key| key.expose().clone()),
        link,
    }
}

/// Who buys with this request. `reached` is how he wants to find the order again.
pub(crate) fn buyer(
    buyer: &MaybeBuyer,
    visitor: &Token,
    reached: Option<(Contact, Vec<u8>)>,
    address: IpAddr,
) -> Buyer {
    let (contact, query_key) = reached.unzip();
    Buyer {
        customer: buyer.customer.as_ref().map(|(customer, _)| customer.id),
        visitor: Some(visitor.hash()),
        contact,
        query_key,
        address: Some(address),
    }
}
