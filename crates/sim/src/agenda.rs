//! What is to happen when: events of the world outside, and jobs.

use std::collections::BTreeMap;

use order::{LineRef, OrderId};
use payment::{ChannelId, OutNo, RefundId, Seen};

use crate::act::Ask;
use crate::database::Job;
use crate::gateway::Way;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A buyer pays.
    Pay { tenant: usize, out_no: OutNo, way: Way },
    /// A gateway tells of money.
    Message { tenant: usize, seen: Seen },
    /// Somebody asks again.
    Again(Ask),
    /// A job is due.
    Job { tenant: usize, job: Job },
    /// The clock looks for orders whose time is over.
    Sweep { tenant: usize },
    /// The clock releases what is due, and some take it out.
    Settle { tenant: usize },
    /// A person works on a line.
    Work { tenant: usize, line: LineRef },
    /// An operator refunds an order.
    GiveBack { tenant: usize, order: OrderId },
    /// An operator replaces codes of an order.
    Replace { tenant: usize, order: OrderId },
    /// An operator looks at a refund that waits for a word.
    Decide { tenant: usize, refund: RefundId },
    /// Another try to pay.
    TryAgain { tenant: usize, out_no: OutNo, channel: ChannelId },
}

/// Events by their time; of one time, in the order they were planned.
#[derive(Default)]
pub(crate) struct Agenda {
    events: BTreeMap<(i64, u64), Event>,
    planned: u64,
}

impl Agenda {
    /// Plans an event for this moment, in microseconds.
    pub fn plan(&mut self, at: i64, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    /// The next event that is due.
    pub fn pop_due(&mut self, now: i64) -> Option<Event> {
        let first = self.events.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<i64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many are planned.
    pub fn len(&self) -> usize {
        self.events.len()
    }
}
