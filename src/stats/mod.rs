//! How often each account, action, address and hour is in logs: what there is, before anything is judged.

mod count;
mod write;

pub use count::{Count, Counter, Kind, MOST, Row, Stats};
pub use write::{Form, write};
