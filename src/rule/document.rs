//! One rule document: its attributes, checked.

use std::path::Path;

use super::placeholder::Placeholders;
use super::yaml::{Fault, Node, Span, Yaml};
use super::{Level, LogSource, Meta, Rule, Samples, detection, hint, sample};

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
    /// Something else of Sigma's: named, not loaded.
    Other(&'static str),
}

/// Reads a document of a rule file.
pub(super) fn parse(node: &Node, file: &Path, placeholders: &Placeholders) -> Result<Document, Fault> {
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(Fault::new(node.span, format!("a rule has to be a map, not {}", node.kind())));
    }
    if node.get("correlation").is_some() {
        return Ok(Document::Other("correlation rules are not evaluated by this version"));
    }
    if node.get("filter").is_some() {
        return Ok(Document::Other("filters are not applied by this version"));
    }
    if let Some(action) = node.get("action") {
        return Err(Fault::new(action.span, "rule collections with `action` are not part of Sigma 2")
            .hint("write every rule in full"));
    }
    let meta = meta(node, file)?;
    let logsource = logsource(required(node, "logsource")?)?;
    let (atoms, condition) = detection::parse(required(node, "detection")?, placeholders)?;
    let (samples, response) = own_block(node)?;
    Ok(Document::Rule(Box::new(Rule {
        meta,
        logsource,
        atoms,
        condition,
        samples,
        response,
        file: file.to_owned(),
    })))
}

fn required<'a>(node: &'a Node, name: &str) -> Result<&'a Node, Fault> {
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

fn meta(node: &Node, file: &Path) -> Result<Meta, Fault> {
    let title = required(node, "title")?;
    let text = |name: &str| node.get(name).and_then(Node::text);
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Meta {
        id: text("id"),
        name: text("name").unwrap_or(stem),
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
    const NAMES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
    let Some(level) = node.get("level") else { return Ok(Level::default()) };
    let name = level.text().unwrap_or_default();
    Level::parse(&name).ok_or_else(|| {
        let fault = Fault::new(level.span, format!("unknown level `{name}`"));
        match hint::nearest(&name, NAMES.into_iter()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!("one of {}", NAMES.join(", "))),
        }
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

fn logsource(node: &Node) -> Result<LogSource, Fault> {
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
fn own_block(node: &Node) -> Result<(Samples, Option<String>), Fault> {
    const KEYS: [&str; 2] = ["response", "samples"];
    let Some(block) = node.get("x-portcullis") else { return Ok((Samples::default(), None)) };
    if !matches!(block.value, Yaml::Map(_)) {
        return Err(Fault::new(block.span, format!("`x-portcullis` has to be a map, not {}", block.kind())));
    }
    for (key, _) in block.entries() {
        if !KEYS.contains(&key.text.as_str()) {
            return Err(unknown_key(&key.text, key.span, &KEYS));
        }
    }
    let samples = block.get("samples").map(sample::parse).transpose()?.unwrap_or_default();
    let response = block.get("response").map(|response| {
        response.text().ok_or_else(|| {
            Fault::new(response.span, format!("`response` has to be text, not {}", response.kind()))
        })
    });
    Ok((samples, response.transpose()?))
}

/// A key that the block does not know.
pub(super) fn unknown_key(key: &str, span: Span, known: &[&str]) -> Fault {
    let fault = Fault::new(span, format!("unknown key `{key}` in x-portcullis"));
    match hint::nearest(key, known.iter().copied()) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint(format!("known: {}", known.join(", "))),
    }
}
