//! Signatures: Ed25519 (RFC 8032), so that anybody with the public key can verify a closing, with common tools too.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Secret;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// What stands before the 32 bytes of such a key in DER (RFC 8410, 4).
const DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KEY_BYTES: usize = 32;

/// The half of a key that everybody may have. As text it is PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

/// The half that signs.
pub(crate) struct SigningKey {
    seed: Secret<[u8; KEY_BYTES]>,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A new random key.
    pub fn generate() -> Self {
        let mut seed = [0; KEY_BYTES];
        getrandom::fill(&mut seed).expect("the system gives random bytes");
        Self::from_seed(seed)
    }

    fn from_seed(seed: [u8; KEY_BYTES]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed");
        Self { seed: Secret::new(seed), pair }
    }

    /// Reads what [`Self::export`] wrote.
    pub fn read(text: &Secret<String>) -> Option<Self> {
        let bytes = STANDARD.decode(text.expose()).ok()?;
        Some(Self::from_seed(bytes.try_into().ok()?))
    }

    /// The secret half, to be sealed.
    pub fn export(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.seed.expose()))
    }

    /// The half for everybody.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.pair.public_key().as_ref()).expect("a public key has 32 bytes")
    }

    /// The 64 bytes of the signature.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

impl PublicKey {
    /// The key as the database holds it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Reads PEM of a public Ed25519 key, and nothing else.
    pub fn parse(pem: &str) -> Option<Self> {
        let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
        let der = STANDARD.decode(body.trim()).ok()?;
        Self::from_bytes(der.strip_prefix(&DER_HEAD)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let der = [DER_HEAD.as_slice(), &self.0].concat();
        writeln!(f, "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(der))
    }
}

/// Whether `signature` is this key's of the bytes of a document.
pub fn verify(key: &PublicKey, document: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key.bytes()).verify(document, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_verifies_and_nothing_else_does() {
        let key = SigningKey::generate();
        let signature = key.sign("a day");
        let again = SigningKey::read(&key.export()).expect("what was exported");
        assert_eq!(again.public(), key.public());
        assert!(verify(&again.public(), b"a day", &signature));
        assert!(!verify(&key.public(), b"another day", &signature));
        assert!(!verify(&SigningKey::generate().public(), b"a day", &signature));
        assert!(!verify(&key.public(), b"a day", &signature[1..]));
    }

    /// RFC 8032, 7.1, test 1; the PEM was made by openssl from the same secret.
    #[test]
    fn a_key_of_the_standard_signs_as_the_standard_says() {
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_seed(seed.try_into().expect("32 bytes"));
        assert_eq!(
            key.public().bytes().as_slice(),
            hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        );
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                         d25bf5f0595bbe24655141438e7a100b";
        assert_eq!(key.sign(""), hex(signature));
        let pem = key.public().to_string();
        assert_eq!(PublicKey::parse(&pem), Some(key.public()));
        assert_eq!(PublicKey::parse(&pem.replace("MCow", "MCox")), None);
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let (pairs, _) = digits.as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("digits");
        pairs.iter().map(byte).collect()
    }
}
