//! The door's promises, on both databases.

mod batch;
mod claims;
mod errors;
mod isolation;
mod outcome;
mod samples;
