//! YAML as a tree in which everything has a place, and nothing can blow up: no aliases, no tags, limits on all sizes.

use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::hint::nearest;

/// Largest rule file, in bytes.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most nodes in a file.
const MAX_NODES: usize = 100_000;

/// Where something stands in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// A node and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// What it is.
    pub value: Yaml,
    /// Where.
    pub span: Span,
    /// Where the first letter of a text stands, if all of it stands there letter by letter: on one line, no escapes.
    pub letters: Option<Span>,
}

/// A YAML value after the core schema: plain scalars are typed, quoted ones are text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole or decimal number, with its text.
    Number(f64, String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the file's order; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Its text.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where.
    pub span: Span,
    /// What.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault without advice.
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// The same with advice.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with what `name` was probably meant to be, else, after `all`, everything that it may be.
    #[must_use]
    pub(super) fn suggest(self, name: &str, known: &[&str], all: &str) -> Self {
        match nearest(name, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self.hint(format!("{all} {}", known.join(", "))),
        }
    }
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// Entries of a map; none for anything else.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, &Node)> {
        let entries = if let Yaml::Map(entries) = &self.value { entries.as_slice() } else { &[] };
        entries.iter().map(|(key, node)| (key, node))
    }

    /// The text of a scalar; `None` for null, lists and maps.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Yaml::Text(text) | Yaml::Number(_, text) => Some(text.clone()),
            Yaml::Bool(truth) => Some(truth.to_string()),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => None,
        }
    }

    /// What this is, for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Yaml::Null => "null",
            Yaml::Bool(_) => "a boolean",
            Yaml::Number(..) => "a number",
            Yaml::Text(_) => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
        }
    }
}

/// Reads every document of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(Span { line: 1, column: 1 }, "file is larger than 1 MiB"));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let (event, span) = event.map_err(|error| {
            Fault::new(place(error.marker()), format!("not valid YAML: {}", error.info()))
        })?;
        let one_line = span.start.line() == span.end.line();
        let width = one_line.then(|| span.end.col().saturating_sub(span.start.col()));
        builder.event(event, place(&span.start), width)?;
    }
    Ok(builder.documents)
}

fn place(marker: &Marker) -> Span {
    Span { line: marker.line().max(1), column: marker.col() + 1 }
}

enum Open {
    List(Vec<Node>, Span),
    Map { entries: Vec<(Key, Node)>, known: HashSet<String>, key: Option<Key>, span: Span },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    documents: Vec<Node>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span, width: Option<usize>) -> Result<(), Fault> {
        match event {
            Event::Alias(_) => {
                Err(Fault::new(span, "YAML aliases are not allowed in rules").hint("write the value out"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse(anchor, tag.is_some(), span)?;
                let letters = letters(&text, style, span, width);
                self.add(Node { value: scalar(&text, style), span, letters })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(anchor, tag.is_some(), span)?;
                self.push(Open::List(Vec::new(), span), span)
            }
            Event::MappingStart(anchor, tag) => {
                refuse(anchor, tag.is_some(), span)?;
                self.push(Open::Map { entries: Vec::new(), known: HashSet::new(), key: None, span }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items, span)) => {
                    self.add(Node { value: Yaml::List(items), span, letters: None })
                }
                Some(Open::Map { entries, span, .. }) => {
                    self.add(Node { value: Yaml::Map(entries), span, letters: None })
                }
                None => Ok(()),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn push(&mut self, open: Open, span: Span) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::new(span, "nested deeper than 64 levels"));
        }
        self.open.push(open);
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault::new(node.span, "file has more than 100,000 nodes"));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List(items, _)) => items.push(node),
            Some(Open::Map { entries, known, key, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(unique_key(known, &node)?),
            },
        }
        Ok(())
    }
}

fn unique_key(known: &mut HashSet<String>, node: &Node) -> Result<Key, Fault> {
    let text = node.text().ok_or_else(|| {
        Fault::new(node.span, format!("{} cannot be a key", node.kind())).hint("quote a key that is text")
    })?;
    if !known.insert(text.clone()) {
        return Err(Fault::new(node.span, format!("key `{text}` stands twice in one map"))
            .hint("join the two, or give one of them a name of its own"));
    }
    Ok(Key { text, span: node.span })
}

fn refuse(anchor: usize, tag: bool, span: Span) -> Result<(), Fault> {
    if anchor > 0 {
        return Err(Fault::new(span, "YAML anchors are not allowed in rules").hint("write the value out"));
    }
    if tag {
        return Err(
            Fault::new(span, "YAML tags are not allowed in rules").hint("quote the value to make it text")
        );
    }
    Ok(())
}

/// See [`Node::letters`]; `width` is how many columns the text takes with its quotes, if it stands on one line.
fn letters(text: &str, style: ScalarStyle, span: Span, width: Option<usize>) -> Option<Span> {
    match style {
        ScalarStyle::Plain => width.map(|_| span),
        // An escape is wider than what it stands for.
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            (width? == text.chars().count() + 2).then_some(Span { column: span.column + 1, ..span })
        }
        ScalarStyle::Literal | ScalarStyle::Folded => None,
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Yaml {
    if style != ScalarStyle::Plain {
        return Yaml::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
        "true" | "True" | "TRUE" => Yaml::Bool(true),
        "false" | "False" | "FALSE" => Yaml::Bool(false),
        _ => number(text)
            .map_or_else(|| Yaml::Text(text.to_owned()), |value| Yaml::Number(value, text.to_owned())),
    }
}

/// Decimal numbers of the core schema. Hexadecimal and octal stay text, as they stand in logs.
fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let looks = unsigned.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.')
        && unsigned.chars().all(|letter| letter.is_ascii_digit() || ".eE+-".contains(letter));
    looks.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_typed_by_the_core_schema_unless_quoted() {
        let documents =
            parse("a: 1\nb: '1'\nc: true\nd: null\ne: 1.5\nf: 0x10\ng: x\nh: [1, {i: ~}]\n").unwrap();
        let kinds: Vec<_> =
            documents[0].entries().map(|(key, node)| (key.text.as_str(), node.kind())).collect();
        let expected = [
            ("a", "a number"),
            ("b", "text"),
            ("c", "a boolean"),
            ("d", "null"),
            ("e", "a number"),
            ("f", "text"),
            ("g", "text"),
            ("h", "a list"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(documents[0].get("b").unwrap().span, Span { line: 2, column: 4 });
    }

    #[test]
    fn what_could_surprise_is_refused_with_its_place() {
        let deep = "[".repeat(80);
        for (text, line, column, part) in [
            ("a: &x 1\n", 1, 4, "anchors"),
            ("a: !!str 1\n", 1, 4, "tags"),
            ("a: 1\nb: 2\na: 3\n", 3, 1, "twice"),
            ("a: [1\n", 2, 1, "YAML"),
            (deep.as_str(), 1, 65, "64 levels"),
            ("{a: 1}: 2\n", 1, 1, "key"),
            ("a: 1\nnull: 2\n", 2, 1, "null cannot be a key"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.contains(part), "{text}: {fault:?}");
            assert_eq!((fault.span.line, fault.span.column), (line, column), "{text}: {fault:?}");
        }
    }
}
