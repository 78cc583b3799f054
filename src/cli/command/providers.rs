//! `portcullis providers`.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::ui::print;
use crate::config::catalog::KindSpec;
use crate::lockdown::about::{About, Change};
use crate::lockdown::consumer::CONSUMERS;
use crate::lockdown::consumer::guided::{BY_PEOPLE, ByPeople};
use crate::lockdown::flow::FLOWS;
use crate::lockdown::provider::PROVIDERS;
use crate::lockdown::store::STORES;
use crate::output::json;

/// List the systems that a lockdown knows: what each reads, changes, undoes, needs, and cannot do.
///
/// Providers, where accounts are shut out; stores, where new secrets are put; consumers, which are given them or whose flows are
/// paused, and those that people give them, with the reason.
/// Nothing is read or sent. `portcullis doctor` says what your credentials allow; `portcullis config init` has every setting.
///
/// Examples:
///   portcullis providers
///   portcullis providers okta
///   portcullis providers --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// One kind; without it, all.
    kind: Option<String>,
    /// Write JSON, one kind a line.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let all = kinds();
    let wanted = |name: &str| args.kind.as_ref().is_none_or(|kind| kind == name);
    let shown: Vec<_> = all.iter().filter(|(_, spec, _)| wanted(spec.name)).collect();
    let by_people: Vec<&ByPeople> = BY_PEOPLE.iter().filter(|consumer| wanted(consumer.name)).collect();
    if shown.is_empty() && by_people.is_empty() {
        let names = all.iter().map(|(_, spec, _)| spec.name);
        let names: Vec<&str> = names.chain(BY_PEOPLE.iter().map(|consumer| consumer.name)).collect();
        let asked = args.kind.as_deref().unwrap_or_default();
        let near = crate::rule::nearest(asked, names.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        return Err(CliError::usage(format!("there is no kind {asked:?}"))
            .hint(format!("{near}one of {}", names.join(", "))));
    }
    let kinds = shown.iter().map(|(role, spec, about)| {
        if args.json { json::line(&object(role, spec, about)) } else { text(role, spec, about) }
    });
    let others = by_people
        .iter()
        .map(|consumer| if args.json { json::line(&left_to_people(consumer)) } else { words(consumer) });
    print(&kinds.chain(others).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn kinds() -> Vec<(&'static str, &'static KindSpec, &'static About)> {
    let providers = PROVIDERS.iter().map(|kind| ("provider", &kind.spec, &kind.about));
    let stores = STORES.iter().map(|kind| ("store", &kind.spec, &kind.about));
    let consumers = CONSUMERS.iter().map(|kind| ("consumer", &kind.spec, &kind.about));
    let flows = FLOWS.iter().map(|kind| ("consumer", &kind.spec, &kind.about));
    providers.chain(stores).chain(consumers).chain(flows).collect()
}

fn text(role: &str, spec: &KindSpec, about: &About) -> String {
    let mut text = format!("{} ({role} `{}`)\n", spec.title, spec.name);
    let credential = if spec.credential.is_empty() { "none" } else { spec.credential };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  credential: {credential}");
    for (title, lines) in [("reads", about.reads), ("needs", about.needs)] {
        list(&mut text, title, lines.iter().map(|line| (*line).to_owned()));
    }
    list(&mut text, "changes", about.changes.iter().map(change));
    list(&mut text, "cannot", about.cannot.iter().map(|line| (*line).to_owned()));
    text + "\n"
}

fn words(ByPeople { name, title, why, paused }: &ByPeople) -> String {
    let mut text = format!("{title} (consumer `{name}`, by people)\n");
    list(&mut text, "cannot", std::iter::once(format!("be given a credential by an API: {why}")));
    list(&mut text, "paused", paused.iter().map(|line| (*line).to_owned()));
    text + "\n"
}

fn left_to_people(ByPeople { name, title, why, paused }: &ByPeople) -> Value {
    json!({
        "kind": name, "role": "consumer", "title": title, "by_people": true, "changes": [], "cannot": [why],
        "paused": paused,
    })
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        let title = if at == 0 { format!("{title}:") } else { String::new() };
        let _ = writeln!(text, "  {title:<9} {line}");
    }
}

fn change(change: &Change) -> String {
    let undo: Vec<String> = change.undo.iter().map(ToString::to_string).collect();
    let commit = if change.commit { ", with --commit alone" } else { "" };
    format!("{} {} ({}{commit})", change.action, change.object, undo.join(" or "))
}

fn object(role: &str, spec: &KindSpec, about: &About) -> Value {
    let changes: Vec<Value> = about
        .changes
        .iter()
        .map(|change| {
            json!({"action": change.action, "object": change.object, "undo": change.undo, "commit": change.commit})
        })
        .collect();
    json!({
        "kind": spec.name, "role": role, "title": spec.title, "credential": spec.credential, "reads": about.reads,
        "changes": changes, "needs": about.needs, "cannot": about.cannot,
    })
}
