//! How a withdrawal goes on.

use crate::model::State;

/// What may happen to a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A reviewer approves it; whether one is enough is said by `is_enough`.
    Approve {
        /// Whether nobody else has to.
        is_enough: bool,
    },
    /// A reviewer refuses it.
    Reject,
    /// The earner calls it off.
    Cancel,
    /// It is sent.
    Send,
    /// It has arrived.
    Arrive,
    /// It came back.
    Return,
}

/// The state that `step` leads to; none if it cannot happen now.
pub const fn step(state: State, step: Step) -> Option<State> {
    match (state, step) {
        (State::Requested, Step::Approve { is_enough: true }) => Some(State::Approved),
        (State::Requested, Step::Approve { is_enough: false }) => Some(State::Requested),
        (State::Requested | State::Approved, Step::Reject) => Some(State::Rejected),
        (State::Requested | State::Approved, Step::Cancel) => Some(State::Cancelled),
        (State::Approved, Step::Send) => Some(State::Sent),
        (State::Sent, Step::Arrive) => Some(State::Paid),
        (State::Sent | State::Paid, Step::Return) => Some(State::Returned),
        _ => None,
    }
}
