//! Every scenario once, small: what comes back is right, however fast it is.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    Guests, Load, Nginx, Program, Size, Town, flash_sale, log_in, overload, pages, paid_orders, wallet_orders,
};

const LONG: Duration = Duration::from_secs(120);

/// The program of this profile: a run of all tests has built it. One that only builds this crate does it here.
fn binary() -> PathBuf {
    if let Some(built) = Program::built() {
        return built;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut build = std::process::Command::new(cargo);
    let built = build.args(["build", "--quiet", "--locked", "--bin", "cardgrove"]).current_dir(root).status();
    assert!(built.is_ok_and(|status| status.success()), "the program cannot be built");
    Program::built().expect("it was built")
}

testkit::on_both! {
    async fn every_scenario_counts_what_the_database_has(db) {
        let town = Town::build_in(db, Size { tenants: 3, buyers: 8 }).await;
        town.stock_up(400).await;
        town.stock_rare(5).await;
        let binary = binary();
        let program = Program::start(&binary, &town, &[]);
        assert_eq!(log_in(&town, &program).await.expect("an answer"), 201);

        let bought = wallet_orders(&town, &program, Load::closed(8, LONG).at_most(40)).await;
        assert_eq!((bought.of(201), bought.all(), bought.broken), (40, 40, 0), "{bought}");
        let paced = wallet_orders(&town, &program, Load::open(100, 8, Duration::from_millis(200))).await;
        assert_eq!((paced.of(201), paced.broken), (20, 0), "{paced}");

        for guests in [Guests::Unknown, Guests::LoggedIn] {
            let seen = pages(&town, &program, Load::closed(4, LONG).at_most(40), guests).await;
            assert_eq!((seen.of(200), seen.broken), (40, 0), "{guests:?}: {seen}");
        }

        let crowd = flash_sale(&town, &program, Load::closed(8, LONG).at_most(40)).await;
        assert_eq!((crowd.goods(), crowd.all(), crowd.broken), (5, 40, 0), "{crowd}");

        let paid = paid_orders(&town, &program, Load::closed(4, LONG).at_most(12)).await;
        assert_eq!((paid.acknowledged, paid.written, paid.answers.broken), (12, 12, 0), "{}", paid.answers);

        program.stop();
        let program = Program::start(&binary, &town, &[("CARDGROVE_LIMITS__ORDERS_MAX", "4")]);
        let flood = overload(&town, &program, (800, 32, Duration::from_millis(500)), 6).await;
        assert_eq!((flood.reports, flood.acknowledged, flood.written), (6, 6, 6), "{}", flood.answers);
        let (served, sent_away) = (flood.answers.of(201), flood.answers.of(503));
        assert!(served > 0 && sent_away > 0, "{}", flood.answers);
        assert_eq!((served + sent_away, flood.answers.broken), (400, 0), "{}", flood.answers);

        program.stop();
        let placed = 40 + 20 + 5 + 12 + 6 + flood.answers.of(201);
        assert_eq!(town.count("orders", "1 = 1").await, placed);
        assert_eq!(town.breaches().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn nginx_is_asked_by_the_same_clients_where_it_is_installed() {
    let Some(nginx) = Nginx::start() else { return };
    let asked = nginx.file(Load::closed(4, LONG).at_most(40)).await;
    assert_eq!((asked.of(200), asked.broken), (40, 0), "{asked}");
}
