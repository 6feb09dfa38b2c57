//! `cards/SKU.csv`: a card a row. Invariant: no fault shows a code.

use std::collections::HashMap;
use std::io::Read;

use catalog::Code;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use inventory::{CardCode, NewCard};
use sheet::{Limits, Record};

use super::fault::Faults;

const COLUMNS: [&str; 2] = ["code", "expires_on"];

/// A code has 1,024 bytes at most; a little more is read so that the fault can say so.
const LIMITS: Limits = Limits { rows_max: 200_000, cell_bytes_max: 2_048, columns_max: COLUMNS.len() };

/// The cards of one file, with the lines they stand in.
pub(super) struct CardFile {
    pub file: String,
    pub sku: Code,
    pub cards: Vec<NewCard>,
    lines: Vec<u64>,
}

pub(super) fn read(file: &str, sku: Code, reader: impl Read, faults: &Faults) -> CardFile {
    let mut cards = CardFile { file: file.to_owned(), sku, cards: Vec::new(), lines: Vec::new() };
    let report = |error: sheet::SheetError| faults.report(file, error.line(), error.without_line());
    match sheet::table(reader, &LIMITS, &COLUMNS) {
        Err(error) => report(error),
        Ok(table) => {
            for record in table {
                match record {
                    Err(error) => report(error),
                    Ok(record) => {
                        let card = card(&record).map_err(|what| faults.report(file, record.line(), what));
                        if let Ok(card) = card {
                            cards.cards.push(card);
                            cards.lines.push(record.line());
                        }
                    }
                }
            }
        }
    }
    cards
}

fn card(record: &Record) -> Result<NewCard, String> {
    let code = CardCode::parse(record.get("code")).map_err(|error| error.to_string());
    let expires_at = expiry(record.get("expires_on"));
    Ok(NewCard { code: code?, expires_at: expires_at? })
}

/// The day's first moment (UTC): a card that runs out on a day is not sold on that day any more, wherever the buyer is.
fn expiry(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain);
    let day = day.ok_or("expires_on is not a day such as 2029-12-31")?;
    Ok(Some(day.and_time(NaiveTime::MIN).and_utc()))
}

/// Codes are distinct in the whole pack.
pub(super) fn check_distinct(files: &[CardFile], faults: &Faults) {
    let mut places: HashMap<&str, (&str, u64)> = HashMap::new();
    for file in files {
        for (card, line) in file.cards.iter().zip(&file.lines) {
            if let Some((other, before)) = places.insert(card.code.reveal(), (&file.file, *line)) {
                faults.report(&file.file, *line, format!("the code stands in {other}, line {before} already"));
            }
        }
    }
}
