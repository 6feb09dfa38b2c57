//! Behaviour on both databases.

mod audit;
mod code;
mod import;
mod intake;
mod keys;
mod leak;
mod master;
mod picks;
mod shelf;

use catalog::{Catalog, CategoryDraft, Code, GoodsDraft, GoodsKind, OnSale, SkuDraft, SkuId};
use chrono::TimeDelta;
use kernel::{Currency, Money, TenantScope, Wording};
use lane::{Part, carry_out_in};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use store::{Store, Tx, WriteTx};
use testkit::TestDb;
use uuid::Uuid;

use crate::{
    CardCode, CardId, GivenCard, ImportReport, Inventory, InventoryAudit, InventoryError, KeyRing, MasterKey,
    MasterKeys, NewCard, Picks, Stock, StockCount, Stocking, Taken, Taking,
};

/// A word that stands in every shop's catalogue in the open.
const TITLE: &str = "Starfall card";

/// A tenant with two SKUs and no cards.
struct Shop {
    store: Store,
    scope: TenantScope,
    sku: SkuId,
    other: SkuId,
    inventory: Inventory,
}

impl Shop {
    async fn open(db: &TestDb) -> Self {
        Self::open_under(db, KeyRing::new(MasterKeys::only(MasterKey::generate()))).await
    }

    async fn open_under(db: &TestDb, keys: KeyRing) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let tx = store.write(&scope).await.expect("a writer");
        let (sku, other) = skus(&store, &tx).await;
        tx.commit().await.expect("committed");
        Self { store, scope, sku, other, inventory: Inventory::new(keys) }
    }

    /// The same shop in another process, whose keys are wrapped by `master`.
    fn elsewhere(&self, master: MasterKeys) -> Self {
        let inventory = Inventory::new(KeyRing::new(master));
        Self { store: self.store.clone(), scope: self.scope, sku: self.sku, other: self.other, inventory }
    }

    async fn write(&self) -> WriteTx<TenantScope> {
        self.store.write(&self.scope).await.expect("a writer")
    }

    async fn import(&self, codes: &[&str]) -> ImportReport {
        self.import_as(self.sku, codes, None).await
    }

    async fn import_as(&self, sku: SkuId, codes: &[&str], life: Option<TimeDelta>) -> ImportReport {
        let tx = self.write().await;
        let cards = cards(codes, life.map(|life| tx.now() + life));
        let report = self.inventory.import_in(&tx, sku, &cards).await.expect("imported");
        tx.commit().await.expect("committed");
        report
    }

    async fn count(&self, sku: SkuId) -> StockCount {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let counts = self.inventory.counts_in(&tx, &[sku]).await.expect("counted");
        counts.get(&sku).copied().unwrap_or_default()
    }

    /// Sells the next cards of `sku` as a lane would; answers the order.
    async fn sell(&self, sku: SkuId, quantity: u32) -> (Uuid, Vec<CardId>) {
        let (mut picks, order) = (Picks::default(), Uuid::now_v7());
        let tx = self.write().await;
        picks.want(sku, quantity, TimeDelta::zero());
        picks.read(&tx, lane::Look::open(0)).await.expect("read");
        let taken = picks.take((sku, quantity), (order, 0), Taking::Sell, tx.now()).expect("in stock");
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), lane::Claimed::All);
        let (mut book, batch) = (self.goods_left(order, taken.cost_minor), Uuid::now_v7());
        book.insert_in(&tx, batch).await.expect("written");
        book.link_in(&tx, batch).await.expect("written");
        book.settle_in(&tx).await.expect("written");
        tx.commit().await.expect("committed");
        (order, taken.cards)
    }

    /// What a sale posts of goods that were put in stock for so much; nothing of those worth nothing.
    fn goods_left(&self, order: Uuid, cost_minor: i64) -> Book {
        let (mut book, cost) = (Book::new(self.scope.id()), |minor| Money::new(minor, Currency::CNY));
        let posting = |kind, minor| Posting { account: Account::own(kind, Currency::CNY), amount: cost(minor) };
        if cost_minor != 0 {
            let postings =
                [posting(AccountKind::CostOfGoods, -cost_minor), posting(AccountKind::StockAtCost, cost_minor)];
            let entry = Entry::try_new(EntryKind::LineDelivered, order, "delivered:0", postings).expect("balanced");
            book.post(entry).expect("posted");
        }
        book
    }

    async fn reveal(&self, order: Uuid, cards: &[CardId]) -> Result<Vec<String>, InventoryError> {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let codes = self.inventory.reveal_in(&tx, order, cards).await?;
        Ok(codes.iter().map(|code| code.reveal().to_owned()).collect())
    }

    async fn audit(&self) -> InventoryAudit {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        crate::audit_in(&tx).await.expect("audited")
    }
}

fn code(text: &str) -> CardCode {
    CardCode::parse(text).expect("a code")
}

fn cards(codes: &[&str], expires_at: Option<chrono::DateTime<chrono::Utc>>) -> Vec<NewCard> {
    codes.iter().map(|text| NewCard { code: code(text), expires_at }).collect()
}

async fn skus(store: &Store, tx: &WriteTx<TenantScope>) -> (SkuId, SkuId) {
    let catalog = Catalog::new(store.clone());
    let code = |text: &str| Code::parse(text).expect("a code");
    let category = CategoryDraft { code: code("games"), name: Wording::new("游戏", "Games"), sort: 1 };
    let (category, _) = catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        fulfilment: catalog::Fulfilment::default(),
        state: OnSale::On,
        title: Wording::new("星落点卡", TITLE),
        description: Wording::default(),
        art: None,
        sort: 1,
    };
    let (goods, _) = catalog.save_goods_in(tx, &goods).await.expect("goods");
    let mut skus = Vec::new();
    for name in ["10", "20"] {
        let draft = SkuDraft {
            code: code(&format!("starfall-{name}")),
            goods,
            state: OnSale::On,
            name: Wording::new(name, name),
            face_value: None,
            cost: Money::new(7_00, Currency::CNY),
            price: Money::new(10_00, Currency::CNY),
            quantity_max: 1000,
            sort: 1,
        };
        skus.push(catalog.save_sku_in(tx, &draft).await.expect("a sku").0);
    }
    (skus[0], skus[1])
}
