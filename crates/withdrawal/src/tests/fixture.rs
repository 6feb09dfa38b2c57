//! A main site with two sites below it and an agent, all with something available.

use chrono::TimeDelta;
use commission::{Agents, NewAgent};
use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, Passwords};
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Currency, Money, Secret, SiteId, TenantScope, Wording};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use payment::Till;
use settlement::{EarnerRef, rules::take_back};
use store::{Store, WriteTx};
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
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
    pub lanes: Lanes,
    pub withdrawals: Withdrawals,
    pub sites: Vec<SiteId>,
    pub site: EarnerRef,
    pub agent: EarnerRef,
    pub customer: CustomerId,
    /// Who asks for the site.
    pub owner: Uuid,
    /// Who reviews.
    pub reviewers: [Uuid; 2],
    db_clock: kernel::FakeClock,
}

impl Shop {
    pub async fn open(db: &TestDb) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let passwords = Passwords::new();
        let hash = passwords.hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let limits = LoginLimits::new(std::sync::Arc::new(db.clock.clone()));
        let customers = Customers::new(store.clone(), passwords, limits);
        let tx = store.write(&scope).await.expect("a writer");
        let mut sites = Vec::new();
        for (name, parent) in [("main", None), ("one", Some("main")), ("two", Some("one"))] {
            sites.push(site(&store, &tx, name, parent).await);
        }
        let new = NewCustomer {
            site: sites[1],
            login: Login::parse("agent@example.test").expect("a login"),
            name: "Agent".to_owned(),
            password_hash: hash,
        };
        let customer = customers.save_in(&tx, &new).await.expect("a customer").id();
        let new = NewAgent { site: sites[1], customer, upper: None, name: "Agent".to_owned(), level: None };
        let (agent, _) = Agents::new(store.clone()).appoint_in(&tx, new).await.expect("an agent");
        tx.commit().await.expect("committed");
        let lanes = Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| {
            vec![Box::new(Till::default()), Box::new(Teller::default())]
        });
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let withdrawals = Withdrawals::new(store.clone(), lanes.clone(), inventory);
        let (site, agent) = (EarnerRef::Site(sites[1]), EarnerRef::Agent(sites[1], agent.id));
        let reviewers = [Uuid::now_v7(), Uuid::now_v7()];
        let owner = Uuid::now_v7();
        let db_clock = db.clock.clone();
        Self { store, scope, lanes, withdrawals, sites, site, agent, customer, owner, reviewers, db_clock }
    }

    pub async fn writer(&self) -> WriteTx<TenantScope> {
        self.store.write(&self.scope).await.expect("a writer")
    }

    /// Moves `minor` from nowhere to this account.
    pub async fn moves(&self, account: Account, minor: i64) {
        let opening = Account::own(AccountKind::Opening, CNY);
        let postings = [Posting { account, amount: cents(minor) }, Posting { account: opening, amount: cents(-minor) }];
        self.posts(Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "moved", postings).expect("balanced")).await;
    }

    async fn posts(&self, entry: Entry) {
        let tx = self.writer().await;
        let mut book = Book::new(self.scope.id());
        entry.postings().iter().for_each(|posting| book.want(posting.account));
        book.read_in(&tx).await.expect("read");
        book.post(entry).expect("there is enough");
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    pub async fn earns(&self, earner: EarnerRef, minor: i64) {
        self.moves(ledger_earner(earner).available(), minor).await;
    }

    /// A refund takes so much back from the earner, as the order room does.
    pub async fn takes_back(&self, earner: EarnerRef, minor: i64) {
        let earner = ledger_earner(earner);
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let purse = ledger::purses_in(&tx, &[earner]).await.expect("read").remove(0);
        drop(tx);
        let mut postings = take_back(&earner, &purse, None, cents(minor));
        postings.push(Posting { account: Account::own(AccountKind::Opening, CNY), amount: cents(minor) });
        self.posts(Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "taken", postings).expect("balanced")).await;
    }

    /// Available, locked and owed.
    pub async fn has(&self, earner: EarnerRef) -> [i64; 3] {
        let [available, locked, owed] = ledger_earner(earner).ends();
        [self.on(available).await, self.on(locked).await, -self.on(owed).await]
    }

    pub async fn on(&self, account: Account) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        ledger::balances_in(&tx, &[account]).await.expect("read")[0].minor()
    }

    /// On its way, paid, kept as fee, kept as tax.
    pub async fn gone(&self) -> [i64; 4] {
        use AccountKind::{PayoutClearing, TaxWithheld, WithdrawalFees, WithdrawalsInTransit};
        let mut gone = [0; 4];
        for (place, kind) in [WithdrawalsInTransit, PayoutClearing, WithdrawalFees, TaxWithheld].into_iter().enumerate()
        {
            gone[place] = self.on(Account::own(kind, CNY)).await;
        }
        gone
    }

    pub async fn rules(&self, rules: Rules) {
        let tx = self.writer().await;
        self.withdrawals.save_rules_in(&tx, rules, None, self.reviewers[0]).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    pub async fn add_payee(&self, earner: EarnerRef, holder: &str) -> Result<Payee, WithdrawalError> {
        let details = PayeeDetails::parse(Means::Bank, (holder, "6222021200001234", "某银行"))?;
        let tx = self.writer().await;
        let new = NewPayee { earner, means: Means::Bank, details };
        let payee = self.withdrawals.add_payee_in(&tx, new, self.owner).await?;
        tx.commit().await.expect("committed");
        Ok(payee)
    }

    /// A payee that has cooled down.
    pub async fn payee(&self, earner: EarnerRef) -> PayeeId {
        let payee = self.add_payee(earner, "张三").await.expect("a payee");
        self.later(TimeDelta::hours(25));
        payee.id
    }

    pub fn later(&self, time: TimeDelta) {
        self.db_clock.advance(time);
    }

    pub async fn ask(
        &self,
        earner: EarnerRef,
        (minor, payee): (i64, PayeeId),
        key: &str,
    ) -> Result<Asked, WithdrawalError> {
        let (by, key) = (self.owner, key.to_owned());
        let ask = Ask { earner, amount: cents(minor), payee, invoice: None, by, key };
        Ok(self.withdrawals.ask(&self.scope, ask).await?.answer)
    }

    pub async fn review(&self, id: WithdrawalId, word: Word, by: Uuid) -> Result<State, WithdrawalError> {
        let key = Uuid::now_v7().to_string();
        Ok(self.withdrawals.review(&self.scope, (id, None), word, (by, key)).await?.answer.state)
    }

    pub async fn approve(&self, id: WithdrawalId) -> State {
        let word = Word::Approve { is_name_checked: true };
        self.review(id, word, self.reviewers[0]).await.expect("approved")
    }

    pub async fn send(&self, ids: &[WithdrawalId], key: &str) -> Result<Sent, WithdrawalError> {
        let by = (self.reviewers[0], key.to_owned());
        Ok(self.withdrawals.send(&self.scope, ids, CNY, by).await?.answer)
    }

    pub async fn end(&self, id: WithdrawalId, outcome: Outcome) -> Result<Ended, WithdrawalError> {
        let by = (self.reviewers[0], Uuid::now_v7().to_string());
        Ok(self.withdrawals.end(&self.scope, id, outcome, by).await?.answer)
    }

    pub async fn convert(&self, earner: EarnerRef, minor: i64, key: &str) -> Result<Asked, WithdrawalError> {
        let wallet = matches!(earner, EarnerRef::Agent(..)).then_some(self.customer);
        let convert = Convert { earner, amount: cents(minor), wallet, by: self.owner, key: key.to_owned() };
        Ok(self.withdrawals.convert(&self.scope, convert).await?.answer)
    }

    /// Asked for, approved and sent.
    pub async fn sent(&self, earner: EarnerRef, minor: i64) -> WithdrawalId {
        let payee = self.payee(earner).await;
        let id = self.ask(earner, (minor, payee), "ask").await.expect("asked").id;
        self.approve(id).await;
        self.send(&[id], "send").await.expect("sent");
        id
    }

    pub async fn state(&self, id: WithdrawalId) -> State {
        self.find(id).await.state
    }

    pub async fn find(&self, id: WithdrawalId) -> Withdrawal {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        self.withdrawals.find_in(&tx, id).await.expect("read").expect("it is there")
    }

    /// The findings of the audits of books and withdrawals.
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

pub fn ledger_earner(earner: EarnerRef) -> ledger::Earner {
    crate::model::earner_in(earner, CNY)
}

/// What the room refused.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, WithdrawalError>) -> Refusal {
    match answer {
        Err(WithdrawalError::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

async fn site(store: &Store, tx: &WriteTx<TenantScope>, name: &str, parent: Option<&str>) -> SiteId {
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
    Tenancy::new(store.clone()).save_site_in(tx, &new).await.expect("a site").id()
}
