//! A shop four levels deep with one SKU (cost 7.00, price 10.00) and one customer with 1,000.00 in the wallet.

use catalog::{
    Audience, Catalog, CategoryDraft, Code, FieldKey, FieldKind, Filled, Form, FormField, Formula, Fulfilment,
    GoodsDraft, GoodsId, GoodsKind, Hop, OnSale, Prices, Quote, Reach, Rounding, RuleDraft, SiteLevel, SkuDraft, SkuId,
    Source, Target, Terms, Whom,
};
use chrono::TimeDelta;
use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, OperatorId, PasswordHash, Passwords};
use inventory::{CardCode, Inventory, KeyRing, MasterKey, MasterKeys, NewCard, Picks, Stock, Stocking};
use kernel::{Currency, Money, Secret, SiteId, SiteScope, TenantScope, Wording};
use lane::{Answered, LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use payment::{ChannelId, Gateways, NewChannel, PaymentSettings, Payments, Seen, Till};
use risk::Limits;
use store::{Store, Tx, WriteTx};
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;
use uuid::Uuid;

use crate::{
    Brought, Buyer, Chain, Checkout, Contact, Desk, LinkToken, OrderError, OrderId, Orders, Placed, Receipt, SoldBy,
    Wanted,
};

pub const CNY: Currency = Currency::CNY;

pub fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

pub struct Shop {
    pub store: Store,
    pub scope: TenantScope,
    pub sites: Vec<SiteId>,
    pub main: SiteScope,
    pub customer: CustomerId,
    pub sku: SkuId,
    /// Who refunds.
    pub boss: OperatorId,
    pub inventory: Inventory,
    pub lanes: Lanes,
    pub orders: Orders,
    pub payments: Payments,
    customers: Customers,
    hash: PasswordHash,
}

impl Shop {
    pub async fn open(db: &TestDb) -> Self {
        Self::open_with(db, 60).await
    }

    pub async fn open_with(db: &TestDb, stock: usize) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let passwords = Passwords::new();
        let customers =
            Customers::new(store.clone(), passwords.clone(), LoginLimits::new(std::sync::Arc::new(db.clock.clone())));
        let hash = passwords.hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let tx = store.write(&scope).await.expect("a writer");
        let sites = sites(&store, &tx).await;
        let sku = sku(&store, &tx, 7_00).await;
        let customer = customer(&customers, &tx, (sites[0], &hash), "lin@example.test").await;
        tx.commit().await.expect("committed");
        let lanes = lanes(&store);
        let payments = payments(&store, &lanes, &inventory);
        let orders = Orders::new(store.clone(), lanes.clone(), inventory.clone(), payments.clone());
        let main = scope.site(sites[0]);
        let boss = OperatorId::new();
        let shop = Self {
            store,
            scope,
            sites,
            main,
            customer,
            sku,
            boss,
            inventory,
            lanes,
            orders,
            customers,
            hash,
            payments,
        };
        let codes: Vec<String> = (0..stock).map(|n| format!("CODE-{n}")).collect();
        shop.import(&codes.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
        shop.open_balance(AccountKind::Wallet, customer.uuid(), 1000_00).await;
        shop
    }

    pub async fn import(&self, codes: &[&str], life: Option<chrono::TimeDelta>) {
        self.import_at(7_00, codes, life).await;
    }

    /// Codes that each cost this much.
    pub async fn import_at(&self, cost: i64, codes: &[&str], life: Option<chrono::TimeDelta>) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let expires_at = life.map(|life| tx.now() + life);
        let cards: Vec<NewCard> =
            codes.iter().map(|code| NewCard { code: CardCode::parse(code).expect("a code"), expires_at }).collect();
        let stock = Stock { unit_cost: Some(cents(cost)), ..Stock::from(self.sku) };
        let report = self.inventory.import_in(&tx, stock, &cards).await.expect("imported");
        assert_eq!(report.added, cards.len() as u64);
        tx.commit().await.expect("committed");
    }

    /// Codes that every buyer gets.
    pub async fn import_shared(&self, codes: &[&str]) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        goods(&self.store, &tx, GoodsKind::Shared).await;
        let cards: Vec<NewCard> = codes
            .iter()
            .map(|code| NewCard { code: CardCode::parse(code).expect("a code"), expires_at: None })
            .collect();
        let mut import = self.inventory.begin_import_in(&tx).await.expect("begun");
        import.add((self.sku, Stocking::Shared), &cards).await.expect("added");
        import.settle().await.expect("settled");
        tx.commit().await.expect("committed");
    }

    /// Goods that a person fulfils within 24 hours for 20.00, which ask for an account and maybe a note.
    pub async fn manual(&self) -> SkuId {
        self.manual_named("design", cents(20_00)).await
    }

    pub async fn manual_named(&self, name: &str, price: Money) -> SkuId {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let catalog = Catalog::new(self.store.clone());
        let field = |key: &str, is_required| FormField {
            key: FieldKey::parse(key).expect("a key"),
            label: Wording::new("字段", "Field"),
            hint: Wording::default(),
            is_required,
            kind: FieldKind::Text { chars_max: 20 },
        };
        let form = Form::try_new(vec![field("account", true), field("note", false)]).expect("a form");
        let category = CategoryDraft { code: code("services"), name: Wording::new("服务", "Services"), sort: 2 };
        let (category, _) = catalog.save_category_in(&tx, &category).await.expect("a category");
        let goods = GoodsDraft {
            refunds: Default::default(),
            site_levels: Vec::new(),
            code: code(name),
            category,
            kind: GoodsKind::Manual,
            fulfilment: Fulfilment { form, within_hours: 24 },
            state: OnSale::On,
            title: Wording::new("代办", "Service"),
            description: Wording::default(),
            art: None,
            sort: 2,
        };
        let (goods, _) = catalog.save_goods_in(&tx, &goods).await.expect("goods");
        let sku = SkuDraft {
            code: code(&format!("{name}-1")),
            goods,
            state: OnSale::On,
            name: Wording::new("一次", "Once"),
            face_value: None,
            // What costs nothing costs nobody anything.
            cost: cents(5_00.min(price.minor())),
            price,
            quantity_max: 10,
            sort: 1,
        };
        let (sku, _) = catalog.save_sku_in(&tx, &sku).await.expect("a sku");
        tx.commit().await.expect("committed");
        sku
    }

    /// A new piece costs so much from now on.
    pub async fn costs(&self, minor: i64) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        sku(&self.store, &tx, minor).await;
        tx.commit().await.expect("committed");
    }

    /// New codes of their own, which this node is told of.
    pub async fn restock(&self, count: usize, round: usize) {
        let codes: Vec<String> = (0..count).map(|n| format!("CODE-{round}-{n}")).collect();
        self.import(&codes.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
        self.orders.shelf().restocked(&self.scope, &[self.sku]);
    }

    pub fn wants(&self, quantity: u32, unit: i64) -> Vec<Wanted> {
        vec![Wanted::new(self.sku, quantity, cents(unit))]
    }

    pub fn chain_of_main(&self) -> Chain {
        self.chain(0)
    }

    pub fn chain(&self, level: usize) -> Chain {
        self.sites[..=level].iter().map(|&site| SiteLevel { site, level: None }).collect()
    }

    pub async fn buy(&self, quantity: u32, key: &str) -> Result<Answered<Placed>, OrderError> {
        self.buy_on(&self.orders, &self.main, self.chain(0), self.wants(quantity, 10_00), key).await
    }

    pub async fn buy_at(&self, level: usize, wants: Vec<Wanted>, key: &str) -> Result<Answered<Placed>, OrderError> {
        let site = self.scope.site(self.sites[level]);
        self.buy_on(&self.orders, &site, self.chain(level), wants, key).await
    }

    pub async fn buy_at_level_three(&self, key: &str, unit: i64) -> Result<Answered<Placed>, OrderError> {
        self.buy_at(3, self.wants(1, unit), key).await
    }

    pub async fn buy_at_level_four(&self, key: &str, unit: i64) -> Result<Answered<Placed>, OrderError> {
        self.buy_at(4, self.wants(1, unit), key).await
    }

    pub async fn buy_on(
        &self,
        orders: &Orders,
        scope: &SiteScope,
        chain: Chain,
        wants: Vec<Wanted>,
        key: &str,
    ) -> Result<Answered<Placed>, OrderError> {
        orders.place(scope, sold_by(chain), Buyer::account(self.customer), wants, key).await
    }

    pub fn second_node(&self) -> Orders {
        let lanes = lanes(&self.store);
        let payments = payments(&self.store, &lanes, &self.inventory);
        Orders::new(self.store.clone(), lanes, self.inventory.clone(), payments)
    }

    /// A channel of the site of this level, the main site's being level 0.
    pub async fn open_channel(&self, level: usize) -> ChannelId {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let new = NewChannel {
            site: self.sites[level],
            provider: "sandbox".to_owned(),
            name: Wording::new("沙箱", "Sandbox"),
            payee: payee(level),
            currency: CNY,
            settings: serde_json::json!({}),
            secret: None,
            sort: 1,
        };
        let saved = self.payments.save_channel_in(&tx, &new).await.expect("a channel");
        tx.commit().await.expect("committed");
        saved.id()
    }

    /// The same payments, with this gateway behind them.
    pub fn payments_by(&self, gateway: impl payment::Gateway) -> Payments {
        payments_by(&self.store, &self.lanes, &self.inventory, Gateways::default().with(gateway))
    }

    /// A guest whose browser has this token.
    pub fn guest(&self, visitor: u8) -> Buyer {
        Buyer {
            customer: None,
            visitor: Some(vec![visitor; 32]),
            contact: Some(Contact::parse(&format!("guest-{visitor}@example.test")).expect("a contact")),
            query_key: None,
            address: None,
        }
    }

    /// A guest orders at 10.00 each by `channel` on the site of `level`; the goods are held for 15 minutes.
    pub async fn order(
        &self,
        (level, channel): (usize, ChannelId),
        (quantity, unit): (u32, i64),
        visitor: u8,
    ) -> Result<Placed, OrderError> {
        self.order_on(&self.orders, (level, channel), self.wants(quantity, unit), self.guest(visitor)).await
    }

    pub async fn order_on(
        &self,
        orders: &Orders,
        (level, channel): (usize, ChannelId),
        lines: Vec<Wanted>,
        buyer: Buyer,
    ) -> Result<Placed, OrderError> {
        let scope = self.scope.site(self.sites[level]);
        let order = OrderId::new();
        let checkout = Checkout {
            order,
            link: LinkToken::new(),
            buyer,
            lines,
            channel,
            return_url: "http://shop.test/".to_owned(),
            hold_for: TimeDelta::minutes(15),
        };
        let answered = orders.checkout(&scope, sold_by(self.chain(level)), checkout, &order.to_string()).await?;
        Ok(answered.answer)
    }

    /// The money that `placed` asks for, as a callback tells it.
    pub fn money(&self, (level, channel): (usize, ChannelId), placed: &Placed, trade: &str) -> Seen {
        let due = placed.due.as_ref().expect("it waits for money");
        Seen {
            channel,
            out_no: due.out_no.to_string(),
            trade_no: trade.to_owned(),
            payee: payee(level),
            amount: placed.total,
            paid_at: due.expires_at,
            is_confirmed: false,
        }
    }

    pub async fn receive(&self, seen: Seen) -> Receipt {
        self.orders.receive(&self.scope, seen).await.expect("received")
    }

    pub async fn balance_of(&self, kind: AccountKind, owner: Option<Uuid>) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        // What is pending has an account for each day.
        let accounts = ledger::accounts_in(&tx, Some(kind), None, 1_000).await.expect("accounts");
        let own = accounts.into_iter().filter(|known| known.account.owner == owner && known.account.currency == CNY);
        own.map(|known| known.balance.minor()).sum()
    }

    pub async fn stock(&self) -> inventory::StockCount {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let counts = self.inventory.counts_in(&tx, &[self.sku]).await.expect("counted");
        counts[&self.sku]
    }

    pub async fn another_customer(&self) -> CustomerId {
        self.customer_of(0, "chen@example.test").await
    }

    /// Somebody whom the site of this level has won.
    pub async fn customer_of(&self, level: usize, login: &str) -> CustomerId {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let id = customer(&self.customers, &tx, (self.sites[level], &self.hash), login).await;
        tx.commit().await.expect("committed");
        id
    }

    pub async fn rule(&self, level: usize, is_retail: bool, formula: Formula, rounding: Rounding) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let draft = RuleDraft {
            site: self.sites[level],
            reach: Reach {
                audience: if is_retail { Audience::Retail } else { Audience::Wholesale },
                whom: Whom::Everyone,
                target: Target::Site,
                quantity_min: 1,
                valid_from: None,
                valid_until: None,
            },
            terms: Terms::Price { formula, rounding },
        };
        Catalog::new(self.store.clone()).save_rule_in(&tx, &draft).await.expect("a rule");
        tx.commit().await.expect("committed");
    }

    pub async fn wallet(&self) -> i64 {
        self.balance(AccountKind::Wallet, self.customer.uuid()).await
    }

    pub async fn prepaid(&self, level: usize) -> i64 {
        self.balance(AccountKind::SitePrepaid, self.sites[level].uuid()).await
    }

    pub async fn fund_prepaid(&self, level: usize, minor: i64) {
        self.open_balance(AccountKind::SitePrepaid, self.sites[level].uuid(), minor).await;
    }

    async fn balance(&self, kind: AccountKind, owner: Uuid) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        ledger::balances_in(&tx, &[Account::of(kind, owner, CNY)]).await.expect("a balance")[0].minor()
    }

    pub async fn fund_wallet(&self, minor: i64) {
        self.post(AccountKind::Wallet, (self.customer.uuid(), "more"), minor).await;
    }

    async fn open_balance(&self, kind: AccountKind, owner: Uuid, minor: i64) {
        self.post(kind, (owner, "opening"), minor).await;
    }

    /// Moves money out of the opening account, or back into it, past all lanes.
    pub async fn post(&self, kind: AccountKind, (owner, act): (Uuid, &str), minor: i64) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let mut book = Book::new(self.scope.id());
        book.want(Account::of(kind, owner, CNY));
        book.read_in(&tx).await.expect("read");
        let postings = [
            Posting { account: Account::of(kind, owner, CNY), amount: cents(minor) },
            Posting { account: Account::own(AccountKind::Opening, CNY), amount: cents(-minor) },
        ];
        let entry = Entry::try_new(EntryKind::Adjustment, owner, act, postings).expect("balanced");
        book.post(entry.because("opening balance of the test")).expect("posted");
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    /// Nothing is found by the audit.
    pub async fn is_sound(&self) {
        assert_eq!(self.audit().await, Vec::<String>::new());
    }

    /// All breaches of the ledger, the stock and the orders, as "invariant finding".
    pub async fn audit(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("an audit");
        let stock = inventory::audit_in(&tx).await.expect("an audit");
        let orders = crate::audit_in(&tx, &stock).await.expect("an audit");
        let payments = payment::audit_in(&tx).await.expect("an audit");
        let ledger = ledger.breaches.into_iter().map(|breach| format!("{} {}", breach.invariant, breach.finding));
        let stock = stock.breaches.into_iter().map(|finding| format!("4 {finding}"));
        let orders = orders.breaches.into_iter().map(|(invariant, finding)| format!("{invariant} {finding}"));
        let payments = payments.breaches.into_iter().map(|(invariant, finding)| format!("{invariant} {finding}"));
        ledger.chain(stock).chain(orders).chain(payments).collect()
    }

    /// How many jobs wait.
    pub async fn jobs(&self) -> u64 {
        let claimed = self.store.work_claim(1000, "test", std::time::Duration::from_secs(60)).await.expect("claimed");
        claimed.len() as u64
    }
}

fn lanes(store: &Store) -> Lanes {
    let prices = Prices::new(store.clone());
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), move |_| {
        vec![Box::new(Desk::new(prices.clone())), Box::new(Till::default()), Box::new(Picks::default())]
    })
}

fn payments(store: &Store, lanes: &Lanes, inventory: &Inventory) -> Payments {
    payments_by(store, lanes, inventory, Gateways::default())
}

fn payments_by(store: &Store, lanes: &Lanes, inventory: &Inventory, gateways: Gateways) -> Payments {
    let settings = PaymentSettings { notify_base: "http://cashier.test".parse().expect("a URL") };
    Payments::new(store.clone(), lanes.clone(), inventory.clone(), gateways, settings)
}

/// What is filled in for manual goods.
pub fn filled(account: &str) -> Filled {
    Filled::from([("account".to_owned(), account.to_owned())])
}

/// A shop that allows what shops allow by default.
pub fn sold_by(chain: Chain) -> SoldBy {
    SoldBy { chain, currency: CNY, limits: Limits::default(), brought: Brought::Nobody }
}

pub fn payee(level: usize) -> String {
    format!("merchant-{level}")
}

async fn sites(store: &Store, tx: &WriteTx<TenantScope>) -> Vec<SiteId> {
    let tenancy = Tenancy::new(store.clone());
    let mut sites = Vec::new();
    let mut parent: Option<Slug> = None;
    for level in 0..5 {
        let slug = Slug::parse(&format!("level-{level}")).expect("a slug");
        let new = NewSite {
            slug: slug.clone(),
            parent: parent.replace(slug),
            name: Wording::new("店", "Shop"),
            tagline: Wording::default(),
            notice: Wording::default(),
            theme: Theme::Grove,
            mode: Mode::Auto,
            level: None,
            support: None,
            limits: None,
        };
        sites.push(tenancy.save_site_in(tx, &new).await.expect("a site").id());
    }
    sites
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

async fn goods(store: &Store, tx: &WriteTx<TenantScope>, kind: GoodsKind) -> GoodsId {
    let catalog = Catalog::new(store.clone());
    let category = CategoryDraft { code: code("games"), name: Wording::new("游戏", "Games"), sort: 1 };
    let (category, _) = catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind,
        fulfilment: Fulfilment::default(),
        state: OnSale::On,
        title: Wording::new("星落点卡", "Starfall card"),
        description: Wording::default(),
        art: None,
        sort: 1,
    };
    catalog.save_goods_in(tx, &goods).await.expect("goods").0
}

async fn sku(store: &Store, tx: &WriteTx<TenantScope>, cost: i64) -> SkuId {
    let catalog = Catalog::new(store.clone());
    let goods = goods(store, tx, GoodsKind::Card).await;
    let sku = SkuDraft {
        code: code("starfall-10"),
        goods,
        state: OnSale::On,
        name: Wording::new("10 元", "10"),
        face_value: None,
        cost: cents(cost),
        price: cents(10_00),
        quantity_max: 1000,
        sort: 1,
    };
    catalog.save_sku_in(tx, &sku).await.expect("a sku").0
}

async fn customer(
    customers: &Customers,
    tx: &WriteTx<TenantScope>,
    (site, hash): (SiteId, &PasswordHash),
    login: &str,
) -> CustomerId {
    let new = NewCustomer {
        site,
        login: Login::parse(login).expect("a login"),
        name: "Lin".to_owned(),
        password_hash: hash.clone(),
    };
    customers.save_in(tx, &new).await.expect("a customer").id()
}

/// A quote over a chain with these margins.
pub fn quote(cost: i64, margins: &[i64]) -> Quote {
    let mut hops = Vec::new();
    let mut paid = cost;
    for margin in margins {
        let price = paid + margin;
        hops.push(Hop {
            site: SiteId::new(),
            cost: cents(paid),
            price: cents(price),
            margin: cents(*margin),
            rule: None,
            source: Source::ListPrice,
        });
        paid = price;
    }
    Quote { sku: SkuId::new(), quantity: 1, unit: cents(paid), loss: None, hops }
}
