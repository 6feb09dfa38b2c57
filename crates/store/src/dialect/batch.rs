//! Statements about many rows at once, in both dialects.

use std::fmt::Write;

use sea_orm::Value;

use super::Backend;
use super::source::{Bind, Built, select};
use crate::rows::Cells;
use crate::write::Change;

/// Rows to insert; `fixed` columns have one value for all of them.
pub(crate) struct BatchInsert {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub cells: Vec<Cells>,
    /// Rows that are there already are passed over.
    pub is_new_only: bool,
}

/// Rows to change by their key; only those whose `fixed` columns have these values.
pub(crate) struct BatchUpdate {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub key: Vec<&'static str>,
    pub cells: Vec<Cells>,
    pub change: Change,
    /// The rows are locked in the order of the batch before the first one is changed.
    pub is_ordered: bool,
    /// All columns of the table.
    pub columns: Vec<&'static str>,
    /// Those that name a row.
    pub primary: Vec<&'static str>,
}

/// Rows to change if they are free; only those whose `fixed` columns have these values.
pub(crate) struct BatchClaim {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub key: &'static str,
    pub column: &'static str,
    pub free: Value,
    pub cells: Vec<Cells>,
}

/// A row that has to have these values.
pub(crate) struct Proof {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
}

/// A step of a chain of hashes: its head moves on, and the link is written.
pub(crate) struct ChainStep {
    pub heads: String,
    pub links: String,
    pub fixed: Vec<(&'static str, Value)>,
    /// The columns of the head: number and hash.
    pub head: (&'static str, &'static str),
    /// The same of the link.
    pub link: (&'static str, &'static str),
    pub words: Vec<u8>,
    pub content: Vec<u8>,
    pub rest: Vec<Cells>,
}

/// One of them, as a part of what is sent together.
pub(crate) enum Piece {
    Insert(BatchInsert),
    Update(BatchUpdate),
    Claim(BatchClaim),
    Proof(Proof),
    Chain(ChainStep),
}

impl BatchInsert {
    /// With `returning`, that column of the rows that were written is answered.
    pub fn statement(self, backend: Backend, returning: Option<&str>) -> Built {
        let mut binds = Vec::new();
        let mut sql = self.sql(backend, &mut binds);
        if let Some(returning) = returning {
            let _ = write!(sql, " RETURNING {returning}");
        }
        Built { sql, binds }
    }

    fn sql(self, backend: Backend, binds: &mut Vec<Bind>) -> String {
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for (name, value) in self.fixed {
            binds.push(Bind::One(value));
            columns.push(name);
            values.push(format!("${}", binds.len()));
        }
        for cells in &self.cells {
            columns.push(cells.name);
            values.push(format!("i.{}", cells.name));
        }
        let columns = columns.join(", ");
        let source = select(backend, self.cells, binds);
        // `WHERE true` keeps SQLite from reading ON CONFLICT as a join condition.
        let conflict = if self.is_new_only { " ON CONFLICT DO NOTHING" } else { "" };
        let (table, values) = (self.table, values.join(", "));
        format!("INSERT INTO {table} ({columns}) SELECT {values} FROM ({source}) AS i WHERE true{conflict}")
    }
}

impl BatchUpdate {
    pub fn statement(self, backend: Backend) -> Built {
        let mut binds = Vec::new();
        let sql = self.sql(backend, &mut binds);
        Built { sql, binds }
    }

    fn sql(self, backend: Backend, binds: &mut Vec<Bind>) -> String {
        if self.is_met_one_by_one(backend) {
            return self.one_by_one(binds);
        }
        let Self { table, fixed, key, cells, change, is_ordered, .. } = self;
        let mut own = conditions(backend, fixed, binds);
        let changed = cells.iter().map(|cells| cells.name).filter(|name| !key.contains(name));
        let set: Vec<String> = changed
            .map(|name| match change {
                Change::Set => format!("{name} = i.{name}"),
                Change::Add => format!("{name} = t.{name} + i.{name}"),
            })
            .collect();
        own.extend(key.iter().map(|name| format!("t.{name} = i.{name}")));
        let (set, own) = (set.join(", "), own.join(" AND "));
        let rows = rows_once(backend, cells, binds);
        if is_ordered && backend == Backend::Postgres {
            let locked = locked_one_by_one(&table, &own, "");
            return format!(
                "WITH {rows}, locked AS ({locked}) UPDATE {table} AS t SET {set} FROM locked AS i WHERE {own}"
            );
        }
        format!("WITH {rows} UPDATE {table} AS t SET {set} FROM i WHERE {own}")
    }
}

impl BatchUpdate {
    /// Whether its rows can be looked up as if they were to be inserted.
    fn is_met_one_by_one(&self, backend: Backend) -> bool {
        let is_named =
            |name: &&'static str| self.key.contains(name) || self.fixed.iter().any(|(fixed, _)| fixed == name);
        let is_plain = self.change == Change::Set && !self.is_ordered && !self.key.is_empty();
        backend == Backend::Postgres && is_plain && self.primary.iter().all(is_named)
    }

    /// For PostgreSQL. In a join the planner would choose which of the two is walked over, and for a table that was empty
    /// when the plan was made it takes the table, however large that gets. A row that is to be inserted and is there
    /// already is found by its key. It is locked when it is read, so that it is still there.
    fn one_by_one(self, binds: &mut Vec<Bind>) -> String {
        let Self { table, fixed, key, cells, columns, primary, .. } = self;
        let mut own = conditions(Backend::Postgres, fixed, binds);
        own.extend(key.iter().map(|name| format!("t.{name} = i.{name}")));
        let given: Vec<&str> = cells.iter().map(|cells| cells.name).collect();
        let kept: Vec<&str> = columns.into_iter().filter(|name| !given.contains(name)).collect();
        let set: Vec<String> =
            given.iter().filter(|name| !key.contains(name)).map(|name| format!("{name} = excluded.{name}")).collect();
        let named = |names: &[&str], before: &str| -> String {
            names.iter().map(|name| format!("{before}{name}")).collect::<Vec<_>>().join(", ")
        };
        let rows = rows_once(Backend::Postgres, cells, binds);
        format!(
            "WITH {rows} INSERT INTO {table} ({}, {}) SELECT {}, {} FROM i CROSS JOIN LATERAL \
             (SELECT {} FROM {table} AS t WHERE {} LIMIT 1 FOR NO KEY UPDATE OF t) AS own ON CONFLICT ({}) DO UPDATE SET {}",
            named(&given, ""),
            named(&kept, ""),
            named(&given, "i."),
            named(&kept, "own."),
            named(&kept, "t."),
            own.join(" AND "),
            named(&primary, ""),
            set.join(", "),
        )
    }
}

impl BatchClaim {
    pub fn statement(self, backend: Backend) -> Built {
        let mut binds = Vec::new();
        // SQLite returns columns of the changed table only, and does not know it by its alias.
        let returned = if backend == Backend::Postgres { "t." } else { "" };
        let key = self.key;
        let sql = self.sql(backend, &mut binds);
        Built { sql: format!("{sql} RETURNING {returned}{key}"), binds }
    }

    fn sql(self, backend: Backend, binds: &mut Vec<Bind>) -> String {
        let Self { table, fixed, key, column, free, cells } = self;
        let own = conditions(backend, fixed, binds).join(" AND ");
        binds.push(Bind::One(free));
        let free = binds.len();
        let set: Vec<String> =
            cells.iter().filter(|cells| cells.name != key).map(|cells| format!("{0} = i.{0}", cells.name)).collect();
        let set = set.join(", ");
        let rows = rows_once(backend, cells, binds);
        match backend {
            Backend::Postgres => {
                let own = format!("{own} AND t.{key} = i.{key}");
                let free = locked_one_by_one(&table, &format!("{own} AND t.{column} = ${free}"), " SKIP LOCKED");
                format!("WITH {rows}, free AS ({free}) UPDATE {table} AS t SET {set} FROM free AS i WHERE {own}")
            }
            Backend::Sqlite => format!(
                "WITH {rows}, free AS (SELECT t.{key} FROM {table} AS t WHERE {own} AND t.{column} = ${free} \
                 AND t.{key} IN (SELECT {key} FROM i)) \
                 UPDATE {table} AS t SET {set} FROM i WHERE {own} AND t.{key} = i.{key} \
                 AND t.{key} IN (SELECT {key} FROM free)"
            ),
        }
    }
}

impl Proof {
    /// Answers a row for each that has the values.
    pub fn statement(self, backend: Backend) -> Built {
        let mut binds = Vec::new();
        let sql = self.sql(backend, &mut binds);
        Built { sql, binds }
    }

    fn sql(self, backend: Backend, binds: &mut Vec<Bind>) -> String {
        let conditions = conditions(backend, self.fixed, binds).join(" AND ");
        format!("SELECT 1 FROM {} AS t WHERE {conditions}", self.table)
    }
}

impl ChainStep {
    /// The change of the head, which answers its new number and hash, and the insert of the link out of `head`, the name of
    /// that answer.
    fn sql(self, head: &str, binds: &mut Vec<Bind>) -> [String; 2] {
        let Self { heads, links, fixed, head: (seq, hash), link: (link_seq, link_hash), words, content, rest } = self;
        let own: Vec<&'static str> = fixed.iter().map(|(name, _)| *name).collect();
        let conditions = conditions(Backend::Postgres, fixed, binds).join(" AND ");
        let mut bytes = |value: Vec<u8>| {
            binds.push(Bind::One(value.into()));
            format!("${}::bytea", binds.len())
        };
        let (words, content) = (bytes(words), bytes(content));
        let change = format!(
            "UPDATE {heads} AS t SET {seq} = t.{seq} + 1, \
             {hash} = sha256({words} || t.{hash} || int8send(t.{seq} + 1) || {content}) WHERE {conditions} \
             RETURNING t.{seq}, t.{hash}{}",
            own.iter().map(|name| format!(", t.{name}")).collect::<String>()
        );
        let names =
            |cells: &[Cells], before: &str| cells.iter().map(|cell| format!(", {before}{}", cell.name)).collect();
        let (columns, values): (String, String) = (names(&rest, ""), names(&rest, "i."));
        let (own, from) = (own.join(", "), own.iter().map(|name| format!("h.{name}")).collect::<Vec<_>>().join(", "));
        let rest = select(Backend::Postgres, rest, binds);
        let insert = format!(
            "INSERT INTO {links} ({own}, {link_seq}, {link_hash}{columns}) \
             SELECT {from}, h.{seq}, h.{hash}{values} FROM {head} AS h CROSS JOIN ({rest}) AS i"
        );
        [change, insert]
    }
}

impl Piece {
    /// A statement of its own; answers rows affected.
    pub fn statement(self, backend: Backend) -> Built {
        let mut binds = Vec::new();
        let sql = match self {
            Self::Insert(insert) => insert.sql(backend, &mut binds),
            Self::Update(update) => update.sql(backend, &mut binds),
            Self::Claim(claim) => claim.sql(backend, &mut binds),
            Self::Proof(proof) => proof.sql(backend, &mut binds),
            Self::Chain(step) => {
                let [change, insert] = step.sql("head", &mut binds);
                format!("WITH head AS ({change}) {insert}")
            }
        };
        Built { sql, binds }
    }

    /// The same under the name `name`, among others.
    fn named(self, name: &str, binds: &mut Vec<Bind>) -> String {
        let backend = Backend::Postgres;
        let changed = |sql: String| format!("{name} AS ({sql} RETURNING 1)");
        match self {
            Self::Insert(insert) => changed(insert.sql(backend, binds)),
            Self::Update(update) => changed(update.sql(backend, binds)),
            Self::Claim(claim) => changed(claim.sql(backend, binds)),
            Self::Proof(proof) => format!("{name} AS ({})", proof.sql(backend, binds)),
            Self::Chain(step) => {
                // What changes rows has to stand at the top.
                let head = format!("{name}_head");
                let [change, insert] = step.sql(&head, binds);
                format!("{head} AS ({change}), {}", changed(insert))
            }
        }
    }
}

/// All pieces as one statement of PostgreSQL, which answers one row: how many rows each piece has met, in their order.
/// They see the same state of the database, so no row may be met by two of them; they run in their order, because the
/// answer's columns ask for them in it.
pub(crate) fn together(pieces: Vec<Piece>) -> Built {
    let mut binds = Vec::new();
    let (mut sql, mut counts) = (String::from("WITH "), String::new());
    for (number, piece) in pieces.into_iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}{}", piece.named(&format!("p{number}"), &mut binds));
        let _ = write!(counts, "{comma}(SELECT count(*) FROM p{number}) AS p{number}");
    }
    let _ = write!(sql, " SELECT {counts}");
    Built { sql, binds }
}

/// The rows of the batch `i` whose row in the table `t` meets `condition`, each of them locked in the order of the batch.
///
/// A join would leave it to the planner which of the two is walked over, and for a table that was small when the plan was
/// made it would take the table. With a limit each row is looked up by itself.
fn locked_one_by_one(table: &str, condition: &str, wait: &str) -> String {
    format!(
        "SELECT i.* FROM i CROSS JOIN LATERAL \
         (SELECT 1 FROM {table} AS t WHERE {condition} LIMIT 1 FOR UPDATE OF t{wait}) AS own"
    )
}

/// The batch under the name `i`. SQLite would otherwise read the JSON text again for every row of the table.
fn rows_once(backend: Backend, cells: Vec<Cells>, binds: &mut Vec<Bind>) -> String {
    let source = select(backend, cells, binds);
    match backend {
        Backend::Sqlite => format!("i AS MATERIALIZED ({source})"),
        Backend::Postgres => format!("i AS ({source})"),
    }
}

/// The conditions that the `fixed` columns of the table `t` have their values, which are pushed onto `binds`.
///
/// SQLite is told that they exclude nothing: it guesses that a tenant has ten rows, and would begin with all of them.
fn conditions(backend: Backend, fixed: Vec<(&'static str, Value)>, binds: &mut Vec<Bind>) -> Vec<String> {
    let mut conditions = Vec::new();
    for (name, value) in fixed {
        binds.push(Bind::One(value));
        let place = binds.len();
        conditions.push(match backend {
            Backend::Sqlite => format!("likelihood(t.{name} = ${place}, 1.0)"),
            Backend::Postgres => format!("t.{name} = ${place}"),
        });
    }
    conditions
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;
    use uuid::Uuid;

    use super::*;
    use crate::column::{Column, Kind};
    use crate::store::Owner;

    fn cells() -> Vec<Cells> {
        let cell = |name, kind, value| Cells { name, nullable: false, column: Column::from_values(kind, [value]) };
        vec![cell("id", Kind::Uuid, Uuid::nil().into()), cell("state", Kind::Text, "taken".into())]
    }

    fn fixed() -> Vec<(&'static str, Value)> {
        vec![("tenant_id", Uuid::nil().into())]
    }

    /// How SQLite would run the statement.
    async fn plan(built: Built) -> String {
        let mut statement = built.into_statement(Backend::Sqlite);
        let folder = tempfile::tempdir().expect("a folder");
        let owner =
            Owner::open(&format!("sqlite://{}", folder.path().join("plan.db").display())).await.expect("opened");
        let table = "CREATE TABLE rows (tenant_id BLOB NOT NULL, id BLOB NOT NULL, state TEXT NOT NULL, \
                     PRIMARY KEY (tenant_id, id)) STRICT, WITHOUT ROWID";
        owner.connection().execute_unprepared(table).await.expect("made");
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let steps = owner.connection().query_all_raw(statement).await.expect("explained");
        let steps: Vec<String> = steps.iter().map(|row| row.try_get("", "detail").expect("text")).collect();
        steps.join("\n")
    }

    /// A tenant's table is entered by whole keys, never row by row, and the batch's text is read once.
    fn assert_by_key(plan: &str) {
        assert!(!plan.contains("(tenant_id=?)"), "{plan}");
        assert!(plan.contains("SEARCH t USING PRIMARY KEY (tenant_id=? AND id=?)"), "{plan}");
        assert_eq!(plan.matches("jsonb_each").count(), 1, "{plan}");
    }

    #[tokio::test]
    async fn sqlite_changes_a_batch_by_key() {
        let (table, key) = ("rows".to_owned(), vec!["id"]);
        let (change, is_ordered) = (Change::Set, false);
        let (columns, primary) = (vec!["tenant_id", "id", "state"], vec!["tenant_id", "id"]);
        let update = BatchUpdate { table, fixed: fixed(), key, cells: cells(), change, is_ordered, columns, primary };
        assert_by_key(&plan(update.statement(Backend::Sqlite)).await);
    }

    #[tokio::test]
    async fn sqlite_claims_a_batch_by_key() {
        let (table, free) = ("rows".to_owned(), "free".into());
        let claim = BatchClaim { table, fixed: fixed(), key: "id", column: "state", free, cells: cells() };
        assert_by_key(&plan(claim.statement(Backend::Sqlite)).await);
    }
}
