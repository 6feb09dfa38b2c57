//! Who brought a buyer.

use catalog::Code;
use identity::CustomerId;
use serde::{Deserialize, Serialize};

use super::agent::{AgentId, AgentState, LinkId};

kernel::words! {
    /// By what a buyer is known to be brought.
    How {
        /// He followed a link.
        Link = "link",
        /// He said a code.
        Code = "code",
    }
}

/// An agent in the chain of an order, as he was when it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrer {
    /// The agent.
    pub agent: AgentId,
    /// His own account: nobody earns from what he buys himself.
    pub customer: CustomerId,
    /// His level.
    pub level: Option<Code>,
    /// Whether he earns.
    pub state: AgentState,
}

/// Who brought the buyer of an order: he first, then the agents above him, nearest first. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// By which link.
    pub link: LinkId,
    /// By what it is known.
    pub how: How,
    /// The chain.
    pub chain: Vec<Referrer>,
}

impl Referral {
    /// Who brought the buyer.
    pub fn agent(&self) -> AgentId {
        self.chain.first().expect("somebody brought the buyer").agent
    }
}
