//! Who somebody is and what he may do: customers of a tenant, operators of the platform, their sessions.
//!
//! A customer belongs to his main site and logs in on each of its sites; a session is of one site only. An operator
//! belongs to the platform and reaches a tenant or one of its sites by membership: [`Operator::scope`] and
//! [`Operator::site_scope`] are the only ways from a person to rows, and they ask for a permission.
//!
//! Invariants: passwords are kept as argon2id hashes and tokens as SHA-256, never themselves; a wrong password, an
//! unknown and a locked login are one and the same answer after the same work; tries are limited before any work.

mod error;
mod generate;
mod limits;
mod model;
mod password;
mod repo;
mod rules;
mod service;
mod table;
mod token;

#[cfg(test)]
mod tests;

pub use error::IdentityError;
pub use limits::LoginLimits;
pub use model::{
    Customer, CustomerId, CustomerKind, Login, Membership, NewCustomer, NewOperator, Operator, OperatorId, OperatorKind,
};
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordHash, Passwords};
pub use rules::{Permission, Reach, Role};
pub use service::{Appointed, CUSTOMER_SESSION_LIFE, Customers, OPERATOR_SESSION_LIFE, Operators};
pub use token::Token;
