//! Finding an order again without an account: by its number, its id or a contact, and the query password.
//!
//! Whatever is wrong, the answer is the same and takes the same work: one key of argon2, made from the password and
//! the contact, and one search by that key. A number names the contact that its order has; an unknown number names
//! nobody, with the same work.

use identity::{CustomerId, Passwords};
use kernel::{Secret, SiteScope, TenantId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::OrderError;
use crate::model::{Contact, OrderId, OrderPage, Proof, kept_key};
use crate::number::OrderNumber;
use crate::repo;
use crate::service::Orders;

/// Orders that a look-up shows.
const FOUND_MAX: u64 = 20;

/// The word with which a guest finds his orders again; 4 to 128 characters.
pub struct QueryPassword(Secret<String>);

impl QueryPassword {
    const CHARS_MIN: usize = 4;
    const CHARS_MAX: usize = 128;

    /// Takes what a buyer typed.
    pub fn parse(text: &str) -> Result<Self, OrderError> {
        let count = text.chars().count();
        if !(Self::CHARS_MIN..=Self::CHARS_MAX).contains(&count) {
            return Err(OrderError::QueryPassword { chars_min: Self::CHARS_MIN, chars_max: Self::CHARS_MAX });
        }
        Ok(Self(Secret::new(text.to_owned())))
    }
}

/// Look-ups of guests. Limits on tries belong to whoever takes the request.
#[derive(Clone)]
pub struct Lookups {
    orders: Orders,
    passwords: Passwords,
}

/// What somebody looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The order with this number.
    Number(OrderNumber),
    /// The order with this id, which older pages showed as its number.
    Id(OrderId),
    /// What else it is: the orders of a contact.
    Contact,
}

impl Asked {
    fn read(text: &str) -> Self {
        let number = OrderNumber::parse(text).map(Self::Number);
        number.or_else(|_| OrderId::parse(text.trim()).map(Self::Id)).unwrap_or(Self::Contact)
    }
}

impl Lookups {
    /// What is looked for in one spelling, for whoever counts tries: a number means the same however it is grouped,
    /// and the same as the id that it stands for.
    pub fn asked(tenant: TenantId, number_or_contact: &str) -> String {
        match Asked::read(number_or_contact) {
            Asked::Number(number) => number.to_string(),
            Asked::Id(id) => OrderNumber::of(tenant, id).to_string(),
            Asked::Contact => number_or_contact.to_owned(),
        }
    }

    /// Look-ups of these orders.
    pub const fn new(orders: Orders, passwords: Passwords) -> Self {
        Self { orders, passwords }
    }

    /// The key under which orders of this contact with this password are found on this site.
    pub async fn query_key(
        &self,
        scope: &SiteScope,
        contact: &Contact,
        password: &QueryPassword,
    ) -> Result<Vec<u8>, OrderError> {
        let salt = salt(scope, contact.as_str());
        Ok(self.passwords.derive(&password.0, salt).await?)
    }

    /// The orders that number or contact, and password, open: none if anything is wrong.
    pub async fn find(
        &self,
        scope: &SiteScope,
        number_or_contact: &str,
        password: &str,
    ) -> Result<(Proof, OrderPage), OrderError> {
        let order = match Asked::read(number_or_contact) {
            Asked::Number(number) => {
                let tx = self.orders.store.read(scope).await?;
                let known = repo::numbered_in(&tx, scope.tenant(), number).await?;
                // A number of nobody is searched for all the same.
                Some(known.unwrap_or(OrderId::from_uuid(Uuid::nil())))
            }
            Asked::Id(id) => Some(id),
            Asked::Contact => None,
        };
        let contact = match order {
            Some(order) => {
                let tx = self.orders.store.read(scope).await?;
                let contact = repo::contact_in(&tx, order).await?.and_then(|row| row.contact);
                contact.and_then(|contact| Contact::parse(&contact).ok())
            }
            None => Contact::parse(number_or_contact).ok(),
        };
        let password = QueryPassword::parse(password).ok();
        let known = contact.as_ref().zip(password.as_ref());
        let salt = salt(scope, known.map_or("", |(contact, _)| contact.as_str()));
        let nobody = Secret::new("nobody".to_owned());
        let key = self.passwords.derive(password.as_ref().map_or(&nobody, |password| &password.0), salt).await?;
        let tx = self.orders.store.read(scope).await?;
        let mut orders = repo::orders_by_in(&tx, (repo::By::QueryKey, order), &kept_key(&key), FOUND_MAX).await?;
        if known.is_none() {
            orders.clear();
        }
        let proof = Proof { query_key: Some(key), ..Proof::default() };
        Ok((proof, OrderPage { orders, next: None }))
    }
}

/// Two sites, or two contacts, with the same password have different keys.
fn salt(scope: &SiteScope, contact: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"cardgrove query\0");
    hash.update(scope.tenant().uuid().as_bytes());
    hash.update(scope.site().uuid().as_bytes());
    hash.update(contact.as_bytes());
    hash.finalize().into()
}

impl Proof {
    /// What a logged-in account proves.
    pub fn account(customer: CustomerId) -> Self {
        Self { customer: Some(customer), ..Self::default() }
    }
}
