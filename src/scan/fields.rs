//! A view's fields by name, for the plain evaluation of rules and for the facts of a finding.

use crate::decode::Raw;
use crate::decode::fields::{FieldTable, Got, View};
use crate::event::{Fields, Scalar};
use crate::source::Meanings;

use super::program::Program;

/// A record of a scan, its fields by their names in rules.
pub struct ViewFields<'a, V> {
    /// The record.
    pub view: &'a V,
    /// The fields of the scan.
    pub table: &'a FieldTable,
    /// What the values of its source mean.
    pub meanings: &'a Meanings,
    /// The raw record.
    pub record: &'a [u8],
}

impl<'a, V: View> ViewFields<'a, V> {
    /// A record as a program reads it.
    pub fn new(view: &'a V, program: &'a Program, record: &'a [u8]) -> Self {
        Self { view, table: &program.table, meanings: &program.meanings, record }
    }
}

impl<V: View> ViewFields<'_, V> {
    fn each_of(&self, values: &[Raw], each: &mut dyn FnMut(Scalar<'_>)) {
        let mut scratch = String::new();
        for raw in values {
            each(raw.scalar(self.view.block(), &mut scratch));
        }
    }
}

impl<V: View> Fields for ViewFields<'_, V> {
    fn values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        self.meanings.values(self, name, each);
    }

    fn own_values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        let Some(field) = self.table.find(name) else { return };
        let mut many = Vec::new();
        match self.view.get(field, &mut many) {
            Got::Absent => {}
            Got::One(raw) => self.each_of(&[raw], each),
            Got::Many => self.each_of(&many, each),
        }
    }

    fn all_values(&self, each: &mut dyn FnMut(Scalar<'_>)) {
        let mut leaves = Vec::new();
        self.view.leaves(&mut leaves);
        self.each_of(&leaves, each);
        each(Scalar::Str(&String::from_utf8_lossy(self.record)));
    }
}
