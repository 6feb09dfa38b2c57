//! How a room takes part in a batch.

use std::any::Any;

use futures::future::BoxFuture;
use kernel::TenantScope;
use store::{Sheaf, StoreError, WriteTx};
use uuid::Uuid;

/// The transaction of a batch, inside one tenant.
pub type LaneTx = WriteTx<TenantScope>;

/// What a batch sends together.
pub type LaneSheaf = Sheaf<TenantScope>;

/// The writing steps of a batch, in the only order in which anybody locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// New rows, jobs for after the commit among them, and changes of rows this batch has locked.
    Rows,
    /// The head of the ledger's chain.
    Heads,
    /// Card counts, ascending.
    Counts,
    /// Balances, ascending: the hottest rows, held the shortest.
    Balances,
}

impl Step {
    /// What is sent first, with claims and keys: rows that nobody else waits for.
    pub const COLD: [Self; 1] = [Self::Rows];
    /// What is sent last: the rows that every batch of the tenant wants.
    pub const HOT: [Self; 3] = [Self::Heads, Self::Counts, Self::Balances];
}

/// How a batch comes by its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Which run of the batch this is, from 0. From 1 on a claim came up short before, so facts that others may take
    /// should be locked while they are read.
    pub attempt: u32,
    /// Whether what a part keeps from earlier batches may stand for what it would read. What it takes for granted so, it
    /// proves in what it writes ([`Sheaf::prove`], [`Sheaf::claim`]), or a constraint does: if it was wrong the batch falls
    /// short, and is run again with open eyes.
    pub is_by_heart: bool,
}

impl Look {
    /// A run that reads all.
    pub const fn open(attempt: u32) -> Self {
        Self { attempt, is_by_heart: false }
    }
}

/// Whether a part got the rows it had decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// All of them.
    All,
    /// Not all: the batch is rolled back and decided again.
    Short,
}

/// Why a part could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug, in words for the log.
    #[error("{0}")]
    Broken(String),
}

/// One room's share in the batches of one tenant: the facts read for a batch, what was decided over them, and how
/// that is written. It lives as long as the tenant's lane, so it may keep what stays true between batches.
pub trait Part: Any + Send + Sync {
    /// The part for another batch of the same tenant that runs beside this one, knowing nothing yet. The two may share
    /// what keeps them out of each other's way.
    fn twin(&self) -> Box<dyn Part>;

    /// Reads the facts that the commands asked for.
    fn read<'a>(&'a mut self, tx: &'a LaneTx, look: Look) -> BoxFuture<'a, Result<(), PartError>>;

    /// Reads what follows from what the parts have read so far: after all [`Part::read`]s, in the same order.
    fn read_more<'a>(
        &'a mut self,
        _tx: &'a LaneTx,
        _look: Look,
        _others: Others<'a>,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether all it writes can be sent at once: no step meets a row that an earlier one writes, and none has to look at
    /// anything.
    fn may_be_sent_at_once(&self) -> bool {
        true
    }

    /// Claims the rows decided on that others may want too, or puts the claim into `sheaf`, which is sent with the new
    /// rows and may fall short as well.
    fn claim<'a>(
        &'a mut self,
        _tx: &'a LaneTx,
        _sheaf: &'a mut LaneSheaf,
    ) -> BoxFuture<'a, Result<Claimed, PartError>> {
        Box::pin(async { Ok(Claimed::All) })
    }

    /// Puts what was decided and belongs to `step` into `sheaf`. What it writes itself is written before.
    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>>;

    /// The batch is over. Facts and effects are forgotten; without a commit, kept knowledge is too.
    fn end(&mut self, is_committed: bool);
}

/// Carries out what these parts have decided: claims and new rows with all that `cold` holds already, then the hot rows;
/// all at once if it was decided by heart, where each way to the database counts: the rows are locked in the same order. In a
/// large batch that runs beside another this costs more than the way: what the other has changed meanwhile is seen late.
async fn carry_out(
    tx: &LaneTx,
    mut cold: LaneSheaf,
    parts: &mut [&mut dyn Part],
    look: Look,
) -> Result<Claimed, PartError> {
    for part in &mut *parts {
        if part.claim(tx, &mut cold).await? == Claimed::Short {
            return Ok(Claimed::Short);
        }
    }
    let batch = Uuid::now_v7();
    // Asked before anything is written: an account that this batch opens counts as known from then on.
    let is_at_once = look.is_by_heart && parts.iter().all(|part| part.may_be_sent_at_once());
    write(tx, &mut cold, parts, (batch, &Step::COLD)).await?;
    if is_at_once {
        write(tx, &mut cold, parts, (batch, &Step::HOT)).await?;
        return Ok(if tx.send(cold).await? { Claimed::All } else { Claimed::Short });
    }
    if !tx.send(cold).await? {
        return Ok(Claimed::Short);
    }
    let mut hot = tx.sheaf();
    write(tx, &mut hot, parts, (batch, &Step::HOT)).await?;
    if tx.send(hot).await? {
        Ok(Claimed::All)
    } else {
        Err(PartError::Broken("a count or a balance is missing".to_owned()))
    }
}

async fn write(
    tx: &LaneTx,
    sheaf: &mut LaneSheaf,
    parts: &mut [&mut dyn Part],
    (batch, steps): (Uuid, &[Step]),
) -> Result<(), PartError> {
    for step in steps {
        for part in &mut *parts {
            part.write(tx, sheaf, batch, *step).await?;
        }
    }
    Ok(())
}

/// Carries out what one part has decided, as a batch does with all of its parts. For tests of the room whose part it is.
pub async fn carry_out_in(tx: &LaneTx, part: &mut dyn Part) -> Result<Claimed, PartError> {
    carry_out(tx, tx.sheaf(), &mut [part], Look::open(1)).await
}

/// The parts of one tenant's lane.
pub struct Parts {
    parts: Vec<Box<dyn Part>>,
    /// Batches that still read everything after one that took something wrong for granted.
    wary: u32,
}

/// Batches that read everything after such a one.
const WARY: u32 = 64;

/// The parts beside the one that is asked.
pub struct Others<'a> {
    before: &'a mut [Box<dyn Part>],
    after: &'a mut [Box<dyn Part>],
}

impl Others<'_> {
    /// The part of type `P`, which the server wires like every part that another one uses.
    pub fn part<P: Part>(&mut self) -> &mut P {
        find(self.before.iter_mut().chain(self.after.iter_mut()))
    }
}

fn find<'a, P: Part>(mut parts: impl Iterator<Item = &'a mut Box<dyn Part>>) -> &'a mut P {
    let found = parts.find_map(|part| {
        let any: &mut dyn Any = part.as_mut();
        any.downcast_mut::<P>()
    });
    found.unwrap_or_else(|| panic!("the lane has no part {}", std::any::type_name::<P>()))
}

impl Parts {
    /// Takes the parts; the order is the order of their reads and, inside a step, of their writes.
    pub fn new(parts: Vec<Box<dyn Part>>) -> Self {
        Self { parts, wary: 0 }
    }

    /// The parts for a batch that runs beside.
    pub(crate) fn twin(&self) -> Self {
        Self::new(self.parts.iter().map(|part| part.twin()).collect())
    }

    /// The part of type `P`. The server wires every part that a command uses, so a missing one is a bug.
    pub fn part<P: Part>(&mut self) -> &mut P {
        find(self.parts.iter_mut())
    }

    /// Whether the next batch may be decided by heart.
    pub(crate) const fn is_sure(&mut self) -> bool {
        let is_sure = self.wary == 0;
        self.wary = self.wary.saturating_sub(1);
        is_sure
    }

    /// A batch that was decided by heart has not held.
    pub(crate) const fn be_wary(&mut self) {
        self.wary = WARY;
    }

    pub(crate) async fn read(&mut self, tx: &LaneTx, look: Look) -> Result<(), PartError> {
        for part in &mut self.parts {
            part.read(tx, look).await?;
        }
        for place in 0..self.parts.len() {
            let (before, rest) = self.parts.split_at_mut(place);
            let (part, after) = rest.split_first_mut().expect("the place is inside");
            part.read_more(tx, look, Others { before, after }).await?;
        }
        Ok(())
    }

    /// Carries out what was decided, together with what `cold` holds already. Short means that somebody else has taken a
    /// key or a row: the transaction is to be given up.
    pub(crate) async fn carry_out(&mut self, tx: &LaneTx, cold: LaneSheaf, look: Look) -> Result<Claimed, PartError> {
        let mut parts: Vec<&mut dyn Part> = self.parts.iter_mut().map(AsMut::as_mut).collect();
        carry_out(tx, cold, &mut parts, look).await
    }

    /// The batch is over, as in [`Part::end`].
    pub fn end(&mut self, is_committed: bool) {
        for part in &mut self.parts {
            part.end(is_committed);
        }
    }
}
