//! What is usual: the state behind derived fields, and the values it gives.
//!
//! While a scan reads, each worker notes compact facts in tables ([`Recorder`]): who was active when, which values were
//! seen on which day. Facts only say what the log says, so they can be noted in any order. When everything is read the
//! tables are joined ([`State`]), and for each record that a rule may still match the values are worked out from
//! what is strictly earlier. `rules/README.md` defines every value.

mod answer;
mod baseline;
pub mod extract;
mod lookup;
mod plan;
mod recorder;
mod rows;
mod spill;
mod state;
pub mod zone;

pub use answer::{Answer, Question, Value, days_between, local_hour, usual_day};
pub use baseline::{Baseline, BaselineError, Provenance};
pub use extract::{Origin, OriginFields};
pub use lookup::Extract;
pub use plan::{Plan, Table, Track};
pub use recorder::{Feed, Known, Recorder, Usual};
pub use spill::Spill;
pub use state::State;
