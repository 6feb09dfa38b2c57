//! What the database can answer instead of a result, sorted by what the caller can do about it.

use sea_orm::DbErr;

/// A database's refusal or failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A unique key is taken; `constraint` is `table_columns_key` on both databases.
    #[error("{constraint} is taken")]
    Taken { constraint: String },
    /// A CHECK said no; `constraint` is the check's name.
    #[error("{constraint} does not hold")]
    Check { constraint: String },
    /// A row that is pointed to does not exist, or a row still pointed to was to go.
    #[error("a reference has no target")]
    Reference,
    /// Row level security or a revoked right refused the statement.
    #[error("the database forbids this")]
    Forbidden,
    /// Another transaction was in the way; the same work may be tried again.
    #[error("another transaction was in the way")]
    Conflict,
    /// The connection was lost; whether a commit took effect is not known.
    #[error("the connection to the database was lost")]
    Lost,
    /// No connection came free in time.
    #[error("the database is busy")]
    Busy,
    /// The disk or the file is full.
    #[error("the database has no room left")]
    Full,
    /// Settings that cannot work, in words for the operator.
    #[error("{0}")]
    Settings(String),
    /// Anything else: a bug or a broken database.
    #[error("database error")]
    Other(#[source] DbErr),
}

impl StoreError {
    /// Whether running the same transaction again can succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Conflict)
    }

    /// Whether this is the refusal of the unique key `constraint`.
    pub fn is_taken(&self, constraint: &str) -> bool {
        matches!(self, Self::Taken { constraint: name } if name == constraint)
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        crate::dialect::sort_error(error)
    }
}

impl kernel::Coded for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy | Self::Conflict | Self::Lost | Self::Full => "database_busy",
            _ => "internal",
        }
    }

    fn kind(&self) -> kernel::FaultKind {
        match self {
            Self::Busy | Self::Conflict | Self::Lost | Self::Full => kernel::FaultKind::Busy,
            _ => kernel::FaultKind::Internal,
        }
    }
}
