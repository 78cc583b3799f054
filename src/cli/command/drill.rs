//! `portcullis drill`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use clap::ValueEnum;

use crate::cli::error::{CliError, UNKNOWN};
use crate::cli::ui::Ui;
use crate::drill::emulator::generate::Setup;
use crate::drill::emulator::{Emulator, Faults, Switches, Tenant, attacker};
use crate::drill::practice;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::operation::Kind;
use crate::lockdown::step::GuidedProof;
use crate::synth::{self, Log, Options};
use crate::sys::clock::{Clock, System};
use crate::sys::fs::Pending;

const WEEK: i64 = 7 * 86_400;
/// Weeks of log before those that the made-up log has anyway: together a year.
const EARLIER: i64 = 41;
/// Records of each log besides the compromise.
const RECORDS: u64 = 40_000;
/// The tool's credentials at the tenant, for a shell.
const CREDENTIALS: &str = "credentials.env";
/// Address of the responder in the audit log.
const OFFICE: &str = "192.0.2.10";
/// Changing requests between two acts of the live attacker.
const EVERY: u64 = 4;

/// Practise the whole story against a tenant inside this program: scan, lock down, verify, chart, seal the evidence.
///
/// Needs no account, no set-up and no network: the tenant is an emulator on the loopback interface. It shows every command
/// that it runs; the configuration, logs and incident stay in a folder that it names at the end.
///
/// Examples:
///   portcullis drill
///   portcullis drill --attacker live --crash-at 40
///   portcullis drill --keep
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Seed of everything random: the same one gives the same tenant.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What the attacker does while the account is locked out.
    #[arg(long, value_enum, default_value_t = Attacker::Gone, value_name = "WHAT")]
    attacker: Attacker,
    /// Kill lockdown at this point (each write to the journal and each request is two), and let it go on.
    #[arg(long, value_name = "N")]
    crash_at: Option<u64>,
    /// Keep the tenant running at the end, to try commands against it, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Attacker {
    /// Nothing.
    Gone,
    /// Makes service accounts and exports as long as any of his credentials works.
    Live,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let started = Instant::now();
    let drill = Drill::begin(ui, args)?;
    let outcome = drill.play()?;
    ui.note(&format!(
        "\nDrill over in {:.0} s. Everything lies in {}",
        started.elapsed().as_secs_f64(),
        drill.folder.display()
    ));
    if args.keep {
        drill.stay()?;
    }
    Ok(outcome)
}

struct Drill<'a> {
    ui: &'a Ui,
    args: &'a Args,
    folder: PathBuf,
    program: PathBuf,
    emulator: Emulator,
    setup: Setup,
}

impl<'a> Drill<'a> {
    fn begin(ui: &'a Ui, args: &'a Args) -> Result<Self, CliError> {
        let folder = tempfile::Builder::new()
            .prefix("portcullis-drill-")
            .tempdir()
            .map_err(|e| cannot("make a folder", &e))?;
        let program = std::env::current_exe().map_err(|error| cannot("find this program", &error))?;
        let (tenant, setup): (Tenant, Setup) = practice::tenant(args.seed);
        let mut switches = Switches::default();
        (switches.network.latency_ms, switches.network.jitter_ms) = (15, 10);
        if args.attacker == Attacker::Live {
            switches.attacker.every = EVERY;
        }
        let emulator = Emulator::start(tenant, switches, Faults::default())
            .map_err(|error| cannot("start the tenant", &error))?;
        let drill = Self { ui, args, folder: folder.keep(), program, emulator, setup };
        drill.write_logs()?;
        drill.write("portcullis.toml", drill.configuration().as_bytes())?;
        drill.write(CREDENTIALS, drill.exports().as_bytes())?;
        drill.write("integrations.toml", drill.setup.inventory("vault").as_bytes())?;
        Ok(drill)
    }

    fn play(&self) -> Result<ExitCode, CliError> {
        self.chapter("1. What happened? A year of logs, through the rules");
        self.command(&["scan", "logs", "--level", "high", "--group", "incident"], None)?;
        self.chapter("2. Shut the account out");
        let account = self.setup.compromised.clone();
        self.lock_down(&["lockdown", &account, "--yes"])?;
        self.chapter("3. The new credential works for its consumers: what is quarantined can go");
        let kept = "scim=its boards and reports are kept";
        self.lock_down(&["lockdown", &account, "--yes", "--commit", "--skip", kept])?;
        self.chapter("4. People do what no API can, and a fresh export of the audit log proves it");
        let incidents = Incidents::new(&self.folder.join("incidents"));
        let Some(incident) = incidents.open_for(&account, Kind::Lockdown, &|_| {})? else {
            return Err(CliError::unknown("the lockdown left no incident"));
        };
        let code = self.prove(&incidents, &incident)?;
        self.after(&account);
        self.chapter("5. Chart it, report it, and seal the evidence");
        self.hand_over(&account, &incident)?;
        Ok(code)
    }

    /// Runs lockdown to its end: a crash point ends one run, and the same command goes on.
    fn lock_down(&self, words: &[&str]) -> Result<(), CliError> {
        let crash = self.args.crash_at;
        if self.command(words, crash)?.code().is_some() {
            return Ok(());
        }
        self.chapter("Killed, as asked. The same command goes on where it was");
        self.command(words, None).map(drop)
    }

    /// People's part: on the web page where it has one, by their word otherwise.
    fn prove(&self, incidents: &Incidents, incident: &str) -> Result<ExitCode, CliError> {
        let acted = self.emulator.ui(&self.setup.responder, OFFICE, |page| {
            practice::people_act(page)?;
            page.export_audit_log()
        });
        acted
            .map_err(|refused| CliError::usage(format!("the tenant refused what people do: {refused:?}")))?;
        self.write("logs/fresh-audit.ndjson", self.emulator.audit_log().as_bytes())?;
        let record = incidents.record(incident)?;
        let guided = record.guided.iter().enumerate();
        let attested = guided.filter(|(_, tracked)| {
            tracked.guided.required && tracked.done.is_none() && tracked.guided.proof == GuidedProof::Attested
        });
        let numbers: Vec<String> = attested.map(|(at, _)| (at + 1).to_string()).collect();
        let mut words = vec!["verify", incident, "--log", "logs/fresh-audit.ndjson"];
        words.extend(numbers.iter().flat_map(|number| ["--attest", number.as_str()]));
        if !numbers.is_empty() {
            words.extend(["--by", &self.setup.responder, "--note", "the drill's people did it"]);
        }
        let status = self.command(&words, None)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(UNKNOWN);
        Ok(ExitCode::from(code))
    }

    /// What a security lead and an auditor get.
    fn hand_over(&self, account: &str, incident: &str) -> Result<(), CliError> {
        let findings = ["scan", "logs", "--level", "medium", "--format", "jsonl", "-o", "findings.jsonl"];
        let bag = format!("bags/{}/{incident}", incident.split('-').next().unwrap_or_default());
        let seal = [
            "evidence",
            "seal",
            incident,
            "--root",
            "bags",
            "--key",
            "evidence.pem",
            "--by",
            &self.setup.responder,
            "--log",
            "logs",
            "--findings",
            "findings.jsonl",
            "--ledger",
            "ledger.json",
            "--file",
            "timeline.html=timeline.html",
            "--file",
            "report.html=report.html",
        ];
        let quiet = ["--ledger", "ledger.json", "--quiet"];
        for words in [
            &[
                "timeline",
                "logs",
                "--account",
                account,
                "--incident",
                incident,
                "-o",
                "timeline.html",
                "--quiet",
            ][..],
            &[
                "scan",
                "logs",
                "--level",
                "medium",
                "--format",
                "html",
                "--incident",
                incident,
                "-o",
                "report.html",
                "--quiet",
            ],
            &[&findings[..], &quiet].concat(),
            &["evidence", "key", "new", "-o", "evidence.pem"],
            &seal,
            &["evidence", "check", &bag, "--key", "evidence.pub.pem"],
        ] {
            let status = self.command(words, None)?;
            if !status.success() {
                return Err(CliError::usage(format!("`portcullis {}` failed", words.join(" "))));
            }
        }
        Ok(())
    }

    /// What the attacker got done, as only the tenant knows it.
    fn after(&self, account: &str) {
        if self.args.attacker != Attacker::Live {
            return;
        }
        let tenant = self.emulator.tenant();
        let tried = tenant.attacker.attempts.len();
        let made = attacker::successes(&tenant, attacker::CREATE);
        let exported = attacker::successes(&tenant, attacker::EXPORT);
        self.chapter(&format!(
            "The attacker, as only the tenant knows: {tried} attempts while {account} was shut out; {made} service \
             accounts made and {exported} exports before it was"
        ));
    }

    fn chapter(&self, title: &str) {
        self.ui.note(&format!("\n== {title}"));
    }

    /// Runs a command of this program as a user would.
    fn command(&self, words: &[&str], crash_at: Option<u64>) -> Result<ExitStatus, CliError> {
        self.ui.note(&format!("$ portcullis {}\n", words.join(" ")));
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.folder).envs(self.credentials());
        if let Some(at) = crash_at {
            command.env("PORTCULLIS_CRASH_AT", at.to_string());
        }
        command.status().map_err(|error| cannot("run this program", &error))
    }

    fn credentials(&self) -> Vec<(&'static str, OsString)> {
        let (username, secret) = &self.setup.service_account;
        vec![
            ("DRILL_MIXPANEL", format!("{username}:{secret}").into()),
            ("DRILL_OKTA", self.setup.okta_token.clone().into()),
            ("DRILL_SCIM", self.setup.scim_token.clone().into()),
            ("DRILL_VAULT", self.setup.vault_token.clone().into()),
        ]
    }

    /// For a shell: the same.
    fn exports(&self) -> String {
        self.credentials().into_iter().fold(String::new(), |all, (name, value)| {
            all + "export " + name + "='" + &value.to_string_lossy() + "'\n"
        })
    }

    fn configuration(&self) -> String {
        let url = |service: &str| self.emulator.base_url(service);
        format!(
            "responder = [\"{responder}\"]\nwait = \"20s\"\ninventory = \"integrations.toml\"\n\n\
             [provider.mixpanel]\nbase-url = \"{mixpanel}\"\ndata-url = \"{mixpanel}\"\ncredential = \"env:DRILL_MIXPANEL\"\n\
             organization = {organization}\nscim = true\nrequests-per-second = 50\nburst = 50\n\n\
             [provider.okta]\nbase-url = \"{okta}\"\ncredential = \"env:DRILL_OKTA\"\napp = \"{app}\"\nrequests-per-second = 50\n\n\
             [provider.scim]\nbase-url = \"{scim}/v2\"\ncredential = \"env:DRILL_SCIM\"\nrequests-per-second = 50\n\n\
             [store.vault]\nbase-url = \"{vault}\"\ncredential = \"env:DRILL_VAULT\"\nmount = \"{mount}\"\nrequests-per-second = 50\n",
            responder = self.setup.responder,
            organization = self.setup.organization,
            app = self.setup.okta_app,
            mount = self.setup.vault_mount,
            mixpanel = url("mixpanel"),
            okta = url("okta"),
            scim = url("scim"),
            vault = url("vault"),
        )
    }

    /// A year of both logs, up to the hour in which the responder sits down; the compromise was last Saturday night.
    fn write_logs(&self) -> Result<(), CliError> {
        let logs = self.folder.join("logs");
        std::fs::create_dir(&logs).map_err(|error| cannot("make a folder", &error))?;
        let now = System.now().nanos / 1_000_000_000;
        let end = synth::STORY_START + synth::BLOCKED;
        let shift = (now - end).div_euclid(WEEK) * WEEK;
        let options = Options {
            seed: self.args.seed,
            start: synth::START + shift - EARLIER * WEEK,
            story: synth::STORY_START + shift,
            until: end + shift,
            days: 366,
            people: 25,
            records: RECORDS,
            incident: true,
        };
        for (log, name) in [(Log::MixpanelNdjson, "mixpanel-audit.ndjson"), (Log::OktaNdjson, "okta.ndjson")]
        {
            let mut text = Vec::new();
            synth::write(log, &options, &mut text).map_err(|error| cannot("make a log", &error))?;
            self.write(&format!("logs/{name}"), &text)?;
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.folder.join(name);
        let failed = |error| cannot(&format!("write {}", path.display()), &error);
        let mut file = Pending::create_private(&path).map_err(failed)?;
        file.write_all(bytes).and_then(|()| file.finish(&path)).map_err(failed)
    }

    /// Leaves the tenant up until the user ends the program.
    fn stay(&self) -> Result<(), CliError> {
        self.ui.note("\nThe tenant is still there, until Ctrl-C. In another terminal:\n");
        self.ui.note(&format!("  cd {}", self.folder.display()));
        self.ui.note(&format!("  . ./{CREDENTIALS}\n  portcullis status"));
        crate::cli::incident::block_on(async { tokio::signal::ctrl_c().await })?
            .map_err(|error| cannot("wait", &error))
    }
}

fn cannot(what: &str, error: &std::io::Error) -> CliError {
    CliError::usage(format!("cannot {what}: {error}"))
}
