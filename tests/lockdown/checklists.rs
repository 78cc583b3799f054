//! What `src/governance/README.md` answers to each point of the guide's checklists: commands, options, guided steps, files, events and
//! sections of the configuration that it names are there.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::config::template;
use portcullis::drill::emulator::{Faults, Switches, Tenant};
use portcullis::lockdown::open;

use super::operations::{CONTRACTOR, KNOWN, agree, history, without_teams};
use super::stage::{Run, Stage};
use super::whole_review::{planted, review};

const README: &str = include_str!("../../src/governance/README.md");
/// What the vendor's log can have, by the table of roles and by what the trail reads.
const EVENTS: [&str; 2] =
    [include_str!("../../src/governance/matrix.toml"), include_str!("../../src/governance/trail/read.rs")];
const CHECKLISTS: [&str; 4] = ["Incident", "Leaving", "Joining", "Each quarter"];

/// Points of the checklists and how each is answered.
fn rows() -> Vec<(&'static str, &'static str)> {
    let sections = README
        .split("\n## ")
        .filter(|text| CHECKLISTS.iter().any(|name| text.starts_with(&format!("{name}\n"))));
    let sections: Vec<&str> = sections.collect();
    assert_eq!(sections.len(), CHECKLISTS.len());
    let lines = sections
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| line.starts_with("| ") && *line != "| point | how |");
    lines
        .map(|line| {
            let (point, how) = line.trim_matches(['|', ' ']).split_once(" | ").expect("two cells");
            (point, how)
        })
        .collect()
}

fn ids(run: &Run) -> Vec<String> {
    let plan = run.json();
    plan["guided"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

/// Guided steps of the commands, without the names of instances.
fn guided() -> BTreeSet<String> {
    let stage = without_teams(61);
    history(&stage);
    let plan = |args: &[&str]| ids(&stage.run(&[args, &["--dry-run", "--json"]].concat(), None));
    let mut all = plan(&[&["lockdown", CONTRACTOR], KNOWN].concat());
    all.extend(plan(&["lockdown", CONTRACTOR, "--log", "audit.ndjson"]));
    all.extend(plan(&[&["offboard", CONTRACTOR], KNOWN].concat()));
    let reviewed = planted(62);
    agree(&reviewed, &review(&reviewed, &[], &[]), |_| true);
    all.extend(ids(&reviewed.run(&["review", "--agreed", "review.json", "--dry-run", "--json"], None)));
    // Without a directory that takes members out, people do.
    let alone = Stage::new(Tenant::example(64), Switches::default(), Faults::default());
    all.extend(ids(&alone.run(&["lockdown", CONTRACTOR, "--dry-run", "--json"], None)));
    all.into_iter().map(|id| id.strip_prefix("mixpanel/").map_or(id.clone(), str::to_owned)).collect()
}

/// Whether a step is called so; capitals and `…` stand for what differs.
fn is_called(id: &str, pattern: &str) -> bool {
    let differs = |c: char| c.is_ascii_uppercase() || c == '…';
    match pattern.find(differs) {
        Some(at) => id.strip_prefix(&pattern[..at]).is_some_and(|rest| !rest.is_empty()),
        None => id == pattern,
    }
}

/// The commands, and what each says of itself.
fn helps(stage: &Stage) -> BTreeMap<String, String> {
    let help = stage.run(&["--help"], None).stdout;
    let listed = help.split("Commands:\n").nth(1).expect("a list of commands");
    let listed = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("     "));
    let commands = listed.filter_map(|line| line.split_whitespace().next());
    commands.map(|name| (name.to_owned(), stage.run(&[name, "--help"], None).stdout)).collect()
}

/// Why a name of the document is not what it says to be.
fn fault(
    stage: &Stage,
    guided: &BTreeSet<String>,
    commands: &BTreeMap<String, String>,
    name: &str,
) -> Option<String> {
    let mut words = name.split(' ');
    let first = words.next().unwrap_or_default();
    if let Some(help) = commands.get(first) {
        let missing = words.find(|word| word.starts_with("--") && !help.contains(*word))?;
        return Some(format!("{first} has no {missing}"));
    }
    if name.starts_with("--") {
        let any = commands.values().any(|help| help.contains(name));
        return (!any).then(|| format!("no command has {name}"));
    }
    let is_file = || stage.path("incidents").join(stage.incident().unwrap()).join(name).is_file();
    let is_event = || EVENTS.iter().any(|known| known.contains(name.trim_end_matches('*')));
    let is_step = || guided.iter().any(|id| is_called(id, name));
    let is_section = || name.starts_with('[') && template(open::catalog()).lines().any(|line| line == name);
    (!(is_step() || is_file() || is_event() || is_section())).then(|| format!("nothing is called {name}"))
}

#[test]
fn every_point_is_a_command_a_guided_step_or_out_of_reach_and_what_is_named_is_there() {
    let rows = rows();
    assert!(rows.len() > 35, "{}", rows.len());
    let stage = without_teams(63);
    history(&stage);
    let run = stage.carry_out(&[&["offboard", CONTRACTOR], KNOWN].concat(), None);
    assert_eq!(run.code, Some(4), "{}{}", run.stdout, run.stderr);
    let commands = helps(&stage);
    assert!(
        ["lockdown", "review", "offboard", "inventory"].iter().all(|name| commands.contains_key(*name)),
        "{commands:?}"
    );
    let guided = guided();
    let mut faults = Vec::new();
    for (point, how) in rows {
        let names: Vec<&str> = how.split('`').skip(1).step_by(2).collect();
        let is_command =
            names.iter().any(|name| commands.contains_key(name.split(' ').next().unwrap_or_default()));
        if !is_command && !how.contains("guided") && !how.contains("out of reach: ") {
            faults.push(format!("{point}: neither a command, nor guided, nor out of reach with a reason"));
        }
        faults.extend(
            names
                .iter()
                .filter_map(|name| Some(format!("{point}: {}", fault(&stage, &guided, &commands, name)?))),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}\n{guided:#?}");
}
