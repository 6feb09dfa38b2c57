//! Price templates, prices and limits.

use std::collections::HashMap;
use std::fmt::Write;

use catalog::{
    Code, FieldChange, Formula, Reach, Rounding, RuleDraft, Saved, Target, TemplateDraft, TemplateId, Terms, Whom,
};
use kernel::SiteId;

use super::Writer;
use crate::difference;
use crate::error::{At, LaunchError};
use crate::model::Thing;
use crate::pack::{PackPrice, PackReach, PackSite, PackTarget, PackTerms, PackWhom};

impl Writer<'_> {
    pub(super) async fn prices(&mut self) -> Result<(), LaunchError> {
        for site in &self.pack.sites {
            let templates = self.templates(site).await?;
            for price in &site.prices {
                self.price(site, price, &templates).await?;
            }
        }
        Ok(())
    }

    async fn templates<'p>(&mut self, site: &'p PackSite) -> Result<HashMap<&'p Code, TemplateId>, LaunchError> {
        let mut templates = HashMap::new();
        for template in &site.templates {
            let draft = TemplateDraft {
                site: self.sites[&site.new.slug],
                code: template.code.clone(),
                name: template.name.clone(),
                bands: template.bands.clone(),
            };
            let name = format!("{} {}", site.new.slug, template.code);
            let saved = self.launch.catalog.save_template_in(self.tx, &draft).await;
            let (id, saved) = saved.at(|| format!("template {name}"))?;
            self.note(Thing::Template, &name, saved);
            templates.insert(&template.code, id);
        }
        Ok(templates)
    }

    async fn price(
        &mut self,
        site: &PackSite,
        price: &PackPrice,
        templates: &HashMap<&Code, TemplateId>,
    ) -> Result<(), LaunchError> {
        let terms = match &price.terms {
            PackTerms::Given(terms) => *terms,
            PackTerms::Template(code) => {
                Terms::Price { formula: Formula::Template { template: templates[code] }, rounding: Rounding::None }
            }
        };
        let thing = if matches!(terms, Terms::Limit { .. }) { Thing::Limit } else { Thing::Price };
        let draft = RuleDraft { site: self.sites[&site.new.slug], reach: self.reach(&price.reach), terms };
        let name = format!("{} {}", site.new.slug, reach_text(&price.reach));
        let saved = self.launch.catalog.save_rule_in(self.tx, &draft).await;
        let (_, saved) = saved.at(|| format!("{thing} {name}"))?;
        let saved = match saved {
            Saved::Changed(changes) => Saved::Changed(self.with_template_names(draft.site, changes).await?),
            other => other,
        };
        self.note(thing, &name, saved);
        Ok(())
    }

    /// A rule keeps a template by its id; an operator reads its code.
    async fn with_template_names(
        &self,
        site: SiteId,
        changes: Vec<FieldChange>,
    ) -> Result<Vec<FieldChange>, LaunchError> {
        let templates = self.launch.catalog.templates_in(self.tx, site).await?;
        let names =
            templates.into_iter().map(|template| (template.id.to_string(), template.code.to_string())).collect();
        Ok(difference::named(changes, "value", &names))
    }

    fn reach(&self, reach: &PackReach) -> Reach {
        let PackReach { audience, quantity_min, valid_from, valid_until, .. } = *reach;
        let whom = match &reach.whom {
            PackWhom::Everyone => Whom::Everyone,
            PackWhom::Level(level) => Whom::Level(level.clone()),
            PackWhom::Customer(login) => Whom::Subject(self.customers[login].uuid()),
            PackWhom::Site(slug) => Whom::Subject(self.sites[slug].uuid()),
        };
        let target = match &reach.target {
            PackTarget::Site => Target::Site,
            PackTarget::Category(code) => Target::Category(self.categories[code]),
            PackTarget::Goods(code) => Target::Goods(self.goods[code]),
            PackTarget::Sku(code) => Target::Sku(self.skus[code]),
        };
        Reach { audience, whom, target, quantity_min, valid_from, valid_until }
    }
}

/// `retail category games`, `wholesale sku starfall-100, level gold, from 10`: as much as tells two rules apart.
fn reach_text(reach: &PackReach) -> String {
    let mut text = reach.audience.word().to_owned();
    // Writing to a text cannot fail.
    let _ = match &reach.target {
        PackTarget::Site => write!(text, " site"),
        PackTarget::Category(code) => write!(text, " category {code}"),
        PackTarget::Goods(code) => write!(text, " goods {code}"),
        PackTarget::Sku(code) => write!(text, " sku {code}"),
    };
    let _ = match &reach.whom {
        PackWhom::Everyone => Ok(()),
        PackWhom::Level(level) => write!(text, ", level {level}"),
        PackWhom::Customer(login) => write!(text, ", for {login}"),
        PackWhom::Site(slug) => write!(text, ", for {slug}"),
    };
    if reach.quantity_min > 1 {
        let _ = write!(text, ", from {}", reach.quantity_min);
    }
    if let Some(from) = reach.valid_from {
        let _ = write!(text, ", since {}", from.to_rfc3339());
    }
    text
}
