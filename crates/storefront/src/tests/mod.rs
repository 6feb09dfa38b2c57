//! The pages as a browser meets them, on both databases.

mod accounts;
mod browser;
mod browsing;
mod buying;
mod cached;
mod finding;
mod fixture;
mod fronts;
mod gateway;
mod guests;
mod hosts;
mod keys;
mod logs;
mod looking;
mod lookups;
mod patience;
mod persons;
mod prices;
mod promotion;
mod recharging;
mod registering;
mod shelves;
mod tiers;
mod wallets;
mod weights;

use crate::route_list;

#[test]
fn every_route_has_the_policy_that_the_snapshot_says() {
    let list = route_list();
    let lines: Vec<String> =
        list.iter().map(|route| format!("{:<33} {:<6} {}", route.path, route.method, route.policy)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
