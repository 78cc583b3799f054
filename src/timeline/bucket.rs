//! From any number of events to a number of marks that can be drawn. Pure.

use crate::rule::Level;

/// An event on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where, in pixels.
    pub x: f64,
    /// Events that are called the same have the same number.
    pub name: u32,
    /// The highest level of its findings.
    pub level: Option<Level>,
}

/// Several events of one name beside each other, drawn as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Where the first is.
    pub from: f64,
    /// Where the last is.
    pub to: f64,
    /// What they are called.
    pub name: u32,
    /// The highest level among them.
    pub level: Option<Level>,
    /// How many there are.
    pub count: u64,
}

/// Events of a slice of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The slice's left edge.
    pub x: f64,
    /// How many there are.
    pub count: u64,
    /// How many have findings.
    pub found: u64,
    /// The highest level among them.
    pub level: Option<Level>,
}

/// Joins events of one name that are less than `near` from the one before. `points` are in order; so are the marks, by
/// their first event. Every event is in one mark.
pub fn marks(points: &[Point], near: f64) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    // The last mark of each name; names are few, and numbered from 0.
    let mut last: foldhash::HashMap<u32, usize> = foldhash::HashMap::default();
    for point in points {
        let open = last.get(&point.name).and_then(|&at| marks.get_mut(at));
        if let Some(mark) = open.filter(|mark| point.x - mark.to <= near) {
            mark.to = mark.to.max(point.x);
            mark.level = mark.level.max(point.level);
            mark.count += 1;
        } else {
            last.insert(point.name, marks.len());
            let Point { x, name, level } = *point;
            marks.push(Mark { from: x, to: x, name, level, count: 1 });
        }
    }
    marks
}

/// Counts events in slices of `width` pixels. Only slices with events are given, in order. Every event is in one slice.
pub fn buckets(points: &[Point], width: f64) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for point in points {
        let x = (point.x / width).floor() * width;
        let found = u64::from(point.level.is_some());
        match buckets.last_mut().filter(|bucket| bucket.x >= x) {
            Some(bucket) => {
                bucket.count += 1;
                bucket.found += found;
                bucket.level = bucket.level.max(point.level);
            }
            None => buckets.push(Bucket { x, count: 1, found, level: point.level }),
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level() -> impl Strategy<Value = Option<Level>> {
        prop::option::of(prop::sample::select(crate::output::LEVELS.to_vec()))
    }

    fn points() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((0.0..1000.0f64, 0u32..4, level()), 0..300).prop_map(|mut raw| {
            raw.sort_by(|one, other| one.0.total_cmp(&other.0));
            raw.into_iter().map(|(x, name, level)| Point { x, name, level }).collect()
        })
    }

    proptest! {
        #[test]
        fn no_event_is_lost(points in points(), near in 0.0..50.0f64, width in 0.5..50.0f64) {
            let marks = marks(&points, near);
            let buckets = buckets(&points, width);
            let all = points.len() as u64;
            let found = points.iter().filter(|point| point.level.is_some()).count() as u64;
            let highest = points.iter().map(|point| point.level).max().flatten();
            prop_assert_eq!(marks.iter().map(|mark| mark.count).sum::<u64>(), all);
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), all);
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.found).sum::<u64>(), found);
            prop_assert_eq!(marks.iter().map(|mark| mark.level).max().flatten(), highest);
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.level).max().flatten(), highest);
            for name in 0..4 {
                let named = |of: u32| of == name;
                let points = points.iter().filter(|point| named(point.name)).count() as u64;
                let marks: u64 = marks.iter().filter(|mark| named(mark.name)).map(|mark| mark.count).sum();
                prop_assert_eq!(points, marks);
            }
        }

        #[test]
        fn there_are_no_more_buckets_than_slices_and_they_are_in_order(points in points(), width in 1.0..50.0f64) {
            let buckets = buckets(&points, width);
            prop_assert!(buckets.len() as f64 <= (1000.0 / width).ceil() + 1.0);
            prop_assert!(buckets.windows(2).all(|pair| pair[0].x < pair[1].x));
        }

        #[test]
        fn marks_of_one_name_are_apart(points in points(), near in 0.0..50.0f64) {
            let marks = marks(&points, near);
            for (at, mark) in marks.iter().enumerate() {
                let next = marks[at + 1..].iter().find(|next| next.name == mark.name);
                prop_assert!(next.is_none_or(|next| next.from - mark.to > near));
            }
        }
    }
}
