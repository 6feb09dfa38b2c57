//! Rules and figures at random.

use catalog::Code;
use kernel::{Day, SiteId, Wording};
use proptest::prelude::*;
use settlement::EarnerRef;

use crate::model::{Figures, LevelRules, Needs, Rung, Schedule, Standing};

/// Rules whose agents have a ladder of up to five rungs.
pub(crate) fn rules() -> impl Strategy<Value = LevelRules> {
    let step = (0i64..1_000, 0u32..5, prop::option::of(0u32..200_000));
    (prop::collection::vec(step, 0..5), 7u16..=180, 0u16..=60, 7u16..=90).prop_map(
        |(steps, window_days, grace_days, notice_days)| LevelRules {
            sites: Vec::new(),
            agents: ladder(&steps),
            window_days,
            judged: Schedule::Daily,
            grace_days,
            notice_days,
        },
    )
}

fn ladder(steps: &[(i64, u32, Option<u32>)]) -> Vec<Rung> {
    let mut needs = Needs::default();
    let mut rungs = vec![rung(0, needs)];
    for (place, (sales, buyers, complaints)) in steps.iter().enumerate() {
        let tighter = |one: Option<u32>, other: Option<u32>| one.into_iter().chain(other).min();
        needs = Needs {
            sales_minor: needs.sales_minor + sales,
            buyers: needs.buyers + buyers,
            complaints_ppm_max: tighter(needs.complaints_ppm_max, *complaints),
        };
        rungs.push(rung(place + 1, needs));
    }
    rungs
}

fn rung(place: usize, needs: Needs) -> Rung {
    Rung { level: Code::parse(&format!("rung-{place}")).expect("a code"), name: Wording::new("级", "Rung"), needs }
}

pub(crate) fn figures() -> impl Strategy<Value = Figures> {
    (-100i64..3_000, 0u64..12, 0u64..60, 0u64..60).prop_map(|(sales_minor, buyers, orders, complaints)| Figures {
        sales_minor,
        buyers,
        orders,
        complaints: complaints.min(orders),
    })
}

/// Somebody who has this level since that day, and was told nothing.
pub(crate) fn standing_of(level: Option<Code>, since: Day) -> Standing {
    let earner = EarnerRef::Site(SiteId::from_uuid(uuid::Uuid::nil()));
    Standing { earner, level, since, warned: None, pin: None }
}
