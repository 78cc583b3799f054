//! Room for labels: none is put where another is.

use super::scene::Bounds;

/// What is taken.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    boxes: Vec<Bounds>,
}

impl Taken {
    /// Whether a box meets nothing that is taken.
    pub fn is_free(&self, bounds: &Bounds) -> bool {
        self.boxes.iter().all(|taken| !taken.meets(bounds))
    }

    /// Takes a box.
    pub fn take(&mut self, bounds: Bounds) {
        self.boxes.push(bounds);
    }

    /// Takes the first of `candidates` that is free.
    pub fn first<T>(&mut self, candidates: impl IntoIterator<Item = (Bounds, T)>) -> Option<T> {
        let (bounds, what) = candidates.into_iter().find(|(bounds, _)| self.is_free(bounds))?;
        self.take(bounds);
        Some(what)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_placed_does_not_meet(wanted in prop::collection::vec((0.0..900.0f64, 5.0..200.0f64), 0..80)) {
            let mut taken = Taken::default();
            for (x, width) in wanted {
                let rows = (0..4).map(|row| {
                    let top = f64::from(row) * 14.0;
                    (Bounds { left: x, top, right: x + width, bottom: top + 14.0 }, row)
                });
                taken.first(rows);
            }
            for (at, one) in taken.boxes.iter().enumerate() {
                prop_assert!(taken.boxes[at + 1..].iter().all(|other| !one.meets(other)));
            }
        }
    }
}
