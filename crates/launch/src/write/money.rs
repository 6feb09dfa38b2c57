//! Cards and the money that comes with them: real entries, posted once.

use catalog::{Code, GoodsKind, SkuId};
use inventory::{Import, NewCard, Stocking};
use kernel::Money;
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use store::Tx;
use uuid::Uuid;

use super::Writer;
use crate::error::{At, LaunchError};
use crate::model::{CardChange, Progress};

/// Cards looked at between two words to the progress.
const CHUNK: usize = 1_000;

const OPENING: &str = "opening balance of the pack";

/// New cards of a SKU at what they cost.
pub(super) struct Stocked {
    sku: SkuId,
    value: Money,
}

impl Writer<'_> {
    /// Puts the cards in stock, SKUs in ascending order; answers those that got new ones.
    pub(super) async fn cards<'t>(
        &mut self,
        mut import: Import<'t>,
        progress: &dyn Progress,
    ) -> Result<(Import<'t>, Vec<Stocked>), LaunchError> {
        let (mut done, total) = (0, self.pack.card_count());
        let mut files: Vec<(SkuId, &Code, &[NewCard])> =
            self.pack.cards.iter().map(|(code, cards)| (self.skus[code], code, cards.as_slice())).collect();
        files.sort_by_key(|(sku, ..)| *sku);
        let mut stocked = Vec::new();
        for (sku, code, cards) in files.into_iter().filter(|(.., cards)| !cards.is_empty()) {
            let is_shared = self
                .pack
                .goods
                .iter()
                .any(|goods| goods.kind == GoodsKind::Shared && goods.skus.iter().any(|sku| sku.code == *code));
            let stocking = if is_shared { Stocking::Shared } else { Stocking::Unique };
            let mut change = CardChange { sku: code.clone(), added: 0, duplicates: 0 };
            for chunk in cards.chunks(CHUNK) {
                let report = import.add((sku, stocking), chunk).await.at(|| format!("cards of SKU {code}"))?;
                change.added += report.added;
                change.duplicates += report.duplicates.len() as u64;
                done += chunk.len() as u64;
                progress.cards(code, done, total);
            }
            // What is never used up is no stock.
            let valued = if is_shared { 0 } else { change.added };
            if let Some(value) = self.value_at_cost(code, valued)? {
                stocked.push(Stocked { sku, value });
            }
            self.plan.cards.push(change);
        }
        self.plan.cards.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok((import, stocked))
    }

    /// Posts the opening balances and the new stock, in the lane's order: entries, head of the chain, card counts,
    /// balances.
    pub(super) async fn money(&self, import: Import<'_>, stocked: Vec<Stocked>) -> Result<(), LaunchError> {
        let batch = Uuid::now_v7();
        let currency = self.pack.tenant.currency;
        let source = Account::own(AccountKind::Opening, currency);
        let mut book = Book::new(self.tx.scope().id());
        for opening in &self.openings {
            let target = Account::of(opening.kind, opening.owner, currency);
            let postings = move_between(source, target, opening.amount)?;
            let entry = Entry::try_new(EntryKind::Adjustment, opening.owner, "opening", postings)?;
            book.post(entry.because(OPENING))?;
        }
        // What we own is below zero: stock is debited.
        let stock = Account::own(AccountKind::StockAtCost, currency);
        let act = format!("import:{batch}");
        for stocked in stocked {
            let postings = move_between(stock, source, stocked.value)?;
            let entry = Entry::try_new(EntryKind::Adjustment, stocked.sku.uuid(), &act, postings)?;
            book.post(entry.because("cards of the pack at cost"))?;
        }
        book.insert_in(self.tx, batch).await?;
        book.link_in(self.tx, batch).await?;
        import.settle().await?;
        Ok(book.settle_in(self.tx).await?)
    }

    /// Nothing for no cards, and for cards that cost nothing: an entry has postings.
    fn value_at_cost(&self, code: &Code, count: u64) -> Result<Option<Money>, LaunchError> {
        let mut skus = self.pack.goods.iter().flat_map(|goods| &goods.skus);
        let sku = skus.find(|sku| sku.code == *code).expect("a pack has a SKU for all its cards");
        let count = u32::try_from(count).expect("the cards of a pack are bounded");
        let value = sku.cost.times(count)?;
        Ok(Some(value).filter(|value| value.minor() != 0))
    }
}

fn move_between(from: Account, to: Account, amount: Money) -> Result<[Posting; 2], LaunchError> {
    let taken = Money::new(0, amount.currency()).minus(amount)?;
    Ok([Posting { account: from, amount: taken }, Posting { account: to, amount }])
}
