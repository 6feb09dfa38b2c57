//! The door's promises, on both databases.

mod batch;
mod claims;
mod errors;
mod isolation;
mod news;
mod outcome;
mod samples;
