//! What the lane does for this room.

mod accounts;
mod redeem;

pub use accounts::{AdjustmentWord, Credited, Moved};
pub(crate) use accounts::{AskFor, Decide, HandOn, Lend};
pub(crate) use redeem::RedeemCard;
pub use redeem::Redeemed;
