//! A reference model of money: a shop on paper, written from product.md and the guides, against the program with a real
//! database behind it. Random trees of sites, prices, agents, plans, payments, refunds, settlement and withdrawals: after
//! every act each account has to hold what the model says, to the cent, and the audit finds nothing.
//!
//! `MODEL_CASES` says how many cases (24), `MODEL_SEED` which ones; a failure prints both and the smallest case that fails.

mod acting;
mod books;
mod case;
mod deed;
mod fraction;
mod model;
mod prices;
mod purses;
mod reached;
mod returns;
mod shares;
mod world;

use chrono::{DateTime, Utc};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use store::{Backend, Tx};
use testkit::TestDb;
use uuid::Uuid;

use case::{Case, cases};
use model::Model;
use world::World;

const CASES: u32 = 24;
/// Smaller cases that are tried after a failure, and for how long.
const SHRINKS_MAX: u32 = 300;
const SHRINK_MS_MAX: u32 = 150_000;

testkit::on_both! {
    async fn the_books_are_what_a_model_on_paper_says(db) {
        agrees(db.backend);
    }
}

/// The number in this variable of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Program and model agree on random cases.
fn agrees(backend: Backend) {
    let seed = number("MODEL_SEED").unwrap_or_else(random);
    let cases_wanted = number("MODEL_CASES").map_or(CASES, |cases| u32::try_from(cases).expect("a small number"));
    eprintln!("MODEL_SEED={seed} MODEL_CASES={cases_wanted}");
    let config = Config {
        cases: cases_wanted,
        failure_persistence: None,
        max_shrink_iters: SHRINKS_MAX,
        max_shrink_time: SHRINK_MS_MAX,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let handle = tokio::runtime::Handle::current();
    let one = |case: Case| {
        tokio::task::block_in_place(|| handle.block_on(plays(backend, &case))).map_err(TestCaseError::fail)
    };
    let outcome = runner.run(&cases(), one);
    eprintln!("reached: {}", reached::told());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("MODEL_SEED={seed}: {reason}\nof {case:#?}"),
        Err(error) => panic!("MODEL_SEED={seed}: {error}"),
    }
}

/// Some number: the end of an id is random.
fn random() -> u64 {
    Uuid::now_v7().as_u64_pair().1 % 1_000_000_000
}

/// Plays the case on paper and in a new database.
async fn plays(backend: Backend, case: &Case) -> Result<(), String> {
    let db = match backend {
        Backend::Sqlite => TestDb::sqlite().await,
        Backend::Postgres => TestDb::postgres().await,
    };
    let mut world = World::open(db, case).await;
    let outcome = world.agrees(case).await;
    // Lanes keep their connections until they are told to stop.
    world.house.lanes.stop().await;
    outcome
}

impl World {
    /// After every act each account holds what the model says, and at the end the audits find nothing.
    async fn agrees(&mut self, case: &Case) -> Result<(), String> {
        let mut model = Model::open(case.clone(), self.now().await);
        self.is_as(&model).await.map_err(|words| format!("when it opens: {words}"))?;
        for (number, act) in case.acts.iter().enumerate() {
            let deeds = model.act(act);
            self.plays(&deeds, &model).await.map_err(|words| format!("act {number}, {deeds:?}: {words}"))?;
        }
        let deeds = model.close();
        self.plays(&deeds, &model).await.map_err(|words| format!("at the end, {deeds:?}: {words}"))?;
        match &self.audit().await[..] {
            [] => Ok(()),
            breaches => Err(format!("the audit: {}", breaches.join("; "))),
        }
    }

    async fn now(&self) -> DateTime<Utc> {
        self.house.store.read(&self.scope).await.expect("a reader").now()
    }

    /// What the audits of all rooms find, but for jobs: nobody runs them here.
    async fn audit(&self) -> Vec<String> {
        let tx = self.house.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("an audit").breaches;
        let stock = inventory::audit_in(&tx).await.expect("an audit");
        let mut found = order::audit_in(&tx, &stock).await.expect("an audit").breaches;
        found.extend(ledger.into_iter().map(|breach| (breach.invariant, breach.finding)));
        found.extend(stock.breaches.into_iter().map(|finding| (4, finding)));
        found.extend(commission::audit_in(&tx).await.expect("an audit").breaches);
        found.extend(payment::audit_in(&tx).await.expect("an audit").breaches);
        found.extend(settlement::audit_in(&tx, tx.now()).await.expect("an audit").breaches);
        found.extend(withdrawal::audit_in(&tx).await.expect("an audit").breaches);
        found.into_iter().map(|(invariant, finding)| format!("{invariant} {finding}")).collect()
    }

    async fn plays(&mut self, deeds: &[deed::Deed], model: &Model) -> Result<(), String> {
        for deed in deeds {
            deed.note();
            self.does(deed).await?;
        }
        self.is_as(model).await
    }

    /// Every account holds what the model says.
    async fn is_as(&self, model: &Model) -> Result<(), String> {
        let differences = self.books().await.differences(&model.books);
        if differences.is_empty() { Ok(()) } else { Err(format!("program and model: {}", differences.join("; "))) }
    }
}
