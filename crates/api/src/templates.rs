//! Price templates of one site as they are sent and shown: the same for the main site's people and a sub-site's.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Addition, BANDS_MAX, Band, Code, Rounding, Template, TemplateDraft, TemplateId};
use kernel::{Rate, SiteId, TenantScope};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use web::Problem;

use crate::body::{Fields, NAME_CHARS_MAX, Shape, refused};
use crate::page::{List, MoneyView, Part, WordingView, answer, changed, cut, written};
use crate::place::Place;
use crate::routes::ApiState;

/// What a band adds to a purchase price.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum AdditionView {
    /// This amount.
    Amount { amount: MoneyView },
    /// This share of it, in millionths.
    Percent { rate_ppm: u32 },
}

/// One line of a template: it counts from its purchase price on, up to the next line's.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BandView {
    /// The lowest purchase price it is for.
    from: MoneyView,
    /// What is added.
    add: AdditionView,
    /// `none`, `up_0.1`, `up_0.5`, `up_1`, `end_9` or `end_99`.
    rounding: String,
}

/// What a template is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateSent {
    /// What its owner reads.
    name: WordingView,
    /// Its bands, the lowest first.
    bands: Vec<BandView>,
}

/// A template.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateView {
    /// Its id.
    #[schema(value_type = String)]
    id: TemplateId,
    /// Its code, by which rules name it.
    code: String,
    /// What its owner reads.
    name: WordingView,
    /// Its bands, the lowest first.
    bands: Vec<BandView>,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        let bands = template.bands.iter().map(BandView::from).collect();
        Self { id: template.id, code: template.code.into(), name: template.name.into(), bands }
    }
}

impl From<&Band> for BandView {
    fn from(band: &Band) -> Self {
        let add = match band.addition {
            Addition::Amount { amount } => AdditionView::Amount { amount: amount.into() },
            Addition::Percent { rate } => AdditionView::Percent { rate_ppm: rate.ppm() },
        };
        Self { from: band.from.into(), add, rounding: band.rounding.word().to_owned() }
    }
}

impl TemplateSent {
    fn read(&self, place: &Place, code: Code) -> Result<TemplateDraft, Problem> {
        let mut fields = Fields::default();
        let name = fields.wording("/name", &self.name, NAME_CHARS_MAX, Shape::Line);
        // What is over the limit is refused by the room; here it only bounds what is looked at.
        let bands = self.bands.iter().take(BANDS_MAX + 1).enumerate();
        let bands: Vec<Option<Band>> = bands.map(|(number, band)| band.read(place, number, &mut fields)).collect();
        let bands: Option<Vec<Band>> = bands.into_iter().collect();
        let draft = name.zip(bands).map(|(name, bands)| TemplateDraft { site: place.site.id, code, name, bands });
        fields.whole(draft)
    }
}

impl BandView {
    fn read(&self, place: &Place, number: usize, fields: &mut Fields) -> Option<Band> {
        let from = fields.money(&format!("/bands/{number}/from"), &self.from, place.currency);
        let addition = match &self.add {
            AdditionView::Amount { amount } => {
                let amount = fields.money(&format!("/bands/{number}/add/amount"), amount, place.currency);
                amount.map(|amount| Addition::Amount { amount })
            }
            AdditionView::Percent { rate_ppm } => Some(Addition::Percent { rate: Rate::from_ppm(*rate_ppm) }),
        };
        let rounding = fields.read(format!("/bands/{number}/rounding"), Rounding::parse(&self.rounding));
        Some(Band { from: from?, addition: addition?, rounding: rounding? })
    }
}

/// The templates of the place's own site, by code.
pub(crate) async fn list(rooms: &ApiState, tx: &impl Tx, place: &Place, part: &Part) -> Result<Response, Problem> {
    let part = (part.limit()?, part.after(TemplateId::parse)?);
    let all = rooms.catalog.templates_in(tx, place.site.id).await?;
    let (templates, next) = cut(all, part, |template| template.id, |_| true)?;
    Ok(answer(StatusCode::OK, List::part(templates.into_iter().map(TemplateView::from).collect(), next)))
}

/// Makes a template of the place's own site what was sent.
pub(crate) async fn put(
    rooms: &ApiState,
    scope: TenantScope,
    (site, code): (Option<SiteId>, &str),
    sent: &TemplateSent,
) -> Result<Response, Problem> {
    let code = Code::parse(code).map_err(refused)?;
    let tx = rooms.store.write(&scope).await?;
    let place = match site {
        Some(site) => Place::at(rooms, &tx, site).await?,
        None => Place::main(rooms, &tx).await?,
    };
    let draft = sent.read(&place, code)?;
    let (_, saved) = rooms.catalog.save_template_in(&tx, &draft).await.map_err(refused)?;
    let template = rooms.catalog.find_template_in(&tx, place.site.id, &draft.code).await?;
    tx.commit().await?;
    Ok(written(TemplateView::from(template.ok_or(Problem::not_found())?), changed(saved)))
}
