//! Pure decisions: what may be asked for, what becomes of it, what of it is sent.

mod ask;
mod machine;
mod notice;
pub mod postings;
mod split;

pub(crate) use ask::check_funds;
pub use ask::{Facts, Today, check_ask};
pub use machine::{Step, step};
pub use notice::{loosens_review, takes_away};
pub use split::split;
