//! Statements: what happened to somebody's money over days.

use chrono::{DateTime, Utc};
use kernel::{Currency, Day, Language, Money, TenantId};
use ledger::{EntryKind, PeriodLine, Section, period_in};
use order::{OrderId, OrderNumber};
use store::{Inside, Tx};
use uuid::Uuid;
use withdrawal::WithdrawalId;

use crate::error::BooksError;
use crate::model::Party;
use crate::paper::{Paper, PaperTable, Piece, moment};
use crate::service::Books;
use crate::words::{Word, account, entry, word};

/// The most days of a statement.
pub(crate) const DAYS_MAX: u16 = 366;

/// What happened to somebody's money, account by account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub party: Party,
    /// His name.
    pub name: String,
    /// The tenant, by which orders are numbered.
    pub tenant: TenantId,
    /// The first day.
    pub from: Day,
    /// The last day; it may not be over.
    pub to: Day,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The kinds of accounts with anything on them or anything that happened.
    pub sections: Vec<Section>,
}

impl Books {
    /// The statement of `party`, whose name is `name`, from the first until the last of these days. Let `tx` be a snapshot:
    /// what was there is found from what is there and what was posted since.
    pub async fn statement_in(
        &self,
        tx: &impl Tx,
        (party, name): (Party, String),
        currency: Currency,
        (from, to): (Day, Day),
    ) -> Result<Statement, BooksError> {
        period(from, to, DAYS_MAX)?;
        let moments = (from.begins(), to.after(1).begins());
        let mut sections = period_in(tx, (party.owner(), party.kinds()), currency, moments).await?;
        let has_any = |section: &Section| !section.lines.is_empty() || section.opening.minor() != 0;
        sections.retain(|section| section.kind == party.kinds()[0] || has_any(section));
        let (tenant, made_at) = (tx.scope().tenant(), tx.now());
        Ok(Statement { party, name, tenant, from, to, made_at, sections })
    }
}

/// Whether these are the first and the last of at most so many days.
pub(crate) fn period(from: Day, to: Day, days_max: u16) -> Result<(), BooksError> {
    let is_period = from <= to && to < from.after(days_max);
    if is_period { Ok(()) } else { Err(BooksError::Period { days_max }) }
}

/// What people call the thing that an entry is about: an order's number, a withdrawal's id; none where it has no name for them.
pub(crate) fn reference(tenant: TenantId, kind: EntryKind, subject: Uuid) -> Option<String> {
    use EntryKind as K;
    match kind {
        K::OrderHeld
        | K::OrderReleased
        | K::OrderPaid
        | K::OwnTakings
        | K::LineDelivered
        | K::LineReturned
        | K::CodeReplaced
        | K::OrderRefunded => Some(OrderNumber::of(tenant, OrderId::from_uuid(subject)).to_string()),
        K::WithdrawalAsked | K::WithdrawalFreed | K::WithdrawalSent | K::WithdrawalPaid | K::WithdrawalReturned => {
            Some(WithdrawalId::from_uuid(subject).to_string())
        }
        _ => None,
    }
}

/// An amount on the side it stands on: what was taken, what was put.
pub(crate) fn sides(amount: Money) -> [Piece; 2] {
    let is_debit = amount.minor() < 0;
    let size = Money::new(amount.minor().saturating_abs(), amount.currency());
    [Piece::Amount(is_debit.then_some(size)), Piece::Amount((!is_debit).then_some(size))]
}

impl Statement {
    /// The statement as a paper.
    pub fn paper(&self, language: Language) -> Paper {
        let say = |one| word(one, language);
        let facts = vec![
            (say(Word::Of), self.name.clone()),
            (say(Word::Period), format!("{} – {}", self.from, self.to)),
            (say(Word::MadeAt), moment(self.made_at)),
        ];
        let tables = self.sections.iter().map(|section| self.table(section, language)).collect();
        Paper { language, title: say(Word::Statement).to_owned(), facts, tables }
    }

    fn table(&self, section: &Section, language: Language) -> PaperTable {
        let say = |one| word(one, language);
        let nothing = || Piece::Plain(String::new());
        let total = |name: Word, at: Day, [debit, credit]: [Piece; 2], balance: Money| {
            let what = Piece::Plain(say(name).to_owned());
            let at = Piece::Plain(at.to_string());
            vec![at, what, nothing(), nothing(), debit, credit, Piece::Amount(Some(balance))]
        };
        let none = || [Piece::Amount(None), Piece::Amount(None)];
        let mut rows = vec![total(Word::Opening, self.from, none(), section.opening)];
        rows.extend(section.lines.iter().map(|line| self.row(line, language)));
        let (debits, credits) = section.lines.iter().fold((0i128, 0i128), |(debits, credits), line| {
            let minor = i128::from(line.amount.minor());
            if minor < 0 { (debits - minor, credits) } else { (debits, credits + minor) }
        });
        let sum = |minor: i128| {
            let minor = i64::try_from(minor).unwrap_or(i64::MAX);
            Piece::Amount(Some(Money::new(minor, section.closing.currency())))
        };
        rows.push(total(Word::Closing, self.to, [sum(debits), sum(credits)], section.closing));
        let heading = [Word::Time, Word::What, Word::Reference, Word::Reason, Word::Debit, Word::Credit, Word::Balance];
        let caption = format!("{} ({})", account(section.kind, language), section.closing.currency().code());
        PaperTable { caption, heading: heading.map(say).to_vec(), rows }
    }

    fn row(&self, line: &PeriodLine, language: Language) -> Vec<Piece> {
        let [debit, credit] = sides(line.amount);
        vec![
            Piece::Plain(moment(line.at)),
            Piece::Plain(entry(line.kind, language).to_owned()),
            Piece::Plain(reference(self.tenant, line.kind, line.subject).unwrap_or_default()),
            Piece::Text(line.reason.clone().unwrap_or_default()),
            debit,
            credit,
            Piece::Amount(Some(line.balance)),
        ]
    }
}

impl crate::model::ClosingDocument {
    /// The trial balance as a paper.
    pub fn paper(&self, language: Language) -> Paper {
        let say = |one| word(one, language);
        let facts = vec![
            (say(Word::Day), self.day.to_string()),
            (say(Word::MadeAt), moment(self.closed_at)),
            (say(Word::Links), format!("{} – {}", self.links.first, self.links.last)),
            (say(Word::Head), self.links.head.clone()),
        ];
        let heading = [Word::Account, Word::Opening, Word::Debit, Word::Credit, Word::Closing].map(say).to_vec();
        let currencies: std::collections::BTreeSet<&str> =
            self.accounts.iter().map(|row| row.currency.as_str()).collect();
        let tables = currencies.into_iter().filter_map(|code| {
            let currency = Currency::parse(code).ok()?;
            let amount =
                |minor: i128| Piece::Amount(i64::try_from(minor).ok().map(|minor| Money::new(minor, currency)));
            let own: Vec<_> = self.accounts.iter().filter(|row| row.currency == code).collect();
            let row = |name: String, sums: [i128; 4]| {
                [Piece::Plain(name)].into_iter().chain(sums.map(amount)).collect::<Vec<Piece>>()
            };
            let mut rows: Vec<Vec<Piece>> = own
                .iter()
                .map(|of| {
                    let name = of.account().map_or(of.kind.as_str(), |kind| account(kind, language)).to_owned();
                    row(name, [of.opening, of.debits, of.credits, of.closing])
                })
                .collect();
            let sum = |part: fn(&crate::model::TrialRow) -> i128| own.iter().map(|of| part(of)).sum::<i128>();
            let sums = [sum(|of| of.opening), sum(|of| of.debits), sum(|of| of.credits), sum(|of| of.closing)];
            rows.push(row(say(Word::Sum).to_owned(), sums));
            Some(PaperTable { caption: code.to_owned(), heading: heading.clone(), rows })
        });
        Paper { language, title: say(Word::TrialBalance).to_owned(), facts, tables: tables.collect() }
    }
}
