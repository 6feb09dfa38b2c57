//! By when a buyer may ask for his money back.

use serde::{Deserialize, Serialize};

/// By when a buyer may ask for his money back. What an operator gives back of his own accord is not bound by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefundRule {
    /// So many hours after the delivery; 0 is never once it is delivered.
    pub within_hours: u32,
    /// Only as long as he has not looked at the codes.
    pub until_seen: bool,
}

impl RefundRule {
    /// Seven days, whether he has looked or not: a code that does not work is found out by trying it.
    pub const USUAL: Self = Self { within_hours: 7 * 24, until_seen: false };
    /// The most hours: a year.
    pub const WITHIN_HOURS_MAX: u32 = 366 * 24;

    /// What is written beside goods and lines: `168`, `168 unseen`; nothing for the usual rule, which nearly all have.
    pub fn kept(self) -> Option<String> {
        let seen = if self.until_seen { " unseen" } else { "" };
        (self != Self::USUAL).then(|| format!("{}{seen}", self.within_hours))
    }

    /// Reads it back; none if it is none.
    pub fn read(kept: Option<&str>) -> Option<Self> {
        let Some(kept) = kept else { return Some(Self::USUAL) };
        let (hours, until_seen) = match kept.strip_suffix(" unseen") {
            Some(hours) => (hours, true),
            None => (kept, false),
        };
        let within_hours = hours.parse().ok().filter(|hours| *hours <= Self::WITHIN_HOURS_MAX)?;
        Some(Self { within_hours, until_seen })
    }
}

impl Default for RefundRule {
    fn default() -> Self {
        Self::USUAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_from_what_is_kept() {
        for within_hours in [0, 1, 168, RefundRule::WITHIN_HOURS_MAX] {
            for until_seen in [false, true] {
                let rule = RefundRule { within_hours, until_seen };
                assert_eq!(RefundRule::read(rule.kept().as_deref()), Some(rule));
            }
        }
        // What is not written means this, in every order that was ever placed.
        assert_eq!(RefundRule::read(None), Some(RefundRule { within_hours: 168, until_seen: false }));
        assert_eq!(RefundRule::USUAL.kept(), None);
        for odd in ["", "unseen", "-1", "8785", "1 seen", "168unseen"] {
            assert_eq!(RefundRule::read(Some(odd)), None, "{odd}");
        }
    }
}
