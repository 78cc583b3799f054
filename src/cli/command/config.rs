//! `portcullis config`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::config::Place;
use crate::cli::door::Process;
use crate::cli::error::CliError;
use crate::cli::ui::{Ui, print};
use crate::config::{self, Config, Instance, Inventory};
use crate::lockdown::open;
use crate::output::escape::Safe;
use crate::sys::fs::Pending;

/// Write and check the configuration of lockdown: providers, stores, consumers, limits.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write a configuration to fill in, with every setting explained.
    ///
    /// Examples:
    ///   portcullis config init
    ///   portcullis config init --output ~/incidents/portcullis.toml
    #[command(verbatim_doc_comment)]
    Init {
        /// Where to write it.
        #[arg(short, long, value_name = "FILE", default_value = config::FILE)]
        output: PathBuf,
        /// Replace a file that is there.
        #[arg(short, long)]
        force: bool,
    },
    /// Check the configuration and the inventory that it names; show the providers, stores and consumers. Nothing is sent.
    ///
    /// Examples:
    ///   portcullis config check
    ///   portcullis config check --resolve
    #[command(verbatim_doc_comment)]
    Check {
        #[command(flatten)]
        place: Place,
        /// Fetch every credential too, and say which are not to be had. None is shown.
        #[arg(long)]
        resolve: bool,
    },
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::Init { output, force } => init(ui, output, *force),
        Command::Check { place, resolve } => check(ui, &place.load()?, *resolve),
    }
}

fn init(ui: &Ui, path: &Path, force: bool) -> Result<ExitCode, CliError> {
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return CliError::usage(format!("{} is there already", path.display()))
                .hint("--force replaces it; --output writes elsewhere");
        }
        CliError::usage(format!("cannot write {}: {error}", path.display()))
    };
    let mut file = Pending::create_private(path).map_err(failed)?;
    file.write_all(config::template(open::catalog()).as_bytes()).map_err(failed)?;
    if force { file.finish(path) } else { file.finish_new(path) }.map_err(failed)?;
    ui.note(&format!(
        "wrote {}: fill it in, then run `portcullis config check`",
        Safe(&path.display().to_string())
    ));
    Ok(ExitCode::SUCCESS)
}

fn check(ui: &Ui, config: &Config, resolve: bool) -> Result<ExitCode, CliError> {
    if let Some(path) = &config.http.ca_file {
        let readable = File::open(path);
        readable.map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))?;
    }
    let inventory =
        config.inventory.as_deref().map(|path| Inventory::load(path, config.known())).transpose()?;
    let providers = config.providers.iter().map(|instance| ("provider", instance));
    let stores = config.stores.iter().map(|instance| ("store", instance));
    let consumers = config.consumers.iter().map(|instance| ("consumer", instance));
    let instances: Vec<(&str, &Instance)> = providers.chain(stores).chain(consumers).collect();
    let (mut rows, mut failures) = (Vec::new(), 0);
    for (role, instance) in instances {
        let resolved = resolve.then(|| fetch(ui, instance));
        failures += usize::from(resolved == Some(Fetched::Failed));
        rows.push(row(role, instance, resolved));
    }
    print(&table(&rows, resolve))?;
    say(ui, config, inventory.as_ref());
    if failures > 0 {
        return Err(CliError::usage(format!("{failures} credentials are not to be had")));
    }
    Ok(ExitCode::SUCCESS)
}

fn say(ui: &Ui, config: &Config, inventory: Option<&Inventory>) {
    if config.providers.is_empty() {
        ui.warn("no provider: there is nothing to lock an account out of");
    }
    if config.responder.is_empty() {
        ui.warn("no responder: name the accounts that must never be locked out");
    }
    let uses = inventory.map_or_else(String::new, |inventory| {
        format!(", integrations in {}: {}", inventory.path.display(), inventory.integrations.len())
    });
    let path = config.path.display();
    let (providers, stores, consumers) =
        (config.providers.len(), config.stores.len(), config.consumers.len());
    let note = format!(
        "{path} is well-formed; providers: {providers}, stores: {stores}, consumers: {consumers}{uses}"
    );
    ui.note(&Safe(&note).to_string());
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetched {
    Found,
    None,
    Failed,
}

/// Fetches a credential, and lets it go.
fn fetch(ui: &Ui, instance: &Instance) -> Fetched {
    let Some(reference) = &instance.credential else { return Fetched::None };
    match reference.resolve(&Process) {
        Ok(_secret) => Fetched::Found,
        Err(error) => {
            let error = CliError::from(error);
            let hint = error.advice().map_or_else(String::new, |hint| format!("\n  hint: {}", Safe(hint)));
            ui.warn(&format!("{}: {}{hint}", instance.name, Safe(error.message())));
            Fetched::Failed
        }
    }
}

type Row = [String; 6];

fn row(role: &str, instance: &Instance, fetched: Option<Fetched>) -> Row {
    let shown = |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| Safe(&text).to_string());
    let fetched = match fetched {
        Some(Fetched::Found) => "found",
        Some(Fetched::Failed) => "NOT FOUND",
        Some(Fetched::None) | None => "-",
    };
    [
        role.to_owned(),
        instance.name.clone(),
        instance.kind.name.to_owned(),
        shown(instance.base_url.as_ref().map(ToString::to_string)),
        shown(instance.credential.as_ref().map(ToString::to_string)),
        fetched.to_owned(),
    ]
}

/// Columns as wide as they need to be; the last only where credentials were fetched.
fn table(rows: &[Row], resolve: bool) -> String {
    let head = ["ROLE", "NAME", "KIND", "BASE URL", "CREDENTIAL", "FETCHED"].map(str::to_owned);
    let shown = if resolve { head.len() } else { head.len() - 1 };
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in [&head].into_iter().chain(rows) {
        let cells = row.iter().take(shown).enumerate();
        let line: Vec<String> = cells.map(|(at, cell)| format!("{cell:width$}", width = width(at))).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text
}
