//! The short profile: a few seeds, in worlds short enough for a build without optimisation.

use sim::{Mutation, Plan};

fn short(seed: u64, steps: u64) -> Plan {
    Plan { world_steps: 3_000, ..Plan::new(seed, steps) }
}

#[test]
fn nothing_is_found_in_seeds_of_every_run() {
    for seed in 1..=2 {
        let totals = short(seed, 4_500).run().unwrap_or_else(|failure| panic!("{failure}"));
        assert!(totals.orders > 1_000 && totals.by_channel > 300, "{totals}");
    }
}

#[test]
fn a_run_meets_everything_that_can_go_wrong() {
    let totals = short(9, 9_000).run().unwrap_or_else(|failure| panic!("{failure}"));
    let deaths = [totals.deaths_before_commit, totals.deaths_before_answer, totals.deaths_before_jobs];
    assert!(deaths.iter().all(|deaths| *deaths > 0), "{totals}");
    let trouble =
        [totals.reruns, totals.replays, totals.lost_commits, totals.exceptions, totals.expired, totals.refunds];
    assert!(trouble.iter().all(|trouble| *trouble > 0) && totals.replaced > 0, "{totals}");
}

#[test]
fn equal_seeds_are_equal_runs_on_one_thread_and_on_two() {
    let plan = |seed| Plan { world_steps: 1_000, ..Plan::new(seed, 2_000) };
    let totals = plan(4).run().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(plan(4).run_on(2), Ok(totals));
    assert_ne!(plan(5).run().map(|other| other.digest), Ok(totals.digest));
}

/// What a run finds if this fault is made on purpose.
fn found(mutation: Mutation) -> String {
    let seeds = 1..=5;
    let failures = seeds.filter_map(|seed| Plan { mutation, world_steps: 2_000, ..Plan::new(seed, 4_000) }.run().err());
    failures.map(|failure| failure.finding).next().unwrap_or_else(|| panic!("{mutation:?} is not found"))
}

#[test]
fn a_node_that_does_not_look_whether_a_card_is_free_is_found() {
    assert!(found(Mutation::NoClaim).contains("card"));
}

#[test]
fn a_database_that_lets_balances_go_below_zero_is_found() {
    let finding = found(Mutation::NoBalanceCheck);
    assert!(finding.contains("below zero"), "{finding}");
}

#[test]
fn answers_that_are_not_kept_are_found() {
    let finding = found(Mutation::NoKeys);
    assert!(finding.contains("key"), "{finding}");
}

#[test]
fn jobs_that_are_not_written_are_found() {
    let finding = found(Mutation::LostJobs);
    assert!(finding.contains("no job") || finding.contains("still") || finding.contains("no payment"), "{finding}");
}
