//! Orders: from a choice on a page to a code in the buyer's hands, with every cent posted.
//!
//! [`machine`] says which states there are and what leads from one to the next; [`sale`] says what a sale costs and
//! earns whom. Both are pure. The commands that a lane carries out: [`Place`] prices, checks the money and the stock,
//! and only then takes or holds anything; [`Receive`] gives money that arrived its place; [`Expire`] frees what
//! nobody paid for. [`Desk`] is the room's part in the lane and reads and writes the rows.
//!
//! | phase of the lane | what this room does |
//! |---|---|
//! | read | price epoch, rules of the chains, SKUs and goods: 4 queries; orders that exist, locked: 4 queries |
//! | read more | orders whose time is over, if goods are short |
//! | decide | resolve the price, compare with what the buyer saw, post, pick, hold, free |
//! | write | orders, lines, holds, contacts, hops, events: one statement each; one job a batch |
//!
//! Invariants: a price comes from the resolver and never from the caller; a refused command has changed nothing;
//! goods are held by one unpaid order at most, and never past its time once somebody else wants them; money buys
//! once or goes back; an order is seen by its own site and its own buyer only; a code is shown only after the view
//! is logged, and never for the word of its page alone.

mod audit;
mod brought;
mod claim;
mod command;
mod desk;
mod earnings;
mod error;
mod fulfil;
mod gate;
mod job;
mod known;
mod lookup;
pub mod machine;
mod model;
mod number;
mod office;
mod parts;
mod refund;
mod replace;
mod repo;
pub mod sale;
mod service;
mod sold;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod worker;

pub use audit::{OrderAudit, audit_in};
pub use brought::{SalePart, Seller, complaints_in, sale_parts_in};
pub use claim::{CLAIMS_MAX, Claim, ClaimDecided, ClaimId, ClaimRefusal, ClaimState, Verdict};
pub use command::{
    About, AskBack, Chain, DecideClaim, Due, EndRefund, Expire, Expiry, Fulfil, HOLD_DEFAULT, Place, PlaceAnswer,
    Placed, Receipt, Receive, RefundEnded, RefundOrder, Refusal, ReplaceCodes, WithdrawClaim,
};
pub use desk::{Desk, DeskNews, DeskWishes, LineRow, OrderChange, StoredOrder};
pub use earnings::{AgentEarning, EarningState};
pub use error::OrderError;
pub use fulfil::{
    FulfilAct, FulfilRefusal, FulfilState, Fulfilled, FulfilmentPage, FulfilmentRow, LineRef, ManualLine,
    PROOF_CHARS_MAX, REASON_CHARS_MAX,
};
pub use job::{LowStock, OrdersDelivered, SweepHolds};
pub use lookup::{Lookups, QueryPassword};
pub use model::{
    Brought, Buyer, ChannelPay, Contact, Device, Event, LineView, LinkToken, Method, Order, OrderId, OrderPage,
    OrderView, Pay, Proof, Revealed, Sight, Wanted,
};
pub use number::{NumberFault, OrderNumber};
pub use office::{DeskHop, DeskLine, DeskPayment, DeskView, FulfilBy, OrderFilter, OrderList, OrderRow, OwnView};
pub use parts::{SoldPart, sold_parts_in};
pub use refund::{
    BuyerRefund, LinePart, LineWish, OrderRefund, RefundAsked, RefundOf, RefundRefusal, RefundTo, RefundWish,
    ReturnedLine, ReturnedPart,
};
pub use replace::{
    BuyerReplacement, OrderReplacement, REPLACEMENTS_MAX, ReplaceOf, ReplaceRefusal, ReplaceWish, Replaced,
};
pub use sale::FrozenCommission;
pub use service::{Checkout, Orders, SoldBy};
pub use sold::sold_since_in;
pub use worker::{MoneyReceiver, RefundCloser, Sweeper};
