//! Typed ids: a UUIDv7 that knows what it names.
//!
//! In text an id is its prefix, an underscore and 26 characters of Crockford's base 32
//! (`ord_01j...`), so that an id pasted in the wrong place is refused, not looked up.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What an id names; implemented by the empty types that [`kinds!`](crate::kinds) makes.
pub trait Kind: 'static {
    /// The text before the underscore, three lower-case letters.
    const PREFIX: &'static str;
}

/// The id of one `K`, unique over the installation and ordered by the time it was made.
pub struct Id<K> {
    raw: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not the id that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {prefix}_ followed by 26 characters")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

impl<K> Id<K> {
    /// A new id, later than every id this process made before.
    #[expect(clippy::new_without_default, reason = "a default id would suggest that there is a neutral one")]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// The id that the database holds as `raw`.
    pub const fn from_uuid(raw: Uuid) -> Self {
        Self { raw, kind: PhantomData }
    }

    /// The form the database holds.
    pub const fn uuid(self) -> Uuid {
        self.raw
    }
}

impl<K: Kind> Id<K> {
    /// Reads the text form; upper case is accepted, another kind's prefix is not.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fail = || IdError { text: text.chars().take(64).collect(), prefix: K::PREFIX };
        let (prefix, body) = text.split_once('_').ok_or_else(fail)?;
        if prefix != K::PREFIX || body.len() != TEXT_LEN {
            return Err(fail());
        }
        let mut value: u128 = 0;
        for (index, byte) in body.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|&c| c == byte.to_ascii_lowercase()).ok_or_else(fail)?;
            if index == 0 && digit > 7 {
                return Err(fail()); // 26 digits hold 130 bits, the first may use 3 only
            }
            value = (value << 5) | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(value)))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.raw.as_u128();
        let mut text = [0u8; TEXT_LEN];
        for (index, slot) in text.iter_mut().enumerate() {
            let shift = 5 * (TEXT_LEN - 1 - index);
            *slot = ALPHABET[((value >> shift) & 31) as usize];
        }
        let text = std::str::from_utf8(&text).expect("the alphabet is ASCII");
        write!(f, "{}_{text}", K::PREFIX)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Uuid {
        id.raw
    }
}

/// Makes the kinds of id a room needs: `kinds! { OrderId = Order "ord"; }`.
#[macro_export]
macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident $prefix:literal;)*) => {$(
        #[doc = concat!("Marks ids with the prefix `", $prefix, "`.")]
        #[derive(Debug)]
        pub enum $kind {}
        impl $crate::Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = $crate::Id<$kind>;
    )*};
}

kinds! {
    /// A tenant: one main site with everything under it.
    TenantId = Tenant "ten";
    /// A site: the main site or a sub-site.
    SiteId = Site "sit";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_form_reads_back(raw in any::<u128>()) {
            let id = TenantId::from_uuid(Uuid::from_u128(raw));
            prop_assert_eq!(TenantId::parse(&id.to_string()), Ok(id));
            prop_assert_eq!(TenantId::parse(&id.to_string().to_uppercase().replacen("TEN", "ten", 1)), Ok(id));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}") {
            let _ = TenantId::parse(&text);
        }

        #[test]
        fn text_order_is_id_order(a in any::<u128>(), b in any::<u128>()) {
            let (a, b) = (SiteId::from_uuid(Uuid::from_u128(a)), SiteId::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!(SiteId::parse(&TenantId::new().to_string()).is_err());
    }

    #[test]
    fn a_first_digit_past_128_bits_is_refused() {
        assert!(TenantId::parse("ten_80000000000000000000000000").is_err());
    }

    #[test]
    fn new_ids_ascend() {
        let ids: Vec<TenantId> = (0..1000).map(|_| TenantId::new()).collect();
        assert!(ids.is_sorted());
    }
}
