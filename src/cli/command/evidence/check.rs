//! `portcullis evidence check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::ui::{Ui, print};
use crate::evidence::check::{Good, check};
use crate::evidence::disclose::{self, Disclosure, Shown};
use crate::evidence::key::PublicKey;
use crate::evidence::statement::Predicate;
use crate::output::escape::Safe;
use crate::output::json;

/// Verify a bag, or a disclosed finding: all of it, down from the key. The first thing that is wrong is named.
///
/// Without --key the key in the bag is taken, which is only as good as where the bag came from. The last entries of the custody log
/// could have been cut off without a trace, unless --head gives the digest of an entry that has to be there. Of a time stamp it
/// is checked what it stamps, not the authority's signature: VERIFY.md in the bag shows how openssl checks that. Exit codes: 0
/// good, 2 bad usage, 3 wrong.
///
/// Examples:
///   portcullis evidence check bags/2026/T-4711 --key evidence.pub.pem
///   portcullis evidence check finding-12.json --key evidence.pub.pem
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The bag's folder, or the file of a disclosed finding.
    path: PathBuf,
    /// The public key that it should be sealed with.
    #[arg(long, value_name = "PUB.pem")]
    key: Option<PathBuf>,
    /// The digest of a custody entry that has to be there.
    #[arg(long, value_name = "SHA256")]
    head: Option<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(super) fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let key = args.key.as_deref().map(PublicKey::read).transpose()?;
    let about = args.path.metadata();
    let about =
        about.map_err(|error| CliError::usage(format!("cannot read {}: {error}", args.path.display())))?;
    let found = if about.is_dir() {
        let good = check(&args.path, key.as_ref(), args.head.as_deref())?;
        print(&if args.json { bag_json(&good) } else { bag_text(&good) })?;
        good.key
    } else {
        if args.head.is_some() {
            return Err(CliError::usage("a disclosed finding has no custody log: --head is for bags"));
        }
        let shown = disclosure(&args.path, key.as_ref())?;
        print(&if args.json { shown_json(&shown) } else { shown_text(&shown) })?;
        shown.key
    };
    if key.is_none() {
        ui.warn(&format!(
            "no --key was given: the key in it is only as good as where it came from. Ask whoever sealed it whether theirs is {}",
            found.id()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn disclosure(path: &Path, key: Option<&PublicKey>) -> Result<Shown, CliError> {
    let bytes = super::read(path, disclose::LARGEST)?;
    Ok(Disclosure::check(&bytes, key, &path.display().to_string())?)
}

fn claims(predicate: &Predicate, key: &PublicKey) -> String {
    format!(
        "incident  {}\nverdict   {}\nsealed    {} by {} {}\nkey       {}\n",
        Safe(&predicate.incident),
        Safe(predicate.verdict.as_deref().unwrap_or("none")),
        Safe(&predicate.sealed),
        Safe(&predicate.tool.name),
        Safe(&predicate.tool.version),
        key.id(),
    )
}

fn bag_text(good: &Good) -> String {
    let counts = &good.predicate.counts;
    let findings =
        counts.findings.map_or("no findings given".to_owned(), |count| format!("{count} findings"));
    let last = good.custody.entries.last();
    let last =
        last.map(|entry| format!("{} by {}: {}", entry.time, entry.by, entry.what)).unwrap_or_default();
    let stamp = match &good.stamp {
        Some(stamp) => format!(
            "{} (serial {}, policy {}); the authority's signature was NOT checked: see VERIFY.md, `openssl ts -verify`",
            stamp.time, stamp.serial, stamp.policy
        ),
        None => "none: times are those of the clocks that wrote them".to_owned(),
    };
    format!(
        "GOOD\n{}content   {} files, {} bytes; {} lines of journal, {findings}\ncustody   {} entries; last {}\nhead      {}\nstamp     {stamp}\n",
        claims(&good.predicate, &good.key),
        counts.files,
        counts.bytes,
        counts.journal,
        good.custody.entries.len(),
        Safe(&last),
        good.custody.head(),
    )
}

fn bag_json(good: &Good) -> String {
    let stamp = good.stamp.as_ref().map(|stamp| {
        json!({"time": stamp.time, "serial": stamp.serial, "policy": stamp.policy, "signature_checked": false})
    });
    let custody = json!({"entries": good.custody.entries, "head": good.custody.head()});
    let value = json!({
        "good": true, "key": good.key.id(), "seal": good.seal, "claims": good.predicate, "custody": custody, "stamp": stamp,
    });
    json::line(&value)
}

fn shown_text(shown: &Shown) -> String {
    let Disclosure { number, of, finding, .. } = &shown.disclosure;
    format!("GOOD\n{}finding   {number} of {of}\n{}\n", claims(&shown.predicate, &shown.key), Safe(finding))
}

fn shown_json(shown: &Shown) -> String {
    let Disclosure { number, of, finding, .. } = &shown.disclosure;
    let value = json!({
        "good": true, "key": shown.key.id(), "claims": shown.predicate, "number": number, "of": of, "finding": finding,
    });
    json::line(&value)
}
