//! The values of this room and how they are parsed. No I/O.

mod code;
mod form;
mod goods;
mod price;
mod refunds;
mod saved;
mod template;

use kernel::kinds;

pub use code::Code;
pub use form::{
    Answer, Choice, FIELD_CHARS_MAX, FIELDS_MAX, FieldFault, FieldFaultKind, FieldKey, FieldKind, Filled, Form,
    FormField, Fulfilment,
};
pub use goods::{
    Catalogue, Category, CategoryDraft, Goods, GoodsDraft, GoodsKind, OnSale, QUANTITY_MAX, Sku, SkuDraft, SkuFacts,
    Ware,
};
pub use price::{
    Audience, Epochs, Formula, PriceRule, RATE_PPM_MAX, Reach, Rounding, RuleBook, RuleDraft, SiteLevel, SiteRules,
    Subject, Target, Terms, Whom,
};
pub use refunds::RefundRule;
pub(crate) use saved::Differences;
pub use saved::{FieldChange, Saved};
pub use template::{Addition, BANDS_MAX, Band, Template, TemplateDraft};

kinds! {
    /// A category of goods.
    CategoryId = CategoryKind "cat";
    /// Goods: one page of the shop, with one or more SKUs.
    GoodsId = GoodsIdKind "gds";
    /// A SKU: what is priced, stocked and sold.
    SkuId = SkuKind "sku";
    /// A price rule.
    RuleId = RuleKind "prl";
    /// A price template.
    TemplateId = TemplateKind "ptl";
}
