//! Who rises, who is warned and who falls. Pure.

mod judge;
mod notice;
#[cfg(test)]
pub(crate) mod strategies;

pub use judge::{Verdict, judge, reached};
pub use notice::takes_away;
