//! Finding an order again without an account: by its number, its id or a contact, and the query password.
//!
//! Whatever is wrong, the answer is the same and takes the same work: one key of argon2, made from the password and
//! the contact, and one search by that key. A number names the contact that its order has; an unknown number names
//! nobody, with the same work. Orders of two nodes may share a number (see [`OrderNumber`]): then there is one such
//! search for each of their contacts.

use identity::{CustomerId, Passwords};
use kernel::{Secret, SiteScope, TenantId, Wording};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::OrderError;
use crate::model::{Contact, Order, OrderId, OrderPage, Proof, kept_key};
use crate::number::OrderNumber;
use crate::repo;
use crate::service::Orders;

/// Orders that a look-up shows.
const FOUND_MAX: u64 = 20;

/// Orders that share a number and are tried; two do seldom enough.
const SHARED_MAX: usize = 4;

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

/// A contact, and which of its orders are meant; none are all of them.
struct Sought {
    contact: Option<Contact>,
    orders: Option<Vec<OrderId>>,
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
        Ok(self.passwords.of(scope.tenant()).derive(&password.0, salt).await?)
    }

    /// The orders that number or contact, and password, open: none if anything is wrong. Orders that share a number are
    /// all tried; those of one contact are shown together.
    pub async fn find(
        &self,
        scope: &SiteScope,
        number_or_contact: &str,
        password: &str,
    ) -> Result<(Proof, OrderPage), OrderError> {
        let password = QueryPassword::parse(password).ok();
        let mut tried = None;
        for sought in self.sought(scope, number_or_contact).await? {
            let (key, orders) = self.opened(scope, &sought, password.as_ref()).await?;
            let found = (Proof { query_key: Some(key), ..Proof::default() }, OrderPage { orders, next: None });
            if !found.1.orders.is_empty() {
                return Ok(found);
            }
            tried = Some(found);
        }
        Ok(tried.expect("there is always somebody to search for"))
    }

    /// Whose orders may be meant, at least one: a number of nobody is searched for all the same.
    async fn sought(&self, scope: &SiteScope, text: &str) -> Result<Vec<Sought>, OrderError> {
        let tx = self.orders.store.read(scope).await?;
        let orders = match Asked::read(text) {
            Asked::Number(number) => repo::numbered_in(&tx, scope.tenant(), number).await?,
            Asked::Id(id) => vec![id],
            Asked::Contact => return Ok(vec![Sought { contact: Contact::parse(text).ok(), orders: None }]),
        };
        let mut all: Vec<Sought> = Vec::new();
        for order in orders.into_iter().take(SHARED_MAX) {
            let contact = repo::contact_in(&tx, order).await?.and_then(|row| row.contact);
            let contact = contact.and_then(|contact| Contact::parse(&contact).ok());
            match all.iter_mut().find(|sought| sought.contact == contact) {
                Some(known) => known.orders.iter_mut().for_each(|orders| orders.push(order)),
                None => all.push(Sought { contact, orders: Some(vec![order]) }),
            }
        }
        if all.is_empty() {
            all.push(Sought { contact: None, orders: Some(vec![OrderId::from_uuid(Uuid::nil())]) });
        }
        Ok(all)
    }

    /// The key of contact and password, and what it opens of these orders.
    async fn opened(
        &self,
        scope: &SiteScope,
        sought: &Sought,
        password: Option<&QueryPassword>,
    ) -> Result<(Vec<u8>, Vec<(Order, Wording)>), OrderError> {
        let known = sought.contact.as_ref().zip(password);
        let salt = salt(scope, known.map_or("", |(contact, _)| contact.as_str()));
        let nobody = Secret::new("nobody".to_owned());
        let passwords = self.passwords.of(scope.tenant());
        let key = passwords.derive(password.map_or(&nobody, |password| &password.0), salt).await?;
        let tx = self.orders.store.read(scope).await?;
        let by = |order| (repo::By::QueryKey, order);
        let kept = kept_key(&key);
        let mut found = Vec::new();
        match &sought.orders {
            None => found = repo::orders_by_in(&tx, by(None), &kept, FOUND_MAX).await?,
            Some(orders) => {
                for order in orders {
                    found.extend(repo::orders_by_in(&tx, by(Some(*order)), &kept, FOUND_MAX).await?);
                }
            }
        }
        if known.is_none() {
            found.clear();
        }
        Ok((key, found))
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
