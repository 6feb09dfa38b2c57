//! Agents and the links that they share.

use std::fmt;

use catalog::Code;
use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::SiteId;
use kernel::text::one_line;
use serde::{Deserialize, Serialize};

use crate::error::CommissionError;

kernel::kinds! {
    /// Somebody who brings buyers to a site.
    AgentId = AgentMark "agt";
    /// A link that an agent shares.
    LinkId = LinkMark "lnk";
}

kernel::words! {
    /// Whether an agent earns.
    AgentState {
        /// He does.
        Active = "active",
        /// Not for now: his links bring nobody, and from his team's sales he has nothing.
        Suspended = "suspended",
        /// Never again; what he has earned stays his.
        Closed = "closed",
    }
}

/// An agent of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// His id.
    pub id: AgentId,
    /// His site; never changes.
    pub site: SiteId,
    /// The account that he buys and logs in with; never changes.
    pub customer: CustomerId,
    /// The agent right above him, of the same site.
    pub upper: Option<AgentId>,
    /// What he is called in lists.
    pub name: String,
    /// His level, which may choose his rates.
    pub level: Option<Code>,
    /// Whether he earns.
    pub state: AgentState,
    /// Raised by every change.
    pub version: i64,
    /// Since when he is one.
    pub created_at: DateTime<Utc>,
}

/// What an agent is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgent {
    /// His site.
    pub site: SiteId,
    /// His account, of a customer whom that site has won.
    pub customer: CustomerId,
    /// The agent right above him.
    pub upper: Option<AgentId>,
    /// What he is called in lists.
    pub name: String,
    /// His level.
    pub level: Option<Code>,
}

/// What of an agent can change. A move takes effect for later orders only: earlier ones keep who was above whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentChange {
    /// The agent right above him.
    pub upper: Option<AgentId>,
    /// What he is called in lists.
    pub name: String,
    /// His level.
    pub level: Option<Code>,
    /// Whether he earns.
    pub state: AgentState,
}

/// The word in a promotion link: 4 to 16 of a-z and 0-9, as it is read aloud without mistakes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentCode(String);

/// What codes of ours are made of: no letter or digit that is taken for another one.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

impl AgentCode {
    const LENGTH_MIN: usize = 4;
    const LENGTH_MAX: usize = 16;
    const LENGTH_NEW: usize = 8;

    /// Reads a code; capital letters and spaces around it are forgiven.
    pub fn parse(text: &str) -> Result<Self, CommissionError> {
        let text = text.trim();
        let is_short = (Self::LENGTH_MIN..=Self::LENGTH_MAX).contains(&text.len());
        if !is_short || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(CommissionError::AgentCode);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// A new one: 8 letters and digits, 40 bits of `random`.
    pub(crate) fn of(random: u128) -> Self {
        let letter = |place: usize| {
            let five_bits = (random >> (5 * place)) & 31;
            char::from(LETTERS[usize::try_from(five_bits).expect("five bits")])
        };
        Self((0..Self::LENGTH_NEW).map(letter).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AgentCode {
    type Error = CommissionError;
    fn try_from(text: String) -> Result<Self, CommissionError> {
        Self::parse(&text)
    }
}

impl From<AgentCode> for String {
    fn from(code: AgentCode) -> Self {
        code.0
    }
}

/// For what occasion a link is shared: one line of at most 60 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Campaign(String);

impl Campaign {
    const CHARS_MAX: usize = 60;

    /// Reads what an agent typed.
    pub fn parse(text: &str) -> Result<Self, CommissionError> {
        let refused = CommissionError::Text { what: "campaign", chars_max: Self::CHARS_MAX };
        one_line(text, Self::CHARS_MAX).map(|text| Self(text.to_owned())).ok_or(refused)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A link that an agent shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Whose it is.
    pub agent: AgentId,
    /// The word in its address.
    pub code: AgentCode,
    /// For what occasion; none for the agent's first one.
    pub campaign: Option<Campaign>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}
