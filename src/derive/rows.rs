//! Rows of which nearly always the newest is asked for: it stands in place, the older ones behind a pointer. What costs
//! when facts are noted is waiting for memory.

/// Rows in the order in which they came.
#[derive(Debug)]
pub(super) struct Rows<T> {
    older: Vec<T>,
    newest: Option<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { older: Vec::new(), newest: None }
    }
}

impl<T: Copy> Rows<T> {
    /// The newest row.
    pub(super) fn newest(&mut self) -> Option<&mut T> {
        self.newest.as_mut()
    }

    /// Adds a row; how many bytes more that takes, about.
    pub(super) fn push(&mut self, row: T) -> usize {
        let Some(newest) = self.newest.replace(row) else { return size_of::<Self>() };
        self.older.push(newest);
        // Vectors grow by doubling.
        2 * size_of::<T>()
    }

    /// The oldest row.
    pub(super) fn first(&self) -> Option<&T> {
        self.older.first().or(self.newest.as_ref())
    }

    /// All rows, the newest first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = &T> {
        self.newest.iter().chain(self.older.iter().rev())
    }

    /// All rows.
    pub(super) fn into_vec(mut self) -> Vec<T> {
        self.older.extend(self.newest);
        self.older
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order() {
        let mut rows = Rows::default();
        assert_eq!((rows.first(), rows.newest()), (None, None));
        for number in 1..=3 {
            rows.push(number);
        }
        assert_eq!((rows.first(), rows.newest().copied()), (Some(&1), Some(3)));
        assert_eq!(rows.backwards().copied().collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(rows.into_vec(), [1, 2, 3]);
    }
}
