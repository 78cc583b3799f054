//! Chosen values of every record as rows, for queries and charts: read by the same workers as findings.

use std::io;

use super::fields::ViewFields;
use super::program::ACTOR;
use super::unit::KeptRecord;
use crate::decode::Raw;
use crate::decode::fields::{FieldId, Got, View};
use crate::derive::extract;
use crate::event::time::Timestamp;

/// Which values are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Fields by their names in rules: ECS names, or keys and paths of the log itself.
    pub fields: Vec<String>,
    /// Records of this `user.email` alone, letters compared without case (ASCII).
    pub account: Option<String>,
    /// Whether the raw record is wanted too.
    pub raw: bool,
    /// For charts, where there may be millions of matches: rules that a record matches by itself are given with its row
    /// ([`Rows::matches`]), not to the sink; other findings have no reasons and digests; the ledger counts neither those
    /// rules' findings nor what a filter kept back.
    pub brief: bool,
}

/// Takes rows. Called from workers, side by side; units of an input come in any order, each once.
pub trait TakeRows: Sync {
    /// Takes the rows of a unit. An error ends the scan.
    ///
    /// # Errors
    /// They could not be taken.
    fn take(&self, rows: Rows) -> io::Result<()>;
}

/// The rows of one unit: a run of whole records of one input.
#[derive(Debug, Default)]
pub struct Rows {
    /// Index of the input among those of the ledger's order of reading; units of all inputs sort by it and by `number`.
    pub input: usize,
    /// The input's label.
    pub label: String,
    /// Name of its source.
    pub source: &'static str,
    /// Number of the unit in its input, from 0.
    pub number: u64,
    /// Records of the unit, wanted or not: added up, they give the numbers of records in the input.
    pub records: u64,
    /// Time of each row; `None` where the record has none that can be read.
    pub times: Vec<Option<Timestamp>>,
    /// Number of each row's record in the unit, from 1.
    pub numbers: Vec<u64>,
    /// Offset of each row's record in the decompressed input.
    pub offsets: Vec<u64>,
    /// Its bytes, without the line end.
    pub lengths: Vec<u64>,
    /// In the order of [`Projection::fields`].
    pub columns: Vec<Cells>,
    /// Raw records, where they were asked for. Bytes that are no UTF-8 are replaced.
    pub raw: Cells,
    /// Rows of the account that the scan asks for and rules that they match by themselves, by index into the loaded rules; in
    /// this order. See [`Projection::brief`].
    pub matches: Vec<(usize, usize)>,
}

/// One value for each row, as text or nothing.
///
/// Numbers keep the text of the log, booleans are `true` and `false`. Several values of one record are a JSON array of
/// texts. Nothing stands for what is absent or null, and for an object: its keys can be asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cells {
    text: String,
    /// For each row where its text ends, and whether it has one.
    ends: Vec<(usize, bool)>,
}

impl Cells {
    /// Rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let &(end, is_some) = self.ends.get(row)?;
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&(end, _)| end);
        is_some.then(|| self.text.get(start..end)).flatten()
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Adds a row.
    pub fn push(&mut self, value: Option<&str>) {
        self.text.push_str(value.unwrap_or_default());
        self.ends.push((self.text.len(), value.is_some()));
    }
}

impl Rows {
    /// Rows.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Adds a record, where it is wanted; whether it is.
    pub(super) fn add<V: View>(
        &mut self,
        wanted: &Projection,
        fields: &[(FieldId, bool)],
        of: &ViewFields<'_, V>,
        (kept, time): (KeptRecord, Option<Timestamp>),
        (many, scratch): (&mut Vec<Raw>, &mut String),
    ) -> bool {
        let view = of.view;
        if !wanted.account.as_ref().is_none_or(|account| is_of(view, account)) {
            return false;
        }
        self.times.push(time);
        self.numbers.push(kept.record);
        self.offsets.push(kept.offset);
        self.lengths.push(kept.length as u64);
        self.columns.resize(fields.len(), Cells::default());
        for ((cells, &(field, is_said)), name) in self.columns.iter_mut().zip(fields).zip(&wanted.fields) {
            match view.get(field, many) {
                Got::Absent if is_said => cells.push(of.meanings.first(of, name)),
                Got::Absent => cells.push(None),
                Got::One(raw) => cells.push(raw.scalar(view.block(), scratch).text()),
                Got::Many => cells.push(Some(&array(view.block(), many))),
            }
        }
        if wanted.raw {
            self.raw.push(Some(&String::from_utf8_lossy(of.record)));
        }
        true
    }
}

/// Whether this account did what a record tells; letters are compared without case (ASCII).
pub(super) fn is_of<V: View>(view: &V, account: &str) -> bool {
    extract::text(view, ACTOR, |actor| Some(actor.eq_ignore_ascii_case(account))) == Some(true)
}

fn array(block: &[u8], values: &[Raw]) -> String {
    let mut scratch = String::new();
    let texts = values.iter().map(|raw| raw.scalar(block, &mut scratch).text().map(str::to_owned));
    texts.collect::<serde_json::Value>().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;
    use crate::rule::Loaded;
    use crate::scan::{self, Config, Engine, Progress, ScanError};

    struct Quiet;

    impl Progress for Quiet {
        fn bytes(&self, _: u64) {}
        fn total(&self, _: Option<u64>) {}
    }

    struct NoFinding;

    impl crate::output::Sink for NoFinding {
        fn finding(&mut self, _: &crate::finding::Finding) -> io::Result<()> {
            Err(io::Error::other("nothing can be found without rules"))
        }
        fn finish(&mut self, _: &crate::output::Summary) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Units(Mutex<Vec<Rows>>);

    impl TakeRows for Units {
        fn take(&self, rows: Rows) -> io::Result<()> {
            self.0.lock().unwrap().push(rows);
            Ok(())
        }
    }

    struct Full;

    impl TakeRows for Full {
        fn take(&self, _: Rows) -> io::Result<()> {
            Err(io::Error::other("no more"))
        }
    }

    fn wanted(account: Option<&str>) -> Projection {
        let fields = ["user.email", "nested.list", "n", "gone", "obj"].map(str::to_owned).to_vec();
        Projection { fields, account: account.map(str::to_owned), raw: true, brief: false }
    }

    /// Label, number of the record, offset, the first digits of the time, cells, and the raw record.
    type Flat = (String, u64, u64, Option<i64>, Vec<Option<String>>, String);

    fn read(folder: &Path, projection: Projection, change: impl Fn(&mut Config)) -> Vec<Flat> {
        let mut config = Config::new(vec![folder.display().to_string()], Loaded::default());
        config.source = Some("json".to_owned());
        config.projection = Some(projection);
        change(&mut config);
        let units = Units::default();
        scan::read_rows(&config, &mut NoFinding, &units, &Quiet).unwrap();
        let mut units = units.0.into_inner().unwrap();
        units.sort_by_key(|rows| (rows.input, rows.number));
        let (mut flat, mut before, mut input) = (Vec::new(), 0, 0);
        for rows in units {
            if rows.input != input {
                (before, input) = (0, rows.input);
            }
            for row in 0..rows.len() {
                let cells = rows.columns.iter().map(|cells| cells.get(row).map(str::to_owned)).collect();
                let label = rows.label.rsplit('/').next().unwrap().to_owned();
                let time = rows.times[row].map(|time| time.nanos);
                let raw = rows.raw.get(row).unwrap().to_owned();
                assert_eq!(rows.lengths[row], raw.len() as u64);
                flat.push((label, before + rows.numbers[row], rows.offsets[row], time, cells, raw));
            }
            before += rows.records;
        }
        flat
    }

    fn put(folder: &Path, name: &str, text: &str) {
        File::create(folder.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn logs(folder: &Path) {
        let line = |n: u32| {
            let who = if n.is_multiple_of(3) { "Jane@x.example" } else { "bo@x.example" };
            format!(
                r#"{{"@timestamp":"2026-05-01T00:00:{:02}Z","user.email":"{who}","nested":{{"list":["a\n{n}",true,null]}},"n":{n}.50,"obj":{{"k":1}}}}"#,
                n % 60
            )
        };
        let lines: Vec<String> = (0..200).map(line).collect();
        put(folder, "a.ndjson", &format!("{}\n\nnot json\n", lines.join("\n")));
        put(folder, "b.json", &format!("[{}]", lines.join(", ")));
        let csv = "@timestamp,user.email,n\r\n2026-05-01T00:00:07Z,\"ja\"\"ne@x.example\",\r\n";
        put(folder, "c.csv", csv);
    }

    #[test]
    fn values_come_whatever_the_framing_and_the_cutting() {
        let folder = tempfile::tempdir().unwrap();
        logs(folder.path());
        let all = read(folder.path(), wanted(None), |_| {});
        assert_eq!(all.len(), 401);
        let (label, number, offset, time, cells, raw) = &all[3];
        assert_eq!((label.as_str(), *number, *time), ("a.ndjson", 4, Some(1_777_593_603_000_000_000)));
        let [who, list, n, gone, object] = &cells[..] else { panic!("{cells:?}") };
        assert_eq!(who.as_deref(), Some("Jane@x.example"));
        assert_eq!(list.as_deref(), Some(r#"["a\n3","true",null]"#));
        assert_eq!((n.as_deref(), gone, object), (Some("3.50"), &None, &None));
        let bytes = std::fs::read(folder.path().join("a.ndjson")).unwrap();
        assert!(bytes[usize::try_from(*offset).unwrap()..].starts_with(raw.as_bytes()));
        assert_eq!(all[203].4, *cells, "JSON array");
        assert_eq!(all[400].4[0].as_deref(), Some("ja\"ne@x.example"), "CSV");
        for (threads, chunk_size, engine) in
            [(1, 1, Engine::Fast), (2, 300, Engine::Fast), (3, 5_000, Engine::Strict)]
        {
            let again = read(folder.path(), wanted(None), |config| {
                (config.threads, config.chunk_size, config.engine) = (threads, chunk_size, engine);
            });
            assert!(again == all, "{threads} threads, chunks of {chunk_size}");
        }
    }

    #[test]
    fn one_account_and_its_times_alone_are_given_where_that_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        logs(folder.path());
        let own = read(folder.path(), wanted(Some("jANE@x.example")), |_| {});
        assert_eq!(own.len(), 2 * 67);
        assert!(own.iter().all(|row| row.4[0].as_deref() == Some("Jane@x.example")));
        assert_eq!(own[1].1, 4, "records of others count");
        let late = read(folder.path(), wanted(None), |config| {
            config.since = own[19].3.map(|nanos| Timestamp { nanos, digits: 0 });
        });
        assert!(late.iter().all(|row| row.3 >= own[19].3) && late.len() < 400);
    }

    #[test]
    fn rows_that_cannot_be_taken_end_the_scan() {
        let folder = tempfile::tempdir().unwrap();
        logs(folder.path());
        let mut config = Config::new(vec![folder.path().display().to_string()], Loaded::default());
        config.source = Some("json".to_owned());
        config.projection = Some(wanted(None));
        let ended = scan::read_rows(&config, &mut NoFinding, &Full, &Quiet);
        assert!(matches!(ended, Err(ScanError::Rows(error)) if error.to_string() == "no more"));
    }
}
