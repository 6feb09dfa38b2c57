//! Values of the room.

mod rules;
mod standing;

pub use rules::{LevelRules, Needs, RulesVersion, Rung, Schedule};
pub use standing::{Change, ChangeId, Figures, Pin, Standing, Warning, What};
