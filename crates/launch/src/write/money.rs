//! Cards and the money that comes with them: real entries, posted once.

use catalog::{Code, GoodsKind, SkuId};
use inventory::{Import, NewCard, Stock, Stocking};
use kernel::Money;
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use store::Tx;

use super::Writer;
use crate::error::{At, LaunchError};
use crate::model::{CardChange, Progress};

/// Cards looked at between two words to the progress.
const CHUNK: usize = 1_000;

const OPENING: &str = "opening balance of the pack";

impl Writer<'_> {
    /// Puts the cards in stock, SKUs in ascending order.
    pub(super) async fn cards<'t>(
        &mut self,
        mut import: Import<'t>,
        progress: &dyn Progress,
    ) -> Result<Import<'t>, LaunchError> {
        let (mut done, total) = (0, self.pack.card_count());
        let mut files: Vec<(SkuId, &Code, &[NewCard])> =
            self.pack.cards.iter().map(|(code, cards)| (self.skus[code], code, cards.as_slice())).collect();
        files.sort_by_key(|(sku, ..)| *sku);
        for (sku, code, cards) in files.into_iter().filter(|(.., cards)| !cards.is_empty()) {
            let is_shared = self
                .pack
                .goods
                .iter()
                .any(|goods| goods.kind == GoodsKind::Shared && goods.skus.iter().any(|sku| sku.code == *code));
            let stocking = if is_shared { Stocking::Shared } else { Stocking::Unique };
            let file_name = format!("cards/{code}.csv");
            let stock = Stock { sku, stocking, unit_cost: self.unit_cost(code), file_name };
            let mut change = CardChange { sku: code.clone(), added: 0, duplicates: 0 };
            for chunk in cards.chunks(CHUNK) {
                let report = import.add(stock.clone(), chunk).await.at(|| format!("cards of SKU {code}"))?;
                change.added += report.added;
                change.duplicates += report.duplicates.len() as u64;
                done += chunk.len() as u64;
                progress.cards(code, done, total);
            }
            self.plan.cards.push(change);
        }
        self.plan.cards.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(import)
    }

    /// Posts the opening balances and what the new stock cost, in the lane's order: entries, head of the chain, card
    /// counts, balances.
    pub(super) async fn money(&self, import: Import<'_>) -> Result<(), LaunchError> {
        let currency = self.pack.tenant.currency;
        let source = Account::own(AccountKind::Opening, currency);
        let mut book = Book::new(self.tx.scope().id());
        for opening in &self.openings {
            let target = Account::of(opening.kind, opening.owner, currency);
            let postings = move_between(source, target, opening.amount)?;
            let entry = Entry::try_new(EntryKind::Adjustment, opening.owner, "opening", postings)?;
            book.post(entry.because(OPENING))?;
        }
        Ok(import.write_in(&mut book).await?)
    }

    /// Nothing for cards that cost nothing: an entry has postings.
    fn unit_cost(&self, code: &Code) -> Option<Money> {
        let mut skus = self.pack.goods.iter().flat_map(|goods| &goods.skus);
        let sku = skus.find(|sku| sku.code == *code).expect("a pack has a SKU for all its cards");
        Some(sku.cost).filter(|cost| cost.minor() != 0)
    }
}

fn move_between(from: Account, to: Account, amount: Money) -> Result<[Posting; 2], LaunchError> {
    let taken = Money::new(0, amount.currency()).minus(amount)?;
    Ok([Posting { account: from, amount: taken }, Posting { account: to, amount }])
}
