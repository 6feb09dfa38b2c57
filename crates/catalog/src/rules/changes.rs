//! What differs between a row and what it is to be, in the words of a pack.

use kernel::{Rate, Wording};

use crate::model::{
    Addition, Band, Category, CategoryDraft, Code, Differences, Form, Formula, Goods, GoodsDraft, PriceRule, RuleDraft,
    Sku, SkuDraft, Template, TemplateDraft, Terms,
};

/// How the category would change.
pub(crate) fn category_changes(old: &Category, new: &CategoryDraft) -> Differences {
    wording(Differences::default(), ["name_zh", "name_en"], &old.name, &new.name).field("sort", old.sort, new.sort)
}

/// How the goods would change.
pub(crate) fn goods_changes(old: &Goods, new: &GoodsDraft) -> Differences {
    let changes = Differences::default()
        .field("category", old.category, new.category)
        .field("kind", old.kind.word(), new.kind.word())
        .field("form", form(&old.fulfilment.form), form(&new.fulfilment.form))
        .field("fulfil_within_hours", old.fulfilment.within_hours, new.fulfilment.within_hours)
        .field("refund_within_hours", old.refunds.within_hours, new.refunds.within_hours)
        .field("refund_until_seen", old.refunds.until_seen, new.refunds.until_seen)
        .field("site_levels", Code::listed(&old.site_levels), Code::listed(&new.site_levels))
        .field("state", old.state.word(), new.state.word());
    let changes = wording(changes, ["title_zh", "title_en"], &old.title, &new.title);
    wording(changes, ["description_zh", "description_en"], &old.description, &new.description)
        .optional("art", old.art.as_ref(), new.art.as_ref())
        .field("sort", old.sort, new.sort)
}

/// A form as data: an operator sees that it changes, and what.
fn form(form: &Form) -> String {
    if form.is_empty() { String::new() } else { serde_json::to_string(form).expect("a form is plain data") }
}

/// How the SKU would change.
pub(crate) fn sku_changes(old: &Sku, new: &SkuDraft) -> Differences {
    let changes =
        Differences::default().field("goods", old.goods, new.goods).field("state", old.state.word(), new.state.word());
    wording(changes, ["sku_name_zh", "sku_name_en"], &old.name, &new.name)
        .optional("face_value", old.face_value, new.face_value)
        .field("cost", old.cost, new.cost)
        .field("price", old.price, new.price)
        .field("max_per_order", old.quantity_max, new.quantity_max)
        .field("sort", old.sort, new.sort)
}

/// How the rule would change. What it is about does not change: that would be another rule.
pub(crate) fn rule_changes(old: &PriceRule, new: &RuleDraft) -> Differences {
    let ([kind, value, rounding, loss_cap], [floor, markup_max]) = texts(&old.terms);
    let ([new_kind, new_value, new_rounding, new_loss_cap], [new_floor, new_markup_max]) = texts(&new.terms);
    Differences::default()
        .field("kind", kind, new_kind)
        .field("value", value, new_value)
        .field("rounding", rounding, new_rounding)
        .field("loss_cap", loss_cap, new_loss_cap)
        .field("floor", floor, new_floor)
        .field("markup_max", markup_max, new_markup_max)
        .optional("valid_until", old.reach.valid_until, new.reach.valid_until)
}

/// How the template would change.
pub(crate) fn template_changes(old: &Template, new: &TemplateDraft) -> Differences {
    wording(Differences::default(), ["name_zh", "name_en"], &old.name, &new.name).field(
        "steps",
        steps(&old.bands),
        steps(&new.bands),
    )
}

/// `0.00 CNY: 0.50 CNY up_0.1; 50.00 CNY: 8 % none`.
fn steps(bands: &[Band]) -> String {
    let step = |band: &Band| {
        let addition = match band.addition {
            Addition::Amount { amount } => amount.to_string(),
            Addition::Percent { rate } => percent(rate),
        };
        format!("{}: {addition} {}", band.from, band.rounding.word())
    };
    bands.iter().map(step).collect::<Vec<_>>().join("; ")
}

/// Kind, value, rounding and loss cap; floor and highest markup.
fn texts(terms: &Terms) -> ([String; 4], [String; 2]) {
    let optional = |text: Option<String>| text.unwrap_or_default();
    let kind = terms.word().to_owned();
    match *terms {
        Terms::Price { formula, rounding } => {
            let (value, loss_cap) = match formula {
                Formula::Fixed { price, loss_cap } => (price.to_string(), loss_cap.map(|cap| cap.to_string())),
                Formula::Markup { amount } => (amount.to_string(), None),
                Formula::Percent { rate } => (percent(rate), None),
                Formula::Template { template } => (template.to_string(), None),
            };
            ([kind, value, rounding.word().to_owned(), optional(loss_cap)], Default::default())
        }
        Terms::Limit { floor, markup_max } => {
            let limits = [optional(floor.map(|floor| floor.to_string())), optional(markup_max.map(percent))];
            ([kind, String::new(), String::new(), String::new()], limits)
        }
    }
}

/// `8 %`, `5.25 %`: a rate as people write it.
pub(crate) fn percent(rate: Rate) -> String {
    let (whole, rest) = (rate.ppm() / 10_000, rate.ppm() % 10_000);
    let digits = format!("{whole}.{rest:04}");
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn wording(changes: Differences, fields: [&'static str; 2], old: &Wording, new: &Wording) -> Differences {
    changes.field(fields[0], &old.zh, &new.zh).field(fields[1], &old.en, &new.en)
}
