//! Passwords: argon2id, a few at a time, and never faster for an unknown login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::password_hash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use kernel::{Secret, TenantId};
use tokio::sync::Semaphore;

use crate::error::IdentityError;

/// A new password has at least so many characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// A password has at most so many characters; a longer one is wrong without work.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// The length of a key of [`Passwords::derive`].
const KEY_BYTES: usize = 32;

/// Each takes about 19 MiB and a core for some 20 ms.
const WORKERS: usize = 2;
/// Callers that may wait; with two workers the last of them waits about a second.
const WAITING_MAX: usize = 64;

/// How many times the places that are free one tenant may hold: a flood of log-ins at one shop leaves some for all others.
const FAIR: usize = 4;

/// Hashes and checks passwords. Clones share the workers.
#[derive(Clone)]
pub struct Passwords {
    workers: Arc<Semaphore>,
    places: Places,
    /// Whose work it is; none for the house's own.
    whose: Option<TenantId>,
    nobody: Arc<str>,
}

/// One for each caller, working or waiting.
#[derive(Clone)]
struct Places {
    most: usize,
    taken: Arc<Mutex<HashMap<Option<TenantId>, usize>>>,
}

/// A place, free again when it goes.
struct Place {
    places: Places,
    whose: Option<TenantId>,
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, HashMap<Option<TenantId>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, whose: Option<TenantId>) -> Option<Place> {
        let mut taken = self.taken();
        let free = self.most.saturating_sub(taken.values().sum::<usize>());
        let own = taken.entry(whose).or_default();
        let is_let = *own < FAIR * free;
        *own += usize::from(is_let);
        if *own == 0 {
            taken.remove(&whose);
        }
        is_let.then(|| Place { places: self.clone(), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.whose) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

/// An argon2id hash in PHC form, made by [`Passwords::hash`] only.
#[derive(Debug, Clone)]
pub struct PasswordHash(Secret<String>);

impl PasswordHash {
    pub(crate) fn text(&self) -> &str {
        self.0.expose()
    }
}

impl Passwords {
    /// Makes the hash that unknown logins are checked against: a password's worth of work.
    #[expect(clippy::new_without_default, reason = "making one costs a password's worth of work")]
    pub fn new() -> Self {
        Self::with_limits(WORKERS, WAITING_MAX)
    }

    pub(crate) fn with_limits(workers: usize, waiting: usize) -> Self {
        let nobody = Argon2::default()
            .hash_password_with_salt(b"", b"nobody's salt")
            .expect("the default parameters are valid and the salt is long enough");
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            places: Places { most: workers + waiting, taken: Arc::default() },
            whose: None,
            nobody: nobody.to_string().into(),
        }
    }

    /// The same workers, working for this tenant: it has its share of the places, however many ask there.
    pub fn of(&self, tenant: TenantId) -> Self {
        Self { whose: Some(tenant), ..self.clone() }
    }

    /// Hashes a new password, if its length is right.
    pub async fn hash(&self, password: &Secret<String>) -> Result<PasswordHash, IdentityError> {
        let length = password.expose().chars().count();
        if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length) {
            return Err(IdentityError::PasswordLength { chars_min: PASSWORD_CHARS_MIN, chars_max: PASSWORD_CHARS_MAX });
        }
        let password = password.clone();
        let hashed = self.work(move || Argon2::default().hash_password(password.expose().as_bytes())).await?;
        // Lengths and parameters are right by now, so what is left is memory that ran out.
        hashed.map(|hash| PasswordHash(Secret::new(hash.to_string()))).map_err(|_| IdentityError::Busy)
    }

    /// Whether the password is the one that was hashed; without a hash it is not, after the same work.
    pub async fn verify(&self, password: &Secret<String>, hash: Option<&str>) -> Result<bool, IdentityError> {
        if password.expose().chars().count() > PASSWORD_CHARS_MAX {
            return Ok(false);
        }
        let is_known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let password = password.clone();
        let verified =
            self.work(move || Argon2::default().verify_password(password.expose().as_bytes(), &*hash)).await?;
        match verified {
            Ok(()) => Ok(is_known),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(IdentityError::Unreadable { column: "password_hash" }),
        }
    }

    /// The key that `password` and `salt` always make, at a password's price. For what must be found by it; a log-in
    /// has its own salt in [`Passwords::hash`].
    pub async fn derive(&self, password: &Secret<String>, salt: [u8; 32]) -> Result<Vec<u8>, IdentityError> {
        let length = password.expose().chars().count();
        if length == 0 || length > PASSWORD_CHARS_MAX {
            return Err(IdentityError::PasswordLength { chars_min: 1, chars_max: PASSWORD_CHARS_MAX });
        }
        let password = password.clone();
        let derived = self.work(move || {
            let mut key = vec![0; KEY_BYTES];
            Argon2::default().hash_password_into(password.expose().as_bytes(), &salt, &mut key).map(|()| key)
        });
        // Lengths and parameters are right, so what is left is memory that ran out.
        derived.await?.map_err(|_| IdentityError::Busy)
    }

    /// The place and the worker go with the work: a caller that went away does not make room before it is done.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, IdentityError> {
        let place = self.places.enter(self.whose).ok_or(IdentityError::Busy)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| IdentityError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, worker);
            work()
        });
        done.await.map_err(|_| IdentityError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash(&secret("correct horse")).await.expect("hashed");
        assert!(hash.text().starts_with("$argon2id$v=19$"), "argon2id in PHC form");
        assert!(passwords.verify(&secret("correct horse"), Some(hash.text())).await.expect("checked"));
        assert!(!passwords.verify(&secret("correct horsf"), Some(hash.text())).await.expect("checked"));
    }

    #[test]
    fn a_flood_at_one_shop_leaves_places_for_the_others() {
        let places = Places { most: 10, taken: Arc::default() };
        let (flooded, other) = (Some(TenantId::new()), Some(TenantId::new()));
        let flood: Vec<Place> = std::iter::from_fn(|| places.enter(flooded)).collect();
        assert_eq!(flood.len(), 8, "four fifths");
        let held = (places.enter(other), places.enter(None));
        assert!(held.0.is_some() && held.1.is_some() && places.enter(other).is_none(), "all are taken");
        drop((flood, held));
        assert!(places.taken().is_empty());
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = Passwords::new();
        let first = passwords.hash(&secret("correct horse")).await.expect("hashed");
        let second = passwords.hash(&secret("correct horse")).await.expect("hashed");
        assert_ne!(first.text(), second.text());
    }

    #[tokio::test]
    async fn a_derived_key_follows_from_password_and_salt() {
        let passwords = Passwords::new();
        let key = passwords.derive(&secret("ocean"), [1; 32]).await.expect("derived");
        assert_eq!(passwords.derive(&secret("ocean"), [1; 32]).await.expect("derived"), key);
        assert_ne!(passwords.derive(&secret("ocean"), [2; 32]).await.expect("derived"), key);
        assert_ne!(passwords.derive(&secret("Ocean"), [1; 32]).await.expect("derived"), key);
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new();
        for password in ["", "correct horse"] {
            assert!(!passwords.verify(&secret(password), None).await.expect("checked"), "{password}");
        }
    }

    #[tokio::test]
    async fn a_password_of_the_wrong_length_is_refused_and_never_right() {
        let passwords = Passwords::new();
        for length in [0, 7, 129] {
            let refused = passwords.hash(&secret(&"卡".repeat(length))).await;
            assert!(matches!(refused, Err(IdentityError::PasswordLength { .. })), "{length}");
        }
        let longest = secret(&"卡".repeat(128));
        let hash = passwords.hash(&longest).await.expect("just right");
        assert!(passwords.verify(&longest, Some(hash.text())).await.expect("checked"));
        assert!(!passwords.verify(&secret(&"卡".repeat(129)), Some(hash.text())).await.expect("checked"));
    }

    #[tokio::test]
    async fn a_caller_beyond_the_waiting_ones_is_sent_away() {
        let passwords = Passwords::with_limits(1, 1);
        let working = Arc::clone(&passwords.workers).acquire_owned().await.expect("free");
        let place = passwords.places.enter(None).expect("free");
        let waiting = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.verify(&secret("correct horse"), None).await }
        });
        while passwords.places.taken().values().sum::<usize>() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = passwords.verify(&secret("correct horse"), None).await;
        assert!(matches!(refused, Err(IdentityError::Busy)), "{refused:?}");
        drop((working, place));
        assert!(matches!(waiting.await.expect("runs"), Ok(false)));
    }

    #[tokio::test]
    async fn a_broken_hash_is_our_fault_and_not_a_wrong_password() {
        let broken = Passwords::new().verify(&secret("correct horse"), Some("plain text")).await;
        assert!(matches!(broken, Err(IdentityError::Unreadable { .. })), "{broken:?}");
    }
}
