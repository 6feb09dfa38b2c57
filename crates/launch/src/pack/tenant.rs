//! `tenant.toml`: the business, its operator, its categories.

use std::collections::HashMap;

use catalog::{CategoryDraft, Code};
use identity::Login;
use kernel::Currency;
use tenancy::{NewTenant, Seller, Slug};

use super::fault::Faults;
use super::fields::{Fields, Source};
use super::{NAME_CHARS_MAX, PackPerson};

/// What the file says.
pub(super) struct TenantFile {
    pub new: NewTenant,
    pub operator: PackPerson,
    pub categories: Vec<CategoryDraft>,
}

/// What other files need of it, whatever else is wrong.
pub(super) struct TenantFacts {
    pub currency: Option<Currency>,
    /// The codes of the categories that could be read; none if the file could not.
    pub categories: Option<Vec<Code>>,
}

pub(super) const FILE: &str = "tenant.toml";

pub(super) fn read(text: &str, faults: &Faults) -> (Option<TenantFile>, TenantFacts) {
    let source = Source::new(FILE, text, faults);
    let Some(document) = source.parse(text) else {
        return (None, TenantFacts { currency: None, categories: None });
    };
    let fields = source.fields(&document);
    let slug = fields.parsed("slug", Slug::parse);
    let name = fields.text("name", NAME_CHARS_MAX);
    let currency = fields.parsed("currency", Currency::parse);
    let region = fields.parsed("region", region);
    let seller = fields.table_of("seller").and_then(seller);
    let operator = fields.table_of("operator").and_then(operator);
    let (categories, codes) = categories(&fields);
    fields.finish();
    let facts = TenantFacts { currency, categories: Some(codes) };
    let tenant = || {
        let new = NewTenant { slug: slug?, name: name?, currency: currency?, region: region?, seller: seller? };
        Some(TenantFile { new, operator: operator?, categories })
    };
    (tenant(), facts)
}

fn region(text: &str) -> Result<String, &'static str> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { Ok(text.to_owned()) } else { Err("a region is two capital letters, such as CN") }
}

fn seller(fields: Fields<'_>) -> Option<Seller> {
    let name = fields.text("name", NAME_CHARS_MAX);
    let licence = fields.text_if_there("licence", NAME_CHARS_MAX);
    fields.finish();
    Some(Seller { name: name?, licence: licence? })
}

/// A table that holds a person and nothing else.
pub(super) fn operator(fields: Fields<'_>) -> Option<PackPerson> {
    let person = person(&fields);
    fields.finish();
    person
}

/// Login and name of an operator or customer; a name that cannot be read has a fault and is empty.
pub(super) fn person(fields: &Fields<'_>) -> Option<PackPerson> {
    let login = fields.parsed("login", Login::parse);
    let name = fields.text("name", NAME_CHARS_MAX);
    Some(PackPerson { login: login?, name: name.unwrap_or_default() })
}

fn categories(fields: &Fields<'_>) -> (Vec<CategoryDraft>, Vec<Code>) {
    let mut lines: HashMap<Code, u64> = HashMap::new();
    let mut drafts = Vec::new();
    for block in fields.blocks("category") {
        let code = block.parsed("code", Code::parse);
        let name = block.wording("name", NAME_CHARS_MAX);
        let sort = block.integer("sort");
        if let Some(code) = &code
            && let Some(before) = lines.insert(code.clone(), block.line)
        {
            block.report(block.line, format!("the category {code} stands in line {before} already"));
        }
        block.finish();
        drafts.extend(code.zip(name).zip(sort).map(|((code, name), sort)| CategoryDraft { code, name, sort }));
    }
    (drafts, lines.into_keys().collect())
}
