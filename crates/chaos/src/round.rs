//! One round: a new installation, a crowd, a fault, quiet, and every promise looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::sync::Semaphore;

use crate::buyers::{Buyer, Crowd};
use crate::database::Backend;
use crate::dice::Dice;
use crate::faults::{Fault, Stage, Struck};
use crate::history::{self, Look};
use crate::installation::Installation;
use crate::pack::Pack;
use crate::purchase::{Kind, Purchase};
use crate::quiet::{self, Quiet};
use crate::shop::Shop;

/// How long buyers go on at least, and how long after the fault.
const LOAD: Duration = Duration::from_millis(3_000);
const LOAD_AFTER: Duration = Duration::from_millis(700);
/// Warnings of the log that a broken promise is reported with.
const WARNINGS: usize = 40;

/// Which round it is.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Its number among those of the same fault and database, from 0.
    pub number: u64,
    /// On which database.
    pub backend: Backend,
    /// What happens.
    pub fault: &'static Fault,
    /// What all rounds of the run follow from.
    pub seed: u64,
}

/// What came of a round.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub round: Round,
    /// How long after the load began the fault did, and what exactly it was.
    pub after: Duration,
    /// The fault's own words.
    pub note: String,
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
    /// Looks into wallets that the history was checked with.
    pub looks: usize,
    /// The longest time in which no buyer was answered.
    pub outage: Duration,
    /// How long it took until it was quiet.
    pub quiet_after: Duration,
    /// Whether the audit found nothing.
    pub is_audit_clean: bool,
    /// Promises that were broken; none is good.
    pub broken: Vec<String>,
    /// Where everything was kept, if a promise was broken.
    pub kept: Option<PathBuf>,
}

/// What the load has left.
struct Loaded {
    purchases: Vec<Purchase>,
    looks: Vec<Look>,
    struck: Struck,
    struck_at: Instant,
    outage: Duration,
}

impl Round {
    /// Runs it with the program `binary`; what goes wrong with the round itself is a broken promise, too. Rounds take
    /// turns at loading the machine; they wait for quiet side by side.
    pub async fn run(self, binary: &Path, turns: &Semaphore) -> Outcome {
        match self.try_run(binary, turns).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome { broken: vec![format!("{error:#}")], ..self.nothing(Duration::ZERO) },
        }
    }

    async fn try_run(self, binary: &Path, turns: &Semaphore) -> Result<Outcome> {
        let mut dice = self.dice();
        let after = Duration::from_millis(dice.between(200, 2_500));
        let prefix = format!("chaos-{}-{}-{}-", self.fault.name, self.backend.word(), self.number);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        let (pack, on) = (Pack::rounds(), (self.backend, self.fault.setting));
        let turn = turns.acquire().await?;
        let installation = Arc::new(Installation::start(binary, folder.path(), on, &pack, &mut dice).await?);
        let stage = Stage { installation: &installation, pack: &pack, dice: dice.clone() };
        let loaded = self.load(&installation, &stage, after).await;
        drop(turn);
        let began = Instant::now();
        let mut outcome = match loaded {
            Ok(loaded) => self.judge(&stage, loaded, after).await?,
            Err(error) => Outcome { broken: vec![format!("{error:#}")], ..self.nothing(after) },
        };
        outcome.quiet_after = began.elapsed();
        if !installation.is_alive().await {
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

    /// Dice that no other round of the run throws.
    fn dice(self) -> Dice {
        let name = self.fault.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        Dice::of(self.seed).for_one(name).for_one(2 * self.number + u64::from(self.backend == Backend::Postgres))
    }

    /// The crowd buys, the fault happens, and the crowd buys on; answers when everybody has his answers.
    async fn load(self, installation: &Arc<Installation>, stage: &Stage<'_>, after: Duration) -> Result<Loaded> {
        let shop = Shop::look(installation, stage.pack).await?;
        let crowd = Arc::new(Crowd::new(Arc::clone(installation), stage.pack.clone(), shop));
        let buyers = crowd.gather(&stage.dice).await?;
        let accounts = buyers.iter().filter_map(Buyer::account).collect();
        let began = Instant::now();
        let watching = tokio::spawn(Arc::clone(&crowd).watch(accounts));
        let buying = tokio::spawn(Arc::clone(&crowd).buy(buyers));
        tokio::time::sleep(after).await;
        let struck_at = Instant::now();
        let struck = (self.fault.strike)(stage).await.with_context(|| format!("the fault {:?}", self.fault))?;
        tokio::time::sleep(LOAD.saturating_sub(began.elapsed()).max(LOAD_AFTER)).await;
        crowd.stop();
        let over = Instant::now();
        let purchases = buying.await.map_err(|error| anyhow!("the crowd panicked: {error}"))??;
        let looks = watching.await.map_err(|error| anyhow!("who looked into wallets panicked: {error}"))??;
        let outage = longest_gap(began, purchases.iter().map(|purchase| purchase.span.end).collect(), over);
        Ok(Loaded { purchases, looks, struck, struck_at, outage })
    }

    async fn judge(self, stage: &Stage<'_>, loaded: Loaded, after: Duration) -> Result<Outcome> {
        let installation = stage.installation;
        let Loaded { purchases, looks, struck, struck_at, outage } = loaded;
        let Struck { lateness, note, broken } = struck;
        let mut outcome = Outcome { note, broken, looks: looks.len(), outage, ..self.nothing(after) };
        let limits = (lateness, self.fault.quiet_max);
        let mut quiet = match quiet::settle(installation, stage.pack, purchases, limits, struck_at).await {
            Ok(quiet) => quiet,
            Err(error) => {
                outcome.broken.push(format!("{error:#}"));
                return Ok(outcome);
            }
        };
        if quiet.broken.is_empty() {
            quiet.look_again().await?;
        }
        outcome.count(&quiet);
        outcome.broken.append(&mut quiet.broken);
        outcome.broken.extend(history::check(stage.pack, &quiet.purchases, &looks));
        let audit = installation.run(&["audit"]).await?;
        outcome.is_audit_clean = audit.is_clean_audit();
        if !outcome.is_audit_clean {
            outcome.broken.push(format!("the audit says:\n{}", audit.text));
        }
        if let (Some(inspect), true) = (self.fault.inspect, outcome.broken.is_empty()) {
            outcome.broken.extend(inspect(stage, &quiet).await.context("the inspection at the end")?);
        }
        Ok(outcome)
    }

    pub(crate) const fn nothing(self, after: Duration) -> Outcome {
        Outcome {
            round: self,
            after,
            note: String::new(),
            acknowledged: 0,
            replayed: 0,
            paid: 0,
            expired: 0,
            refunded: 0,
            sold_out: 0,
            looks: 0,
            outage: Duration::ZERO,
            quiet_after: Duration::ZERO,
            is_audit_clean: false,
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

/// The longest time between two answers; nobody expects any before the beginning or after the end.
fn longest_gap(began: Instant, mut answers: Vec<Instant>, over: Instant) -> Duration {
    answers.retain(|answer| *answer < over);
    answers.extend([began, over]);
    answers.sort();
    answers.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_outage_is_found() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let answers = vec![at(90), at(10), at(30), at(200)];
        assert_eq!(longest_gap(began, answers, at(100)), Duration::from_millis(60));
        assert_eq!(longest_gap(began, Vec::new(), at(100)), Duration::from_millis(100));
    }
}
