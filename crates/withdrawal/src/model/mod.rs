//! Values of the room.

mod payee;
mod request;
mod rules;

pub(crate) use payee::is_same_name;
pub use payee::{Means, NewPayee, Payee, PayeeDetails, PayeeId};
pub(crate) use request::earner_in;
pub use request::{Event, EventKind, Payout, PayoutId, Split, State, Withdrawal, WithdrawalId};
pub use rules::{Rules, RulesVersion, Tax};
