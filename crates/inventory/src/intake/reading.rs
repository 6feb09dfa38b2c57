//! From a row of a file to a card, without a database. Invariant: no fault shows a code.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sheet::{Format, Found, Row, SheetError};

use crate::error::InventoryError;
use crate::model::{CardCode, NewCard};

use super::report::RowFault;

/// How a file is to be read. By default the first row that names a column of codes is a header, and without one the
/// first cell is the code and the second the day on which it runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reading {
    /// Rows without a day run out on this one.
    pub expires_on: Option<NaiveDate>,
    /// Where the cells are, if the caller has asked somebody.
    pub columns: Option<Columns>,
}

/// Where the cells of a card stand, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The code.
    pub code: usize,
    /// The day on which it runs out.
    pub expires_on: Option<usize>,
    /// Rows above the first card.
    pub header_rows: u64,
}

/// Words over a column of codes, lower case, blanks and underscores as hyphens.
const CODE_WORDS: [&str; 15] = [
    "code",
    "codes",
    "card",
    "card-code",
    "cardcode",
    "cdkey",
    "cd-key",
    "key",
    "卡密",
    "卡号",
    "卡券",
    "激活码",
    "兑换码",
    "序列号",
    "密钥",
];
/// Words over a column of days.
const DAY_WORDS: [&str; 14] = [
    "expires-on",
    "expires",
    "expires-at",
    "expiry",
    "expiry-date",
    "expiration",
    "expiration-date",
    "有效期",
    "到期",
    "到期日",
    "到期时间",
    "过期时间",
    "失效日期",
    "有效期至",
];

/// What may stand between code and day in a line of text. A day behind it is needed to tell it from a part of the code.
const SEPARATORS: [&str; 7] = ["----", "\t", ",", "，", ";", "|", " "];

/// Reads the rows of one file.
pub(crate) struct Reader {
    format: Format,
    default_day: Option<NaiveDate>,
    today: NaiveDate,
    columns: Columns,
    /// Whether the columns were named, so that others may hold what they like.
    are_named: bool,
    is_first: bool,
    header_rows_left: u64,
}

/// What a row is.
pub(crate) enum Read {
    /// No card: the names of the columns.
    Header,
    /// A card, and the row it stands in.
    Card(u64, NewCard),
    /// Something else.
    Fault(RowFault),
}

impl Reader {
    pub fn new(format: Format, reading: &Reading, now: DateTime<Utc>) -> Self {
        let columns = reading.columns.unwrap_or(Columns { code: 0, expires_on: Some(1), header_rows: 0 });
        Self {
            format,
            default_day: reading.expires_on,
            today: now.date_naive(),
            columns,
            are_named: reading.columns.is_some(),
            is_first: true,
            header_rows_left: columns.header_rows,
        }
    }

    /// Reads the next row. An error is one of the whole file.
    pub fn read(&mut self, found: Found) -> Result<Read, InventoryError> {
        let is_first = std::mem::take(&mut self.is_first);
        if self.header_rows_left > 0 {
            self.header_rows_left -= 1;
            return Ok(Read::Header);
        }
        let row = match found {
            Ok(row) => row,
            Err(error) => return Ok(Read::Fault(RowFault::of_sheet(&error))),
        };
        if is_first && !self.are_named && self.take_names(&row)? {
            return Ok(Read::Header);
        }
        let line = row.line;
        Ok(match self.card(&row) {
            Ok(card) => Read::Card(line, card),
            Err(fault) => Read::Fault(fault),
        })
    }

    /// Whether the row names the columns, which are read by it from then on.
    fn take_names(&mut self, row: &Row) -> Result<bool, InventoryError> {
        let cells: Vec<&str> = match self.format {
            Format::Text => row.cells[0].split(['\t', ',', '，', ';', '|']).collect(),
            Format::Csv | Format::Xlsx => row.cells.iter().map(String::as_str).collect(),
        };
        let code = place(row.line, &cells, &CODE_WORDS)?;
        let Some(code) = code else { return Ok(false) };
        let expires_on = place(row.line, &cells, &DAY_WORDS)?;
        self.columns = Columns { code, expires_on, header_rows: 1 };
        self.are_named = true;
        Ok(true)
    }

    fn card(&self, row: &Row) -> Result<NewCard, RowFault> {
        let (code, day) = match self.format {
            Format::Text => split(&row.cells[0]),
            Format::Csv | Format::Xlsx => self.cells(row)?,
        };
        let code = CardCode::parse(code).map_err(|error| RowFault::new(row.line, &error))?;
        let day = match day.trim() {
            "" => self.default_day,
            day => Some(parse_day(day).ok_or_else(|| RowFault::unreadable_day(row.line))?),
        };
        if day.is_some_and(|day| day <= self.today) {
            return Err(RowFault::run_out(row.line));
        }
        Ok(NewCard { code, expires_at: day.map(first_moment) })
    }

    fn cells<'r>(&self, row: &'r Row) -> Result<(&'r str, &'r str), RowFault> {
        let get = |place: usize| row.cells.get(place).map_or("", String::as_str);
        let mut others = row.cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
        let is_ours = |place: usize| place == self.columns.code || Some(place) == self.columns.expires_on;
        if !self.are_named && others.any(|(place, _)| !is_ours(place)) {
            return Err(RowFault::wide(row.line));
        }
        Ok((get(self.columns.code), self.columns.expires_on.map_or("", get)))
    }
}

/// Where the one column with one of these names stands.
fn place(line: u64, cells: &[&str], words: &[&str]) -> Result<Option<usize>, InventoryError> {
    let is_named = |cell: &str| {
        let name: String = cell.trim().to_lowercase().replace([' ', '_'], "-");
        words.contains(&name.as_str())
    };
    let mut found = cells.iter().enumerate().filter(|(_, cell)| is_named(cell));
    let Some((first, name)) = found.next() else { return Ok(None) };
    match found.next() {
        // Which of them is to be sold is not for us to guess.
        Some(_) => Err(SheetError::DoubleColumn { line, name: name.trim().to_owned() }.into()),
        None => Ok(Some(first)),
    }
}

/// A line's code, and its day if it ends with one behind a separator. What looks like a day and is none is answered too,
/// so that it is told and not sold.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    // A day may have a time behind it: the last two places of each.
    let places = SEPARATORS.iter().flat_map(|separator| line.rmatch_indices(separator).take(2));
    let mut cuts: Vec<(usize, usize)> = places.map(|(at, separator)| (at, separator.len())).collect();
    cuts.sort_unstable_by(|a, b| b.cmp(a));
    for (at, length) in cuts {
        let (code, tail) = (line[..at].trim_end(), line[at + length..].trim());
        // Blanks beside a separator belong to it.
        let code = SEPARATORS.iter().find_map(|separator| code.strip_suffix(separator)).unwrap_or(code).trim_end();
        if !code.is_empty() && looks_like_a_day(tail) {
            return (code, tail);
        }
    }
    (line, "")
}

fn looks_like_a_day(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    (parts.len() == 3 && parts[0].len() == 4 && parts.into_iter().all(is_part)) || parse_day(text).is_some()
}

/// `2029-12-31`, with `/` or `.`, with or without zeros, `2029年12月31日`; a time of the day behind it does not count.
fn parse_day(text: &str) -> Option<NaiveDate> {
    let (day, time) = text.trim().split_once(['T', ' ']).unwrap_or((text.trim(), ""));
    let is_time = time.len() <= 12 && time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    if !is_time {
        return None;
    }
    let day = day.strip_suffix('日').unwrap_or(day);
    let parts: Vec<&str> = day.split(['-', '/', '.', '年', '月']).collect();
    let [year, month, date] = parts[..] else { return None };
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let year = i32::try_from(number(year, 4..=4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month, 1..=2)?, number(date, 1..=2)?)
}

/// A card that runs out on a day is not sold on that day any more, wherever the buyer is.
fn first_moment(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests;
