//! What a part keeps of a row while a batch is decided.

/// A row as a batch knows it: as it was read or made, with what earlier commands of the batch did to it.
#[derive(Debug)]
pub struct Known<T> {
    /// The row by now.
    pub value: T,
    is_new: bool,
    is_changed: bool,
}

impl<T> Known<T> {
    /// A row that was read.
    pub const fn read(value: T) -> Self {
        Self { value, is_new: false, is_changed: false }
    }

    /// A row that this batch makes.
    pub const fn new(value: T) -> Self {
        Self { value, is_new: true, is_changed: false }
    }

    /// Changes the row, and notes that it is to be written.
    pub fn change(&mut self, change: impl FnOnce(&mut T)) {
        change(&mut self.value);
        self.is_changed = true;
    }

    /// Whether the batch has made or changed it.
    pub const fn is_news(&self) -> bool {
        self.is_new || self.is_changed
    }
}

/// The rows that are new, and those that were there and have changed, in their order.
pub fn news<'a, K: 'a, T: 'a>(rows: impl IntoIterator<Item = (&'a K, &'a Known<T>)>) -> (Vec<&'a T>, Vec<&'a T>) {
    let written = rows.into_iter().map(|(_, known)| known).filter(|known| known.is_news());
    let (new, changed): (Vec<&Known<T>>, Vec<&Known<T>>) = written.partition(|known| known.is_new);
    let values = |rows: Vec<&'a Known<T>>| rows.into_iter().map(|known| &known.value).collect();
    (values(new), values(changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_made_is_new_whatever_happens_to_it_and_what_was_read_is_written_if_it_changed() {
        let mut rows =
            BTreeMap::from([(1, Known::read("a")), (2, Known::new("b")), (3, Known::read("c")), (4, Known::new("d"))]);
        for key in [2, 3] {
            rows.get_mut(&key).expect("it is there").change(|value| *value = "x");
        }
        assert_eq!(news(&rows), (vec![&"x", &"d"], vec![&"x"]));
        assert_eq!(rows.values().filter(|known| known.is_news()).count(), 3);
    }
}
