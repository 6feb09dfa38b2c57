//! How fast orders come: a window of a minute that freezes when it is full. Pure.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Allowance;

use crate::limits::Limits;

const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// The orders of one address in the last minute, and until when it is frozen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Window {
    orders: VecDeque<DateTime<Utc>>,
    frozen_until: Option<DateTime<Utc>>,
}

/// What a window says of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may pass.
    Pass,
    /// It may pass; it was the last one before the freeze, which begins now.
    PassAndFreeze {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The address is frozen.
    Frozen {
        /// Until when.
        until: DateTime<Utc>,
    },
}

impl Window {
    /// A window that is frozen, if it is.
    pub fn frozen(until: Option<DateTime<Utc>>) -> Self {
        Self { orders: VecDeque::new(), frozen_until: until }
    }

    /// Another node may have frozen the address.
    pub fn freeze(&mut self, until: Option<DateTime<Utc>>) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// What is left for orders at `now`.
    pub fn left(&self, limits: &Limits, now: DateTime<Utc>) -> Allowance {
        let most = limits.orders_per_address_and_minute.max(1);
        let frozen = self.frozen_until.filter(|until| *until > now);
        let counted: Vec<_> = self.orders.iter().filter(|order| **order + WINDOW > now).collect();
        let left = most.saturating_sub(u32::try_from(counted.len()).unwrap_or(u32::MAX));
        let resets_at = frozen.or_else(|| counted.first().map(|oldest| **oldest + WINDOW));
        Allowance {
            name: "orders",
            most,
            window: WINDOW.to_std().unwrap_or_default(),
            left: if frozen.is_some() { 0 } else { left },
            resets_after: resets_at.and_then(|at| (at - now).to_std().ok()).unwrap_or_default(),
        }
    }

    /// Counts an order at `now`.
    pub fn order(&mut self, limits: &Limits, now: DateTime<Utc>) -> Verdict {
        if let Some(until) = self.frozen_until.filter(|until| *until > now) {
            return Verdict::Frozen { until };
        }
        self.orders.retain(|order| *order + WINDOW > now);
        self.orders.push_back(now);
        if self.orders.len() < limits.orders_per_address_and_minute.max(1) as usize {
            return Verdict::Pass;
        }
        let until = now + TimeDelta::minutes(i64::from(limits.freeze_minutes));
        self.orders.clear();
        self.frozen_until = Some(until);
        Verdict::PassAndFreeze { until }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn the_tenth_order_in_a_minute_freezes_for_fifteen() {
        let (mut window, limits) = (Window::default(), Limits::default());
        for order in 0..9 {
            assert_eq!(window.order(&limits, second(order)), Verdict::Pass);
        }
        let until = second(9 + 15 * 60);
        assert_eq!(window.order(&limits, second(9)), Verdict::PassAndFreeze { until });
        assert_eq!(window.order(&limits, second(10)), Verdict::Frozen { until });
        assert_eq!(window.order(&limits, until - TimeDelta::seconds(1)), Verdict::Frozen { until });
        assert_eq!(window.order(&limits, until), Verdict::Pass);
    }

    #[test]
    fn what_is_left_falls_to_nothing_and_comes_back() {
        let (mut window, limits) = (Window::default(), Limits::default());
        let left = |window: &Window, now| {
            let left = window.left(&limits, second(now));
            (left.most, left.left, left.resets_after.as_secs())
        };
        assert_eq!(left(&window, 0), (10, 10, 0));
        for order in 0..9 {
            window.order(&limits, second(order));
        }
        assert_eq!((left(&window, 20), left(&window, 62)), ((10, 1, 40), (10, 4, 1)));
        window.order(&limits, second(30));
        assert_eq!((left(&window, 30), left(&window, 30 + 15 * 60)), ((10, 0, 15 * 60), (10, 10, 0)));
    }

    #[test]
    fn nine_a_minute_go_on_for_ever() {
        let (mut window, limits) = (Window::default(), Limits::default());
        for order in 0..200 {
            assert_eq!(window.order(&limits, second(order * 7)), Verdict::Pass);
        }
    }

    proptest! {
        #[test]
        fn no_minute_passes_more_than_the_limit(
            pauses in proptest::collection::vec(0i64..30, 1..200), most in 1u32..15
        ) {
            let limits = Limits { orders_per_address_and_minute: most, ..Limits::default() };
            let (mut window, mut now, mut passed) = (Window::default(), 0, Vec::new());
            for pause in pauses {
                now += pause;
                if !matches!(window.order(&limits, second(now)), Verdict::Frozen { .. }) {
                    passed.push(now);
                }
            }
            for (index, first) in passed.iter().enumerate() {
                let in_minute = passed[index..].iter().take_while(|order| **order < first + 60).count();
                prop_assert!(in_minute <= most as usize);
            }
        }
    }
}
