//! What the lane does for this room.

mod ask;
mod review;
mod send;

pub use ask::Asked;
pub(crate) use ask::{AskFor, ConvertTo};
pub(crate) use review::Review;
pub use review::Word;
pub(crate) use send::{End, Send};
pub use send::{Ended, Outcome, Sent};
