//! The HTTP kit of the shop pages and the JSON API: what both need, and no business word.
//!
//! A request passes the [`Gate`], which sends away whom there is no room for, then [`Kit::layers`]: it gets an id, its [`Visit`] (host, scheme, client address) is read from
//! the connection and, behind a configured proxy only, from forwarded headers; it is bounded in size, time and number.
//! Whatever goes wrong on the way becomes a [`Problem`], and a [`Face`] may show it as a page instead of JSON.
//!
//! Handlers ask for permission by the type of their first argument ([`Guest`], [`MaybeBuyer`], [`Buyer`], [`Staff`],
//! [`Operator`], [`SiteOperator`]); [`Routes`] takes no handler without one, and lists every route with its policy for a test.
//!
//! Invariants: a forwarded header of an unknown peer is never believed; a detail of our own fault never leaves the
//! house; a session cookie belongs to one host; a log line never holds a path, which may open an order or a payment.

mod cookie;
mod extract;
mod face;
mod gate;
mod host;
mod key;
mod kit;
mod permit;
mod problem;
mod proxies;
mod rate;
mod routes;
#[cfg(test)]
mod tests;
mod titles;
mod trace;
mod via;
mod visit;

pub use cookie::{
    farewell, language_cookie, language_of, look_up_cookie, look_up_of, session_cookie, session_end, session_of,
    visitor_cookie, visitor_of,
};
pub use extract::{Form, Json, Path, Query, Unreadable};
pub use face::{Face, Faults};
pub use gate::{Applications, Gate, OwnHosts, Room, is_shared};
pub use host::{ShopContext, ShopFault, by_path, shop_of};
pub use key::{IdempotencyKey, REPLAYED};
pub use kit::{Bounds, Kit, RequestId};
pub use permit::{
    AgentRead, AgentWrite, Allow, Buyer, ChannelRead, ChannelWrite, FundsAdjust, FundsApprove, FundsRead, GoodsRead,
    GoodsWrite, Guest, LedgerRead, MaybeBuyer, Operator, OrderFulfil, OrderRead, OrderRefund, PlanRead, PlanWrite,
    Policy, PrepaidMove, PriceRead, PriceWrite, RechargeWrite, SettlementRead, SettlementWrite, SiteOperator, SiteRead,
    SiteWrite, Staff, StockRead, StockWrite, Visitor, WithdrawalAsk, WithdrawalPay, WithdrawalRead, WithdrawalReview,
};
pub use problem::{FieldError, Problem, status_of};
pub use proxies::Proxies;
pub use rate::RateLimits;
pub use routes::{Policed, Route, Routes};
pub use titles::title_of;
pub use trace::TraceId;
pub use via::{Followed, Via};
pub use visit::{ClientAddress, Visit, VisitFault};
