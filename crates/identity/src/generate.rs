//! Passwords that the house makes for new people.

use kernel::Secret;

use crate::password::Passwords;

const PASSWORD_CHARS: usize = 20;
/// Lower-case letters and digits without those that look alike (i l o 0 1): 20 of them are 99 bits.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

impl Passwords {
    /// A password that nobody can guess and everybody can type.
    pub fn generate() -> Secret<String> {
        // A byte past the last whole multiple of the alphabet would make the first letters likelier; it is drawn again.
        const FAIR: usize = 256 / ALPHABET.len() * ALPHABET.len();
        let mut password = String::with_capacity(PASSWORD_CHARS);
        let mut bytes = [0u8; 64];
        while password.len() < PASSWORD_CHARS {
            getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
            let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < FAIR);
            let letters = fair.map(|byte| char::from(ALPHABET[byte % ALPHABET.len()]));
            password.extend(letters.take(PASSWORD_CHARS - password.len()));
        }
        Secret::new(password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_is_long_and_has_no_look_alikes() {
        let password = Passwords::generate();
        assert_eq!(password.expose().len(), PASSWORD_CHARS);
        assert!(password.expose().chars().all(|letter| !"il1o0IO".contains(letter)));
    }

    #[test]
    fn two_generated_passwords_differ() {
        assert_ne!(Passwords::generate(), Passwords::generate());
    }
}
