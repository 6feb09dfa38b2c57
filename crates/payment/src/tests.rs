//! Behaviour on both databases: the till and its commands, jobs, channels, hand-overs, the audit.

mod channels;
mod fixture;
mod jobs;
mod refunds;
mod scripted;
mod till;
