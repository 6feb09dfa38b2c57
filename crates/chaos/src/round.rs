//! One round: a new installation, a crowd, a blow, quiet, and every promise looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::sync::Semaphore;

use crate::blow::Plan;
use crate::buyers::Crowd;
use crate::database::Backend;
use crate::dice::Dice;
use crate::installation::Installation;
use crate::pack::Pack;
use crate::promises::Lateness;
use crate::purchase::{Kind, Purchase};
use crate::quiet::{self, Quiet};
use crate::shop::Shop;

/// How long buyers go on at least, and how long after the blow.
const LOAD: Duration = Duration::from_millis(3_000);
const LOAD_AFTER: Duration = Duration::from_millis(700);
/// Warnings of the log that a broken promise is reported with.
const WARNINGS: usize = 40;

/// Which round it is.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Its number, from 0.
    pub number: u64,
    /// On which database.
    pub backend: Backend,
    /// What all rounds of the run follow from.
    pub seed: u64,
}

/// What came of a round.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub round: Round,
    /// What was done to the program.
    pub plan: Plan,
    /// Orders that a buyer was told of.
    pub acknowledged: usize,
    /// Of those, orders whose first answer was lost and that were found by the same key.
    pub replayed: usize,
    /// Orders that were paid, and delivered.
    pub paid: usize,
    /// Orders whose time was over before their money came.
    pub expired: usize,
    /// Trades whose money went back.
    pub refunded: usize,
    /// Buyers that came too late.
    pub sold_out: usize,
    /// How long it took until it was quiet.
    pub quiet_after: Duration,
    /// Promises that were broken; none is good.
    pub broken: Vec<String>,
    /// Where everything was kept, if a promise was broken.
    pub kept: Option<PathBuf>,
}

impl Round {
    /// Runs it with the program `binary`. Rounds take turns at loading the machine; they wait for quiet side by side.
    pub async fn run(self, binary: &Path, turns: &Semaphore) -> Result<Outcome> {
        let mut dice = Dice::of(self.seed).for_one(2 * self.number + u64::from(self.backend == Backend::Postgres));
        let plan = Plan::of_round(self.number, self.backend, &mut dice);
        let prefix = format!("cardgrove-chaos-{}-{}-", self.backend.word(), self.number);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        let turn = turns.acquire().await?;
        let pack = Pack::rounds();
        let installation = Installation::start(binary, folder.path(), self.backend, &pack, &mut dice).await?;
        let installation = Arc::new(installation);
        let loaded = load(&installation, &pack, &plan, &dice).await;
        drop(turn);
        let began = Instant::now();
        let mut outcome = match loaded {
            Ok((purchases, lateness)) => {
                let limits = (lateness, plan.quiet_max());
                self.judge(&installation, quiet::settle(&installation, &pack, purchases, limits).await, plan).await?
            }
            Err(error) => Outcome { broken: vec![format!("{error:#}")], ..self.nothing(plan) },
        };
        outcome.quiet_after = began.elapsed();
        let is_alive = installation.is_alive().await;
        if !is_alive {
            outcome.broken.push("the program has ended by itself".to_owned());
        }
        if outcome.broken.is_empty() {
            installation.kill().await?;
            installation.database.drop().await?;
        } else {
            outcome.broken.extend(installation.warnings(WARNINGS));
            let folder = folder.keep();
            installation.database.keep(&folder);
            outcome.kept = Some(folder);
        }
        Ok(outcome)
    }

    async fn judge(self, installation: &Installation, quiet: Result<Quiet>, plan: Plan) -> Result<Outcome> {
        let mut outcome = self.nothing(plan);
        match quiet {
            Err(error) => outcome.broken.push(format!("{error:#}")),
            Ok(mut quiet) => {
                if quiet.broken.is_empty()
                    && let Err(error) = quiet.look_again().await
                {
                    outcome.broken.push(format!("{error:#}"));
                }
                outcome.count(&quiet);
                outcome.broken.append(&mut quiet.broken);
            }
        }
        let audit = installation.run(&["audit"]).await?;
        if !audit.is_good || !audit.text.contains("every invariant holds") {
            outcome.broken.push(format!("the audit says:\n{}", audit.text));
        }
        Ok(outcome)
    }

    const fn nothing(self, plan: Plan) -> Outcome {
        Outcome {
            round: self,
            plan,
            acknowledged: 0,
            replayed: 0,
            paid: 0,
            expired: 0,
            refunded: 0,
            sold_out: 0,
            quiet_after: Duration::ZERO,
            broken: Vec::new(),
            kept: None,
        }
    }
}

impl Outcome {
    fn count(&mut self, quiet: &Quiet) {
        let count =
            |is: &dyn Fn(&Purchase) -> bool| quiet.purchases.iter().filter(|(purchase, _)| is(purchase)).count();
        self.acknowledged = count(&Purchase::is_acknowledged);
        self.replayed = count(&|purchase| purchase.is_replay);
        self.paid = count(&|purchase| purchase.codes.is_some());
        self.expired = quiet.purchases.iter().filter(|(_, state)| state == "expired").count();
        self.sold_out = count(&|purchase| purchase.wish.kind != Kind::TopUp && !purchase.is_acknowledged());
        self.refunded = quiet.trades.values().filter(|trade| trade.refunded > 0).count();
    }

    /// Whether every promise was kept.
    pub const fn is_good(&self) -> bool {
        self.broken.is_empty()
    }
}

/// The crowd buys, the blow falls, and the crowd buys on; answers when everybody has his answers.
async fn load(
    installation: &Arc<Installation>,
    pack: &Pack,
    plan: &Plan,
    dice: &Dice,
) -> Result<(Vec<Purchase>, Lateness)> {
    let shop = Shop::look(installation, pack).await?;
    let crowd = Arc::new(Crowd::new(Arc::clone(installation), pack.clone(), shop));
    let buyers = crowd.gather(dice).await?;
    let buying = tokio::spawn(Arc::clone(&crowd).buy(buyers));
    let began = Instant::now();
    tokio::time::sleep(plan.after).await;
    let lateness = plan.strike(installation).await.context("the blow")?;
    tokio::time::sleep(LOAD.saturating_sub(began.elapsed()).max(LOAD_AFTER)).await;
    crowd.stop();
    let purchases = buying.await.map_err(|error| anyhow!("the crowd panicked: {error}"))??;
    Ok((purchases, lateness))
}
