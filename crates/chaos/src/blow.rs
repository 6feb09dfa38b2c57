//! How a round hurts the program, and when.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::TimeDelta;

use crate::browser::now_ms;
use crate::database::Backend;
use crate::dice::Dice;
use crate::installation::Installation;
use crate::promises::Lateness;

/// What is done to the program in the middle of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL, and a start on the same data after a while.
    Kill(Outage),
    /// Its database connections are cut, several times; it must go on by itself.
    Cut,
}

/// How long the program is dead, by its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// A moment: leases of the dead are still in force.
    Moment,
    /// Leases have run out.
    Minute,
    /// Leases have run out and orders have expired.
    QuarterHour,
}

/// A blow with its moments.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What.
    pub blow: Blow,
    /// How long after the load began.
    pub after: Duration,
    /// How long nobody serves, by the buyers' clock; between cuts, too.
    pub pause: Duration,
}

const CUTS: usize = 4;

impl Plan {
    /// The blow of a round: two of five rounds on PostgreSQL cut connections, all others kill.
    pub fn of_round(round: u64, backend: Backend, dice: &mut Dice) -> Self {
        let outages = [(2, Outage::Moment), (2, Outage::Minute), (1, Outage::QuarterHour)];
        let outage = dice.weighted(&outages);
        let blow = if backend == Backend::Postgres && round % 5 >= 3 { Blow::Cut } else { Blow::Kill(outage) };
        let after = Duration::from_millis(dice.between(200, 2_500));
        Self { blow, after, pause: Duration::from_millis(dice.between(0, 400)) }
    }

    /// Strikes; the program serves again afterwards. Answers whether orders may have expired.
    pub async fn strike(&self, installation: &Installation) -> Result<Lateness> {
        let outage = match self.blow {
            Blow::Kill(outage) => outage,
            Blow::Cut => {
                for _ in 0..CUTS {
                    installation.database.cut_connections().await?;
                    tokio::time::sleep(self.pause).await;
                }
                return Ok(Lateness::None);
            }
        };
        installation.kill().await?;
        let (began, before_ms) = (Instant::now(), now_ms());
        match outage {
            Outage::Moment => {}
            Outage::Minute => installation.database.leap(TimeDelta::seconds(61)).await?,
            Outage::QuarterHour => installation.database.leap(TimeDelta::minutes(16)).await?,
        }
        tokio::time::sleep(self.pause.saturating_sub(began.elapsed())).await;
        installation.serve().await?;
        Ok(if outage == Outage::QuarterHour { Lateness::Possible { before_ms } } else { Lateness::None })
    }

    /// How long it may take until it is quiet: a lease of the dead is a minute.
    pub const fn quiet_max(&self) -> Duration {
        match self.blow {
            Blow::Kill(Outage::Moment) | Blow::Cut => Duration::from_secs(180),
            Blow::Kill(Outage::Minute | Outage::QuarterHour) => Duration::from_secs(100),
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.blow {
            Blow::Kill(Outage::Moment) => "kill -9",
            Blow::Kill(Outage::Minute) => "kill -9, dead 1 min",
            Blow::Kill(Outage::QuarterHour) => "kill -9, dead 16 min",
            Blow::Cut => "connections cut",
        };
        write!(f, "{} ms: {words}", self.after.as_millis())
    }
}
