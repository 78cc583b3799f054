//! `portcullis evidence`.

mod check;
mod seal;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::cli::ui::{Ui, print};
use crate::cli::value;
use crate::event::time::Timestamp;
use crate::evidence::custody::Note;
use crate::evidence::disclose::Disclosure;
use crate::evidence::key::{self, PublicKey, SigningKey};
use crate::evidence::{hand, timestamp};
use crate::sys::clock::{Clock as _, System};
use crate::sys::fs::{Pending, read_plain_up_to};

/// Seal an incident as evidence, check it, hand it over.
///
/// Exit codes: 0 good, 2 bad usage or nothing could be written, 3 the bag or disclosure is wrong, 6 the incident is being worked on.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the key that seals.
    #[command(subcommand)]
    Key(Key),
    Seal(Box<seal::Args>),
    Check(check::Args),
    /// Note who has a bag now. Entries are appended and never rewritten.
    ///
    /// Keep the digest that it prints: only with it `evidence check --head` can tell later that no entry was cut off the end.
    ///
    /// Examples:
    ///   portcullis evidence custody bags/2026/T-4711 --add "handed to Ellis Auditors" --by ada@acme.example --key evidence.pem
    #[command(verbatim_doc_comment)]
    Custody {
        /// The bag's folder.
        bag: PathBuf,
        /// What happened.
        #[arg(long, value_name = "TEXT")]
        add: String,
        /// Whose key may write entries from now on: the public key of whoever gets the bag.
        #[arg(long, value_name = "PUB.pem")]
        admit: Option<PathBuf>,
        #[command(flatten)]
        hand: Hand,
    },
    /// Add the answer of a time-stamp authority (RFC 3161) to a bag.
    ///
    /// Ask for it with: openssl ts -query -data BAG/seal/envelope.json -sha256 -cert -out request.tsq
    /// The authority's signature is not looked at: `openssl ts -verify` does that, see VERIFY.md in the bag.
    ///
    /// Examples:
    ///   portcullis evidence stamp bags/2026/T-4711 answer.tsr --by ada@acme.example --key evidence.pem
    #[command(verbatim_doc_comment)]
    Stamp {
        /// The bag's folder.
        bag: PathBuf,
        /// The answer.
        answer: PathBuf,
        #[command(flatten)]
        hand: Hand,
    },
    /// Give one finding with its proof and nothing else of the bag.
    ///
    /// `evidence check FILE.json` verifies it. The seal comes along: it names the incident and counts, and no other content.
    ///
    /// Examples:
    ///   portcullis evidence disclose bags/2026/T-4711 12 -o finding-12.json
    #[command(verbatim_doc_comment)]
    Disclose {
        /// The bag's folder.
        bag: PathBuf,
        /// The finding: its line in data/findings.jsonl, from 1.
        finding: u64,
        /// Where it is written; must not be there yet.
        #[arg(short, long, value_name = "FILE.json")]
        output: PathBuf,
        /// The public key that the bag should be sealed with.
        #[arg(long, value_name = "PUB.pem")]
        key: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Subcommand)]
enum Key {
    /// Make an Ed25519 key: a private file (mode 0600) and a public one beside it. Neither is ever overwritten.
    ///
    /// Print the key's number where auditors find it by another way than the bag: a seal is worth what its key is.
    ///
    /// Examples:
    ///   portcullis evidence key new -o evidence.pem
    #[command(verbatim_doc_comment)]
    New {
        /// The private key's file; the public one is FILE with `.pub.pem` at its end.
        #[arg(short, long, value_name = "FILE", default_value = "portcullis-evidence.pem")]
        output: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Hand {
    /// Who does it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The private key: that of the seal, or one that an earlier entry admits.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// When; else now.
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    at: Option<Timestamp>,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::Key(Key::New { output }) => new_key(output),
        Command::Seal(args) => seal::run(ui, args),
        Command::Check(args) => check::run(ui, args),
        Command::Custody { bag, add, admit, hand } => {
            let admits = admit.as_deref().map(PublicKey::read).transpose()?;
            let note = Note { by: hand.by.clone(), what: add.clone(), adds: None, admits };
            let key = SigningKey::read(&hand.key)?;
            noted(ui, &hand::note(bag, &note, time(hand.at), &key)?)
        }
        Command::Stamp { bag, answer, hand } => {
            let (bytes, key) = (read(answer, timestamp::LARGEST)?, SigningKey::read(&hand.key)?);
            noted(ui, &hand::stamp(bag, &bytes, &hand.by, time(hand.at), &key)?)
        }
        Command::Disclose { bag, finding, output, key } => {
            disclose(ui, bag, *finding, output, key.as_deref())
        }
    }
}

fn time(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(|| System.now())
}

/// A whole file of at most `limit` bytes.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::usage(format!("cannot read {}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(failed)?;
    let bytes = read_plain_up_to(file, limit).map_err(failed)?;
    bytes.ok_or_else(|| CliError::usage(format!("{} is larger than {limit} bytes", path.display())))
}

fn new_key(path: &Path) -> Result<ExitCode, CliError> {
    let public = key::create(path)?;
    print(&format!(
        "private key  {}\npublic key   {}\nkey          {}\n",
        path.display(),
        key::beside(path).display(),
        public.id()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn noted(ui: &Ui, noted: &hand::Noted) -> Result<ExitCode, CliError> {
    if noted.cut {
        ui.warn("an entry that was not finished was cut off the end of the custody log");
    }
    print(&format!("entry {}  {}\n", noted.number, noted.head))?;
    Ok(ExitCode::SUCCESS)
}

fn disclose(
    ui: &Ui,
    bag: &Path,
    finding: u64,
    output: &Path,
    key: Option<&Path>,
) -> Result<ExitCode, CliError> {
    let key = key.map(PublicKey::read).transpose()?;
    let good = crate::evidence::check::check(bag, key.as_ref(), None)?;
    let disclosure = Disclosure::of(bag, &good, finding)?;
    let written = Pending::create_private(output).and_then(|mut file| {
        file.write_all(&disclosure.to_bytes())?;
        file.finish_new(output)
    });
    written.map_err(|error| CliError::usage(format!("cannot write {}: {error}", output.display())))?;
    ui.note(&format!("finding {finding} of {} is in {}", disclosure.of, output.display()));
    Ok(ExitCode::SUCCESS)
}
