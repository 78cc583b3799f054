//! `portcullis rules`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::rule_samples;
use crate::cli::error::{CliError, USAGE};
use crate::cli::ui::{Ui, print};
use crate::derive::zone::Profile;
use crate::output::escape::{Safe, shortened};
use crate::output::json;
use crate::rule::sample::JsonFields;
use crate::rule::{self, Explanation, Loaded, LogSource, Placeholders, Rule};
use crate::source::meaning::WithMeanings;
use crate::source::{Mapping, Meanings, SOURCES, Source};

/// List, check, test and explain rules.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List rules: level, log source, name, title. A `part` gives no findings of its own: correlations are made of it.
    ///
    /// Examples:
    ///   portcullis rules list
    ///   portcullis rules list my-rules/ --json
    #[command(verbatim_doc_comment)]
    List {
        /// Rule files or folders; without them the built-in rules.
        paths: Vec<PathBuf>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        /// YAML file with values for placeholders.
        #[arg(long, value_name = "FILE")]
        placeholders: Option<PathBuf>,
    },
    /// Check rules: each error with file, line, column and advice.
    ///
    /// Examples:
    ///   portcullis rules check rules/
    ///   portcullis rules check --profile profile.toml
    #[command(verbatim_doc_comment)]
    Check(Tuned),
    /// Run each rule over the samples that it carries.
    ///
    /// Examples:
    ///   portcullis rules test
    ///   portcullis rules test rules/mixpanel
    ///   portcullis rules test --profile profile.toml
    #[command(verbatim_doc_comment)]
    Test(Tuned),
    /// Say test by test why a rule matches a record, or why not.
    ///
    /// Examples:
    ///   portcullis rules explain mixpanel_raw_event_export fixtures/incident/mixpanel-audit.ndjson:12
    ///   portcullis rules explain my-rule.yml audit.ndjson:1841
    #[command(verbatim_doc_comment)]
    #[expect(
        clippy::doc_markdown,
        reason = "examples are for a shell, which would run what stands in backticks"
    )]
    Explain {
        /// A rule's name, id or file.
        rule: String,
        /// A file of JSON lines and the number of a record in it, counted from 1 as findings do.
        #[arg(value_name = "FILE:RECORD")]
        record: String,
        /// YAML file with values for placeholders.
        #[arg(long, value_name = "FILE")]
        placeholders: Option<PathBuf>,
    },
}

/// Rules as an organisation has them.
#[derive(Debug, clap::Args)]
struct Tuned {
    /// Rule files or folders; without them the built-in rules.
    paths: Vec<PathBuf>,
    /// YAML file with values for placeholders.
    #[arg(long, value_name = "FILE")]
    placeholders: Option<PathBuf>,
    /// TOML file with the organisation's thresholds, and values for placeholders. One that no rule has is an error.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

impl Tuned {
    fn load(&self, ui: &Ui) -> Result<Loaded, CliError> {
        let profile = self.profile.as_deref().map(Profile::read).transpose()?.unwrap_or_default();
        let loaded = load_with(&self.paths, false, self.placeholders.as_deref(), &profile)?;
        for ((rule, path), value) in &loaded.tuned.placed {
            ui.note(&Safe(&format!("threshold of the profile: {rule} {path} = {value}")).to_string());
        }
        Ok(loaded)
    }
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::List { paths, json, placeholders } => {
            list(ui, &load_rules(paths, false, placeholders.as_deref())?, *json)
        }
        Command::Check(tuned) => check(ui, &tuned.load(ui)?),
        Command::Test(tuned) => test(ui, &tuned.load(ui)?),
        Command::Explain { rule, record, placeholders } => explain(rule, record, placeholders.as_deref()),
    }
}

/// The built-in rules, or those of some paths, or both.
pub(super) fn load_rules(
    paths: &[PathBuf],
    with_builtin: bool,
    given: Option<&Path>,
) -> Result<Loaded, CliError> {
    load_with(paths, with_builtin, given, &Profile::default())
}

/// The same with what a profile says: values for placeholders, thresholds. One that changes nothing is an error.
pub(super) fn load_with(
    paths: &[PathBuf],
    with_builtin: bool,
    given: Option<&Path>,
    profile: &Profile,
) -> Result<Loaded, CliError> {
    let placeholders = placeholders(given, profile)?;
    let embedded = || rule::load_embedded_tuned(&profile.thresholds);
    let mut loaded = if paths.is_empty() {
        embedded()
    } else {
        rule::load_tuned(paths, &placeholders, &profile.thresholds)
    };
    if with_builtin && !paths.is_empty() {
        loaded.join(embedded());
    }
    check_thresholds(&loaded, profile)?;
    Ok(loaded)
}

/// Every threshold of a profile has to be in its place.
fn check_thresholds(loaded: &Loaded, profile: &Profile) -> Result<(), CliError> {
    let wrong = |rule: &str, path: &str, text: &str| {
        CliError::usage(format!("--profile {}: {text}", profile.place_of(rule, path)))
    };
    if let Some(((rule, path), text)) = loaded.tuned.refused.first_key_value() {
        return Err(wrong(rule, path, text));
    }
    let is_placed = |name: &String| loaded.tuned.placed.keys().any(|(placed, _)| placed == name);
    let unknown = profile.thresholds.iter().find(|(name, own)| !own.is_empty() && !is_placed(name));
    let Some((name, _)) = unknown else { return Ok(()) };
    let names = (0..loaded.len()).filter_map(|at| Some(loaded.about(at)?.meta.name.as_str()));
    let hint = rule::nearest(name, names).map_or_else(
        || "`portcullis rules list` has the names; a part of a correlation has its own".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Err(wrong(name, "", &format!("thresholds are given for `{name}`, and no rule has that name")).hint(hint))
}

/// Values for placeholders: those of the profile, then those of a file.
fn placeholders(file: Option<&Path>, profile: &Profile) -> Result<Placeholders, CliError> {
    let mut placeholders: Placeholders = profile.placeholders.clone().into_iter().collect();
    if let Some(path) = file {
        placeholders
            .extend(rule::read_placeholders(path).map_err(|error| CliError::usage(error.to_string()))?);
    }
    Ok(placeholders)
}

fn list(ui: &Ui, loaded: &Loaded, as_json: bool) -> Result<ExitCode, CliError> {
    let mut text = String::new();
    for (at, about) in (0..loaded.len()).filter_map(|at| Some((at, loaded.about(at)?))) {
        let source =
            loaded.rules.get(at).map_or_else(|| "correlation".to_owned(), |of| source_name(&of.logsource));
        let meta = about.meta;
        let is_part = loaded.is_silent(at);
        if as_json {
            let line = json!({
                "id": meta.id, "name": meta.name, "title": meta.title,
                "level": meta.level.name(), "part": is_part, "logsource": source, "tags": meta.tags,
                "file": about.file.display().to_string(),
            });
            text.push_str(&json::line(&line));
        } else {
            text.push_str(&format!(
                "{:<13} {:<18} {:<48} {}\n",
                if is_part { "part" } else { meta.level.name() },
                Safe(&source).to_string(),
                Safe(&meta.name).to_string(),
                Safe(&meta.title)
            ));
        }
    }
    print(&text)?;
    report_errors(ui, loaded);
    Ok(if loaded.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(USAGE) })
}

fn source_name(source: &LogSource) -> String {
    let parts = [&source.product, &source.service, &source.category];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join("/")
}

fn report_errors(ui: &Ui, loaded: &Loaded) {
    for error in loaded.errors.iter().chain(&loaded.warnings) {
        let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {}", Safe(hint)));
        ui.warn(&format!("{}{hint}", Safe(&error.to_string())));
    }
}

fn check(ui: &Ui, loaded: &Loaded) -> Result<ExitCode, CliError> {
    report_errors(ui, loaded);
    let (good, bad) = (loaded.len(), loaded.errors.len());
    print(&format!(
        "{good} rules are good, {} of them correlations; {bad} are not; {} filters\n",
        loaded.correlations.len(),
        loaded.filters.len()
    ))?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(USAGE) })
}

/// The first source that a rule is for; its samples are records of that source.
fn source_of(rule: &Rule) -> Option<&'static Source> {
    SOURCES.iter().copied().find(|source| source.takes(&rule.logsource))
}

fn test(ui: &Ui, loaded: &Loaded) -> Result<ExitCode, CliError> {
    report_errors(ui, loaded);
    let (mut passed, mut failed, mut bare) = (0u64, 0u64, Vec::new());
    let mut text = String::new();
    for (at, about) in (0..loaded.len()).filter_map(|at| Some((at, loaded.about(at)?))) {
        let samples = about.samples.matches.iter().map(|sample| (true, sample));
        let samples = samples.chain(about.samples.misses.iter().map(|sample| (false, sample)));
        for (number, (wanted, sample)) in samples.enumerate() {
            let what = match rule_samples::finds(loaded, at, sample) {
                Ok(found) if found == wanted => {
                    passed += 1;
                    continue;
                }
                Ok(true) => "matches, but should not".to_owned(),
                Ok(false) => "does not match, but should".to_owned(),
                Err(error) => error.to_string(),
            };
            failed += 1;
            text.push_str(&format!(
                "{}: sample {} {what}: {}\n",
                about.meta.name,
                number + 1,
                shortened(&sample.to_string(), 400)
            ));
        }
        let is_part = loaded.is_silent(at);
        if !is_part && (about.samples.matches.is_empty() || about.samples.misses.is_empty()) {
            bare.push(about.meta.name.as_str());
        }
    }
    for name in &bare {
        text.push_str(&format!("{name}: needs samples that match and samples that do not\n"));
    }
    text.push_str(&format!(
        "{} rules: {passed} samples right, {failed} wrong, {} rules without samples\n",
        loaded.len(),
        bare.len()
    ));
    print(&Safe(&text).to_string().replace("\\n", "\n"))?;
    let good = failed == 0 && bare.is_empty() && loaded.errors.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(USAGE) })
}

fn explain(name: &str, place: &str, placeholders: Option<&Path>) -> Result<ExitCode, CliError> {
    let rule = find_rule(name, placeholders)?;
    let (path, number) = place
        .rsplit_once(':')
        .and_then(|(path, number)| Some((path, number.parse::<usize>().ok().filter(|number| *number > 0)?)))
        .ok_or_else(|| CliError::usage("expected FILE:RECORD").hint("such as audit.ndjson:1841"))?;
    let record = read_record(path, number)?;
    let source = rule_samples::recognise(&record).or_else(|| source_of(&rule));
    let paths = |field: &str| {
        source.map_or_else(|| vec![field.to_owned()], |source| source.raw_paths(field, &Mapping::default()))
    };
    let meanings = source.map(|source| Meanings::of(source, &Mapping::default())).unwrap_or_default();
    let raw = JsonFields::new(&record, &paths);
    let explanation = rule.explain(&WithMeanings { raw: &raw, meanings: &meanings });
    let verdict = if explanation.holds { "matches" } else { "does not match" };
    let mut text = format!("{} {verdict} record {number} of {}\n", Safe(&rule.meta.title), Safe(path));
    render(&explanation, 1, &mut text);
    if rule.is_stateful() {
        let names: Vec<&str> = rule.derived.iter().map(|derivation| derivation.name.as_str()).collect();
        text.push_str(&format!(
            "{} depend on earlier records and are absent here: the findings of a scan say what they were\n",
            Safe(&names.join(", "))
        ));
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn find_rule(name: &str, placeholders: Option<&Path>) -> Result<Rule, CliError> {
    let path = Path::new(name);
    let loaded = if path.is_file() {
        load_rules(&[path.to_owned()], false, placeholders)?
    } else {
        rule::load_embedded()
    };
    if let Some(error) = loaded.errors.first().filter(|_| path.is_file()) {
        return Err(CliError::usage(error.to_string()).hint(error.hint.clone().unwrap_or_default()));
    }
    let names: Vec<String> = loaded.rules.iter().map(|rule| rule.meta.name.clone()).collect();
    if loaded.correlations.iter().any(|of| of.meta.name == name || of.key() == name) {
        return Err(CliError::usage(format!("`{name}` is a correlation: it is about several records"))
            .hint("its findings say which; explain the rules that it names"));
    }
    let named = |rule: &Rule| path.is_file() || rule.meta.name == name || rule.key() == name;
    loaded.rules.into_iter().find(named).ok_or_else(|| {
        let near = rule::nearest(name, names.iter().map(String::as_str));
        let hint = near.map_or_else(
            || "`portcullis rules list` names them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        CliError::usage(format!("no rule `{name}`")).hint(hint)
    })
}

/// The record with that number, counted as findings count: lines that are JSON objects.
fn read_record(path: &str, number: usize) -> Result<Value, CliError> {
    let text =
        std::fs::read(path).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))?;
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    let records =
        text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    records.filter(Value::is_object).nth(number - 1).ok_or_else(|| {
        CliError::usage(format!("{path} has no record {number}"))
            .hint("records are the lines that hold a JSON object; compressed files have to be unpacked first")
    })
}

fn render(explanation: &Explanation, depth: usize, text: &mut String) {
    let mark = if explanation.holds { "yes" } else { "no " };
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{mark} {indent}{}", Safe(&explanation.what)));
    if let Some((line, column)) = explanation.place {
        let seen: Vec<String> =
            explanation.seen.iter().map(|value| format!("'{}'", shortened(value, 120))).collect();
        let seen = if seen.is_empty() { "absent".to_owned() } else { seen.join(", ") };
        text.push_str(&format!("   seen: {seen}   ({line}:{column})"));
    }
    text.push('\n');
    explanation.parts.iter().for_each(|part| render(part, depth + 1, text));
}
