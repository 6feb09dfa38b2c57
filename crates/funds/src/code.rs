//! The code of a recharge card: what a person types, and what a machine cannot guess.

use kernel::{Coded, FaultKind, Secret};

/// Letters and digits without those that look alike (I, L, O, U): 5 bits each.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 19 drawn letters are 95 bits; the last one checks them.
const CHARS: usize = 20;
const GROUP: usize = 5;
/// A text that is longer is no code, whatever stands in it.
const TYPED_CHARS_MAX: usize = 64;

/// The code of a recharge card in its one spelling. It has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct RechargeCode(Secret<String>);

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    #[error("a code has {CHARS} letters and digits")]
    Length,
    #[error("a code has a mistake in it")]
    Mistyped,
}

impl Coded for CodeFault {
    fn code(&self) -> &'static str {
        "recharge_code_invalid"
    }

    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}

impl RechargeCode {
    /// A code that nobody can guess.
    pub fn draw() -> Self {
        let mut bytes = [0u8; CHARS - 1];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        // 32 letters divide the 256 values of a byte evenly: each is as likely.
        let mut values: Vec<u8> = bytes.iter().map(|byte| byte % 32).collect();
        values.push(check_value(&values));
        Self(Secret::new(values.into_iter().map(letter).collect()))
    }

    /// Reads what a person typed: letter case, spaces and hyphens do not matter, and O, I and L are the digits they look like.
    pub fn parse(text: &str) -> Result<Self, CodeFault> {
        if text.chars().count() > TYPED_CHARS_MAX {
            return Err(CodeFault::Length);
        }
        let typed = text.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '–' | '—'));
        let values: Vec<u8> = typed.map(value).collect::<Option<_>>().ok_or(CodeFault::Mistyped)?;
        let (drawn, check) = values.split_at_checked(CHARS - 1).ok_or(CodeFault::Length)?;
        match check {
            [check] if *check == check_value(drawn) => Ok(Self(Secret::new(values.into_iter().map(letter).collect()))),
            [_] => Err(CodeFault::Mistyped),
            _ => Err(CodeFault::Length),
        }
    }

    /// Its letters without hyphens: what is sealed and hashed.
    pub(crate) const fn plain(&self) -> &Secret<String> {
        &self.0
    }

    /// Its letters in groups, for people.
    pub fn grouped(&self) -> Secret<String> {
        let letters: Vec<char> = self.0.expose().chars().collect();
        let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        Secret::new(groups.join("-"))
    }
}

fn letter(value: u8) -> char {
    char::from(ALPHABET[usize::from(value % 32)])
}

fn value(typed: char) -> Option<u8> {
    let upper = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|letter| char::from(*letter) == upper)?;
    u8::try_from(place).ok()
}

/// The Luhn algorithm over 32 letters (ISO/IEC 7812-1, Annex B, with a larger base): it finds every single letter that is
/// wrong and nearly every pair that is swapped.
fn check_value(values: &[u8]) -> u8 {
    let sum: u32 = values.iter().rev().enumerate().fold(0, |sum, (place, value)| {
        let weighted = u32::from(*value) * if place % 2 == 0 { 2 } else { 1 };
        sum + weighted / 32 + weighted % 32
    });
    u8::try_from((32 - sum % 32) % 32).expect("less than 32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = RechargeCode::draw();
        let grouped = code.grouped();
        assert_eq!(grouped.expose().len(), CHARS + 3);
        for typed in [
            grouped.expose().to_owned(),
            grouped.expose().to_lowercase(),
            format!("  {} ", grouped.expose().replace('-', " ")),
            grouped.expose().replace('0', "o").replace('1', "l"),
        ] {
            assert!(RechargeCode::parse(&typed).is_ok_and(|read| read == code));
        }
    }

    #[test]
    fn what_is_too_short_too_long_or_strange_is_no_code() {
        assert_eq!(RechargeCode::parse("").err(), Some(CodeFault::Length));
        assert_eq!(RechargeCode::parse("ABCDE").err(), Some(CodeFault::Length));
        assert_eq!(RechargeCode::parse(&"A".repeat(10_000)).err(), Some(CodeFault::Length));
        let longer = format!("{}0", RechargeCode::draw().plain().expose());
        assert_eq!(RechargeCode::parse(&longer).err(), Some(CodeFault::Length));
        assert_eq!(RechargeCode::parse("ABCDE-ABCDE-ABCDE-ABCD*").err(), Some(CodeFault::Mistyped));
        assert_eq!(RechargeCode::parse("充值卡充值卡充值卡充值卡充值卡充值卡充值").err(), Some(CodeFault::Mistyped));
    }

    proptest! {
        #[test]
        fn one_wrong_letter_is_found(place in 0..CHARS, by in 1u8..32) {
            let code = RechargeCode::draw();
            let mut values: Vec<u8> = code.plain().expose().chars().filter_map(value).collect();
            values[place] = (values[place] + by) % 32;
            let typed: String = values.into_iter().map(letter).collect();
            prop_assert_eq!(RechargeCode::parse(&typed).err(), Some(CodeFault::Mistyped));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            drop(RechargeCode::parse(&text));
        }
    }
}
