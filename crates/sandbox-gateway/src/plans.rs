//! Plans: how the next calls and callbacks shall go wrong, set by the control end-points.

use serde::Deserialize;

use crate::GatewayError;
use crate::courier::Callback;
use crate::model::RefundStatus;

const PLANS_MAX: usize = 1_000;
const TIMES_MAX: u32 = 10_000;
const COPIES_MAX: u32 = 100;
const DELAY_MS_MAX: u64 = 60_000;

/// A body of `POST /control/plans`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PlanRequest {
    /// Only this merchant's calls; every merchant's if none.
    pub(crate) merchant: Option<String>,
    /// The next so many callbacks are lost, retries and all.
    pub(crate) drop_notify: Option<u32>,
    /// The next `times` callbacks leave late.
    pub(crate) delay_notify_ms: Option<u64>,
    /// The next `times` callbacks leave in so many copies at once.
    pub(crate) duplicate_notify: Option<u32>,
    /// The next `times` pairs of callbacks leave in reverse order.
    pub(crate) reorder: bool,
    pub(crate) create: Option<Mischief>,
    pub(crate) refund: Option<Mischief>,
    pub(crate) close: Option<Mischief>,
    /// How the next `times` new refunds come out.
    pub(crate) refund_result: Option<RefundStatus>,
    /// For how many matching calls; once if none.
    pub(crate) times: Option<u32>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mischief {
    /// It is done, and nobody is told.
    CommitThenTimeout,
    /// It is refused and not done.
    Refuse,
    /// It is not done, and nobody is told.
    Timeout,
}

/// The calls that a plan can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Refund,
    Close,
}

#[derive(Debug)]
enum Behaviour {
    Drop,
    Delay { milliseconds: u64 },
    Duplicate { copies: u32 },
    Reorder { held: Option<Callback> },
    Call(Call, Mischief),
    RefundResult(RefundStatus),
}

#[derive(Debug)]
struct Plan {
    merchant: Option<String>,
    behaviour: Behaviour,
    left: u32,
}

/// The plans in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    plans: Vec<Plan>,
}

impl Plans {
    /// Adds what a body asks for.
    pub(crate) fn add(&mut self, request: PlanRequest) -> Result<(), GatewayError> {
        let fresh = read(request)?;
        if self.plans.len() + fresh.len() > PLANS_MAX {
            return Err(GatewayError::Full { what: "plans" });
        }
        self.plans.extend(fresh);
        Ok(())
    }

    /// Forgets every plan and gives back the callbacks that were held.
    pub(crate) fn reset(&mut self) -> Vec<Callback> {
        let held = self.plans.drain(..).filter_map(|plan| match plan.behaviour {
            Behaviour::Reorder { held } => held,
            _ => None,
        });
        held.collect()
    }

    /// What goes wrong with this call, if anything.
    pub(crate) fn take_call(&mut self, merchant: &str, call: Call) -> Option<Mischief> {
        self.take(merchant, |behaviour| match behaviour {
            Behaviour::Call(of, mischief) if *of == call => Some(*mischief),
            _ => None,
        })
    }

    /// How a new refund comes out.
    pub(crate) fn take_refund_result(&mut self, merchant: &str) -> RefundStatus {
        let planned = self.take(merchant, |behaviour| match behaviour {
            Behaviour::RefundResult(status) => Some(*status),
            _ => None,
        });
        planned.unwrap_or(RefundStatus::Done)
    }

    /// What is sent instead of this callback: groups that leave at once, each in its own order.
    pub(crate) fn apply(&mut self, mut callback: Callback) -> Vec<Vec<Callback>> {
        let merchant = callback.merchant().to_owned();
        if self.take(&merchant, |behaviour| matches!(behaviour, Behaviour::Drop).then_some(())).is_some() {
            return Vec::new();
        }
        let delay = self.take(&merchant, |behaviour| match behaviour {
            Behaviour::Delay { milliseconds } => Some(*milliseconds),
            _ => None,
        });
        callback.delay_ms(delay.unwrap_or(0));
        let copies = self.take(&merchant, |behaviour| match behaviour {
            Behaviour::Duplicate { copies } => Some(*copies),
            _ => None,
        });
        if let Some(copies) = copies {
            return (0..copies).map(|_| vec![callback.clone()]).collect();
        }
        self.reorder(&merchant, callback).into_iter().collect()
    }

    /// Holds the first callback of a pair back; the second one lets both go, itself first.
    fn reorder(&mut self, merchant: &str, callback: Callback) -> Option<Vec<Callback>> {
        let plan = self.plans.iter_mut().find(|plan| plan.is_for(merchant) && plan.is_reorder());
        let Some(Plan { behaviour: Behaviour::Reorder { held }, left, .. }) = plan else {
            return Some(vec![callback]);
        };
        let Some(first) = held.take() else {
            *held = Some(callback);
            return None;
        };
        *left -= 1;
        self.plans.retain(|plan| plan.left > 0);
        Some(vec![callback, first])
    }

    fn take<T>(&mut self, merchant: &str, matching: impl Fn(&Behaviour) -> Option<T>) -> Option<T> {
        let candidates = self.plans.iter_mut().filter(|plan| plan.is_for(merchant));
        let (plan, found) =
            candidates.filter_map(|plan| matching(&plan.behaviour).map(|found| (plan, found))).next()?;
        plan.left -= 1;
        self.plans.retain(|plan| plan.left > 0);
        Some(found)
    }
}

impl Plan {
    fn is_for(&self, merchant: &str) -> bool {
        self.merchant.as_deref().is_none_or(|name| name == merchant)
    }

    const fn is_reorder(&self) -> bool {
        matches!(self.behaviour, Behaviour::Reorder { .. })
    }
}

fn read(request: PlanRequest) -> Result<Vec<Plan>, GatewayError> {
    let times = request.times.unwrap_or(1);
    let dropped = request.drop_notify.unwrap_or(1);
    let is_bounded = |number: u32, max: u32| (1..=max).contains(&number);
    if !is_bounded(times, TIMES_MAX) || !is_bounded(dropped, TIMES_MAX) {
        return Err(GatewayError::invalid("times", "1 to 10000"));
    }
    if !is_bounded(request.duplicate_notify.unwrap_or(1), COPIES_MAX) {
        return Err(GatewayError::invalid("duplicate_notify", "1 to 100 copies"));
    }
    check_delay("delay_notify_ms", request.delay_notify_ms.unwrap_or(0))?;
    let call = |call, mischief: Option<Mischief>| mischief.map(|mischief| (Behaviour::Call(call, mischief), times));
    let found = [
        request.drop_notify.map(|_| (Behaviour::Drop, dropped)),
        request.delay_notify_ms.map(|milliseconds| (Behaviour::Delay { milliseconds }, times)),
        request.duplicate_notify.map(|copies| (Behaviour::Duplicate { copies }, times)),
        request.reorder.then_some((Behaviour::Reorder { held: None }, times)),
        call(Call::Create, request.create),
        call(Call::Refund, request.refund),
        call(Call::Close, request.close),
        request.refund_result.map(|status| (Behaviour::RefundResult(status), times)),
    ];
    let merchant = request.merchant;
    let plans = found.into_iter().flatten();
    Ok(plans.map(|(behaviour, left)| Plan { merchant: merchant.clone(), behaviour, left }).collect())
}

/// A delay that a test can wait for.
pub(crate) fn check_delay(field: &'static str, milliseconds: u64) -> Result<(), GatewayError> {
    let is_good = milliseconds <= DELAY_MS_MAX;
    is_good.then_some(()).ok_or(GatewayError::invalid(field, "at most 60000 milliseconds"))
}

/// How many copies of a callback one control call sends.
pub(crate) fn check_copies(times: Option<u32>) -> Result<u32, GatewayError> {
    let copies = times.unwrap_or(1);
    (1..=COPIES_MAX).contains(&copies).then_some(copies).ok_or(GatewayError::invalid("times", "1 to 100 copies"))
}
