//! A sheaf: many changes of many tables that are sent together.

use sea_orm::{IdenStatic, ModelTrait, Value};

use crate::claim::{Claim, batch_claim};
use crate::dialect::{Backend, ChainStep, Piece, Proof, together};
use crate::error::StoreError;
use crate::owned::{Inside, TenantOwned};
use crate::rows::Rows;
use crate::tx::{Door, Tx, WriteTx};
use crate::write::{Change, batch_insert, batch_update, own_columns};

/// Changes that are sent together: one statement on PostgreSQL, whatever their number; one after the other on SQLite,
/// where a statement costs no way to a server.
///
/// The changes are made in the order they were added, but none of them sees what the others do: no row may be met by two
/// of them.
#[must_use = "nothing is changed until it is sent"]
pub struct Sheaf<S> {
    scope: S,
    pieces: Vec<(Piece, Expected)>,
}

/// A link of a chain that the database makes: its hash is SHA-256 over `words`, the head's hash, its number as eight bytes
/// (the highest first), and `content`.
pub struct Chained<H: TenantOwned, L: TenantOwned> {
    /// The head's column of the last number.
    pub seq: H::Column,
    /// The head's column of the last hash.
    pub hash: H::Column,
    /// The link's column of its number.
    pub link_seq: L::Column,
    /// The link's column of its hash.
    pub link_hash: L::Column,
    /// What every hash begins with.
    pub words: Vec<u8>,
    /// What the link is about.
    pub content: Vec<u8>,
    /// The other columns of the link: one row.
    pub rest: Rows<L>,
}

/// How many rows a piece has to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    All(u64),
    Any,
}

impl<S: Inside + PartialEq> WriteTx<S> {
    /// An empty sheaf for this transaction.
    pub fn sheaf(&self) -> Sheaf<S> {
        Sheaf { scope: self.scope().clone(), pieces: Vec::new() }
    }

    /// Sends it. False if a row was not met that had to be: then the transaction has made a part of the changes and is
    /// good for nothing but to be given up.
    pub async fn send(&self, sheaf: Sheaf<S>) -> Result<bool, StoreError> {
        assert!(sheaf.scope == *self.scope(), "a sheaf is sent where it was made");
        match (self.conn().backend, sheaf.pieces.len()) {
            (_, 0) => Ok(true),
            (Backend::Postgres, 2..) => self.send_at_once(sheaf).await,
            _ => self.send_in_turn(sheaf).await,
        }
    }

    async fn send_at_once(&self, sheaf: Sheaf<S>) -> Result<bool, StoreError> {
        let (pieces, expected): (Vec<Piece>, Vec<Expected>) = sheaf.pieces.into_iter().unzip();
        let rows = self.conn().tx.fetch_built(together(pieces), self.conn().backend).await?;
        let row = rows
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::Settings("a select of counts answered no row".to_owned()))?;
        let mut is_met = true;
        for (place, expected) in expected.into_iter().enumerate() {
            let count: i64 = row.try_get_by_index(place)?;
            is_met &= expected.is_met_by(count.unsigned_abs());
        }
        Ok(is_met)
    }

    async fn send_in_turn(&self, sheaf: Sheaf<S>) -> Result<bool, StoreError> {
        for (piece, expected) in sheaf.pieces {
            let backend = self.conn().backend;
            let met = match piece {
                Piece::Proof(proof) => {
                    self.conn().tx.fetch_built(proof.statement(backend), backend).await?.len() as u64
                }
                other => self.conn().tx.execute_built(other.statement(backend), backend).await?,
            };
            if !expected.is_met_by(met) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Expected {
    const fn is_met_by(self, count: u64) -> bool {
        match self {
            Self::All(expected) => count == expected,
            Self::Any => true,
        }
    }
}

impl<S: Inside> Sheaf<S> {
    /// The scope it is for.
    pub const fn scope(&self) -> &S {
        &self.scope
    }

    /// Whether there is nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes whole rows; the tenant's column is the scope's, whatever the rows say.
    pub fn insert<E: TenantOwned>(&mut self, rows: impl IntoIterator<Item = E::Model>)
    where
        E::Model: ModelTrait<Entity = E>,
    {
        self.add_insert(Rows::<E>::of(rows), false, true);
    }

    /// Writes rows of which none may be there already. One that is there makes the sheaf fall short, and is no error.
    pub fn insert_first<E: TenantOwned>(&mut self, rows: Rows<E>) {
        self.add_insert(rows, true, true);
    }

    /// Writes the rows that are not there yet.
    pub fn insert_missing<E: TenantOwned>(&mut self, rows: Rows<E>) {
        self.add_insert(rows, true, false);
    }

    /// Takes rows that others want too without waiting: as [`WriteTx::claim`]. All of them must be free.
    pub fn claim<E: TenantOwned>(&mut self, rows: Rows<E>, claim: Claim<E>) {
        if !rows.is_empty() {
            let expected = Expected::All(rows.len() as u64);
            self.pieces.push((Piece::Claim(batch_claim(&self.scope, rows, claim)), expected));
        }
    }

    /// Changes rows by their key. They are locked first, in the order of the batch: let it be ascending. All of them must
    /// be there.
    pub fn update_rows<E: TenantOwned>(&mut self, rows: Rows<E>, key: &[E::Column], change: Change) {
        if !rows.is_empty() {
            let expected = Expected::All(rows.len() as u64);
            let is_ordered = !key.is_empty() && rows.len() > 1;
            self.pieces.push((Piece::Update(batch_update(&self.scope, rows, key, change, is_ordered)), expected));
        }
    }

    /// Sees that the scope has exactly one row of `E`, and that it has these values. The row is not locked.
    pub fn prove<E: TenantOwned>(&mut self, values: impl IntoIterator<Item = (E::Column, Value)>) {
        let (mut fixed, _) = own_columns::<E>(&self.scope);
        fixed.extend(values.into_iter().map(|(column, value)| (column.as_str(), value)));
        let proof = Proof { table: E::default().table_name().to_owned(), fixed };
        self.pieces.push((Piece::Proof(proof), Expected::All(1)));
    }

    /// Moves the head of a chain on by one link and writes the link, on PostgreSQL: the database makes the hash, so that
    /// nobody has to read the head first. The sheaf falls short if there is no head.
    pub fn chain<H: TenantOwned, L: TenantOwned>(&mut self, link: Chained<H, L>) {
        let Chained { seq, hash, link_seq, link_hash, words, content, rest } = link;
        let (fixed, except) = own_columns::<L>(&self.scope);
        let step = ChainStep {
            heads: H::default().table_name().to_owned(),
            links: L::default().table_name().to_owned(),
            fixed,
            head: (seq.as_str(), hash.as_str()),
            link: (link_seq.as_str(), link_hash.as_str()),
            words,
            content,
            rest: rest.into_cells(&except),
        };
        self.pieces.push((Piece::Chain(step), Expected::All(1)));
    }

    fn add_insert<E: TenantOwned>(&mut self, rows: Rows<E>, is_new_only: bool, is_all: bool) {
        if !rows.is_empty() {
            let expected = if is_all { Expected::All(rows.len() as u64) } else { Expected::Any };
            self.pieces.push((Piece::Insert(batch_insert(&self.scope, rows, is_new_only)), expected));
        }
    }
}
