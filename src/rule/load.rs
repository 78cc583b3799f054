//! Rule files from disk, and the pack that comes with the program.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::document::{self, Document};
use super::placeholder::Placeholders;
use super::threshold::{self, Thresholds, Tuned};
use super::yaml::{self, Fault, Span};
use super::{Correlation, Filter, Level, Meta, Rule, Samples, link};

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// A rule that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// It names a rule that is not there, but may come with another load.
    pub(super) unlinked: bool,
}

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

/// What a load came to.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Rules, by file name.
    pub rules: Vec<Rule>,
    /// Correlations, by file name.
    pub correlations: Vec<Correlation>,
    /// Filters, by file name; they are part of the conditions of their rules.
    pub filters: Vec<Filter>,
    /// Files that are no rules, or cannot be read.
    pub errors: Vec<RuleError>,
    /// What is valid and probably not meant.
    pub warnings: Vec<RuleError>,
    /// What became of the organisation's own thresholds.
    pub tuned: Tuned,
    /// Correlations that name a rule that is not there.
    pub(super) unlinked: Vec<Correlation>,
    /// Filters and rules that are joined already: index of the filter, key of the rule.
    pub(super) applied: HashSet<(usize, String)>,
}

/// What findings need of a rule or correlation.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What it says about itself.
    pub meta: &'a Meta,
    /// Records or logs that it must and must not find something in.
    pub samples: &'a Samples,
    /// What a responder does first.
    pub response: Option<&'a str>,
    /// Where it was read from.
    pub file: &'a Path,
}

/// Loads files, and folders with all `.yml` and `.yaml` files below them, in the order of their names.
pub fn load(paths: &[PathBuf], placeholders: &Placeholders) -> Loaded {
    load_tuned(paths, placeholders, &Thresholds::new())
}

/// The same with an organisation's own thresholds.
pub fn load_tuned(paths: &[PathBuf], placeholders: &Placeholders, thresholds: &Thresholds) -> Loaded {
    let mut loaded = Loaded::default();
    for path in paths {
        for file in files(path, &mut loaded) {
            match std::fs::read_to_string(&file) {
                Ok(text) => loaded.add(&file, &text, placeholders, thresholds),
                Err(error) => loaded.fail(&file, &Fault::new(Span { line: 1, column: 1 }, error.to_string())),
            }
        }
    }
    loaded.link();
    loaded
}

/// Loads the pack that comes with the program.
pub fn load_embedded() -> Loaded {
    load_embedded_tuned(&Thresholds::new())
}

/// The same with an organisation's own thresholds.
pub fn load_embedded_tuned(thresholds: &Thresholds) -> Loaded {
    let mut loaded = Loaded::default();
    for (name, text) in EMBEDDED {
        loaded.add(Path::new(name), text, &Placeholders::new(), thresholds);
    }
    loaded.link();
    loaded
}

/// Loads the documents of one text, as if it stood in `file`.
pub fn parse_document(file: &Path, text: &str, placeholders: &Placeholders) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.add(file, text, placeholders, &Thresholds::new());
    loaded.link();
    loaded
}

/// Reads a placeholder file: a YAML map from names to a value or a list of values.
pub fn read_placeholders(path: &Path) -> Result<Placeholders, RuleError> {
    let fail = |fault: &Fault| error(path, fault);
    let text = std::fs::read_to_string(path)
        .map_err(|error| fail(&Fault::new(Span { line: 1, column: 1 }, error.to_string())))?;
    let documents = yaml::parse(&text).map_err(|fault| fail(&fault))?;
    let mut placeholders = Placeholders::new();
    for (key, node) in documents.iter().flat_map(yaml::Node::entries) {
        let items = if let yaml::Yaml::List(items) = &node.value {
            items.as_slice()
        } else {
            std::slice::from_ref(node)
        };
        let values: Option<Vec<String>> = items.iter().map(yaml::Node::text).collect();
        let Some(values) = values else {
            return Err(fail(&Fault::new(
                node.span,
                format!("placeholder `{}` has to be text or a list of texts", key.text),
            )));
        };
        placeholders.insert(key.text.trim_matches('%').to_owned(), values);
    }
    Ok(placeholders)
}

fn files(path: &Path, loaded: &mut Loaded) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let errors = loaded.errors.len();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name().follow_links(true) {
        match entry {
            Ok(entry) => {
                let named = entry.path().extension().is_some_and(|end| end == "yml" || end == "yaml");
                if entry.file_type().is_file() && (named || entry.depth() == 0) {
                    files.push(entry.into_path());
                }
            }
            Err(error) => {
                let at = error.path().unwrap_or(path).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                loaded.fail(&at, &Fault::new(Span { line: 1, column: 1 }, reason));
            }
        }
    }
    if files.is_empty() && loaded.errors.len() == errors {
        let fault = Fault::new(Span { line: 1, column: 1 }, "no rules here: no file ends in .yml or .yaml");
        loaded.fail(path, &fault);
    }
    files
}

impl Loaded {
    fn add(&mut self, file: &Path, text: &str, placeholders: &Placeholders, thresholds: &Thresholds) {
        let mut documents = match yaml::parse(text) {
            Ok(documents) => documents,
            Err(fault) => return self.fail(file, &fault),
        };
        if documents.is_empty() {
            self.fail(file, &Fault::new(Span { line: 1, column: 1 }, "the file holds no rule"));
        }
        for node in &mut documents {
            let name = document::name(node, file);
            let is_tuned = threshold::apply(node, &name, thresholds, &mut self.tuned);
            match document::parse(node, file, placeholders) {
                Ok(Document::Rule(rule)) => self.rules.push(*rule),
                Ok(Document::Correlation(correlation)) => self.correlations.push(*correlation),
                Ok(Document::Filter(filter)) => self.filters.push(*filter),
                Err(fault) if is_tuned => {
                    let words = format!("rule `{name}` with these thresholds: {}", fault.message);
                    self.tuned.refused.insert((name, String::new()), words);
                    self.fail(file, &fault);
                }
                Err(fault) => self.fail(file, &fault),
            }
        }
    }

    fn fail(&mut self, file: &Path, fault: &Fault) {
        self.errors.push(error(file, fault));
    }

    /// Adds what another load came to. What could not be linked in one of them alone is tried again.
    pub fn join(&mut self, other: Self) {
        let unlinked = |error: &RuleError| !error.unlinked;
        self.rules.extend(other.rules);
        self.correlations.extend(other.correlations);
        self.correlations.append(&mut self.unlinked);
        self.correlations.extend(other.unlinked);
        let filters = self.filters.len();
        self.filters.extend(other.filters);
        self.applied.extend(other.applied.into_iter().map(|(at, rule)| (at + filters, rule)));
        self.errors.extend(other.errors);
        self.errors.retain(unlinked);
        self.warnings.extend(other.warnings);
        self.warnings.retain(unlinked);
        self.tuned.placed.extend(other.tuned.placed);
        self.tuned.refused.extend(other.tuned.refused);
        self.link();
    }

    /// What is known of a rule, or, from `rules.len()` on, of a correlation.
    pub fn about(&self, index: usize) -> Option<About<'_>> {
        let rule = self.rules.get(index).map(|rule| (&rule.meta, &rule.samples, &rule.response, &rule.file));
        let correlation = || {
            let of = self.correlation(index)?;
            Some((&of.meta, &of.samples, &of.response, &of.file))
        };
        let (meta, samples, response, file) = rule.or_else(correlation)?;
        Some(About { meta, samples, response: response.as_deref(), file })
    }

    /// Whether the rule or correlation only serves others.
    pub fn is_silent(&self, index: usize) -> bool {
        let rule = self.rules.get(index).map(|rule| rule.silent);
        rule.or_else(|| self.correlation(index).map(|of| of.silent)).unwrap_or_default()
    }

    /// Which rules, then correlations, have to be evaluated for findings of at least `level`: those, and what they
    /// are made of.
    pub fn wanted(&self, level: Option<Level>) -> Vec<bool> {
        let serious = |meta: &Meta| level.is_none_or(|level| meta.level >= level);
        let rules = self.rules.iter().map(|rule| !rule.silent && serious(&rule.meta));
        let correlations = self.correlations.iter().map(|of| !of.silent && serious(&of.meta));
        let mut wanted: Vec<bool> = rules.chain(correlations).collect();
        for _ in 0..self.correlations.len() {
            for (at, correlation) in self.correlations.iter().enumerate() {
                if wanted.get(self.rules.len() + at).copied().unwrap_or_default() {
                    for &link in &correlation.links {
                        wanted.get_mut(link).into_iter().for_each(|wanted| *wanted = true);
                    }
                }
            }
        }
        wanted
    }

    /// The correlation at an index that counts rules first.
    pub fn correlation(&self, index: usize) -> Option<&Correlation> {
        self.correlations.get(index.checked_sub(self.rules.len())?)
    }

    /// One rule or correlation, with all that it is made of. It gives findings even where it is silent.
    #[must_use]
    pub fn only(&self, index: usize) -> Self {
        let mut only = Self::default();
        let (mut left, mut taken) = (vec![index], HashSet::new());
        while let Some(at) = left.pop() {
            if !taken.insert(at) {
                continue;
            }
            only.rules.extend(self.rules.get(at).cloned());
            let correlation = self.correlation(at);
            left.extend(correlation.iter().flat_map(|of| &of.links));
            only.correlations.extend(correlation.cloned());
        }
        only.link();
        only
    }

    /// Rules and correlations together.
    pub fn len(&self) -> usize {
        self.rules.len() + self.correlations.len()
    }

    /// Whether nothing was loaded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn link(&mut self) {
        self.refuse_duplicates();
        for (file, fault) in link::correlations(self) {
            self.fail_unlinked(&file, &fault);
        }
        for (file, fault) in link::filters(self) {
            self.fail_unlinked(&file, &fault);
        }
    }

    fn fail_unlinked(&mut self, file: &Path, fault: &Fault) {
        self.errors.push(RuleError { unlinked: true, ..error(file, fault) });
    }

    /// Findings name rules by id: two rules with one id are an error, and the second is not loaded.
    fn refuse_duplicates(&mut self) {
        let mut first: HashMap<String, PathBuf> = HashMap::new();
        let mut faults = Vec::new();
        let mut is_new = |key: &str, file: &Path| {
            let Some(known) = first.get(key) else {
                first.insert(key.to_owned(), file.to_owned());
                return true;
            };
            let message = format!("rule id `{key}` is also in {}", known.display());
            let fault = Fault::new(Span { line: 1, column: 1 }, message);
            faults.push((file.to_owned(), fault.hint("give each rule an id of its own")));
            false
        };
        self.rules.retain(|rule| is_new(rule.key(), &rule.file));
        self.correlations.retain(|correlation| is_new(correlation.key(), &correlation.file));
        for (file, fault) in &faults {
            self.fail(file, fault);
        }
    }
}

fn error(file: &Path, fault: &Fault) -> RuleError {
    RuleError {
        file: file.to_owned(),
        line: fault.span.line,
        column: fault.span.column,
        message: fault.message.clone(),
        hint: fault.hint.clone(),
        unlinked: false,
    }
}
