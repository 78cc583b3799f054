//! Rows of which nearly always the newest or the first is asked for: they stand in place, those between behind a pointer.
//! What costs when facts are noted is waiting for memory.

use super::recorder::push;

/// Rows in the order in which they came.
#[derive(Debug)]
pub(super) struct Rows<T> {
    first: Option<T>,
    between: Vec<T>,
    newest: Option<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { first: None, between: Vec::new(), newest: None }
    }
}

impl<T: Copy> Rows<T> {
    /// The newest row.
    pub(super) fn newest(&mut self) -> Option<&mut T> {
        self.newest.as_mut()
    }

    /// Adds a row; how many bytes more that takes.
    pub(super) fn push(&mut self, row: T) -> usize {
        let Some(newest) = self.newest.replace(row) else { return 0 };
        if self.first.is_none() {
            self.first = Some(newest);
            return 0;
        }
        push(&mut self.between, newest)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.between.len() + usize::from(self.newest.is_some())
    }

    /// The first row.
    pub(super) fn first(&self) -> Option<&T> {
        self.first.as_ref().or(self.newest.as_ref())
    }

    /// All rows, the newest first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = &T> {
        self.newest.iter().chain(self.between.iter().rev()).chain(&self.first)
    }

    /// Has these rows in place of its own.
    pub(super) fn replace(&mut self, mut rows: Vec<T>) {
        let newest = rows.pop();
        let first = if rows.is_empty() { None } else { Some(rows.remove(0)) };
        rows.shrink_to_fit();
        *self = Self { first, between: rows, newest };
    }

    /// Bytes beyond its own.
    pub(super) fn bytes(&self) -> usize {
        self.between.capacity() * size_of::<T>()
    }

    /// All rows.
    pub(super) fn all(self) -> impl Iterator<Item = T> {
        self.first.into_iter().chain(self.between).chain(self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order() {
        let mut rows = Rows::default();
        assert!(rows.first().is_none() && rows.newest().is_none());
        for number in 1..=3 {
            rows.push(number);
        }
        assert_eq!((rows.newest().copied(), rows.len()), (Some(3), 3));
        assert_eq!(rows.first(), Some(&1));
        assert_eq!(rows.backwards().copied().collect::<Vec<_>>(), [3, 2, 1]);
        for again in [vec![], vec![4], vec![4, 5], vec![4, 5, 6, 7]] {
            rows.replace(again.clone());
            assert_eq!((rows.len(), rows.first()), (again.len(), again.first()));
            assert_eq!(rows.newest().copied(), again.last().copied());
        }
        assert_eq!(rows.all().collect::<Vec<_>>(), [4, 5, 6, 7]);
    }
}
