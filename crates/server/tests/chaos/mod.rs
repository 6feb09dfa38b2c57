//! The real binary, killed in the middle of a sale, and stormed by more buyers than there are goods.
//!
//! The driver is the crate `chaos`; `cargo xtask chaos` runs it for as long as one likes.

use std::path::PathBuf;

use chaos::{Backend, Campaign, Size};

/// Rounds a database. A seed that has found a fault is added here and stays.
const ROUNDS: u64 = 5;
const SEED: u64 = 7;

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cardgrove"))
}

#[tokio::test]
async fn a_server_that_is_killed_under_load_keeps_every_promise() {
    let backends = vec![Backend::Sqlite, Backend::Postgres];
    let campaign = Campaign { binary: binary(), rounds: ROUNDS * 2, backends, seed: SEED };
    let outcomes = campaign.run(|outcome| eprintln!("{outcome}")).await.expect("the rounds can be run");
    assert!(outcomes.iter().all(chaos::Outcome::is_good), "a promise was broken, see above");
    assert!(outcomes.iter().any(|outcome| outcome.replayed > 0), "no answer was lost: nothing was tested");
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
