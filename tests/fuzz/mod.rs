//! What each fuzz target holds. The targets in `fuzz/` and the replay of their corpora share these.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each fuzz target uses one function, and says what is wrong by panicking"
)]

use std::path::Path;

use portcullis::decode::csv::{CsvFramer, Item, Layout, Marks, Records};
use portcullis::decode::fields::{FieldTable, Got, View};
use portcullis::decode::json::paths::Slot;
use portcullis::decode::json::records::{Decoder, Handler, Options, Span};
use portcullis::decode::json::simd::Isa;
use portcullis::decode::json::stream;
use portcullis::decode::json::walk::Fault;
use portcullis::decode::{Kind, PADDING, Raw};
use portcullis::event::time::{TimeOptions, TimeReader};
use portcullis::evidence::custody;
use portcullis::evidence::disclose::Disclosure;
use portcullis::evidence::envelope::Envelope;
use portcullis::evidence::key::PublicKey;
use portcullis::evidence::manifest::{self, Algorithm};
use portcullis::evidence::statement::Statement;
use portcullis::evidence::timestamp::Stamp;
use portcullis::finding::Finding;
use portcullis::output::{Sink, Summary};
use portcullis::rule::{Placeholders, load_embedded, parse_document};
use portcullis::scan::{self, Config, Progress};
use portcullis::source::SOURCES;
use portcullis::source::input::Limits;

#[derive(Default, PartialEq, Debug)]
struct Notes {
    items: Vec<String>,
    slots: std::collections::BTreeSet<Slot>,
    duplicates: u32,
    /// Lines that were read as records.
    records: Vec<(u32, u32)>,
}

impl Handler for Notes {
    fn record<V: View>(&mut self, span: Span, view: &V) {
        self.records.push((span.start, span.end));
        let mut many = Vec::new();
        let value = |raw: &Raw| format!("{:?} {:?}", raw.kind, raw.scalar(view.block(), &mut String::new()));
        for field in 0..4 {
            let got = match view.get(field, &mut many) {
                Got::Absent => vec![],
                Got::One(raw) => vec![value(&raw)],
                Got::Many => many.iter().map(value).collect(),
            };
            self.items.push(format!("{span:?} {field} {got:?}"));
        }
        let mut leaves = Vec::new();
        view.leaves(&mut leaves);
        leaves.retain(|raw| raw.kind != Kind::Container);
        self.items.push(format!("{leaves:?}"));
    }
    fn blank(&mut self, span: Span) {
        self.items.push(format!("{span:?} blank"));
    }
    fn rejected(&mut self, span: Span, fault: Fault) {
        self.items.push(format!("{span:?} {fault:?}"));
    }
    fn saw(&mut self, slot: Slot) {
        self.slots.insert(slot);
    }
    fn duplicate_keys(&mut self, count: u32) {
        self.duplicates += count;
    }
}

fn decode(data: &[u8], templates: bool, isa: Isa) -> Notes {
    let mut table = FieldTable::default();
    for (name, paths) in [("a", vec!["a"]), ("n", vec!["b.c", "d"]), ("d", vec!["d"]), ("e", vec!["e.f"])] {
        let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
        table.add(name, &paths);
    }
    let mut decoder = Decoder::new(Options { isa, templates, all_leaves: true, max_record: 1 << 16 });
    let mut block = data.to_vec();
    block.resize(data.len() + PADDING, b'"');
    let mut notes = Notes::default();
    decoder.begin();
    decoder.lines(&table, &block, data.len(), &mut notes);
    notes
}

/// Templates change nothing, on either instruction set; what is accepted is what `serde_json` accepts as an object.
pub fn json_lines(data: &[u8]) {
    // Every line twice, so that shapes learnt from the first are tried on the second.
    let doubled = [data, b"\n", data].concat();
    let strict = decode(&doubled, false, Isa::Portable);
    assert_eq!(decode(&doubled, true, Isa::Portable), strict);
    assert_eq!(decode(&doubled, true, Isa::Avx2), strict);
    let mut start = 0;
    for line in doubled.split(|&byte| byte == b'\n') {
        let end = start + line.len();
        let ours = strict.records.iter().any(|&(from, _)| from as usize == start);
        let theirs = serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.is_object());
        // serde_json stops at the same depth, but refuses numbers beyond f64.
        if theirs {
            assert!(ours, "{}", String::from_utf8_lossy(line));
        }
        start = end + 1;
    }
}

/// Pieces of any size are framed as the whole is, without pages and with those of every source.
pub fn json_stream(data: &[u8]) {
    framed(data, &stream::Framer::default);
    for path in SOURCES.iter().flat_map(|source| source.pages) {
        framed(data, &|| stream::Framer::pages(path));
    }
}

fn framed(data: &[u8], framer: &dyn Fn() -> stream::Framer) {
    let frame = |step: usize| {
        let mut framer = framer();
        let (mut all, mut base, mut fed) = (Vec::new(), 0, 0);
        loop {
            fed = (fed + step).min(data.len());
            let eof = fed == data.len();
            let framed = framer.cut(&data[base..fed], eof, 200);
            for item in framed.items {
                let (stream::Item::Record(range) | stream::Item::Rejected(range, _)) = &item;
                all.push((range.start + base, range.end + base, matches!(item, stream::Item::Record(_))));
            }
            base += framed.consumed;
            if eof {
                assert_eq!(base, data.len());
                return all;
            }
        }
    };
    let whole = frame(data.len().max(1));
    for step in [1, 3, 7, 64] {
        assert_eq!(frame(step), whole);
    }
}

/// Pieces of any size are read as the whole is, and every byte belongs to one item.
pub fn csv(data: &[u8]) {
    let layout = Layout { delimiter: b',', columns: 3, max_record: 4096 };
    let read = |step: usize| {
        let mut framer = CsvFramer::new(layout, Isa::Avx2);
        let (mut items, mut base, mut fed) = (Vec::new(), 0, 0);
        while base < data.len() {
            fed = (fed + step).min(data.len());
            let cut = framer.cut(&data[base..fed], fed == data.len());
            let mut block = data[base..base + cut].to_vec();
            block.resize(cut + PADDING, b'"');
            let mut marks = Marks::default();
            let mut records = Records::new(&block, cut, layout, Isa::Portable, &mut marks);
            let mut at = 0;
            while let Some(item) = records.next() {
                let (start, next, kind) = match item {
                    Item::Record { start, next, .. } => (start, next, "record"),
                    Item::Blank { start, next, .. } => (start, next, "blank"),
                    Item::Rejected { start, next, reason, .. } => (start, next, reason),
                };
                assert_eq!(start, at);
                at = next;
                items.push((base + start as usize, base + next as usize, kind));
            }
            assert_eq!(at as usize, cut);
            base += cut;
            if cut == 0 && fed == data.len() {
                break;
            }
        }
        items
    };
    // A line over the limit is the stream's to skip.
    if data.split(|&byte| byte == b'\n').any(|line| line.len() > 4000) {
        return;
    }
    let whole = read(data.len().max(1));
    for step in [1, 5, 64, 300] {
        assert_eq!(read(step), whole);
    }
}

/// A rule file is loaded or refused; what loads can be asked of any record.
pub fn rule(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let loaded = parse_document(Path::new("fuzz.yml"), text, &Placeholders::new());
    let record = serde_json::json!({"a": "x", "b": [1, {"c": null}], "f": "10.0.0.1"});
    for rule in &loaded.rules {
        let fields = portcullis::rule::sample::JsonFields::new(&record, &|name| vec![name.to_owned()]);
        assert_eq!(rule.matches(&fields), rule.explain(&fields).holds);
        rule.facts(&fields);
    }
}

/// A time that is read is written in a way that is read as the same.
pub fn time(data: &[u8]) {
    let reader = TimeReader::new(TimeOptions::default());
    if let Ok(time) = reader.read(data) {
        let text = time.to_rfc3339();
        assert_eq!(reader.read(text.as_bytes()), Ok(time), "{text}");
    }
}

struct Nobody;

impl Sink for Nobody {
    fn finding(&mut self, _: &Finding) -> std::io::Result<()> {
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}

impl Progress for Nobody {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

/// Any file can be scanned: archives, compressed streams, unknown formats; as what it is taken for, and as some source
/// of the registry, which the data choose. Bytes always balance.
pub fn scan(data: &[u8]) {
    scan_as(data, None);
    let sum = data.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    scan_as(data, SOURCES.get(sum % SOURCES.len()).map(|source| source.name));
}

fn scan_as(data: &[u8], source: Option<&str>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), data).unwrap();
    let config = Config {
        threads: 1,
        chunk_size: 4096,
        max_record: 8192,
        limits: Limits { max_expanded: 1 << 24, max_ratio: 200 },
        count_duplicates: true,
        source: source.map(str::to_owned),
        ..Config::new(vec![file.path().display().to_string()], load_embedded())
    };
    let ledger = scan::run(&config, &mut Nobody, &Nobody).unwrap();
    assert!(ledger.check().is_ok());
}

/// What somebody else may hand over as evidence: manifest, envelope, statement, custody log, key, time stamp, disclosure; the
/// first byte says which. What is accepted is written again as it was understood, and understood in the same way.
pub fn evidence(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 7 {
        0 => {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let Ok(manifest) = manifest::parse(bytes, algorithm) else { continue };
                let again = manifest::parse(manifest::render(&manifest).as_bytes(), algorithm);
                assert!(again.is_ok_and(|again| again == manifest), "a manifest changes its meaning");
            }
        }
        1 => {
            if let Ok(envelope) = Envelope::from_bytes(bytes) {
                let again = Envelope::from_bytes(&envelope.to_bytes());
                assert!(again.is_ok_and(|again| again.to_bytes() == envelope.to_bytes()));
            }
        }
        2 => {
            if let Ok(statement) = Statement::from_bytes(bytes) {
                let again = Statement::from_bytes(&statement.to_bytes());
                assert!(again.is_ok_and(|again| again.to_bytes() == statement.to_bytes()));
            }
        }
        3 => {
            let key = PublicKey::from_pem(KEY.as_bytes()).unwrap();
            // The first entry has to carry the digest of a seal that nobody can name.
            let log = custody::Log::parse(bytes, b"seal", key);
            assert!(log.is_err() || bytes.is_empty(), "the custody log of another seal");
        }
        4 => {
            for key in [PublicKey::from_pem(bytes), PublicKey::from_der(bytes)].into_iter().flatten() {
                assert_eq!(PublicKey::from_der(&key.to_der()).map(|again| again.id()), Some(key.id()));
            }
        }
        5 => drop(Stamp::parse(bytes)),
        _ => drop(Disclosure::check(bytes, None, "finding.json")),
    }
}

/// A key whose private half was thrown away.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAQkTwsAjJr2SoH70IELQlNG4tobt2dpfsKovpcqrgc0E=
-----END PUBLIC KEY-----
";
