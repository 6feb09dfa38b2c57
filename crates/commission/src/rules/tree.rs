//! Who may stand above whom.

use crate::error::CommissionError;
use crate::model::AgentId;

/// Agents above another one, at most. Only [`super::DEPTH_MAX`] of them can earn from a sale; a bound on the rest keeps
/// chains short enough to be read.
pub(crate) const ABOVE_MAX: usize = 16;

/// Whether `agent` may stand right below the first of `chain`, which is the agent who is to be above him and all above
/// that one, nearest first; `below` is how many levels stand under `agent`.
pub(crate) fn check_upper(agent: AgentId, chain: &[AgentId], below: usize) -> Result<(), CommissionError> {
    if chain.contains(&agent) {
        return Err(CommissionError::AboveHimself);
    }
    if chain.len() + below > ABOVE_MAX { Err(CommissionError::TooDeep { most: ABOVE_MAX }) } else { Ok(()) }
}
