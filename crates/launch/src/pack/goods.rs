//! `goods.csv`: a row a SKU, the rows of one goods together.

use std::collections::HashMap;
use std::io::Read;

use catalog::{Code, Fulfilment, GoodsKind, QUANTITY_MAX};
use kernel::{Currency, Money, Wording};
use sheet::{Limits, Record};

use super::fault::Faults;
use super::fields::plain_line;
use super::site::amount;
use super::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, PackGoods, PackSku};

pub(super) const FILE: &str = "goods.csv";

const COLUMNS: [&str; 16] = [
    "code",
    "category",
    "kind",
    "title_zh",
    "title_en",
    "description_zh",
    "description_en",
    "art",
    "sku_code",
    "sku_name_zh",
    "sku_name_en",
    "face_value",
    "cost",
    "price",
    "max_per_order",
    "sort",
];
/// The columns that describe the goods and may be empty after the first row.
const OF_GOODS: [&str; 7] = ["category", "kind", "title_zh", "title_en", "description_zh", "description_en", "art"];

const LIMITS: Limits = Limits { rows_max: 5_000, cell_bytes_max: 20_000, columns_max: COLUMNS.len() };

/// What could be read, and the codes that stand there, whatever else is wrong with their rows.
#[derive(Default)]
pub(super) struct GoodsFile {
    pub goods: Vec<PackGoods>,
    pub goods_lines: HashMap<Code, u64>,
    pub sku_lines: HashMap<Code, u64>,
    /// The file could not be read to its end, so that what is not there may still be meant.
    pub is_cut: bool,
}

struct Reading<'a> {
    file: GoodsFile,
    faults: &'a Faults,
    currency: Currency,
    /// The first row of the goods that are being read.
    first: Option<Record>,
}

pub(super) fn read(reader: impl Read, currency: Currency, faults: &Faults) -> GoodsFile {
    let mut reading = Reading { file: GoodsFile::default(), faults, currency, first: None };
    match sheet::table(reader, &LIMITS, &COLUMNS) {
        Err(error) => reading.cut(&error),
        Ok(table) => {
            for record in table {
                match record {
                    Ok(record) => reading.row(record),
                    Err(error) => reading.cut(&error),
                }
            }
        }
    }
    reading.file
}

impl Reading<'_> {
    fn cut(&mut self, error: &sheet::SheetError) {
        self.file.is_cut = true;
        self.faults.report(FILE, error.line(), super::without_line(error));
    }

    fn report(&self, record: &Record, column: &str, what: impl std::fmt::Display) {
        self.faults.report(FILE, record.line(), format!("{column}: {what}"));
    }

    fn row(&mut self, record: Record) {
        let sku = self.sku(&record);
        let code = self.code(&record, "code");
        let is_next = self.first.as_ref().is_some_and(|first| first.get("code") == record.get("code"));
        if is_next {
            self.compare(&record);
        } else {
            if let Some(code) = &code {
                self.begin(&record, code.clone());
            }
            self.first = Some(record);
        }
        if let (Some(code), Some(sku)) = (code, sku)
            && let Some(goods) = self.file.goods.last_mut().filter(|goods| goods.code == code)
        {
            goods.skus.push(sku);
        }
    }

    fn begin(&mut self, record: &Record, code: Code) {
        if let Some(before) = self.file.goods_lines.insert(code.clone(), record.line()) {
            let what = format!("the goods {code} begin in line {before}; their rows stand together");
            self.faults.report(FILE, record.line(), what);
        }
        let category = self.code(record, "category");
        let kind = self.parsed(record, "kind", GoodsKind::parse);
        let title = self.wording(record, ["title_zh", "title_en"], NAME_CHARS_MAX);
        let description = self.description(record);
        let art = if record.get("art").is_empty() { Some(None) } else { self.code(record, "art").map(Some) };
        // The row's SKU has the same cell and reports its faults.
        let sort = record.get("sort").parse().ok();
        // One fault refuses the pack; with what could be read the checks across files find the others.
        self.file.goods.extend(category.map(|category| PackGoods {
            category,
            kind: kind.unwrap_or(GoodsKind::Card),
            fulfilment: Fulfilment::default(),
            title: title.unwrap_or_default(),
            description: description.unwrap_or_default(),
            art: art.flatten().map(String::from),
            sort: sort.unwrap_or_default(),
            line: record.line(),
            skus: Vec::new(),
            code,
        }));
    }

    /// A later row of the same goods repeats the goods' cells or leaves them empty.
    fn compare(&self, record: &Record) {
        let Some(first) = &self.first else { return };
        for column in OF_GOODS {
            let cell = record.get(column);
            if !cell.is_empty() && cell != first.get(column) {
                let what = format!("it is not what line {} says; leave it empty", first.line());
                self.report(record, column, what);
            }
        }
    }

    fn sku(&mut self, record: &Record) -> Option<PackSku> {
        let code = self.code(record, "sku_code");
        if let Some(code) = &code
            && let Some(before) = self.file.sku_lines.insert(code.clone(), record.line())
        {
            self.report(record, "sku_code", format!("{code} stands in line {before} already"));
        }
        let name = self.wording(record, ["sku_name_zh", "sku_name_en"], NAME_CHARS_MAX);
        let face_value =
            if record.get("face_value").is_empty() { Some(None) } else { self.money(record, "face_value").map(Some) };
        let cost = self.money(record, "cost");
        let price = self.money(record, "price");
        let quantity_max = self.parsed(record, "max_per_order", |text| match text.parse() {
            Ok(quantity @ 1..=QUANTITY_MAX) => Ok(quantity),
            _ => Err(format!("it is not a number from 1 to {QUANTITY_MAX}")),
        });
        let sort = self.parsed(record, "sort", |text| text.parse::<i32>().map_err(|_| "it is not a whole number"));
        Some(PackSku {
            code: code?,
            name: name?,
            face_value: face_value?,
            cost: cost?,
            price: price?,
            quantity_max: quantity_max?,
            sort: sort?,
        })
    }

    fn parsed<T, E: std::fmt::Display>(
        &self,
        record: &Record,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(record.get(column)).map_err(|error| self.report(record, column, error)).ok()
    }

    fn code(&self, record: &Record, column: &str) -> Option<Code> {
        self.parsed(record, column, Code::parse)
    }

    fn money(&self, record: &Record, column: &str) -> Option<Money> {
        self.parsed(record, column, |text| amount(text, self.currency))
    }

    /// Two cells of which one may be empty.
    fn wording(&self, record: &Record, columns: [&str; 2], chars_max: usize) -> Option<Wording> {
        if columns.iter().all(|column| record.get(column).is_empty()) {
            self.report(record, columns[0], "it is empty in both languages");
            return None;
        }
        let text = |column: &str| match record.get(column) {
            "" => Some(String::new()),
            _ => self.parsed(record, column, |text| plain_line(text, chars_max)),
        };
        let (zh, en) = (text(columns[0]), text(columns[1]));
        Some(Wording::new(zh?, en?))
    }

    /// Paragraphs are parted by `\n`, as two characters or as a line break inside quotes.
    fn description(&self, record: &Record) -> Option<Wording> {
        let text = |column: &str| {
            self.parsed(record, column, |text| {
                let text = text.replace("\\n", "\n").replace("\r\n", "\n");
                if text.chars().any(|letter| letter.is_control() && letter != '\n') {
                    return Err("it has control characters".to_owned());
                }
                if text.chars().count() > DESCRIPTION_CHARS_MAX {
                    return Err(format!("it has more than {DESCRIPTION_CHARS_MAX} characters"));
                }
                Ok(text)
            })
        };
        let (zh, en) = (text("description_zh"), text("description_en"));
        Some(Wording::new(zh?, en?))
    }
}
