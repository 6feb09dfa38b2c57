//! A main site with two sites below it, one under the other, and two customers.

use std::net::IpAddr;
use std::sync::Arc;

use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, Passwords};
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Currency, Money, Platform, Secret, SiteId, SiteScope, TenantScope, Wording};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use payment::Till;
use store::{Store, WriteTx};
use tenancy::{Mode, NewSite, SiteTree, Slug, Tenancy, Theme};
use testkit::TestDb;
use uuid::Uuid;

use crate::*;

pub const CNY: Currency = Currency::CNY;

pub const fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

pub struct Shop {
    pub store: Store,
    pub scope: TenantScope,
    pub funds: Funds,
    pub limits: LoginLimits,
    /// The main site, one below it, and one below that.
    pub sites: Vec<SiteId>,
    pub tree: SiteTree,
    pub customers: [CustomerId; 2],
    /// Who asks, and who approves.
    pub people: [Uuid; 2],
    pub clock: kernel::FakeClock,
}

impl Shop {
    pub async fn open(db: &TestDb) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let passwords = Passwords::new();
        let hash = passwords.hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let limits = LoginLimits::new(Arc::new(db.clock.clone()));
        let customers = Customers::new(store.clone(), passwords, limits.clone());
        let tenancy = Tenancy::new(store.clone());
        let tx = store.write(&scope).await.expect("a writer");
        let mut sites = Vec::new();
        for (name, parent) in [("main", None), ("one", Some("main")), ("two", Some("one"))] {
            sites.push(site(&tenancy, &tx, name, parent).await);
        }
        let mut both = Vec::new();
        for name in ["ann", "bob"] {
            let new = NewCustomer {
                site: sites[1],
                login: Login::parse(&format!("{name}@example.test")).expect("a login"),
                name: name.to_owned(),
                password_hash: hash.clone(),
            };
            both.push(customers.save_in(&tx, &new).await.expect("a customer").id());
        }
        let tree = tenancy.tree_in(&tx).await.expect("a tree");
        tx.commit().await.expect("committed");
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let funds = Funds::new(store.clone(), lanes(&store), inventory);
        let people = [Uuid::now_v7(), Uuid::now_v7()];
        let clock = db.clock.clone();
        Self { store, scope, funds, limits, sites, tree, customers: [both[0], both[1]], people, clock }
    }

    /// The same shop as another node sees it.
    pub fn twin(&self) -> Funds {
        // Codes are read by the first node's keys; what the lane does is the other's own.
        self.funds.with_lanes(lanes(&self.store))
    }

    /// Limits that nobody has reached: what is sent at once counts as tried at once.
    pub fn patient(&self) -> LoginLimits {
        LoginLimits::new(Arc::new(self.clock.clone()))
    }

    pub fn at(&self, place: usize) -> SiteScope {
        Platform::assume().tenant(self.scope.id()).site(self.sites[place])
    }

    pub async fn writer(&self) -> WriteTx<TenantScope> {
        self.store.write(&self.scope).await.expect("a writer")
    }

    /// Moves `minor` from nowhere to this account.
    pub async fn moves(&self, account: Account, minor: i64) {
        let opening = Account::own(AccountKind::Opening, CNY);
        let postings = [Posting { account, amount: cents(minor) }, Posting { account: opening, amount: cents(-minor) }];
        let entry = Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "moved", postings).expect("balanced");
        self.posts(entry).await;
    }

    pub async fn posts(&self, entry: Entry) {
        let tx = self.writer().await;
        let mut book = Book::new(self.scope.id());
        entry.postings().iter().for_each(|posting| book.want(posting.account));
        book.read_in(&tx).await.expect("read");
        book.post(entry).expect("there is enough");
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    pub async fn on(&self, account: Account) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        ledger::balances_in(&tx, &[account]).await.expect("read")[0].minor()
    }

    pub async fn wallet(&self, place: usize) -> i64 {
        self.on(Target::Wallet(self.customers[place]).account(cents(0))).await
    }

    /// What a site may spend, and what of it was lent.
    pub async fn prepaid(&self, place: usize) -> [i64; 2] {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let standing = self.funds.prepaid_in(&tx, &[self.sites[place]], CNY).await.expect("read").remove(0);
        [standing.available.minor(), standing.lent.map_or(0, |lent| lent.amount.minor())]
    }

    pub async fn make(&self, new: NewRechargeBatch, key: &str) -> Result<RechargeBatch, FundsError> {
        Ok(self.funds.make_batch(&self.scope, new, (self.people[0], key)).await?.answer)
    }

    /// Makes cards of 50.00 and answers their batch and codes.
    pub async fn cards(&self, count: u32, origin: Origin) -> (RechargeBatch, Vec<RechargeCode>) {
        let batch = self.make(of(count, origin), &Uuid::now_v7().to_string()).await.expect("made");
        let codes = self.codes(batch.id).await;
        (batch, codes)
    }

    pub async fn codes(&self, id: RechargeBatchId) -> Vec<RechargeCode> {
        let (_, codes) = self.funds.export(&self.scope, id, (self.people[0], "to sell")).await.expect("opened");
        codes.into_iter().map(|(_, code)| code).collect()
    }

    pub async fn redeem(&self, place: usize, code: &RechargeCode, key: &str) -> Result<Redeemed, FundsError> {
        redeem_by((&self.funds, self.limits.clone()), (&self.at(1), self.customers[place]), code, key).await
    }

    pub async fn ask(&self, target: Target, minor: i64, cause: Cause) -> Result<AdjustmentId, FundsError> {
        let (by, key) = (self.people[0], Uuid::now_v7().to_string());
        let ask = AskAdjustment { target, amount: cents(minor), cause, reason: "转账 0801".to_owned(), by, key };
        Ok(self.funds.ask_adjustment(&self.scope, ask).await?.answer)
    }

    pub async fn decide(
        &self,
        id: AdjustmentId,
        word: AdjustmentWord,
        by: usize,
    ) -> Result<AdjustmentState, FundsError> {
        let by = (self.people[by], Uuid::now_v7().to_string());
        Ok(self.funds.decide_adjustment(&self.scope, id, word, by).await?.answer)
    }

    pub async fn lend(&self, place: usize, minor: i64, seen: Option<i64>) -> Result<Credited, FundsError> {
        let credit = Credit { amount: cents(minor), alert_below: Some(cents(20_00)) };
        let (site, by, key) = (self.sites[place], self.people[0], Uuid::now_v7().to_string());
        Ok(self.funds.lend(&self.scope, &self.tree, SetCredit { site, credit, seen, by, key }).await?.answer)
    }

    pub async fn hand_on(&self, from: usize, to: usize, minor: i64) -> Result<Moved, FundsError> {
        let (by, key) = (self.people[0], Uuid::now_v7().to_string());
        let (from, to) = (self.sites[from], self.sites[to]);
        let of = MovePrepaid { from, to, amount: cents(minor), note: Some("补货".to_owned()), by, key };
        Ok(self.funds.hand_on(&self.scope, &self.tree, of).await?.answer)
    }

    /// The findings of the audits of books and member money.
    pub async fn findings(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let books = ledger::audit_in(&tx).await.expect("audited").breaches.into_iter().map(|one| one.finding);
        let own = audit_in(&tx).await.expect("audited").breaches.into_iter().map(|(_, finding)| finding);
        books.chain(own).collect()
    }

    pub async fn all_holds(&self) {
        assert_eq!(self.findings().await, Vec::<String>::new());
    }
}

pub async fn redeem_by(
    (funds, limits): (&Funds, LoginLimits),
    (scope, customer): (&SiteScope, CustomerId),
    code: &RechargeCode,
    key: &str,
) -> Result<Redeemed, FundsError> {
    let redeem = Redeem { code: code.clone(), customer, currency: CNY, key: key.to_owned() };
    Ok(funds.redeem(scope, (&limits, IpAddr::from([203, 0, 113, 7])), redeem).await?.answer)
}

/// So many cards of 50.00.
pub fn of(count: u32, origin: Origin) -> NewRechargeBatch {
    NewRechargeBatch { name: "春节".to_owned(), face: cents(50_00), count, origin, expires_at: None }
}

/// What the room refused.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, FundsError>) -> Refusal {
    match answer {
        Err(FundsError::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

fn lanes(store: &Store) -> Lanes {
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| {
        vec![Box::new(Till::default()), Box::new(Vault::default())]
    })
}

async fn site(tenancy: &Tenancy, tx: &WriteTx<TenantScope>, name: &str, parent: Option<&str>) -> SiteId {
    let new = NewSite {
        slug: Slug::parse(name).expect("a slug"),
        parent: parent.map(|parent| Slug::parse(parent).expect("a slug")),
        name: Wording::new("店", "Shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    };
    tenancy.save_site_in(tx, &new).await.expect("a site").id()
}
