//! How long a conversation with a gateway may take, and how many of them jobs hold at a time.
//!
//! A buyer waits for his own and gets it at once; jobs take turns, so that one slow gateway does not hold up the jobs of
//! all tenants.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::PaymentError;
use crate::gateway::GatewayError;
use crate::model::{Channel, ChannelId};

/// A conversation inside a buyer's request.
const REQUEST_MAX: Duration = Duration::from_secs(5);
/// A conversation inside a job.
const JOB_MAX: Duration = Duration::from_secs(8);
/// Conversations of jobs by one channel at a time.
const CHANNEL_ROOM: usize = 2;
/// Conversations of jobs with one provider at a time: half of what a runner does at a time.
const PROVIDER_ROOM: usize = 4;

tokio::task_local! {
    static IN_JOB: ();
}

/// Does `work` as a job does it: its conversations with gateways take turns with those of other jobs
/// ([`PaymentError::NoRoom`]) and may take 8 seconds each, where a buyer's request gives them 5 and waits for nobody.
pub async fn in_job<T>(work: impl Future<Output = T>) -> T {
    IN_JOB.scope((), work).await
}

fn is_in_job() -> bool {
    IN_JOB.try_with(|()| ()).is_ok()
}

/// A conversation, for as long as it may take.
pub(crate) async fn converse<T>(talk: impl Future<Output = Result<T, GatewayError>>) -> Result<T, GatewayError> {
    bounded(if is_in_job() { JOB_MAX } else { REQUEST_MAX }, talk).await
}

async fn bounded<T>(most: Duration, talk: impl Future<Output = Result<T, GatewayError>>) -> Result<T, GatewayError> {
    let told = tokio::time::timeout(most, talk).await;
    told.unwrap_or_else(|_| Err(GatewayError::Unknown(format!("no answer within {} s", most.as_secs()))))
}

#[derive(PartialEq, Eq, Hash)]
enum Door {
    Channel(ChannelId),
    Provider(String),
}

/// The rooms that jobs talk in; there are never more than channels and providers. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Rooms {
    known: Arc<Mutex<HashMap<Door, Arc<Semaphore>>>>,
}

/// A job's place in a room, until it is dropped.
pub(crate) struct Place {
    _channel: OwnedSemaphorePermit,
    _provider: OwnedSemaphorePermit,
}

impl Rooms {
    /// A place for a conversation by this channel; a buyer's request needs none.
    pub fn enter(&self, channel: &Channel) -> Result<Option<Place>, PaymentError> {
        if !is_in_job() {
            return Ok(None);
        }
        let at_channel = self.take(Door::Channel(channel.id), CHANNEL_ROOM);
        let at_provider = self.take(Door::Provider(channel.provider.clone()), PROVIDER_ROOM);
        let places = at_channel.zip(at_provider);
        places.map(|(_channel, _provider)| Some(Place { _channel, _provider })).ok_or(PaymentError::NoRoom)
    }

    fn take(&self, door: Door, room: usize) -> Option<OwnedSemaphorePermit> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = known.entry(door).or_insert_with(|| Arc::new(Semaphore::new(room)));
        Arc::clone(semaphore).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_conversation_that_takes_too_long_is_of_unknown_end() {
        let talk = bounded(Duration::from_millis(5), std::future::pending::<Result<(), GatewayError>>());
        assert!(matches!(talk.await, Err(GatewayError::Unknown(_))));
    }

    #[tokio::test]
    async fn only_what_a_job_does_is_done_as_a_job() {
        assert!(!is_in_job());
        assert!(in_job(async { is_in_job() }).await);
        assert!(!is_in_job());
    }
}
