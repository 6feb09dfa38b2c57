//! Values of the room.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

kernel::kinds! {
    /// A freeze of an address.
    FreezeId = FreezeMark "frz";
}

/// An address that may not order for a while, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Its id.
    pub id: FreezeId,
    /// The address, or what stands for its network.
    pub address: IpAddr,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Whether a person has looked at it.
    pub is_reviewed: bool,
}
