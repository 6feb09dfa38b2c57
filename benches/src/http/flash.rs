//! A crowd that comes for a few pieces.

use super::answers::Answers;
use super::drive::Load;
use super::orders::{Wares, buy};
use super::program::Program;
use super::town::Town;

/// Buyers of the first shop want what is rare ([`Town::stock_rare`]): 201 for whoever gets a piece, and for everybody
/// else that it is sold out.
pub async fn flash_sale(town: &Town, program: &Program, load: Load) -> Answers {
    buy(town, program, load, Wares::Rare).await
}
