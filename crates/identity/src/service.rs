//! Logging in, staying logged in, logging out.

mod appoint;
mod customers;
mod operators;
mod renewals;

pub use appoint::Appointed;
pub use customers::{CUSTOMER_SESSION_LIFE, Customers};
pub use operators::{OPERATOR_SESSION_LIFE, Operators};
