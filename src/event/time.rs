//! Time as logs write it: read exactly or not at all.

/// An instant, with the number of fractional digits that the log gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Fractional digits of a second in the log, 0 to 9; printing keeps them.
    pub digits: u8,
}
