//! The sentences of the pages, by language.

use std::collections::BTreeMap;

use kernel::Language;

use crate::templates::Files;

/// All sentences of one language.
pub(crate) struct Words {
    texts: BTreeMap<String, String>,
}

impl Words {
    /// Reads the sentences that are embedded.
    pub fn read(language: Language) -> Result<Self, String> {
        let path = format!("i18n/{}.json", language.tag());
        let file = Files::get(&path).ok_or_else(|| format!("{path} is not embedded"))?;
        let texts = serde_json::from_slice(&file.data).map_err(|error| format!("{path}: {error}"))?;
        Ok(Self { texts })
    }

    /// The sentence with `{name}` replaced by its value; none if there is no such sentence.
    pub fn find(&self, key: &str, values: &[(&str, &str)]) -> Option<String> {
        self.texts.get(key).map(|text| fill(text, values))
    }

    /// The sentence; the key itself where a sentence is missing, so that a page is shown all the same.
    pub fn get(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.find(key, values).unwrap_or_else(|| key.to_owned())
    }

    #[cfg(test)]
    pub fn keys(&self) -> Vec<&str> {
        self.texts.keys().map(String::as_str).collect()
    }
}

/// One pass: a value is never looked into, whatever braces it holds.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let known = rest.find('}').and_then(|end| {
            let name = &rest[1..end];
            values.iter().find(|(is, _)| *is == name).map(|(_, value)| (end, value))
        });
        match known {
            Some((end, value)) => {
                filled.push_str(value);
                rest = &rest[end + 1..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_filled_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "2")]), "{b} and 2");
    }

    #[test]
    fn what_has_no_value_stays() {
        assert_eq!(fill("{a} {", &[]), "{a} {");
    }

    #[test]
    fn both_languages_say_the_same_things() {
        let [chinese, english] = Language::ALL.map(|language| Words::read(language).expect("sentences"));
        assert_eq!(chinese.keys(), english.keys());
    }
}
