//! What a refusal means to the caller, whatever room it comes from.

/// The kinds of refusal that the outside can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request is not well formed.
    Invalid,
    /// Nobody is logged in.
    Unauthenticated,
    /// Somebody is logged in, and may not.
    Forbidden,
    /// There is no such thing in the caller's scope.
    NotFound,
    /// The thing is not in a state that allows this.
    Conflict,
    /// The request is understood and the rules say no (sold out, not enough money).
    Refused,
    /// The caller should slow down.
    TooMany,
    /// Full or stopping: the same request may succeed later.
    Busy,
    /// Our own fault.
    Internal,
}

/// An error that can be shown outside: a stable code and its kind.
pub trait Coded: std::error::Error {
    /// A stable snake_case code, documented and never reused.
    fn code(&self) -> &'static str;
    /// What the code means to the caller.
    fn kind(&self) -> FaultKind;
}
