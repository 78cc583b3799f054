//! What a command that takes access away is told of what the account could see: a blast radius, or what one is worked out from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::blast_radius;
use super::logs::Reading;
use super::records;
use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::governance::{self, Known};
use crate::cli::ui::Ui;
use crate::governance::blast::Radius;
use crate::governance::sheet::safe;

/// Where the blast radius comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Exposure {
    /// Exported audit logs, from which it is worked out what the account could see at any time: a file, folder or glob; can be
    /// given several times.
    #[arg(long, value_name = "PATH", help_heading = "What it could see")]
    log: Vec<String>,
    /// CSV of members and their roles: email, grant, project, team, role, and more; see the README.
    #[arg(long, value_name = "FILE", help_heading = "What it could see")]
    members: Option<PathBuf>,
    /// The same list as it was before the logs begin: then roles are known exactly.
    #[arg(long, value_name = "FILE", help_heading = "What it could see")]
    members_before: Option<PathBuf>,
    /// What `blast-radius ACCOUNT --format json` wrote, instead of working it out.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["log", "members", "members_before"],
        help_heading = "What it could see"
    )]
    blast_radius: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

impl Exposure {
    /// Whether anything was given.
    pub(super) fn is_given(&self) -> bool {
        !self.log.is_empty()
            || self.members.is_some()
            || self.members_before.is_some()
            || self.blast_radius.is_some()
    }

    /// The blast radius; what bears on it and could not be seen is said. Asks systems by reads alone.
    ///
    /// # Errors
    /// Bad usage or configuration, a file that is another account's, or logs that were not read whole: a plan must not rest on
    /// a part of them.
    pub(super) fn radius(&self, ui: &Ui, place: &Place, account: &str) -> Result<Radius, CliError> {
        let radius = match &self.blast_radius {
            Some(path) => {
                let read = Radius::parse(&governance::read(path)?);
                let radius = read.map_err(|why| governance::wrong(path, &why))?;
                if !radius.account.eq_ignore_ascii_case(account) {
                    let whose = safe(&radius.account);
                    return Err(governance::wrong(path, &format!("it is the blast radius of {whose}")));
                }
                radius
            }
            None => self.work_out(ui, place, account)?,
        };
        for gap in &radius.gaps {
            ui.warn(&format!("what it could see is not wholly known: {}", safe(gap)));
        }
        Ok(radius)
    }

    fn work_out(&self, ui: &Ui, place: &Place, account: &str) -> Result<Radius, CliError> {
        let world = Known::of(place, self.members.clone()).load(ui, account)?;
        let read = |names: &BTreeMap<String, String>| records::read(ui, &self.log, (&self.reading, 0), names);
        let (radius, clean) = blast_radius::radius(ui, account, world, self.members_before.as_deref(), read)?;
        if !clean {
            return Err(CliError::refused("the logs were not read whole, nothing was changed").hint(
                "`portcullis blast-radius … --format json -o radius.json` tells what was not; --blast-radius takes its answer",
            ));
        }
        Ok(radius)
    }
}
