//! A paper: a title, facts and tables, as CSV, as a workbook, or as a page to be printed.

use chrono::{DateTime, Utc};
use kernel::{Language, Money};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde_json::json;
use sheet::{Cell, Grid, GridCell, Writer};

use crate::error::BooksError;

/// In what form a paper is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// A workbook.
    Xlsx,
    /// A page to be printed.
    Html,
}

impl Format {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Xlsx, Self::Html];

    /// The name in addresses, and the end of a file's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
        }
    }

    /// Reads the name back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words that somebody may have made up.
    Text(String),
    /// Words, moments and numbers of our own making.
    Plain(String),
    /// An amount; empty if there is none on this side.
    Amount(Option<Money>),
}

/// A table of a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaperTable {
    pub caption: String,
    pub heading: Vec<&'static str>,
    pub rows: Vec<Vec<Piece>>,
}

/// A paper that people take home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    pub(crate) language: Language,
    pub(crate) title: String,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) tables: Vec<PaperTable>,
}

impl Piece {
    fn digits(&self) -> String {
        match self {
            Self::Text(text) | Self::Plain(text) => text.clone(),
            Self::Amount(amount) => amount.map(digits).unwrap_or_default(),
        }
    }

    const fn is_amount(&self) -> bool {
        matches!(self, Self::Amount(_))
    }
}

/// An amount without its currency: `12.50`.
pub(crate) fn digits(amount: Money) -> String {
    amount.to_string().split(' ').take(1).collect()
}

impl Paper {
    /// The bytes of a file in this form.
    pub fn file(&self, format: Format) -> Result<Vec<u8>, BooksError> {
        let failed = |reason: String| BooksError::File { reason };
        match format {
            Format::Csv => self.csv().map_err(|error| failed(error.to_string())),
            Format::Xlsx => self.xlsx().map_err(|error| failed(error.to_string())),
            Format::Html => self.html().map_err(|error| failed(error.to_string())),
        }
    }

    fn csv(&self) -> std::io::Result<Vec<u8>> {
        let mut file = Writer::for_spreadsheets(Vec::new())?;
        file.row([Cell::text(self.title.as_str())])?;
        for (name, fact) in &self.facts {
            file.row([Cell::plain(*name), Cell::text(fact.as_str())])?;
        }
        for table in &self.tables {
            file.row([Cell::text(table.caption.as_str())])?;
            file.row(table.heading.iter().map(|heading| Cell::plain(*heading)))?;
            for row in &table.rows {
                file.row(row.iter().map(|piece| match piece {
                    Piece::Text(text) => Cell::text(text.as_str()),
                    _ => Cell::plain(piece.digits()),
                }))?;
            }
        }
        file.finish()
    }

    fn xlsx(&self) -> std::io::Result<Vec<u8>> {
        let mut grid = Grid::default();
        grid.row([GridCell::Heading(self.title.clone())]);
        for (name, fact) in &self.facts {
            grid.row([GridCell::Text((*name).to_owned()), GridCell::Text(fact.clone())]);
        }
        for table in &self.tables {
            grid.row([]);
            grid.row([GridCell::Heading(table.caption.clone())]);
            grid.row(table.heading.iter().map(|heading| GridCell::Heading((*heading).to_owned())));
            for row in &table.rows {
                grid.row(row.iter().map(|piece| match piece {
                    Piece::Amount(Some(amount)) => {
                        GridCell::Amount { minor: amount.minor(), decimals: amount.currency().decimals() }
                    }
                    _ => GridCell::Text(piece.digits()),
                }));
            }
        }
        grid.finish()
    }

    fn html(&self) -> Result<Vec<u8>, minijinja::Error> {
        let mut pages = Environment::new();
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        pages.add_template("paper", include_str!("paper.html"))?;
        let shown = |piece: &Piece| json!({ "text": piece.digits(), "is_number": piece.is_amount() });
        let table = |table: &PaperTable| {
            let rows: Vec<Vec<_>> = table.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
            json!({ "caption": table.caption, "heading": table.heading, "rows": rows })
        };
        let facts: Vec<_> = self.facts.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect();
        let tables: Vec<_> = self.tables.iter().map(table).collect();
        let page = json!({ "language": self.language.tag(), "title": self.title, "facts": facts, "tables": tables });
        Ok(pages.get_template("paper")?.render(Serde(page))?.into_bytes())
    }
}

/// The moment on the clocks of the shops, to the second.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    kernel::shop_time(at).format("%Y-%m-%d %H:%M:%S").to_string()
}
