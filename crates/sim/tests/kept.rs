//! Seeds that once found something. Each is run as far as it took to find it, and says what it was.

use sim::{Mutation, Plan};

/// Seed, world and steps, and what was found there.
const KEPT: [(u64, u64, &str); 2] = [
    (6, 5_000, "a caller who asked again behind a misuse of his key in the same batch was told that his key is used"),
    (3, 3_000, "a second late trade of one number was taken for placed when the gateway had confirmed the first one"),
];

#[test]
fn what_was_found_once_is_not_found_again() {
    for (seed, steps, what) in KEPT {
        let plan = Plan { mutation: Mutation::None, ..Plan::new(seed, steps) };
        if let Err(failure) = plan.run() {
            panic!("{what}: {failure}");
        }
    }
}
