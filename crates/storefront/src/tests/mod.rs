//! The pages as a browser meets them, on both databases.

mod buying;
mod fixture;
mod hosts;
mod looking;

use crate::route_list;

#[test]
fn every_route_has_the_policy_that_the_snapshot_says() {
    let list = route_list();
    let lines: Vec<String> =
        list.iter().map(|route| format!("{:<22} {:<6} {}", route.path, route.method, route.policy)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
