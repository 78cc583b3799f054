//! One rule document: its attributes, checked.

use std::path::Path;

use super::correlation::{self, Correlation};
use super::filter::{self, Filter};
use super::placeholder::Placeholders;
use super::yaml::{Fault, Node, Span, Yaml};
use super::{Level, LogSource, Meta, Rule, Samples, derive, detection, hint, sample};

/// Attributes of the specification, for catching misspelt ones.
const ATTRIBUTES: &[&str] = &[
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "logsource",
    "detection",
    "correlation",
    "filter",
    "generate",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "x-portcullis",
];

/// What a document turned out to be.
pub(super) enum Document {
    /// A detection rule.
    Rule(Box<Rule>),
    /// A correlation of rules.
    Correlation(Box<Correlation>),
    /// What certain rules are to leave out.
    Filter(Box<Filter>),
}

/// Reads a document of a rule file.
pub(super) fn parse(node: &Node, file: &Path, placeholders: &Placeholders) -> Result<Document, Fault> {
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(Fault::new(node.span, format!("a rule has to be a map, not {}", node.kind())));
    }
    if node.get("correlation").is_some() {
        return Ok(Document::Correlation(Box::new(correlation::parse(node, file)?)));
    }
    if node.get("filter").is_some() {
        return Ok(Document::Filter(Box::new(filter::parse(node, file, placeholders)?)));
    }
    if let Some(action) = node.get("action") {
        return Err(Fault::new(action.span, "rule collections with `action` are not part of Sigma 2")
            .hint("write every rule in full"));
    }
    let meta = meta(node, file)?;
    let logsource = logsource(required(node, "logsource")?)?;
    let mut parsed = detection::parse(required(node, "detection")?, &[], placeholders)?;
    let own = own_block(node, &["response", "samples", "derive"])?;
    let mut detection = derive::Detection { atoms: &mut parsed.atoms, searches: &parsed.searches };
    let derived = own.derive.map(|node| derive::parse(node, &mut detection)).transpose()?.unwrap_or_default();
    Ok(Document::Rule(Box::new(Rule {
        meta,
        logsource,
        atoms: parsed.atoms,
        condition: parsed.condition,
        derived,
        samples: own.samples,
        response: own.response,
        file: file.to_owned(),
        silent: false,
    })))
}

pub(super) fn required<'a>(node: &'a Node, name: &str) -> Result<&'a Node, Fault> {
    node.get(name).ok_or_else(|| {
        let fault = Fault::new(node.span, format!("the rule has no `{name}`"));
        let mut unknown =
            node.entries().map(|(key, _)| key).filter(|key| !ATTRIBUTES.contains(&key.text.as_str()));
        let near = unknown.find(|key| hint::nearest(&key.text, std::iter::once(name)).is_some());
        match near {
            Some(key) => Fault { span: key.span, ..fault }
                .hint(format!("`{}` was probably meant to be `{name}`", key.text)),
            None => fault,
        }
    })
}

/// Its `name`, else the file's.
pub(super) fn name(node: &Node, file: &Path) -> String {
    let stem = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    node.get("name").and_then(Node::text).unwrap_or_else(stem)
}

pub(super) fn meta(node: &Node, file: &Path) -> Result<Meta, Fault> {
    let title = required(node, "title")?;
    let text = |name: &str| node.get(name).and_then(Node::text);
    Ok(Meta {
        id: text("id"),
        name: name(node, file),
        title: title.text().ok_or_else(|| Fault::new(title.span, "`title` has to be text"))?,
        description: text("description"),
        status: text("status"),
        author: text("author"),
        license: text("license"),
        date: text("date"),
        modified: text("modified"),
        references: texts(node, "references")?,
        tags: texts(node, "tags")?,
        falsepositives: texts(node, "falsepositives")?,
        level: level(node)?,
    })
}

fn level(node: &Node) -> Result<Level, Fault> {
    let Some(level) = node.get("level") else { return Ok(Level::default()) };
    let name = level.text().unwrap_or_default();
    Level::parse(&name).ok_or_else(|| {
        let fault = Fault::new(level.span, format!("unknown level `{name}`"));
        fault.suggest(&name, &Level::ALL.map(Level::name), "one of")
    })
}

fn texts(node: &Node, name: &str) -> Result<Vec<String>, Fault> {
    let Some(list) = node.get(name) else { return Ok(Vec::new()) };
    match &list.value {
        Yaml::List(items) => Ok(items.iter().filter_map(Node::text).collect()),
        Yaml::Null => Ok(Vec::new()),
        Yaml::Map(_) => Err(Fault::new(list.span, format!("`{name}` has to be a list of texts"))),
        _ => Ok(list.text().into_iter().collect()),
    }
}

pub(super) fn logsource(node: &Node) -> Result<LogSource, Fault> {
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(Fault::new(node.span, format!("`logsource` has to be a map, not {}", node.kind())));
    }
    let text = |name: &str| node.get(name).and_then(Node::text);
    let source = LogSource {
        category: text("category"),
        product: text("product"),
        service: text("service"),
        definition: text("definition"),
    };
    if source.category.is_none() && source.product.is_none() && source.service.is_none() {
        return Err(Fault::new(node.span, "`logsource` needs a category, a product or a service"));
    }
    Ok(source)
}

/// The block `x-portcullis`: what Sigma has no word for.
#[derive(Default)]
pub(super) struct OwnBlock<'a> {
    pub(super) samples: Samples,
    pub(super) response: Option<String>,
    pub(super) derive: Option<&'a Node>,
    pub(super) expires: Option<i64>,
}

/// Reads the block; `keys` are those that this kind of document may have.
pub(super) fn own_block<'a>(node: &'a Node, keys: &[&str]) -> Result<OwnBlock<'a>, Fault> {
    let Some(block) = node.get("x-portcullis") else { return Ok(OwnBlock::default()) };
    if !matches!(block.value, Yaml::Map(_)) {
        return Err(Fault::new(block.span, format!("`x-portcullis` has to be a map, not {}", block.kind())));
    }
    for (key, _) in block.entries() {
        if !keys.contains(&key.text.as_str()) {
            return Err(unknown_key(&key.text, key.span, keys));
        }
    }
    let response = block.get("response").map(|response| {
        response.text().ok_or_else(|| {
            Fault::new(response.span, format!("`response` has to be text, not {}", response.kind()))
        })
    });
    Ok(OwnBlock {
        samples: block.get("samples").map(sample::parse).transpose()?.unwrap_or_default(),
        response: response.transpose()?,
        derive: block.get("derive"),
        expires: block.get("expires").map(filter::expires).transpose()?,
    })
}

/// A key that the block does not know.
pub(super) fn unknown_key(key: &str, span: Span, known: &[&str]) -> Fault {
    Fault::new(span, format!("unknown key `{key}` in x-portcullis")).suggest(key, known, "known:")
}
