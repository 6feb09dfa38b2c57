//! What this room refuses.

use std::time::Duration;

use kernel::{Coded, FaultKind};
use store::StoreError;

use crate::rules::Permission;

/// A refusal of log-ins, sessions and permissions.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Unknown, wrong or locked: which one is not told.
    #[error("login and password do not match")]
    BadLogin,
    /// Too many failures from this address or for this login.
    #[error("too many tries, the next one in {} s", retry_after.as_secs())]
    TooManyTries { retry_after: Duration },
    /// More callers wait for a password check than will be served in time.
    #[error("too many log-ins at once")]
    Busy,
    /// The operator is no member of the tenant, or his role does not allow it.
    #[error("{} is not allowed", permission.name())]
    Forbidden { permission: Permission },
    /// The tenant or site is not the operator's; to him it does not exist.
    #[error("there is nothing here")]
    NoMember,
    /// A customer of the main site has this login already.
    #[error("the login is taken")]
    LoginTaken,
    /// A new password is too short or too long.
    #[error("a password has {chars_min} to {chars_max} characters")]
    PasswordLength { chars_min: usize, chars_max: usize },
    /// The text cannot be a login.
    #[error("a login has 1 to {chars_max} printable characters")]
    LoginText { chars_max: usize },
    /// What the table holds is not a value of ours: a bug, or a hand in the database.
    #[error("{column} holds something unreadable")]
    Unreadable { column: &'static str },
    /// The database's refusal.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadLogin => "bad_login",
            Self::TooManyTries { .. } => "too_many_tries",
            Self::Busy => "login_busy",
            Self::Forbidden { .. } => "forbidden",
            Self::NoMember => "not_found",
            Self::LoginTaken => "login_taken",
            Self::PasswordLength { .. } => "password_length",
            Self::LoginText { .. } => "login_invalid",
            Self::Unreadable { .. } => "internal",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::BadLogin => FaultKind::Unauthenticated,
            Self::TooManyTries { .. } => FaultKind::TooMany,
            Self::Busy => FaultKind::Busy,
            Self::Forbidden { .. } => FaultKind::Forbidden,
            Self::NoMember => FaultKind::NotFound,
            Self::LoginTaken => FaultKind::Conflict,
            Self::PasswordLength { .. } | Self::LoginText { .. } => FaultKind::Invalid,
            Self::Unreadable { .. } => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }
}
