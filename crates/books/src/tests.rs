use chrono::{DateTime, TimeDelta, Utc};
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Clock, Currency, Day, FakeClock, Language, Money, SiteId, TenantScope};
use ledger::{Account, AccountKind, Book, Earner, Entry, EntryKind, Posting, Side};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::{Backend, Store};
use testkit::{TestDb, on_both};
use uuid::Uuid;

use crate::*;

const CNY: Currency = Currency::CNY;

/// A tenant whose books somebody writes.
struct Office {
    books: Books,
    store: Store,
    scope: TenantScope,
    clock: FakeClock,
}

impl Office {
    async fn open(db: &TestDb) -> Self {
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let (store, scope, clock) = (db.store.clone(), db.tenant().await, db.clock.clone());
        let office = Self { books: Books::new(store.clone(), inventory), store, scope, clock };
        // Noon in Beijing.
        office.to(Day::of(office.clock.now()).after(1).begins() + TimeDelta::hours(12));
        office
    }

    fn to(&self, moment: DateTime<Utc>) {
        self.clock.advance(moment - self.clock.now());
    }

    fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// Twenty minutes into the day that is so many days away.
    fn sleep(&self, days: u16) {
        self.to(self.today().after(days).begins() + TimeDelta::minutes(20));
    }

    /// Moves `minor` to this account from nowhere.
    async fn posts(&self, account: Account, minor: i64, reason: &str) {
        let opening = Account::own(AccountKind::Opening, CNY);
        let sides = [(account, minor), (opening, -minor)];
        let postings = sides.map(|(account, minor)| Posting { account, amount: Money::new(minor, CNY) });
        let entry = Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "moved", postings).expect("balanced");
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let mut book = Book::new(self.scope.id());
        book.want(account);
        book.read_in(&tx).await.expect("read");
        book.post(entry.because(reason)).expect("there is enough");
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    async fn closes(&self) -> Vec<Day> {
        self.books.close_days(&self.scope).await.expect("closed").days
    }

    /// All closings, the first first.
    async fn closings(&self) -> Vec<ClosingDocument> {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let closings = self.books.closings_after_in(&tx, None, 100).await.expect("read");
        for closing in &closings {
            assert!(verify(&closing.key.1, closing.text.as_bytes(), &closing.signature), "{} is signed", closing.day);
        }
        closings.iter().map(|closing| closing.document().expect("it can be read")).collect()
    }

    /// The findings of the audits of ledger and closings.
    async fn findings(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("audited").breaches.into_iter().map(|breach| breach.finding);
        let own = audit_in(&tx).await.expect("audited").breaches.into_iter().map(|(_, finding)| finding);
        ledger.chain(own).collect()
    }
}

fn wallet() -> Account {
    Account::of(AccountKind::Wallet, Uuid::now_v7(), CNY)
}

fn told(document: &ClosingDocument, kind: AccountKind) -> [i128; 4] {
    let row = document.accounts.iter().find(|row| row.account() == Some(kind)).expect("it is told");
    [row.opening, row.debits, row.credits, row.closing]
}

async fn alter(db: &TestDb, table: &str, sql: &str) {
    if db.backend == Backend::Sqlite {
        for act in ["update", "delete"] {
            db.tamper(&format!("DROP TRIGGER IF EXISTS {table}_no_{act}")).await.expect("an intruder owns the file");
        }
    }
    db.tamper(sql).await.expect("tampered");
}

on_both! {
    async fn a_day_is_closed_when_it_is_over_and_not_before(db) {
        let office = Office::open(&db).await;
        assert_eq!(office.closes().await, [], "nothing was posted");
        let (day, buyer) = (office.today(), wallet());
        office.posts(buyer, 500, "opened").await;
        office.posts(buyer, -120, "spent").await;
        assert_eq!(office.closes().await, []);
        office.to(day.after(1).begins() + TimeDelta::minutes(9));
        assert_eq!(office.closes().await, [], "what was begun on the day may still be on its way");
        office.to(day.after(1).begins() + TimeDelta::minutes(10));
        assert_eq!(office.closes().await, [day]);
        assert_eq!(office.closes().await, []);
        let documents = office.closings().await;
        let [document] = &documents[..] else { panic!("one day: {documents:?}") };
        assert_eq!((document.day, document.tenant), (day, office.scope.id()));
        assert_eq!((document.links.first, document.links.last), (1, 2));
        assert_eq!(told(document, AccountKind::Wallet), [0, 120, 500, 380]);
        assert_eq!(told(document, AccountKind::Opening), [0, 500, 120, -380]);
        assert_eq!(office.findings().await, Vec::<String>::new());
    }

    async fn days_that_were_missed_are_closed_one_after_another(db) {
        let office = Office::open(&db).await;
        let (day, buyer) = (office.today(), wallet());
        office.posts(buyer, 500, "opened").await;
        office.sleep(3);
        office.posts(buyer, -1, "spent on the fourth day").await;
        office.sleep(2);
        assert_eq!(office.closes().await, (0..5).map(|days| day.after(days)).collect::<Vec<_>>());
        let documents = office.closings().await;
        let closed: Vec<i128> = documents.iter().map(|document| told(document, AccountKind::Wallet)[3]).collect();
        assert_eq!(closed, [500, 500, 500, 499, 499]);
        let links: Vec<_> = documents.iter().map(|document| (document.links.first, document.links.last)).collect();
        assert_eq!(links, [(1, 1), (2, 1), (2, 1), (2, 2), (3, 2)]);
        for (before, after) in documents.iter().zip(&documents[1..]) {
            assert_eq!(after.previous.as_ref().expect("it stands on one").day, before.day);
        }
        assert_eq!(office.findings().await, Vec::<String>::new());
    }

    async fn of_two_nodes_that_close_one_does(db) {
        let office = Office::open(&db).await;
        office.posts(wallet(), 500, "opened").await;
        office.sleep(6);
        let twin = office.books.clone();
        let looks = (0..6).map(|_| {
            let (books, scope) = (twin.clone(), office.scope);
            tokio::spawn(async move { books.close_days(&scope).await.expect("closed").days })
        });
        let mut days = Vec::new();
        for look in looks.collect::<Vec<_>>() {
            days.extend(look.await.expect("it ends"));
        }
        days.sort();
        let documents = office.closings().await;
        assert_eq!(days, documents.iter().map(|document| document.day).collect::<Vec<_>>());
        assert_eq!(days.len(), 6);
        assert_eq!(office.findings().await, Vec::<String>::new());
    }

    async fn whatever_was_posted_when_each_link_is_in_one_day(db) {
        let office = Office::open(&db).await;
        // Moments go back too: a batch of the evening may be linked after one of the night.
        let steps = prop::collection::vec((-20i64..200, 1i64..400, 0usize..5), 40);
        let steps = steps.new_tree(&mut TestRunner::default()).expect("a history").current();
        let site = Earner { side: Side::Site, owner: Uuid::now_v7(), currency: CNY };
        let accounts =
            [wallet(), wallet(), site.available(), site.pending(office.today()), site.pending(office.today().after(1))];
        let mut sums = [0i128; 3];
        for (minutes, minor, place) in &steps {
            office.clock.advance(TimeDelta::minutes(*minutes));
            office.posts(accounts[*place], *minor, "moved").await;
            sums[place.saturating_sub(1).min(2)] += i128::from(*minor);
        }
        office.sleep(2);
        assert!(!office.closes().await.is_empty());
        let documents = office.closings().await;
        let last = documents.last().expect("a day");
        assert_eq!(last.links.last, 40);
        let end = |kind| told(last, kind)[3];
        assert_eq!([end(AccountKind::Wallet), end(AccountKind::SiteAvailable), end(AccountKind::SitePending)], sums);
        for document in &documents {
            assert_eq!(document.accounts.iter().map(|row| row.closing).sum::<i128>(), 0);
        }
        assert_eq!(office.findings().await, Vec::<String>::new(), "{steps:?}");
    }

    async fn what_a_program_of_before_has_written_is_known_by_what_it_left(db) {
        let office = Office::open(&db).await;
        let buyer = wallet();
        office.posts(buyer, 500, "days before").await;
        office.sleep(3);
        office.posts(buyer, -100, "before").await;
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = NULL").await;
        office.posts(buyer, -50, "after").await;
        office.sleep(1);
        office.posts(buyer, -20, "the next day, by another node").await;
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = NULL WHERE seq = 4").await;
        office.posts(buyer, -3, "the next day").await;
        // Books that have not begun begin after it.
        assert_eq!(office.closes().await.len(), 0);
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = 'wallet CNY 20 0;opening CNY 0 20' WHERE seq = 4").await;
        assert_eq!(office.closes().await.len(), 1);
        let first = office.closings().await.remove(0);
        assert_eq!((first.links.first, first.links.last), (3, 3));
        assert_eq!(told(&first, AccountKind::Wallet), [400, 50, 0, 350]);
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = NULL WHERE seq = 4").await;
        office.sleep(1);
        office.posts(buyer, -7, "the day after, by another node").await;
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = NULL WHERE seq = 6").await;
        // Now it cannot be said what of all that was before midnight.
        assert!(matches!(office.books.close_days(&office.scope).await, Err(BooksError::Untold { sequence: 6 })));
        alter(&db, "ledger_links", "UPDATE ledger_links SET moved = 'wallet CNY 7 0;opening CNY 0 7' WHERE seq = 6").await;
        assert_eq!(office.closes().await.len(), 1);
        let second = office.closings().await.remove(1);
        assert_eq!((second.links.first, second.links.last), (4, 5));
        assert_eq!(told(&second, AccountKind::Wallet), [350, 23, 0, 327]);
        assert_eq!(office.findings().await, Vec::<String>::new());
    }

    async fn books_that_do_not_prove_are_not_signed(db) {
        let office = Office::open(&db).await;
        office.posts(wallet(), 500, "opened").await;
        db.tamper("UPDATE accounts SET balance_minor = 501 WHERE kind = 'wallet'").await.expect("tampered");
        office.sleep(1);
        let refused = office.books.close_days(&office.scope).await;
        let Err(BooksError::Unproved { finding, .. }) = refused else { panic!("{refused:?}") };
        assert!(finding.contains("closes with 500, and there was 501"), "{finding}");
        assert_eq!(office.closings().await, []);
    }

    async fn an_audit_finds_a_closing_that_was_changed(db) {
        let office = Office::open(&db).await;
        office.posts(wallet(), 500, "opened").await;
        office.sleep(2);
        assert_eq!(office.closes().await.len(), 2);
        assert_eq!(office.findings().await, Vec::<String>::new());
        let first = "(SELECT MIN(day) FROM closings)";
        alter(&db, "closings", &format!("UPDATE closings SET document = replace(document, '500', '600') WHERE day = {first}")).await;
        let findings = office.findings().await;
        for expected in ["is not signed by its key", "says something else than its links", "does not stand on"] {
            assert!(findings.iter().any(|finding| finding.contains(expected)), "{expected} in {findings:?}");
        }
        alter(&db, "closings", &format!("DELETE FROM closings WHERE day = {first}")).await;
        assert_eq!(office.findings().await, Vec::<String>::new(), "whoever deletes the first days leaves no gap: files outside show it");
    }

    async fn nobody_reads_anothers_closings(db) {
        let (office, other) = (Office::open(&db).await, db.tenant().await);
        office.posts(wallet(), 500, "opened").await;
        let day = office.today();
        office.sleep(1);
        assert_eq!(office.closes().await, [day]);
        let tx = office.store.read(&other).await.expect("a reader");
        assert!(office.books.closing_in(&tx, day).await.expect("read").is_none());
        assert!(office.books.public_key_in(&tx).await.expect("read").is_none());
        assert_eq!(audit_in(&tx).await.expect("audited").closings, 0);
    }

    async fn a_statement_is_a_table_a_workbook_and_a_page(db) {
        let office = Office::open(&db).await;
        let site = SiteId::new();
        let account = Account::of(AccountKind::SitePrepaid, site.uuid(), CNY);
        office.posts(account, 10_000, "=SUM(A1) <b>转账</b>").await;
        office.posts(account, -2_550, "").await;
        let tx = office.store.snapshot(&office.scope).await.expect("a reader");
        let (day, party) = (office.today(), (Party::Site(site), "<North>".to_owned()));
        let statement = office.books.statement_in(&tx, party.clone(), CNY, (day, day)).await.expect("a statement");
        assert_eq!(statement.sections.len(), 2, "what is pending, and the account that moved");
        let paper = statement.paper(Language::English);
        let csv = String::from_utf8(paper.file(Format::Csv).expect("a file")).expect("text");
        assert!(csv.contains("\nPrepaid money of sub-sites (CNY)\r\n") || csv.contains("Prepaid money of sub-sites (CNY)"), "{csv}");
        assert!(csv.contains("'=SUM(A1) <b>转账</b>,,100.00,100.00"), "{csv}");
        assert!(csv.contains(",25.50,,74.50"), "{csv}");
        let page = String::from_utf8(paper.file(Format::Html).expect("a file")).expect("text");
        assert!(page.contains("&lt;North&gt;") && page.contains("=SUM(A1) &lt;b&gt;转账") && !page.contains("<b>"), "{page}");
        let workbook = paper.file(Format::Xlsx).expect("a file");
        assert!(workbook.starts_with(b"PK"));
        let chinese = statement.paper(Language::Chinese).file(Format::Csv).expect("a file");
        assert!(String::from_utf8(chinese).expect("text").contains("分站预存款"));
        for (from, to) in [(day, day.before(1)), (day, day.after(366))] {
            let refused = office.books.statement_in(&tx, party.clone(), CNY, (from, to)).await;
            assert!(matches!(refused, Err(BooksError::Period { .. })), "{from} {to}");
        }
    }

    async fn debts_are_told_with_their_age(db) {
        let office = Office::open(&db).await;
        let site = Earner { side: Side::Site, owner: Uuid::now_v7(), currency: CNY };
        let day = office.today();
        office.posts(site.pending(day.after(3)), 700, "earned").await;
        office.posts(site.debt(), -300, "first").await;
        office.clock.advance(TimeDelta::days(10));
        let second = office.clock.now();
        office.posts(site.debt(), -200, "second").await;
        office.posts(site.debt(), 350, "paid").await;
        let tx = office.store.snapshot(&office.scope).await.expect("a reader");
        let aging = office.books.aging_in(&tx).await.expect("read");
        assert_eq!(aging.pending, [Due { kind: AccountKind::SitePending, due: Some(day.after(3)), amount: Money::new(700, CNY) }]);
        let owed = Money::new(150, CNY);
        assert_eq!(aging.debtors, [Debtor { kind: AccountKind::SiteDebt, owner: site.owner, owed, since: Some(second) }]);
        let csv = aging.paper(Language::English, |_| "North".to_owned()).file(Format::Csv).expect("a file");
        assert!(String::from_utf8(csv).expect("text").contains("North,Owed by sub-sites,"));
    }
}
