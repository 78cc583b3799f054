//! JSON records, two ways: a strict walk, and structural templates that skip it for shapes seen before.
//!
//! **Invariant**: whatever a template accepts, the strict walk accepts with the same values. A template is a record
//! that the strict walk accepted, with holes where its values stood; a record fits when every byte outside the holes is
//! the same and every hole holds a valid value. A fuzz target and property tests hold the two together.

pub mod index;
pub mod page;
pub mod paths;
pub mod records;
pub mod shapes;
pub mod simd;
pub mod stream;
pub mod string;
pub mod template;
pub mod walk;

/// Deepest nesting that is read; deeper records are rejected.
pub const MAX_DEPTH: usize = 128;
