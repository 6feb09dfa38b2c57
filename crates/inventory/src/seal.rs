//! Sealing and hashing, on bytes.

use aes_gcm::aead::{Aead, Generate, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use kernel::Secret;
use sha2::{Digest, Sha256};

use crate::error::InventoryError;

/// 256 bits.
pub(crate) type Key = Secret<[u8; 32]>;

const NONCE_LEN: usize = 12;

/// A new random key.
pub(crate) fn random_key() -> Key {
    let key = aes_gcm::Key::<Aes256Gcm>::generate();
    Secret::new(key.into())
}

/// Seals `plain`; the answer is a random nonce and the cipher text. Opens only with the same `bound` bytes.
pub(crate) fn seal(key: &Key, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, InventoryError> {
    let cipher = Aes256Gcm::new(key.expose().into());
    let nonce = Nonce::<Aes256Gcm>::generate();
    let payload = Payload { msg: plain, aad: bound };
    let sealed = cipher.encrypt(&nonce, payload).map_err(|_| InventoryError::Sealed)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(key: &Key, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InventoryError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(InventoryError::Sealed)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| InventoryError::Sealed)?;
    let cipher = Aes256Gcm::new(key.expose().into());
    cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad: bound }).map_err(|_| InventoryError::Sealed)
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn keyed_hash(key: &Key, bytes: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// The name of a master key: says which key wrapped something, and nothing about the key.
pub(crate) fn key_name(key: &Key) -> [u8; 8] {
    let digest: [u8; 32] =
        Sha256::new_with_prefix(b"cardgrove master key name\0").chain_update(key.expose()).finalize().into();
    let mut name = [0; 8];
    name.copy_from_slice(&digest[..8]);
    name
}
