//! A rule's `detection`: searches become conditions over shared atoms.

use std::collections::HashMap;

use super::modifier::{FieldKey, Modifier};
use super::placeholder::Placeholders;
use super::test::Test;
use super::yaml::{Fault, Key, Node, Span, Yaml};
use super::{Atom, Expr, Subject, condition};

/// Most searches of a rule.
const MAX_SEARCHES: usize = 1000;
/// Most nodes of a rule's condition: every mention of a search is a copy of it.
const MAX_NODES: usize = 200_000;

/// What a `detection` map says.
pub(super) struct Parsed {
    /// Its tests.
    pub(super) atoms: Vec<Atom>,
    /// Its searches over them, by name.
    pub(super) searches: Vec<(String, Expr)>,
    /// Its condition over them.
    pub(super) condition: Expr,
}

/// Reads a `detection` map, or a filter's, whose `others` are keys that are no searches.
pub(super) fn parse(detection: &Node, others: &[&str], placeholders: &Placeholders) -> Result<Parsed, Fault> {
    if !matches!(detection.value, Yaml::Map(_)) {
        let message = format!("`detection` has to be a map, not {}", detection.kind());
        return Err(Fault::new(detection.span, message));
    }
    let mut reader = Reader { atoms: Vec::new(), known: HashMap::new(), placeholders, search: String::new() };
    let mut searches = Vec::new();
    for (key, node) in detection.entries() {
        if key.text == "condition" || key.text == "timeframe" || others.contains(&key.text.as_str()) {
            continue;
        }
        if searches.len() >= MAX_SEARCHES {
            return Err(Fault::new(key.span, "`detection` has more than 1,000 searches"));
        }
        reader.search.clone_from(&key.text);
        searches.push((key.text.clone(), reader.search(node)?));
    }
    if let Some((key, _)) = detection.entries().find(|(key, _)| key.text == "timeframe") {
        return Err(
            Fault::new(key.span, "`timeframe` belongs to correlations").hint("write a correlation rule")
        );
    }
    let Some(condition) = detection.get("condition") else {
        return Err(Fault::new(detection.span, "`detection` has no `condition`"));
    };
    let mut left = MAX_NODES;
    let condition = conditions(condition, &searches, &mut left)?;
    Ok(Parsed { atoms: reader.atoms, searches, condition })
}

/// A condition, or a list of conditions of which any may hold.
fn conditions(node: &Node, searches: &[(String, Expr)], nodes: &mut usize) -> Result<Expr, Fault> {
    match &node.value {
        Yaml::Text(text) => condition::parse(text, node, searches, nodes),
        Yaml::List(items) if !items.is_empty() => Ok(Expr::Any(
            items.iter().map(|item| conditions(item, searches, nodes)).collect::<Result<_, _>>()?,
        )),
        _ => Err(Fault::new(
            node.span,
            format!("`condition` has to be text or a list of texts, not {}", node.kind()),
        )),
    }
}

struct Reader<'a> {
    atoms: Vec<Atom>,
    known: HashMap<String, usize>,
    placeholders: &'a Placeholders,
    search: String,
}

impl Reader<'_> {
    fn search(&mut self, node: &Node) -> Result<Expr, Fault> {
        match &node.value {
            Yaml::Map(_) => self.map(node),
            Yaml::List(items) if items.is_empty() => Err(Fault::new(node.span, "this search is empty")),
            Yaml::List(items) => {
                Ok(Expr::Any(items.iter().map(|item| self.search_item(item)).collect::<Result<_, _>>()?))
            }
            _ => self.keyword(node),
        }
    }

    fn search_item(&mut self, item: &Node) -> Result<Expr, Fault> {
        match item.value {
            Yaml::Map(_) => self.map(item),
            Yaml::List(_) => Err(Fault::new(item.span, "a search cannot hold a list in a list")),
            _ => self.keyword(item),
        }
    }

    fn map(&mut self, node: &Node) -> Result<Expr, Fault> {
        let parts =
            node.entries().map(|(key, value)| self.entry(key, value)).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [] => Err(Fault::new(node.span, "this search is empty")),
            [one] => Ok(one.clone()),
            _ => Ok(Expr::All(parts)),
        }
    }

    fn keyword(&mut self, node: &Node) -> Result<Expr, Fault> {
        if node.value == Yaml::Null {
            return Err(Fault::new(node.span, "null is no keyword"));
        }
        let key = FieldKey::parse("", node.span)?;
        self.value(&key, node)
    }

    fn entry(&mut self, key: &Key, node: &Node) -> Result<Expr, Fault> {
        let field = FieldKey::parse(&key.text, key.span)?;
        let combined = match &node.value {
            Yaml::List(items) => self.list(&field, key, node.span, items)?,
            Yaml::Map(_) => {
                return Err(Fault::new(node.span, format!("field `{}` cannot be a map", field.field))
                    .hint("nested fields are written with dots"));
            }
            _ => {
                field.check_count(1, node.span)?;
                self.value(&field, node)?
            }
        };
        if !field.has(Modifier::Neq) {
            return Ok(combined);
        }
        let exists = self.atom(&field, Test::Exists, key.span);
        Ok(Expr::All(vec![exists, Expr::Not(Box::new(combined))]))
    }

    fn list(&mut self, field: &FieldKey, key: &Key, span: Span, items: &[Node]) -> Result<Expr, Fault> {
        if items.is_empty() {
            return Err(Fault::new(span, format!("`{}` has no value", key.text)));
        }
        if let Some(null) = items.iter().find(|item| item.value == Yaml::Null) {
            return Err(Fault::new(null.span, "null cannot be part of a list of values")
                .hint("give it a search of its own"));
        }
        field.check_count(items.len(), span)?;
        let parts = items.iter().map(|item| self.value(field, item)).collect::<Result<Vec<_>, _>>()?;
        Ok(match parts.as_slice() {
            [one] => one.clone(),
            _ if field.has(Modifier::All) => Expr::All(parts),
            _ => Expr::Any(parts),
        })
    }

    fn value(&mut self, field: &FieldKey, node: &Node) -> Result<Expr, Fault> {
        if let Some(wanted) = field.exists(node) {
            let exists = self.atom(field, Test::Exists, node.span);
            return Ok(if wanted? { exists } else { Expr::Not(Box::new(exists)) });
        }
        if node.value == Yaml::Null {
            let null = self.atom(field, Test::Null, node.span);
            let exists = self.atom(field, Test::Exists, node.span);
            return Ok(Expr::Any(vec![null, Expr::Not(Box::new(exists))]));
        }
        let tests = field.tests(node, self.placeholders)?;
        let mut atoms: Vec<Expr> = tests.into_iter().map(|test| self.atom(field, test, node.span)).collect();
        Ok(if atoms.len() == 1 { atoms.remove(0) } else { Expr::Any(atoms) })
    }

    /// The atom for a test; one that the rule has already is shared.
    fn atom(&mut self, field: &FieldKey, test: Test, span: Span) -> Expr {
        let subject =
            if field.field.is_empty() { Subject::Record } else { Subject::Field(field.field.clone()) };
        let key = format!("{} {subject:?} {test:?}", self.search);
        let next = self.atoms.len();
        let at = *self.known.entry(key).or_insert(next);
        if at == next {
            self.atoms.push(Atom { subject, test, search: self.search.clone(), span });
        }
        Expr::Atom(at)
    }
}
