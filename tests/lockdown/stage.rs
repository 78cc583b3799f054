//! One emulated tenant, one folder, and the program run in it as often as needed.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::drill::configuration::Configuration;
use portcullis::drill::emulator::{Emulator, Faults, Switches, Tenant};
use portcullis::lockdown::journal;
use portcullis::lockdown::record::Record;
use portcullis::lockdown::store::file::create_identity;
use serde_json::Value;
use tempfile::TempDir;

use super::tenant::more_integrations;
use super::watch::Watch;

/// Time-outs short enough for thousands of faults, long enough for a busy machine.
const HTTP: &str = "[http]\ntimeout = \"400ms\"\ndeadline = \"900ms\"\nbackoff = \"2ms\"\n";
const FAST: &str = "requests-per-second = 1000\nburst = 1000";
/// How long proofs are asked for.
pub const WAIT: &str = "1s";

pub struct Stage {
    pub emulator: Arc<Emulator>,
    pub before: Tenant,
    pub watch: Arc<Watch>,
    pub account: String,
    pub environment: Vec<(String, String)>,
    /// The inventory as it was.
    pub inventory_before: String,
    folder: TempDir,
    /// Everything that was ever printed.
    said: Mutex<Vec<u8>>,
    pub runs: AtomicU64,
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// `None`: killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn points(&self) -> u64 {
        self.json()["crash_points"].as_u64().unwrap()
    }
}

impl Stage {
    pub fn new(tenant: Tenant, switches: Switches, faults: Faults) -> Self {
        Self::with(tenant, switches, faults, "")
    }

    /// `head`: more of the configuration, before its tables.
    pub fn with(tenant: Tenant, switches: Switches, faults: Faults, head: &str) -> Self {
        Self::paced(tenant, switches, faults, head, HTTP, FAST)
    }

    /// `http`: the table of time-outs; `each`: what stands in every instance, its limits.
    pub fn paced(
        tenant: Tenant,
        switches: Switches,
        faults: Faults,
        head: &str,
        http: &str,
        each: &str,
    ) -> Self {
        let (before, account) = (tenant.clone(), tenant.attacker.email.clone());
        let emulator = Arc::new(Emulator::start(tenant, switches.clone(), faults).unwrap());
        // In memory: it is synced thousands of times.
        let folder = if Path::new("/dev/shm").is_dir() {
            TempDir::new_in("/dev/shm").unwrap()
        } else {
            TempDir::new().unwrap()
        };
        let head = format!("max-objects = 5000\n{head}\n{http}");
        let configuration = Configuration::of(&emulator, &head, each);
        let put = |name: &str, text: &str| {
            File::create(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        };
        put("portcullis.toml", &configuration.portcullis);
        let inventory_before = configuration.integrations + &more_integrations(&before);
        put("integrations.toml", &inventory_before);
        create_identity(&folder.path().join("portcullis-identity.txt")).unwrap();
        let watch = Watch::begin(&emulator, folder.path().join("incidents"), switches);
        Self {
            emulator,
            before,
            watch,
            account,
            environment: configuration.environment,
            inventory_before,
            folder,
            said: Mutex::default(),
            runs: AtomicU64::new(0),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        File::create(self.path(name)).unwrap().write_all(bytes).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        self.place(&mut command);
        command.args(args);
        command
    }

    /// Puts a command into the folder, with the credentials in its environment.
    pub fn place(&self, command: &mut Command) {
        command.env_clear().envs(self.environment.clone()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs to the end, or to the point at which it is killed.
    pub fn run(&self, args: &[&str], crash: Option<u64>) -> Run {
        let mut command = self.command(args);
        if let Some(at) = crash {
            command.env("PORTCULLIS_CRASH_AT", at.to_string());
        }
        self.finish(command.spawn().unwrap())
    }

    /// Waits for a child, and for the emulator to have done what it was asked.
    pub fn finish(&self, child: Child) -> Run {
        // Whoever looks at the list of processes sees this. It is gone where the child was faster.
        let shown = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
        self.said.lock().unwrap().extend(shown);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        assert!(!status.core_dumped(), "a core was written, and holds every secret");
        assert!(self.emulator.settle(Duration::from_secs(20)), "the emulator does not come to rest");
        self.runs.fetch_add(1, Ordering::SeqCst);
        let mut said = self.said.lock().unwrap();
        said.extend(&stdout);
        said.extend(&stderr);
        Run {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    pub fn lockdown(&self, more: &[&str], crash: Option<u64>) -> Run {
        self.run(&self.lockdown_args(more), crash)
    }

    pub fn lockdown_args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["lockdown", self.account.as_str(), "--yes", "--json", "--wait", WAIT];
        args.extend(more);
        args
    }

    /// Any command that changes something.
    pub fn carry_out(&self, command: &[&str], crash: Option<u64>) -> Run {
        self.run(&[command, &["--yes", "--json", "--wait", WAIT]].concat(), crash)
    }

    /// A person vouches for every guided step that something waits for.
    pub fn attest_waiting(&self) -> Vec<String> {
        let record = self.record();
        let after = record.steps.values().flat_map(|tracked| tracked.step.after.clone());
        let mut open: Vec<String> = after.filter(|id| !record.is_done(id)).collect();
        open.sort();
        open.dedup();
        let incident = self.incident().expect("an incident");
        let mut args = vec!["verify", &incident, "--wait", WAIT, "--by", "ada@acme.example"];
        args.extend(open.iter().flat_map(|guided| ["--attest", guided]));
        if !open.is_empty() {
            self.run(&args, None);
        }
        open
    }

    /// A person vouches for everything that people have to do.
    pub fn attest_all(&self) {
        let open: Vec<String> = self
            .record()
            .guided
            .iter()
            .filter(|step| step.done.is_none())
            .map(|step| step.guided.id.clone())
            .collect();
        let incident = self.incident().expect("an incident");
        let mut args = vec!["verify", &incident, "--wait", WAIT, "--by", "ada@acme.example", "--without-log"];
        args.extend(open.iter().flat_map(|guided| ["--attest", guided]));
        self.run(&args, None);
    }

    /// Names of all incidents, the latest first.
    pub fn incidents(&self) -> Vec<String> {
        let folders = std::fs::read_dir(self.path("incidents")).unwrap();
        let mut names: Vec<String> =
            folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.reverse();
        names
    }

    /// The inventory as it is.
    pub fn inventory(&self) -> String {
        std::fs::read_to_string(self.path("integrations.toml")).unwrap()
    }

    pub fn restore(&self, crash: Option<u64>) -> Run {
        let incident = self.incident().expect("an incident");
        self.run(&["restore", &incident, "--yes", "--json", "--wait", WAIT], crash)
    }

    /// The name of the one incident that has a journal.
    pub fn incident(&self) -> Option<String> {
        let journal = journal_file(&self.path("incidents"))?;
        Some(journal.parent()?.file_name()?.to_str()?.to_owned())
    }

    /// The journal, its chain checked.
    pub fn journal(&self) -> Result<journal::Read, String> {
        let path = journal_file(&self.path("incidents")).ok_or("there is no journal")?;
        journal::read(&path).map_err(|error| error.to_string())
    }

    pub fn record(&self) -> Record {
        self.journal().unwrap().record
    }

    /// Everything that was printed or written.
    pub fn traces(&self) -> Vec<(String, Vec<u8>)> {
        let mut traces = vec![("output".to_owned(), self.said.lock().unwrap().clone())];
        let files = walkdir::WalkDir::new(self.folder.path()).into_iter().map(Result::unwrap);
        for file in files.filter(|file| file.file_type().is_file()) {
            let name = file.path().strip_prefix(self.folder.path()).unwrap().display().to_string();
            traces.push((name, std::fs::read(file.path()).unwrap()));
        }
        traces
    }

    /// Prints the journal and all requests: to see what became of one state.
    pub fn tell(&self) {
        for timed in self.journal().map(|read| read.entries).unwrap_or_default() {
            eprintln!("{} {}", timed.time, serde_json::to_string(&timed.entry).unwrap());
        }
        for request in self.emulator.requests() {
            eprintln!(
                "{} {:?} {} {} {}: {:?}{}",
                request.number,
                request.arrived,
                request.service,
                request.method,
                request.path,
                request.status,
                request.fault.map_or_else(String::new, |fault| format!(" ({fault})"))
            );
        }
    }

    /// Changing requests so far.
    pub fn changes(&self) -> u64 {
        self.emulator.requests().iter().filter(|request| request.changing).count() as u64
    }
}

/// The journal of the one incident below `incidents`.
pub fn journal_file(incidents: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(incidents).ok()?.map(|entry| entry.unwrap().path());
    folders.map(|folder| folder.join(journal::FILE)).find(|path| path.is_file())
}
