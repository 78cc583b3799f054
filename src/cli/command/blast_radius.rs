//! `portcullis blast-radius`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use super::lockdown;
use super::records::{Records, Told};
use crate::cli::error::{CliError, INCOMPLETE, UNKNOWN};
use crate::cli::governance::{self, Known, World};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::governance::blast::{self, Radius, Sources, graph, view};
use crate::governance::matrix::matrix;
use crate::timeline::page;

/// Say what an account could reach: projects, credentials, who works with them, and what has to be rotated.
///
/// Roles are followed over time: from what providers list (by reads alone, with the configuration of lockdown), from a list of
/// members, and from the changes that exported audit logs show. No API tells the roles of people in projects, so without
/// --members they are known only as far as the log shows them; what is not known counts as possible, and is said.
///
/// Each credential is one of: MUST be rotated (the account made it, or could see it), UNLESS RULED OUT (it may have seen it),
/// advised (the old value gives no access to data); each with its reasons.
///
/// Exit codes: 0 everything that bears on it was seen; 2 bad usage or configuration; 3 something of the logs was rejected or
/// unreadable; 5 something could not be seen: treat it as reached.
///
/// Examples:
///   portcullis blast-radius jane@agency.example logs/
///   portcullis blast-radius jane@agency.example logs/ --members members.csv --members-before june.csv --graph radius.svg
///   portcullis blast-radius jane@agency.example --offline --members members.csv --format json
///   portcullis blast-radius jane@agency.example logs/ --offline --snapshot incidents/NAME/snapshots/pass-1-mixpanel.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The account's e-mail address.
    account: String,
    #[command(flatten)]
    records: Records,
    #[command(flatten)]
    known: Known,
    /// The same list as it was before the logs begin: then roles are known exactly.
    #[arg(long, value_name = "FILE", help_heading = "What is known")]
    members_before: Option<PathBuf>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Form::Table, value_name = "FORMAT", help_heading = "Output")]
    format: Form,
    /// Write the answer to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Draw it too: a file that ends with .svg or .png.
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    graph: Option<Picture>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// Exact, for programs.
    Json,
}

#[derive(Debug, Clone)]
struct Picture {
    path: PathBuf,
    svg: bool,
}

fn picture(path: &str) -> Result<Picture, String> {
    let svg = match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("svg") => true,
        Some("png") => false,
        _ => return Err("end it with .svg or .png".to_owned()),
    };
    Ok(Picture { path: path.into(), svg })
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let account = lockdown::account(&args.account)?;
    let world = args.known.load(ui, &account)?;
    let read = |names: &BTreeMap<String, String>| args.records.read(ui, names);
    let (radius, clean) = radius(ui, &account, world, args.members_before.as_deref(), read)?;
    let text = match args.format {
        Form::Table => view::text(&radius),
        Form::Json => view::json(&radius),
    };
    if let Some(picture) = &args.graph {
        draw(picture, &radius)?;
    }
    put::text(args.output.as_deref(), &text)?;
    Ok(if !radius.gaps.is_empty() {
        ExitCode::from(UNKNOWN)
    } else if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    })
}

/// Works it out, from what is known, a list of members from before, and logs. Also whether every byte of these was accounted for.
pub(super) fn radius(
    ui: &Ui,
    account: &str,
    world: World,
    before: Option<&Path>,
    read: impl FnOnce(&BTreeMap<String, String>) -> Result<Told, CliError>,
) -> Result<(Radius, bool), CliError> {
    let before = before.map(|path| governance::members(ui, path)).transpose()?;
    let mut names = world.estate.projects.clone();
    for members in [&world.members, &before].into_iter().flatten() {
        for (id, name) in &members.projects {
            names.entry(id.clone()).or_insert_with(|| name.clone());
        }
    }
    let told = read(&names)?;
    let sources = Sources {
        account,
        estate: &world.estate,
        members: world.members.as_ref(),
        before: before.as_ref(),
        trail: told.trail.as_ref(),
        inventory: &world.inventory,
        scim: world.scim,
    };
    let mut radius = blast::radius(&sources, matrix());
    radius.gaps.extend(world.failed);
    Ok((radius, told.clean))
}

fn draw(picture: &Picture, radius: &Radius) -> Result<(), CliError> {
    let scene = graph::scene(radius);
    let failed = |error: page::PageError| CliError::usage(error.to_string());
    let bytes = if picture.svg {
        let title = format!("Blast radius of {}", radius.account);
        page::svg_file(&scene, &title).map(String::into_bytes)
    } else {
        page::png(&scene)
    };
    put::bytes(&picture.path, &bytes.map_err(failed)?)
}
