//! The templates, compiled once for each language.

use std::sync::Arc;

use kernel::Language;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::words::Words;

/// Everything in `web-ui/storefront` that is served or shown.
#[derive(RustEmbed)]
#[folder = "../../web-ui/storefront"]
pub(crate) struct Files;

/// Templates and sentences of both languages.
pub(crate) struct Templates {
    chinese: Tongue,
    english: Tongue,
}

struct Tongue {
    environment: Environment<'static>,
    words: Arc<Words>,
}

impl Templates {
    /// Compiles what is embedded; what is wrong with it is a mistake in the build.
    pub fn compile() -> Result<Self, String> {
        Ok(Self { chinese: Tongue::compile(Language::Chinese)?, english: Tongue::compile(Language::English)? })
    }

    /// The sentences of `language`.
    pub fn words(&self, language: Language) -> &Words {
        &self.tongue(language).words
    }

    /// The page.
    pub fn render(&self, language: Language, name: &str, page: &impl Serialize) -> Result<String, Error> {
        self.tongue(language).environment.get_template(name)?.render(Serde(page))
    }

    const fn tongue(&self, language: Language) -> &Tongue {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }
}

impl Tongue {
    fn compile(language: Language) -> Result<Self, String> {
        let words = Arc::new(Words::read(language)?);
        let mut environment = Environment::new();
        // Before any template is added: how a template escapes is decided at that moment.
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_function("t", translate(Arc::clone(&words)));
        environment.add_function("asset", |file: String| crate::assets::href(&file));
        for path in Files::iter() {
            let Some(name) = path.strip_prefix("templates/") else { continue };
            let file = Files::get(&path).ok_or_else(|| format!("{path} is not embedded"))?;
            let text = String::from_utf8(file.data.into_owned()).map_err(|error| format!("{path}: {error}"))?;
            environment.add_template_owned(name.to_owned(), text).map_err(|error| format!("{path}: {error:#}"))?;
        }
        Ok(Self { environment, words })
    }
}

/// `t(key, name=value)`: plain text, which the template escapes like any other.
fn translate(words: Arc<Words>) -> impl Fn(String, Kwargs) -> Result<String, Error> + Send + Sync + 'static {
    move |key, arguments| {
        let mut values = Vec::new();
        for name in arguments.args() {
            values.push((name, arguments.get::<Value>(name)?.to_string()));
        }
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let unknown = || Error::new(ErrorKind::InvalidOperation, format!("there is no sentence {key:?}"));
        words.find(&key, &values).ok_or_else(unknown)
    }
}
