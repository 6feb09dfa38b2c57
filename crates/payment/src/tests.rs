//! Behaviour on both databases: the till and its commands, channels, hand-overs, the audit.

mod channels;
mod fixture;
mod refunds;
mod till;
