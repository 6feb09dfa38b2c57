//! One site as its own people see it: nothing of a site above, beside or below it but what it buys and sells for.

pub(crate) mod channels;
pub(crate) mod goods;
pub(crate) mod ledger;
pub(crate) mod prices;
pub(crate) mod profile;
pub(crate) mod withdrawals;
