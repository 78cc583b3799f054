//! For data tools: Parquet, one row a finding.

use std::io::{self, Write};

use polars::prelude::{DataFrame, ParquetWriter};

use super::columns::FindingColumns;
use super::{Format, Options, Sink, Summary};
use crate::finding::Finding;

/// See the module.
pub const FORMAT: Format = Format {
    name: "parquet",
    description: "for data tools: one row a finding; needs --output",
    open: |out, _: Options| Box::new(Parquet { out, columns: FindingColumns::default() }),
    open_grouped: None,
};

struct Parquet<'a> {
    out: Box<dyn Write + 'a>,
    columns: FindingColumns,
}

impl Sink for Parquet<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.columns.push(finding);
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        let mut frame = std::mem::take(&mut self.columns).frame().map_err(io::Error::other)?;
        write(&mut self.out, &mut frame)
    }
}

/// Writes a table. The same table gives the same bytes.
///
/// # Errors
/// It cannot be written.
pub fn write(out: &mut dyn Write, frame: &mut DataFrame) -> io::Result<()> {
    // Writers hold back what is not a whole page, and know where they stand by what they wrote.
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(frame).map_err(io::Error::other)?;
    out.write_all(&bytes)?;
    out.flush()
}
