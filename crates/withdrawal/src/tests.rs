//! Sentences about withdrawals, on both databases.

mod fixture;
mod money;
mod parallel;
mod payees;
mod review;
mod rules;
