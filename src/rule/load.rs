//! Rule files from disk, and the pack that comes with the program.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Rule;
use super::document::{self, Document};
use super::placeholder::Placeholders;
use super::yaml::{self, Fault, Span};

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
}

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

/// A document that is Sigma, but no detection rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Why it is not evaluated.
    pub reason: &'static str,
}

/// What a load came to.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Rules, by file name.
    pub rules: Vec<Rule>,
    /// Files that are no rules, or cannot be read.
    pub errors: Vec<RuleError>,
    /// Documents that this version does not evaluate.
    pub skipped: Vec<Skipped>,
}

/// Loads files, and folders with all `.yml` and `.yaml` files below them, in the order of their names.
pub fn load(paths: &[PathBuf], placeholders: &Placeholders) -> Loaded {
    let mut loaded = Loaded::default();
    for path in paths {
        for file in files(path, &mut loaded) {
            match std::fs::read_to_string(&file) {
                Ok(text) => loaded.add(&file, &text, placeholders),
                Err(error) => loaded.fail(&file, &Fault::new(Span { line: 1, column: 1 }, error.to_string())),
            }
        }
    }
    loaded.refuse_duplicates();
    loaded
}

/// Loads the pack that comes with the program.
pub fn load_embedded() -> Loaded {
    let mut loaded = Loaded::default();
    for (name, text) in EMBEDDED {
        loaded.add(Path::new(name), text, &Placeholders::new());
    }
    loaded.refuse_duplicates();
    loaded
}

/// Loads the documents of one text, as if it stood in `file`.
pub fn parse_document(file: &Path, text: &str, placeholders: &Placeholders) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.add(file, text, placeholders);
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
    files
}

impl Loaded {
    fn add(&mut self, file: &Path, text: &str, placeholders: &Placeholders) {
        let documents = match yaml::parse(text) {
            Ok(documents) => documents,
            Err(fault) => return self.fail(file, &fault),
        };
        if documents.is_empty() {
            self.fail(file, &Fault::new(Span { line: 1, column: 1 }, "the file holds no rule"));
        }
        for node in &documents {
            match document::parse(node, file, placeholders) {
                Ok(Document::Rule(rule)) => self.rules.push(*rule),
                Ok(Document::Other(reason)) => self.skipped.push(Skipped { file: file.to_owned(), reason }),
                Err(fault) => self.fail(file, &fault),
            }
        }
    }

    fn fail(&mut self, file: &Path, fault: &Fault) {
        self.errors.push(error(file, fault));
    }

    /// Adds what another load came to.
    pub fn join(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.errors.extend(other.errors);
        self.skipped.extend(other.skipped);
        self.refuse_duplicates();
    }

    /// Findings name rules by id: two rules with one id are an error, and the second is not loaded.
    fn refuse_duplicates(&mut self) {
        let mut first: HashMap<String, PathBuf> = HashMap::new();
        let mut faults = Vec::new();
        self.rules.retain(|rule| {
            let known = first.get(rule.key());
            if let Some(known) = known {
                let message = format!("rule id `{}` is also in {}", rule.key(), known.display());
                let fault = Fault::new(Span { line: 1, column: 1 }, message);
                faults.push((rule.file.clone(), fault.hint("give each rule an id of its own")));
                return false;
            }
            first.insert(rule.key().to_owned(), rule.file.clone());
            true
        });
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
    }
}
