//! How much somebody may still do of what is counted.

use std::time::Duration;

/// What is left of a limit in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What the limit is called outside: lower-case letters and hyphens.
    pub name: &'static str,
    /// How often in the window.
    pub most: u32,
    /// The window.
    pub window: Duration,
    /// How often still.
    pub left: u32,
    /// When there is more again; nothing where all of it is left.
    pub resets_after: Duration,
}
