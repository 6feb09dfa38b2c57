//! Old and new of the fields that tenancy only names. Pure.

use std::collections::HashMap;

use catalog::FieldChange;
use kernel::{SiteId, Wording};
use payment::{Channel, NewChannel};
use tenancy::{NewTenant, Section, Site, Slug, Tenant, Tokens};

use crate::pack::PackSite;

/// The named fields of a tenant.
pub(crate) fn of_tenant(old: &Tenant, new: &NewTenant, fields: &[&'static str]) -> Vec<FieldChange> {
    let texts = |field: &str| match field {
        "name" => (old.name.clone(), new.name.clone()),
        "region" => (old.region.clone(), new.region.clone()),
        "seller" => (seller(&old.seller), seller(&new.seller)),
        _ => Default::default(),
    };
    changes(fields, texts)
}

/// The named fields of a site; `slugs` names the sites that were there.
pub(crate) fn of_site(
    old: &Site,
    site: &PackSite,
    fields: &[&'static str],
    slugs: &HashMap<SiteId, Slug>,
) -> Vec<FieldChange> {
    let new = &site.new;
    let slug = |id: &SiteId| slugs.get(id).map(Slug::to_string);
    let texts = |field: &str| match field {
        "parent" => (optional(old.parent.as_ref().and_then(slug)), optional(new.parent.as_ref())),
        "name" => (wording(&old.name), wording(&new.name)),
        "tagline" => (wording(&old.tagline), wording(&new.tagline)),
        "notice" => (wording(&old.notice), wording(&new.notice)),
        "theme" => (old.theme.word().to_owned(), new.theme.word().to_owned()),
        "mode" => (old.mode.word().to_owned(), new.mode.word().to_owned()),
        "level" => (optional(old.level.as_ref()), optional(new.level.as_ref())),
        "support" => (optional(old.support.as_ref()), optional(new.support.as_ref())),
        "sections" => (sections(old.front.sections()), sections(&site.front.sections())),
        "tokens" => (tokens(old.front.tokens()), tokens(&site.front.tokens)),
        "limits" => (optional(old.limits.as_ref()), optional(new.limits.as_ref())),
        _ => Default::default(),
    };
    changes(fields, texts)
}

/// The named fields of a channel.
pub(crate) fn of_channel(old: &Channel, new: &NewChannel, fields: &[&'static str]) -> Vec<FieldChange> {
    let texts = |field: &str| match field {
        "name" => (wording(&old.name), wording(&new.name)),
        "sort" => (old.sort.to_string(), new.sort.to_string()),
        _ => Default::default(),
    };
    changes(fields, texts)
}

/// The changes without the field `kept`, and whether it was among them.
pub(crate) fn without(changes: Vec<FieldChange>, kept: &str) -> (Vec<FieldChange>, bool) {
    let (found, rest): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.field == kept);
    (rest, !found.is_empty())
}

/// Puts names for ids into a field, so that an operator reads what the pack says.
pub(crate) fn named(mut changes: Vec<FieldChange>, field: &str, names: &HashMap<String, String>) -> Vec<FieldChange> {
    for change in changes.iter_mut().filter(|change| change.field == field) {
        for text in [&mut change.old, &mut change.new] {
            if let Some(name) = names.get(text.as_str()) {
                text.clone_from(name);
            }
        }
    }
    changes
}

fn changes(fields: &[&'static str], texts: impl Fn(&str) -> (String, String)) -> Vec<FieldChange> {
    let change = |field: &&'static str| {
        let (old, new) = texts(field);
        FieldChange { field, old, new }
    };
    fields.iter().map(change).collect()
}

/// The kinds, in their order: the texts of a whole page would hide what else changes.
fn sections(sections: &[Section]) -> String {
    sections.iter().map(Section::kind).collect::<Vec<_>>().join(" ")
}

fn tokens(tokens: &Tokens) -> String {
    let draft = tokens.draft();
    [draft.accent, draft.accent_dark, draft.radius, draft.logo].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn seller(seller: &tenancy::Seller) -> String {
    match &seller.licence {
        Some(licence) => format!("{} / {licence}", seller.name),
        None => seller.name.clone(),
    }
}

fn wording(wording: &Wording) -> String {
    if wording.is_empty() { String::new() } else { format!("{} / {}", wording.zh, wording.en) }
}

fn optional(text: Option<impl ToString>) -> String {
    text.map(|text| text.to_string()).unwrap_or_default()
}
