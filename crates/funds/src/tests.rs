//! Sentences about member money, on both databases.

mod accounts;
mod audit;
mod cards;
mod fixture;
mod parallel;
