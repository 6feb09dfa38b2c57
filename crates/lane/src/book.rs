//! The ledger's part in every batch.

use futures::future::BoxFuture;
use ledger::{Book, LedgerError};
use store::Tx;
use uuid::Uuid;

use crate::part::{LaneSheaf, LaneTx, Others, Part, PartError, Step};

impl Part for Book {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self::new(self.tenant()))
    }

    fn read<'a>(&'a mut self, _tx: &'a LaneTx, _attempt: u32) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async { Ok(()) })
    }

    /// Balances come last: which ones are wanted can depend on the rows that the other parts have read.
    fn read_more<'a>(&'a mut self, tx: &'a LaneTx, _others: Others<'a>) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.read_in(tx).await.map_err(part_error) })
    }

    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            match step {
                Step::Rows => self.insert_into(sheaf, tx.now(), batch),
                Step::Heads => self.link_into(tx, sheaf, batch).await.map_err(part_error)?,
                Step::Balances => self.settle_into(sheaf),
                Step::Counts => {}
            }
            Ok(())
        })
    }

    fn end(&mut self, is_committed: bool) {
        if is_committed { self.clear() } else { self.forget() }
    }
}

fn part_error(error: LedgerError) -> PartError {
    match error {
        LedgerError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
