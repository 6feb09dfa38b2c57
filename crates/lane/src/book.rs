//! The ledger's part in every batch.

use futures::future::BoxFuture;
use ledger::{Book, LedgerError};
use store::Tx;
use uuid::Uuid;

use crate::part::{LaneSheaf, LaneTx, Look, Others, Part, PartError, Step};

impl Part for Book {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self::twin(self))
    }

    fn read<'a>(&'a mut self, _tx: &'a LaneTx, _look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async { Ok(()) })
    }

    /// Balances come last: which ones are wanted can depend on the rows that the other parts have read.
    fn read_more<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        look: Look,
        _others: Others<'a>,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if look.is_by_heart && self.recall() {
                return Ok(());
            }
            self.read_in(tx).await.map_err(part_error)
        })
    }

    fn may_be_sent_at_once(&self) -> bool {
        self.knows_all()
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
        Self::end(self, is_committed);
    }
}

fn part_error(error: LedgerError) -> PartError {
    match error {
        LedgerError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
