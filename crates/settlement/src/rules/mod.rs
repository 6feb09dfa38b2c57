//! Pure decisions: on which day, out of what, and whether a change takes something away.

mod claw;
mod notice;
mod payday;

pub use claw::{release, take_back};
pub use notice::pays_later;
pub use payday::Payday;
