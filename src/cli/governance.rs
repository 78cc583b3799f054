//! What the commands about access know: what providers list, members, inventory, register.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::config::Place;
use super::error::CliError;
use super::incident::{self, Setup};
use super::ui::Ui;
use crate::config::{Config, Integration, Inventory};
use crate::governance::estate::{self, Estate};
use crate::governance::members::{self, Members};
use crate::governance::register::{self, Register};
use crate::lockdown::execute;
use crate::lockdown::provider::Target;
use crate::lockdown::record::Record;
use crate::sys::clock::{Clock as _, System};
use crate::sys::fs::read_plain_up_to;

/// A larger file is not read, in bytes.
const MAX_FILE: usize = 256 << 20;
/// Nobody: a discovery about this account reads what any discovery reads.
pub const NOBODY: &str = "nobody@portcullis.invalid";

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// Exact, for programs; of a review, for the next one too.
    Json,
}

/// Where the inventory is.
#[derive(Debug, clap::Args)]
pub struct Book {
    #[command(flatten)]
    place: Place,
    /// The inventory, instead of the one that the configuration names.
    #[arg(long, value_name = "FILE", help_heading = "What is known")]
    inventory: Option<PathBuf>,
}

/// Where knowledge comes from.
#[derive(Debug, clap::Args)]
pub struct Known {
    #[command(flatten)]
    book: Book,
    /// Ask no system: only the files that are given here.
    #[arg(long, help_heading = "What is known")]
    offline: bool,
    /// What a lockdown's discovery kept (`snapshots/pass-1-mixpanel.json` of an incident), as if read now; can be given
    /// several times.
    #[arg(long, value_name = "FILE", help_heading = "What is known")]
    snapshot: Vec<PathBuf>,
    /// CSV of members and their roles: email, grant, project, team, role, and more; see the README.
    #[arg(long, value_name = "FILE", help_heading = "What is known")]
    members: Option<PathBuf>,
}

/// What is known.
pub struct World {
    /// What providers list.
    pub estate: Estate,
    /// The list of members.
    pub members: Option<Members>,
    /// Who uses which credential.
    pub inventory: Vec<Integration>,
    /// Members come by SCIM.
    pub scim: bool,
    /// Systems that could not be read, in words.
    pub failed: Vec<String>,
}

impl Book {
    /// The inventory alone, with its file.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(&self) -> Result<Inventory, CliError> {
        self.find()?.ok_or_else(|| {
            CliError::usage("no configuration names an inventory").hint("name the file with --inventory")
        })
    }

    /// The rows of the inventory; none where there is no inventory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn rows(&self) -> Result<Vec<Integration>, CliError> {
        Ok(self.find()?.unwrap_or_default().integrations)
    }

    fn find(&self) -> Result<Option<Inventory>, CliError> {
        let config = self.place.load_if_there()?;
        let named = config.as_ref().and_then(|config| config.inventory.clone());
        let path = self.inventory.clone().or(named);
        path.map(|path| inventory(&path, config.as_ref())).transpose()
    }
}

impl Known {
    /// What the configuration at this place and this list of members know.
    pub fn of(place: &Place, members: Option<PathBuf>) -> Self {
        let book = Book { place: place.clone(), inventory: None };
        Self { book, offline: false, snapshot: Vec::new(), members }
    }

    /// Where the configuration is.
    pub fn place(&self) -> &Place {
        &self.book.place
    }

    /// The rows of the inventory; none where there is no inventory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn rows(&self) -> Result<Vec<Integration>, CliError> {
        self.book.rows()
    }

    /// Reads all of it; of systems, by reads alone. `account`: whom a discovery is about.
    ///
    /// # Errors
    /// Bad usage or configuration. A system that cannot be read is in [`World::failed`].
    pub fn load(&self, ui: &Ui, account: &str) -> Result<World, CliError> {
        let mut world = World {
            estate: Estate::default(),
            members: self.members.as_deref().map(|path| members(ui, path)).transpose()?,
            inventory: Vec::new(),
            scim: false,
            failed: Vec::new(),
        };
        for path in &self.snapshot {
            let bytes = read(path)?;
            let snapshot: Value =
                serde_json::from_slice(&bytes).map_err(|error| wrong(path, &error.to_string()))?;
            if !estate::is_estate(&snapshot) {
                return Err(wrong(path, "not what a discovery of Mixpanel keeps"));
            }
            world.estate.add(&snapshot).map_err(|why| wrong(path, &why))?;
        }
        let config = if self.offline {
            self.book.place.load_if_there()?
        } else {
            Some(self.ask(ui, account, &mut world)?)
        };
        world.scim = config.as_ref().is_some_and(has_scim);
        let named = config.as_ref().and_then(|config| config.inventory.clone());
        if let Some(path) = self.book.inventory.clone().or(named) {
            world.inventory = inventory(&path, config.as_ref())?.integrations;
        }
        Ok(world)
    }

    fn ask(&self, ui: &Ui, account: &str, world: &mut World) -> Result<Config, CliError> {
        if self.book.place.load_if_there()?.is_none() {
            return Err(CliError::usage(
                "there is no portcullis.toml here or in a folder above: no system can be asked",
            )
            .hint("--offline asks no system; `portcullis config init` writes a configuration to fill in"));
        }
        let setup = Setup::load(ui, &self.book.place)?;
        let targets = [Target::new(account, "governance")];
        let found = incident::block_on(execute::read_all(setup.systems(), &targets, &Record::default()))?;
        world
            .failed
            .extend(found.failed.iter().map(|(name, why)| format!("{name} could not be read: {why}")));
        for (name, discovery) in &found.discoveries {
            if estate::is_estate(&discovery.snapshot) {
                let added = world.estate.add(&discovery.snapshot);
                added.map_err(|why| {
                    CliError::unknown(format!("{name}: what was read has another form: {why}"))
                })?;
            }
        }
        Ok(setup.config)
    }
}

/// Reads a list of members.
///
/// # Errors
/// The file cannot be read, or is no such list.
pub fn members(ui: &Ui, path: &Path) -> Result<Members, CliError> {
    let members = members::read(&read(path)?).map_err(|why| wrong(path, &why))?;
    if !members.strangers.is_empty() {
        ui.note(&format!(
            "{}: columns not read: {}",
            path.display(),
            crate::governance::sheet::safe(&members.strangers.join(", "))
        ));
    }
    Ok(members)
}

/// Reads the register.
///
/// # Errors
/// The file cannot be read, or is no register.
pub fn register(path: Option<&Path>) -> Result<Register, CliError> {
    let Some(path) = path else { return Ok(Register::default()) };
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(path, &error.to_string()))?;
    register::parse(text).map_err(|why| wrong(path, &why))
}

fn inventory(path: &Path, config: Option<&Config>) -> Result<Inventory, CliError> {
    Ok(match config {
        Some(config) => Inventory::load(path, config.known())?,
        None => Inventory::load_alone(path)?,
    })
}

/// Whether members come by SCIM.
pub fn has_scim(config: &Config) -> bool {
    config
        .providers
        .iter()
        .any(|provider| provider.kind.name == "scim" || provider.settings.flag("scim").unwrap_or_default())
}

/// A whole file.
///
/// # Errors
/// It cannot be read, or is larger than 256 MiB.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let file = std::fs::File::open(path).map_err(|error| wrong(path, &error.to_string()))?;
    let bytes = read_plain_up_to(file, MAX_FILE).map_err(|error| wrong(path, &error.to_string()))?;
    bytes.ok_or_else(|| wrong(path, "larger than 256 MiB"))
}

/// A file that is not what it should be.
pub fn wrong(path: &Path, why: &str) -> CliError {
    CliError::usage(format!("{}: {why}", path.display()))
}

/// The day that counts as today: the one that was given, or that of the system's clock in UTC.
pub fn today(given: Option<Date>) -> Date {
    let now = System.now().nanos.div_euclid(1_000_000_000);
    let clock =
        || jiff::Timestamp::from_second(now).unwrap_or_default().to_zoned_datetime(TimeZone::UTC).date();
    given.unwrap_or_else(clock)
}
