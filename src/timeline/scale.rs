//! The time axis: the same pixels for the same time everywhere, long silences cut out and marked.

use super::clock::{Clock, DAY, HOUR, MINUTE, SECOND};

/// A stretch of time that is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// The first nanosecond.
    pub from: i64,
    /// The last nanosecond.
    pub to: i64,
    /// Where it begins on the page.
    pub left: f64,
    /// Where it ends on the page.
    pub right: f64,
}

/// A silence that is not drawn to scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Break {
    /// The last nanosecond before it.
    pub from: i64,
    /// The first nanosecond after it.
    pub to: i64,
    /// Where it begins on the page.
    pub left: f64,
    /// Where it ends on the page.
    pub right: f64,
}

/// From times to places on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pieces: Vec<Piece>,
}

/// A place on the axis that has a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where.
    pub x: f64,
    /// `03:00`; a date where days are ticks.
    pub text: String,
    /// The day, at the first tick of it in its piece.
    pub day: Option<String>,
}

/// How wide a silence is drawn.
const BREAK: f64 = 76.0;
/// Most silences.
const MOST: usize = 4;
/// Less than this is drawn to scale.
const SHORTEST: i64 = 30 * MINUTE;

impl Scale {
    /// Over `moments`, which are in order and at least one. What lies between two of them is cut out where it is more than a
    /// third of what is left without other cuts.
    pub fn of(moments: &[i64], left: f64, right: f64) -> Self {
        let (first, last) = (moments.first().copied().unwrap_or(0), moments.last().copied().unwrap_or(0));
        let silences = silences(moments);
        let cut: i128 = silences.iter().map(|&(from, to)| span(from, to)).sum();
        let drawn = span(first, last) - cut;
        // Room before and after every piece, so that nothing stands on its edge.
        let pad = i64::try_from(drawn / 40).unwrap_or(i64::MAX).clamp(MINUTE, 12 * HOUR);
        let starts = std::iter::once(first).chain(silences.iter().map(|&(_, to)| to));
        let ends = silences.iter().map(|&(from, _)| from).chain(std::iter::once(last));
        let pieces: Vec<(i64, i64)> =
            starts.zip(ends).map(|(from, to)| (from.saturating_sub(pad), to.saturating_add(pad))).collect();
        let total: i128 = pieces.iter().map(|&(from, to)| span(from, to)).sum();
        let room = (right - left - BREAK * silences.len() as f64).max(1.0);
        let mut at = left;
        let place = |(from, to): (i64, i64)| {
            let width = room * span(from, to) as f64 / total.max(1) as f64;
            let piece = Piece { from, to, left: at, right: at + width };
            at += width + BREAK;
            piece
        };
        Self { pieces: pieces.into_iter().map(place).collect() }
    }

    /// What is drawn to scale.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What is cut out.
    pub fn breaks(&self) -> impl Iterator<Item = Break> + '_ {
        self.pieces.iter().zip(self.pieces.iter().skip(1)).map(|(before, after)| Break {
            from: before.to,
            to: after.from,
            left: before.right,
            right: after.left,
        })
    }

    /// The first and last nanosecond.
    pub fn span(&self) -> (i64, i64) {
        let first = self.pieces.first().map_or(0, |piece| piece.from);
        (first, self.pieces.last().map_or(0, |piece| piece.to))
    }

    /// Where a time is; `None` where it is cut out or beyond the ends.
    pub fn x(&self, nanos: i64) -> Option<f64> {
        let piece = self.pieces.iter().find(|piece| (piece.from..=piece.to).contains(&nanos))?;
        let share = span(piece.from, nanos) as f64 / span(piece.from, piece.to).max(1) as f64;
        Some(piece.left + share * (piece.right - piece.left))
    }

    /// Ticks, each piece's with `room` pixels for a text.
    pub fn ticks(&self, clock: &Clock, room: f64) -> Vec<Tick> {
        let nanos: i128 = self.pieces.iter().map(|piece| span(piece.from, piece.to)).sum();
        let pixels: f64 = self.pieces.iter().map(|piece| piece.right - piece.left).sum();
        let least = nanos as f64 / pixels.max(1.0) * room;
        let step = STEPS.iter().copied().find(|step| *step as f64 >= least).unwrap_or(364 * DAY);
        self.pieces.iter().flat_map(|piece| piece_ticks(piece, clock, step)).collect()
    }
}

/// Steps between ticks that people count in.
const STEPS: [i64; 22] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
];

/// Most ticks of a piece, whatever happens.
const MOST_TICKS: i64 = 400;

fn piece_ticks(piece: &Piece, clock: &Clock, step: i64) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    let mut day = None;
    let first = piece.from.saturating_add(clock.offset(piece.from)).div_euclid(step);
    for at in first..=first.saturating_add(MOST_TICKS) {
        let local = at.saturating_mul(step);
        let nanos = local.saturating_sub(clock.offset(local.saturating_sub(clock.offset(local))));
        if nanos > piece.to {
            break;
        }
        if nanos < piece.from {
            continue;
        }
        let share = span(piece.from, nanos) as f64 / span(piece.from, piece.to).max(1) as f64;
        let today = clock.local(nanos).day;
        let text = match step {
            DAY.. => clock.date(nanos),
            MINUTE.. => clock.minute(nanos),
            _ => clock.second(nanos),
        };
        let named = (step < DAY && day != Some(today)).then(|| clock.weekday(nanos));
        day = Some(today);
        ticks.push(Tick { x: piece.left + share * (piece.right - piece.left), text, day: named });
    }
    ticks
}

/// Gaps to cut out, in order.
fn silences(moments: &[i64]) -> Vec<(i64, i64)> {
    let mut gaps: Vec<(i64, i64)> =
        moments.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect();
    gaps.sort_by_key(|&(from, to)| (std::cmp::Reverse(span(from, to)), from));
    let mut left = moments.first().zip(moments.last()).map_or(0, |(first, last)| span(*first, *last));
    let mut cut = Vec::new();
    for (from, to) in gaps.into_iter().take(MOST) {
        let gap = span(from, to);
        if gap <= i128::from(SHORTEST) || gap <= left / 3 {
            break;
        }
        left -= gap;
        cut.push((from, to));
    }
    cut.sort_unstable();
    cut
}

fn span(from: i64, to: i64) -> i128 {
    (i128::from(to) - i128::from(from)).max(0)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    /// 2026-10-24T01:00:00Z.
    const NIGHT: i64 = 1_792_803_600 * SECOND;

    #[test]
    fn a_long_silence_is_cut_out_and_both_sides_have_one_scale() {
        let minutes = (0..=120).step_by(10).chain([470, 480]);
        let moments: Vec<i64> = minutes.map(|minute| NIGHT + minute * MINUTE).collect();
        let scale = Scale::of(&moments, 100.0, 1100.0);
        let [one, two] = scale.pieces() else { panic!("{scale:?}") };
        let rate = |piece: &Piece| (piece.right - piece.left) / (piece.to - piece.from) as f64;
        assert!((rate(one) / rate(two) - 1.0).abs() < 1e-9);
        let silences: Vec<Break> = scale.breaks().collect();
        assert_eq!(silences.len(), 1);
        assert!((one.left, two.right) == (100.0, 1100.0));
        assert!(scale.x(NIGHT + 300 * MINUTE).is_none() && scale.x(NIGHT - DAY).is_none());
        assert!(scale.x(NIGHT).unwrap() > 100.0 && scale.x(moments[moments.len() - 1]).unwrap() < 1100.0);
    }

    #[test]
    fn ticks_are_round_times_of_the_zone() {
        let moments: Vec<i64> = (0..=120).step_by(10).map(|minute| NIGHT + minute * MINUTE).collect();
        let kolkata = Clock::new(TimeZone::get("Asia/Kolkata").unwrap());
        let ticks = Scale::of(&moments, 0.0, 1000.0).ticks(&kolkata, 50.0);
        let texts: Vec<&str> = ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(texts[..3], ["06:30", "06:40", "06:50"]);
        assert_eq!(ticks[0].day.as_deref(), Some("Sat 24 Oct"));
        assert!(ticks[1..].iter().all(|tick| tick.day.is_none()));
    }

    proptest! {
        #[test]
        fn any_moments_give_places_in_order_and_few_ticks(mut moments in prop::collection::vec(any::<i64>(), 1..30)) {
            moments.sort_unstable();
            let scale = Scale::of(&moments, 50.0, 950.0);
            let places: Vec<f64> = moments.iter().map(|moment| scale.x(*moment).unwrap()).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(places.iter().all(|x| (50.0..=950.0).contains(x)));
            let ticks = scale.ticks(&Clock::new(TimeZone::UTC), 40.0);
            prop_assert!(ticks.len() <= usize::try_from(MOST_TICKS * 6).unwrap());
        }

        #[test]
        fn ticks_are_apart(minutes in prop::collection::vec(0i64..100_000, 1..20)) {
            let mut moments: Vec<i64> = minutes.iter().map(|minute| NIGHT + minute * MINUTE).collect();
            moments.sort_unstable();
            let berlin = Clock::new(TimeZone::get("Europe/Berlin").unwrap());
            let scale = Scale::of(&moments, 50.0, 950.0);
            for piece in scale.pieces() {
                let ticks = scale.ticks(&berlin, 40.0);
                let inside: Vec<f64> =
                    ticks.iter().map(|tick| tick.x).filter(|x| (piece.left..=piece.right).contains(x)).collect();
                // The change of summer time may bring two ticks nearer.
                prop_assert!(inside.windows(2).all(|pair| pair[1] > pair[0]));
            }
        }
    }
}
