//! Chance that can be repeated.

/// Numbers that look random and follow from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of `seed`.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for whoever is number `number`.
    pub fn for_one(&self, number: u64) -> Self {
        let mut other = Self(self.0 ^ number.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        other.throw();
        other
    }

    /// Any number.
    pub const fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub const fn between(&mut self, least: u64, most: u64) -> u64 {
        assert!(least <= most, "a range is not empty");
        least + self.throw() % (most - least + 1)
    }

    /// One of `choices`, as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        let sum = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.between(1, sum);
        for (weight, choice) in choices {
            if left <= *weight {
                return *choice;
            }
            left -= weight;
        }
        unreachable!("the weights sum up")
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.throw()));
        }
        text.truncate(digits);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything() {
        let throws =
            |seed| (0..8).map(|_| 0).scan(Dice::of(seed), |dice, _: u64| Some(dice.throw())).collect::<Vec<_>>();
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        let dice = Dice::of(7);
        assert_ne!(dice.for_one(1).throw(), dice.for_one(2).throw());
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let mut dice = Dice::of(1);
        assert!((0..1_000).map(|_| dice.between(3, 5)).all(|number| (3..=5).contains(&number)));
        assert!((0..100).all(|_| dice.weighted(&[(1, 'a'), (0, 'b'), (9, 'c')]) != 'b'));
        assert_eq!(dice.hex(64).len(), 64);
    }
}
