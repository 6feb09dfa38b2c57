//! The kit in front of small applications.

mod gate;
mod layers;
mod visits;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use kernel::{Coded, FaultKind};

use crate::problem::{Problem, status_of};
use crate::proxies::Proxies;

#[derive(Debug, thiserror::Error)]
#[error("the reason, with a {secret}")]
struct Fault {
    kind: FaultKind,
    secret: &'static str,
}

impl Coded for Fault {
    fn code(&self) -> &'static str {
        "the_code"
    }
    fn kind(&self) -> FaultKind {
        self.kind
    }
}

const KINDS: [FaultKind; 9] = [
    FaultKind::Invalid,
    FaultKind::Unauthenticated,
    FaultKind::Forbidden,
    FaultKind::NotFound,
    FaultKind::Conflict,
    FaultKind::Refused,
    FaultKind::TooMany,
    FaultKind::Busy,
    FaultKind::Internal,
];

#[test]
fn every_kind_has_a_status_of_its_own() {
    let statuses = KINDS.map(|kind| status_of(kind).as_u16());
    assert_eq!(statuses, [400, 401, 403, 404, 409, 422, 429, 503, 500]);
    assert_eq!(statuses.iter().collect::<BTreeSet<_>>().len(), KINDS.len());
}

#[test]
fn our_own_fault_is_not_told() {
    for kind in KINDS {
        let problem = Problem::from(Fault { kind, secret: "secret" });
        let is_hidden = matches!(kind, FaultKind::Internal | FaultKind::Busy);
        assert_eq!(problem.detail.is_none(), is_hidden, "{kind:?}");
        assert_eq!(problem.code, "the_code");
    }
}

#[test]
fn who_has_to_wait_is_told_for_how_long() {
    for kind in KINDS {
        let response = Problem::from(Fault { kind, secret: "" }).respond(kernel::Language::English, None, None);
        let wait = response.headers().get("retry-after").map(|value| value.to_str().expect("a number").to_owned());
        let expected = match kind {
            FaultKind::TooMany => Some("60"),
            FaultKind::Busy => Some("1"),
            _ => None,
        };
        assert_eq!(wait.as_deref(), expected, "{kind:?}");
    }
}

#[test]
fn a_response_keeps_its_problem() {
    let problem = Problem::new(StatusCode::CONFLICT, "taken").because("somebody has it");
    let response = problem.respond(kernel::Language::English, Some("one"), None);
    assert_eq!(response.extensions().get::<Problem>(), Some(&problem));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = Proxies::parse(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).expect("readable");
    for (address, is_ours) in [
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("10.255.0.1", true),
        ("11.0.0.1", false),
        ("::ffff:10.1.1.1", true),
        ("fd12::1", true),
        ("fe80::1", false),
    ] {
        assert_eq!(proxies.trust(address.parse().expect("an address")), is_ours, "{address}");
    }
    assert!(Proxies::parse(["0.0.0.0/0"]).expect("readable").trust("8.8.8.8".parse().expect("an address")));
    for text in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1"] {
        assert_eq!(Proxies::parse([text]), Err(text.to_owned()));
    }
}
