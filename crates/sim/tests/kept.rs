//! Seeds that once found something, each with the world that did. Each says what it was. A world that is changed makes
//! something else of a seed, so what was mended has a test of its own in its room besides.

use sim::Plan;

/// A run as it was when it found something.
const fn kept(seed: u64, steps: u64, world_steps: u64) -> Plan {
    Plan { world_steps, ..Plan::new(seed, steps) }
}

fn finds_nothing(plan: Plan) {
    if let Err(failure) = plan.run() {
        panic!("{failure}");
    }
}

#[test]
fn who_asks_again_behind_a_misuse_of_his_key_gets_his_first_answer() {
    finds_nothing(kept(6, 3_000, 30_000));
}

#[test]
fn a_second_late_trade_of_one_number_is_not_taken_for_placed() {
    finds_nothing(kept(3, 3_000, 30_000));
}

#[test]
fn a_sending_that_came_too_late_does_not_stop_the_one_after_a_failure() {
    finds_nothing(kept(3, 12_000, 3_000));
}
