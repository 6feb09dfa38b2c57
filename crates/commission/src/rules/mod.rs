//! What agents earn. Pure.

mod cascade;
#[cfg(test)]
mod laws;
mod notice;
mod tree;

pub use cascade::{Outcome, Share, SoldTo, cascade};
pub(crate) use notice::{costs_more, pays_less, still_to_come};
pub(crate) use tree::{ABOVE_MAX, check_upper};

/// Who may earn from a sale beside the selling site and the agent who brought the buyer: sites between the main site and
/// the seller, and agents above that agent, together (the cap of CN mode).
pub const DEPTH_MAX: usize = 2;
