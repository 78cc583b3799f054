//! A locked-out account's incident, its findings, and a bag of both.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::common::Place;
use crate::emulated::{Ran, VICTIM, World};

/// The time of all sealings.
pub const AT: &str = "2026-11-24T12:00:00Z";
pub const TICKET: &str = "T-4711";

/// What was sealed, once for all tests: nothing of it is changed.
pub struct Case {
    pub world: World,
    pub incident: String,
    pub bag: PathBuf,
    pub key: PathBuf,
}

pub static CASE: LazyLock<Case> = LazyLock::new(Case::new);

impl Case {
    fn new() -> Self {
        let world = World::new();
        let ran = world.run(&["lockdown", VICTIM, "--yes", "--json"]);
        assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
        let incident = world.incident();
        let place = &world.place;
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident/mixpanel-audit.ndjson");
        place.write("logs/audit.ndjson", &fs::read(fixture).unwrap());
        let args = [
            "scan",
            "logs",
            "--format",
            "jsonl",
            "-o",
            "findings.jsonl",
            "--ledger",
            "ledger.json",
            "--level",
            "high",
        ];
        assert_eq!(world.run(&args).code, 0);
        assert!(lines(&fs::read(place.path("findings.jsonl")).unwrap()).len() > 3);
        place.write("note.txt", b"a chart\n");
        assert_eq!(world.run(&["evidence", "key", "new", "-o", "evidence.pem"]).code, 0);
        let key = place.path("evidence.pub.pem");
        let mut case = Self { world, incident, bag: PathBuf::new(), key };
        let ran = case.seal("bags", &[]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        case.bag = case.world.place.path(&format!("bags/2026/{TICKET}"));
        case
    }

    /// Seals everything below this root.
    pub fn seal(&self, root: &str, more: &[&str]) -> Ran {
        let mut args = vec![
            "evidence",
            "seal",
            &self.incident,
            "--root",
            root,
            "--ticket",
            TICKET,
            "--key",
            "evidence.pem",
        ];
        args.extend([
            "--at",
            AT,
            "--by",
            "ada@acme.example",
            "--log",
            "logs",
            "--findings",
            "findings.jsonl",
        ]);
        args.extend(["--ledger", "ledger.json", "--file", "note.txt=note.txt"]);
        args.extend(more);
        self.run(&args)
    }

    /// One sealing at a time: each locks the incident, and another would be refused.
    pub fn run(&self, args: &[&str]) -> Ran {
        static SEALING: Mutex<()> = Mutex::new(());
        let _one = args.contains(&"seal").then(|| SEALING.lock().unwrap_or_else(PoisonError::into_inner));
        self.world.run(args)
    }

    /// A copy to do something to.
    pub fn copy(&self) -> Copy {
        let place = Place::new();
        let bag = place.path("bag");
        copy(&self.bag, &bag);
        Copy { _place: place, bag, key: self.key.clone() }
    }
}

pub struct Copy {
    _place: Place,
    pub bag: PathBuf,
    key: PathBuf,
}

impl Copy {
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.bag.join(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        write(&self.bag.join(name), bytes);
    }

    /// What `evidence check` says, without a key and with the right one: the same.
    pub fn check(&self) -> Ran {
        let bag = self.bag.to_str().unwrap();
        let without = CASE.run(&["evidence", "check", bag]);
        let with = CASE.run(&["evidence", "check", bag, "--key", self.key.to_str().unwrap()]);
        assert_eq!(with.code, without.code, "{}\n{}", with.err, without.err);
        without
    }

    /// It is refused, and both are said.
    pub fn refused(&self, file: &str, cause: &str) {
        let ran = self.check();
        let wanted = format!("error: {file}: ");
        assert!(
            ran.code == 3 && ran.err.contains(&wanted) && ran.err.contains(cause),
            "{file}, {cause}: {} {}",
            ran.out,
            ran.err
        );
        assert_eq!(ran.out, "");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test does what an attacker does")]
pub fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}

pub fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}
