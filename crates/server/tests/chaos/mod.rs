//! The real binary, hurt in the middle of a sale, and stormed by more buyers than there are goods.
//!
//! The driver is the crate `chaos`; `cargo xtask chaos` runs it for as long as one likes.

use std::path::PathBuf;

use chaos::{Backend, Campaign, Fault, Size, faults};

/// A seed that has found a fault is added here and stays.
const SEED: u64 = 7;

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cardgrove"))
}

/// Runs `rounds` rounds of the faults and says what broke; answers how many answers were lost and found again.
async fn run(names: &[&str], rounds: u64) -> usize {
    let faults: Vec<&Fault> = names.iter().map(|name| faults::named(name).expect("it is a fault")).collect();
    let backends = vec![Backend::Sqlite, Backend::Postgres];
    let mut campaign = Campaign { binary: binary(), backends, faults, rounds, seed: SEED };
    let left_out = campaign.leave_out_impossible().await;
    let outcomes = campaign.run(|outcome| eprintln!("{outcome}")).await;
    assert!(left_out.is_empty(), "{left_out:?}");
    assert!(outcomes.iter().all(chaos::Outcome::is_good), "a promise was broken, see above");
    outcomes.iter().map(|outcome| outcome.replayed).sum()
}

#[tokio::test]
async fn a_server_that_is_killed_under_load_keeps_every_promise() {
    // Five on each database.
    let replayed = run(&["kill"], 10).await;
    assert!(replayed > 0, "no answer was lost: nothing was tested");
}

#[tokio::test]
async fn two_servers_on_one_database_sell_nothing_twice() {
    run(&["two-nodes", "two-nodes-killed"], 2).await;
}

#[tokio::test]
async fn commits_without_an_answer_are_carried_out_once() {
    run(&["wire-commits", "postgres-killed"], 2).await;
}

#[tokio::test]
async fn a_gateway_that_is_silent_or_repeats_itself_moves_money_once() {
    run(&["gateway-mute", "gateway-copies"], 2).await;
}

mod of_sixty_four_buyers_fifty_are_served_and_fourteen_told {
    use super::*;

    async fn body(backend: Backend) {
        let size = Size { buyers: 64, sales: 20, stock: 50 };
        chaos::rush(&binary(), backend, size).await.unwrap_or_else(|error| panic!("{error:?}"));
    }

    #[tokio::test]
    async fn sqlite() {
        body(Backend::Sqlite).await;
    }

    #[tokio::test]
    async fn postgres() {
        body(Backend::Postgres).await;
    }
}
