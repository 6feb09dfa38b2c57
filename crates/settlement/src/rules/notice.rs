//! Whether new terms take something away.

use std::collections::BTreeSet;

use catalog::{Code, GoodsId};
use ledger::Side;

use crate::model::{TermTarget, Terms};

/// Whether anything could be settled later by `new` than by `old`.
pub fn pays_later(old: &Terms, new: &Terms) -> bool {
    let targets = || old.rules.iter().chain(&new.rules).map(|rule| &rule.target);
    let goods = targets().filter_map(|target| match target {
        TermTarget::Goods(goods) => Some(*goods),
        _ => None,
    });
    // Goods and levels that no rule is about stand for all others.
    let goods: BTreeSet<GoodsId> = goods.chain([GoodsId::new()]).collect();
    let levels = |side: Side| -> BTreeSet<Option<&str>> {
        let of = targets().filter_map(|target| match (side, target) {
            (Side::Site, TermTarget::SiteLevel(code)) | (Side::Agent, TermTarget::AgentLevel(code)) => {
                Some(Code::as_str(code))
            }
            _ => None,
        });
        of.map(Some).chain([None]).collect()
    };
    let is_later = |goods: GoodsId, side: Side, level: Option<&str>| {
        new.of(goods, side, level).may_be_later_than(old.of(goods, side, level))
    };
    [Side::Site, Side::Agent].into_iter().any(|side| {
        let levels = levels(side);
        goods.iter().any(|goods| levels.iter().any(|level| is_later(*goods, side, *level)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Term, TermRule};
    use proptest::prelude::*;

    fn code(number: u8) -> Code {
        Code::parse(&format!("level-{number}")).expect("a code")
    }

    fn goods(number: u8) -> GoodsId {
        GoodsId::from_uuid(uuid::Uuid::from_u128(u128::from(number) + 1))
    }

    fn terms() -> impl Strategy<Value = Terms> {
        let term = || (0u16..4).prop_map(Term::BusinessDays);
        let target = (0u8..3, 0u8..3).prop_map(|(kind, number)| match kind {
            0 => TermTarget::Goods(goods(number)),
            1 => TermTarget::AgentLevel(code(number)),
            _ => TermTarget::SiteLevel(code(number)),
        });
        let rules = prop::collection::vec((target, term()), 0..5);
        (term(), rules).prop_map(|(usual, rules)| {
            let mut terms = Terms { usual, rules: Vec::new() };
            for (target, term) in rules {
                if terms.rules.iter().all(|rule| rule.target != target) {
                    terms.rules.push(TermRule { target, term });
                }
            }
            terms
        })
    }

    proptest! {
        /// Exactly when some goods, side and level are settled later.
        #[test]
        fn terms_pay_later_if_they_do_so_for_anybody(old in terms(), new in terms()) {
            let levels: Vec<Option<String>> = (0..4).map(|number| (number < 3).then(|| code(number).to_string())).collect();
            let is_later = (0..4).any(|number| [Side::Site, Side::Agent].into_iter().any(|side| levels.iter().any(|level| {
                let of = |terms: &Terms| terms.of(goods(number), side, level.as_deref());
                let (Term::BusinessDays(new) | Term::Days(new), Term::BusinessDays(old) | Term::Days(old)) = (of(&new), of(&old));
                new > old
            })));
            prop_assert_eq!(pays_later(&old, &new), is_later);
            prop_assert!(!pays_later(&old, &old));
        }
    }
}
