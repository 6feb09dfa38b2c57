//! What the drivers answer, sorted. Only here is a database's error looked at.

use sea_orm::{DbErr, RuntimeErr};

use crate::error::StoreError;

/// Sorts a driver's error by what the caller can do about it.
pub(crate) fn sort_error(error: DbErr) -> StoreError {
    let sqlx = match &error {
        DbErr::Exec(RuntimeErr::SqlxError(sqlx))
        | DbErr::Query(RuntimeErr::SqlxError(sqlx))
        | DbErr::Conn(RuntimeErr::SqlxError(sqlx)) => sqlx,
        DbErr::ConnectionAcquire(_) => return StoreError::Busy,
        _ => return StoreError::Other(error),
    };
    match &**sqlx {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => StoreError::Busy,
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => StoreError::Lost,
        sqlx::Error::Database(database) => sort_database(&**database).unwrap_or(StoreError::Other(error)),
        _ => StoreError::Other(error),
    }
}

fn sort_database(error: &dyn sqlx::error::DatabaseError) -> Option<StoreError> {
    if let Some(postgres) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return sort_postgres(postgres);
    }
    sort_sqlite(error)
}

/// Codes of PostgreSQL's manual, appendix A.
fn sort_postgres(error: &sqlx::postgres::PgDatabaseError) -> Option<StoreError> {
    let constraint = || error.constraint().unwrap_or("unnamed").to_owned();
    match error.code() {
        "23505" => Some(StoreError::Taken { constraint: constraint() }),
        "23514" => Some(StoreError::Check { constraint: constraint() }),
        "23503" => Some(StoreError::Reference),
        "42501" => Some(StoreError::Forbidden),
        "40001" | "40P01" | "55P03" => Some(StoreError::Conflict),
        "57P01" | "57P02" | "57P03" | "25P03" => Some(StoreError::Lost),
        "57014" | "25006" | "53200" | "53300" | "53400" => Some(StoreError::Busy),
        "53100" => Some(StoreError::Full),
        _ => None,
    }
}

/// Extended result codes of SQLite; it names columns where PostgreSQL names the constraint.
fn sort_sqlite(error: &dyn sqlx::error::DatabaseError) -> Option<StoreError> {
    let message = error.message();
    let subject = message.split_once("failed: ").map_or("unnamed", |(_, subject)| subject);
    match error.code().as_deref() {
        Some("2067" | "1555") => Some(StoreError::Taken { constraint: unique_name(subject) }),
        Some("275") => Some(StoreError::Check { constraint: subject.to_owned() }),
        Some("787" | "1811") if message.contains("FOREIGN KEY") => Some(StoreError::Reference),
        Some("1811") => Some(StoreError::Forbidden), // RAISE(ABORT) of an append-only trigger
        Some("5" | "517" | "6") => Some(StoreError::Conflict),
        Some("13") => Some(StoreError::Full),
        // The extended codes of SQLITE_IOERR keep 10 in their low byte.
        Some(code) if code.parse::<u32>().is_ok_and(|code| code & 0xff == 10) => Some(StoreError::Busy),
        _ => None,
    }
}

/// `hosts.tenant_id, hosts.host` becomes `hosts_tenant_id_host_key`, as the schema names it on PostgreSQL.
fn unique_name(subject: &str) -> String {
    let mut name = String::new();
    for part in subject.split(", ") {
        match part.split_once('.') {
            Some((table, column)) if name.is_empty() => name = format!("{table}_{column}"),
            Some((_, column)) => name = format!("{name}_{column}"),
            None => {}
        }
    }
    format!("{name}_key")
}

#[cfg(test)]
mod tests {
    #[test]
    fn unique_columns_become_the_constraint_name() {
        assert_eq!(super::unique_name("hosts.tenant_id, hosts.host"), "hosts_tenant_id_host_key");
    }
}
