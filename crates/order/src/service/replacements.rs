//! What operators do about codes that do not work.

use kernel::TenantScope;
use lane::Answered;

use super::Orders;
use super::office::{check_key, written};
use crate::command::ReplaceCodes;
use crate::error::OrderError;
use crate::fulfil::REASON_CHARS_MAX;
use crate::model::OrderId;
use crate::replace::{ReplaceOf, ReplaceWish, Replaced};
use crate::repo;

impl Orders {
    /// Replaces cards of a delivered line by new ones of the same SKU, all of them or none. The same key is the same act; another
    /// one replaces the new cards.
    pub async fn replace_codes(
        &self,
        scope: &TenantScope,
        (order, wish): (OrderId, ReplaceWish),
        of: ReplaceOf,
        key: &str,
    ) -> Result<Answered<Vec<Replaced>>, OrderError> {
        check_key(key)?;
        let of = ReplaceOf { reason: written("reason", &of.reason, REASON_CHARS_MAX)?, ..of };
        let sku = {
            let tx = self.store.read(scope).await?;
            repo::sku_of_line_in(&tx, order, wish.line).await?
        };
        let answered = self.lanes.run(scope, ReplaceCodes { order, wish, sku, of, key: key.to_owned() }).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }
}
