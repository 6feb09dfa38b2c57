//! Chance that can be repeated, and names that follow from it.

use payment::OutNo;
use uuid::Uuid;

/// Numbers that look random and follow from a seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
    /// Names made so far: later names are greater, as those of a real installation.
    named: u64,
}

impl Dice {
    /// The dice of `seed`.
    pub const fn of(seed: u64) -> Self {
        Self { state: seed, named: 0 }
    }

    /// Dice of their own for whatever is number `number`.
    pub const fn for_one(seed: u64, number: u64) -> Self {
        let mut dice = Self::of(seed ^ number.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.throw();
        dice
    }

    /// Any number.
    pub const fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub const fn between(&mut self, least: u64, most: u64) -> u64 {
        assert!(least <= most, "a range is not empty");
        least + self.throw() % (most - least + 1)
    }

    /// The same for places in lists.
    pub fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.throw() % (count as u64)).expect("a place is less than the count")
    }

    /// Whether something happens that happens so often in a thousand times.
    pub const fn is_hit(&mut self, per_mille: u64) -> bool {
        self.throw() % 1_000 < per_mille
    }

    /// One of the list, which is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.place(list.len())]
    }

    /// A name that is greater than every one before.
    pub const fn name(&mut self) -> Uuid {
        self.named += 1;
        Uuid::from_u64_pair(self.named << 16, self.throw())
    }

    /// A number at a gateway.
    pub fn out_no(&mut self) -> OutNo {
        out_no(self.name())
    }

    /// So many hexadecimal digits: half a name each sixteen.
    pub fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.throw(), self.throw())
    }
}

/// The number at a gateway that has the digits of this name.
pub(crate) fn out_no(name: Uuid) -> OutNo {
    let text = payment::IntentId::from_uuid(name).to_string();
    let (_, digits) = text.split_once('_').expect("an id has a prefix");
    OutNo::parse(digits).expect("ids and numbers have the same digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything() {
        let throws = |seed| {
            let mut dice = Dice::of(seed);
            (0..8).map(|_| dice.throw()).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert_ne!(Dice::for_one(7, 1).throw(), Dice::for_one(7, 2).throw());
    }

    #[test]
    fn names_ascend() {
        let mut dice = Dice::of(1);
        let names: Vec<Uuid> = (0..1_000).map(|_| dice.name()).collect();
        assert!(names.is_sorted());
        let numbers: Vec<OutNo> = names.into_iter().map(out_no).collect();
        assert!(numbers.is_sorted());
    }
}
