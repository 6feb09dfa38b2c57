//! Member money beside orders: recharge cards, money put on accounts by hand, and prepaid money that sites move and are lent.
//!
//! A **recharge card** (充值卡) is a code that is worth an amount in a wallet of its main site. Operators make them by the
//! batch, sell them where they like or give them away, and whoever has one redeems it once. An **adjustment** puts money on a
//! wallet or a site's prepaid account, or takes it off, for a reason, and only when a second person approves. A site moves
//! its **prepaid money** to a site right below; the main site lends it some more, which stands as credit beside it.
//!
//! [`Vault`] is the room's part in the lane. Invariants: a card is redeemed once, by one customer, for its face value, and the
//! ledger says so under its id; a code is sealed, found by a keyed hash, and shown to nobody whose name is not written down
//! before; nobody approves what he has asked for; a wallet holds no more than a wallet may; what a site was lent is not
//! handed on.
//!
//! | limit | |
//! |---|---|
//! | cards of a batch | 10,000 |
//! | a card that is sold | 1,000 of the currency, good for three years at least: what a bearer card may be |
//! | an adjustment, a credit | 1,000,000 of the currency |

mod audit;
mod code;
mod command;
mod error;
mod model;
mod repo;
mod rules;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod vault;
mod watch;

pub use audit::{FundsAudit, audit_in};
pub use code::{CodeFault, RechargeCode};
pub use command::{AdjustmentWord, Credited, Moved, Redeemed};
pub use error::{FundsError, Refusal};
pub use model::{
    Adjustment, AdjustmentId, AdjustmentState, CardState, Cause, Credit, Lent, NewRechargeBatch, Origin, PrepaidMove,
    PrepaidMoveId, RechargeBatch, RechargeBatchId, RechargeCard, RechargeCardId, Redemption, Tally, Target,
};
pub use rules::TEXT_CHARS_MAX;
pub use service::{AskAdjustment, Funds, MovePrepaid, PrepaidStanding, Redeem, SetCredit};
pub use vault::Vault;
pub use watch::{PrepaidWatcher, Turn, WatchPrepaid};
