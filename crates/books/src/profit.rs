//! What the main site, its sub-sites and its agents got from sales, day by day, site by site, goods by goods: from the books.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use kernel::{Currency, Day, Language, Money, Wording};
use ledger::{AccountKind, Entry, EntryKind, PeriodEntries, Posting};
use order::{SoldPart, sold_parts_in};
use store::Tx;
use uuid::Uuid;

use crate::error::BooksError;
use crate::paper::{Paper, PaperTable, Piece, moment};
use crate::service::Books;
use crate::statement::period;
use crate::words::{Word, word};

/// The most days of a report.
pub(crate) const DAYS_MAX: u16 = 92;

/// By what sales are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfitBy {
    /// By the day of the posting.
    Day,
    /// By the selling site.
    Site,
    /// By what was sold.
    Goods,
    /// By the agents who earn: each of their sales is told with each of them.
    Agent,
}

impl ProfitBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Day, Self::Site, Self::Goods, Self::Agent];

    /// The name in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Site => "site",
            Self::Goods => "goods",
            Self::Agent => "agent",
        }
    }

    /// Reads the name back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfitKey {
    /// A day.
    Day(Day),
    /// A site, a SKU or an agent.
    Id(Uuid),
}

/// What was sold and what everybody got of it, returns taken off, in minor units of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfitRow {
    /// What it is about.
    pub key: ProfitKey,
    /// The currency.
    pub currency: Currency,
    /// What was sold, as it was called; of rows by goods only.
    pub title: Option<Wording>,
    /// Pieces delivered. What goes back of them takes nothing off: a part of a price is no piece.
    pub pieces: u64,
    /// What went through the books for it: prices with the main site's channels, purchase prices with a site's own.
    pub sold: i64,
    /// What the main site got.
    pub revenue: i64,
    /// What the goods had cost it, below zero.
    pub cost: i64,
    /// What sub-sites got.
    pub margins: i64,
    /// What agents got; by agent, what this one got.
    pub commissions: i64,
}

impl ProfitRow {
    /// What is left of the revenue after what the goods had cost.
    pub const fn gross(&self) -> i64 {
        self.revenue + self.cost
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profit {
    /// By what it is put together.
    pub by: ProfitBy,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Its rows: days in their order, all else by what was sold, the most first.
    pub rows: Vec<ProfitRow>,
}

/// Entries that change what a sale brought.
const KINDS: [EntryKind; 3] = [EntryKind::LineDelivered, EntryKind::LineReturned, EntryKind::CodeReplaced];

impl Books {
    /// What sales brought from the first until the last of these days, by the days of their postings: a return counts on the day
    /// it was made. The sums are those of the trial balances of the days. Let `tx` be a snapshot.
    pub async fn profit_in(&self, tx: &impl Tx, by: ProfitBy, (from, to): (Day, Day)) -> Result<Profit, BooksError> {
        period(from, to, DAYS_MAX)?;
        let mut rows: BTreeMap<(ProfitKey, Currency), ProfitRow> = BTreeMap::new();
        let moments = (from.begins(), to.after(1).begins());
        let mut pages = PeriodEntries::new(&KINDS, moments);
        while let Some(entries) = pages.next_in(tx).await? {
            let about = entries.iter().map(|(_, entry)| (entry.kind(), entry.subject()));
            let parts = sold_parts_in(tx, about).await?;
            add(&mut rows, by, &entries, |entry| parts.get(&entry.id()));
        }
        let mut rows: Vec<ProfitRow> = rows.into_values().collect();
        if by != ProfitBy::Day {
            rows.sort_by_key(|row| (std::cmp::Reverse(row.sold), row.key));
        }
        Ok(Profit { by, from, to, made_at: tx.now(), rows })
    }
}

/// Adds what these entries moved. Pure.
fn add<'p>(
    rows: &mut BTreeMap<(ProfitKey, Currency), ProfitRow>,
    by: ProfitBy,
    entries: &[(DateTime<Utc>, Entry)],
    part: impl Fn(&Entry) -> Option<&'p SoldPart>,
) {
    for (at, entry) in entries {
        let Some(currency) = entry.postings().first().map(|posting| posting.amount.currency()) else { continue };
        let (part, moved) = (part(entry), moved_by(entry));
        let pieces =
            part.filter(|_| entry.kind() == EntryKind::LineDelivered).map_or(0, |part| u64::from(part.quantity));
        let title = part.filter(|_| by == ProfitBy::Goods).map(|part| part.title.clone());
        let keys: Vec<(ProfitKey, i64)> = match by {
            ProfitBy::Day => vec![(ProfitKey::Day(Day::of(*at)), moved.commissions())],
            ProfitBy::Site => {
                part.map(|part| (ProfitKey::Id(part.site.uuid()), moved.commissions())).into_iter().collect()
            }
            ProfitBy::Goods => {
                part.map(|part| (ProfitKey::Id(part.sku.uuid()), moved.commissions())).into_iter().collect()
            }
            ProfitBy::Agent => moved.agents.iter().map(|(agent, got)| (ProfitKey::Id(*agent), *got)).collect(),
        };
        for (key, commissions) in keys {
            let row = rows.entry((key, currency)).or_insert_with(|| ProfitRow {
                key,
                currency,
                title: None,
                pieces: 0,
                sold: 0,
                revenue: 0,
                cost: 0,
                margins: 0,
                commissions: 0,
            });
            row.title = title.clone().or(row.title.take());
            row.pieces += pieces;
            row.sold += moved.sold;
            row.revenue += moved.revenue;
            row.cost += moved.cost;
            row.margins += moved.margins;
            row.commissions += commissions;
        }
    }
}

/// What an entry moved, by who got it.
#[derive(Default)]
struct Moved {
    sold: i64,
    revenue: i64,
    cost: i64,
    margins: i64,
    agents: HashMap<Uuid, i64>,
}

impl Moved {
    fn commissions(&self) -> i64 {
        self.agents.values().sum()
    }
}

fn moved_by(entry: &Entry) -> Moved {
    use AccountKind as K;
    let mut moved = Moved::default();
    for Posting { account, amount } in entry.postings() {
        let minor = amount.minor();
        match account.kind {
            K::OrderDeposits => moved.sold -= minor,
            K::Revenue => moved.revenue += minor,
            K::CostOfGoods => moved.cost += minor,
            // A loss that its prepaid money covered is the seller's.
            K::SitePending | K::SiteAvailable | K::SiteLocked | K::SiteDebt | K::SitePrepaid | K::SitePrepaidHeld => {
                moved.margins += minor;
            }
            K::AgentPending | K::AgentAvailable | K::AgentLocked | K::AgentDebt => {
                *moved.agents.entry(account.owner.unwrap_or_default()).or_default() += minor;
            }
            _ => {}
        }
    }
    moved
}

impl Profit {
    /// The report as a paper; `name` says what a site or an agent is called.
    pub fn paper(&self, language: Language, name: impl Fn(Uuid) -> String) -> Paper {
        let say = |one| word(one, language);
        let head = match self.by {
            ProfitBy::Day => Word::Day,
            ProfitBy::Site => Word::Site,
            ProfitBy::Goods => Word::Goods,
            ProfitBy::Agent => Word::Agent,
        };
        let heading = [
            head,
            Word::Pieces,
            Word::Sold,
            Word::Margins,
            Word::Commissions,
            Word::Revenue,
            Word::Cost,
            Word::GrossProfit,
        ];
        let called = |row: &ProfitRow| match (row.key, &row.title) {
            (_, Some(title)) => Piece::Text(title.get(language).to_owned()),
            (ProfitKey::Day(day), None) => Piece::Plain(day.to_string()),
            (ProfitKey::Id(id), None) => Piece::Text(name(id)),
        };
        let cells = |first: Piece, pieces: u64, currency: Currency, amounts: [i64; 6]| {
            let amounts = amounts.map(|minor| Piece::Amount(Some(Money::new(minor, currency))));
            [first, Piece::Plain(pieces.to_string())].into_iter().chain(amounts).collect::<Vec<Piece>>()
        };
        let of = |row: &ProfitRow| [row.sold, row.margins, row.commissions, row.revenue, row.cost, row.gross()];
        let currencies: BTreeSet<Currency> = self.rows.iter().map(|row| row.currency).collect();
        let tables = currencies.into_iter().map(|currency| {
            let own: Vec<&ProfitRow> = self.rows.iter().filter(|row| row.currency == currency).collect();
            let mut rows: Vec<Vec<Piece>> =
                own.iter().map(|row| cells(called(row), row.pieces, currency, of(row))).collect();
            // A sale with two agents stands in two rows: their sum would count it twice.
            if self.by != ProfitBy::Agent {
                let sums =
                    own.iter().fold([0; 6], |sums, row| std::array::from_fn(|place| sums[place] + of(row)[place]));
                let pieces = own.iter().map(|row| row.pieces).sum();
                rows.push(cells(Piece::Plain(say(Word::Sum).to_owned()), pieces, currency, sums));
            }
            PaperTable { caption: currency.code().to_owned(), heading: heading.map(say).to_vec(), rows }
        });
        let facts = vec![
            (say(Word::Period), format!("{} – {}", self.from, self.to)),
            (say(Word::MadeAt), moment(self.made_at)),
        ];
        Paper { language, title: say(Word::Profit).to_owned(), facts, tables: tables.collect() }
    }
}
