//! Adapters of payment providers: each speaks one protocol, keeps its wire format to itself, and knows no database.
//!
//! Invariants: an amount is compared in minor units and never as text; an answer that cannot be read is unknown, not
//! a refusal; nothing is sent twice here, except what the provider has answered without looking at it.

mod sandbox;

pub use sandbox::{AdapterError, SandboxGateway};
