//! Sigma filter documents: what certain rules are to leave out.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::derive::{Derivation, Kind, SubField};
use super::document;
use super::placeholder::Placeholders;
use super::test::Test;
use super::yaml::{Fault, Node, Span, Yaml};
use super::{Atom, Expr, LogSource, Rule, Subject, detection};

/// A filter document.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Its `id`, else its title.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The log it is for.
    pub logsource: LogSource,
    /// Ids, or names, of the rules it is for.
    pub rules: Vec<String>,
    /// Its tests.
    pub atoms: Vec<Atom>,
    /// Its condition over them: what a record has to be to stay.
    pub condition: Expr,
    /// First nanosecond (UTC) from which it no longer filters.
    pub expires: Option<i64>,
    /// Where it was read from.
    pub file: PathBuf,
    /// Where its `rules` stand.
    pub span: Span,
    /// Whether its condition names what is kept although its searches probably name what is to be left out.
    pub keeps_what_it_names: bool,
}

/// Reads a filter document.
pub(super) fn parse(node: &Node, file: &Path, placeholders: &Placeholders) -> Result<Filter, Fault> {
    let block = document::required(node, "filter")?;
    if !matches!(block.value, Yaml::Map(_)) {
        return Err(Fault::new(block.span, format!("`filter` has to be a map, not {}", block.kind())));
    }
    let rules = document::required(block, "rules")?;
    let Yaml::List(items) = &rules.value else {
        return Err(Fault::new(rules.span, "`rules` of a filter has to be a list of rule ids"));
    };
    let meta = document::meta(node, file)?;
    let parsed = detection::parse(block, &["rules"], placeholders)?;
    let own = document::own_block(node, &["expires"])?;
    Ok(Filter {
        key: meta.id.clone().unwrap_or_else(|| meta.title.clone()),
        title: meta.title,
        logsource: document::logsource(document::required(node, "logsource")?)?,
        rules: items.iter().filter_map(Node::text).collect(),
        keeps_what_it_names: matches!(&block.get("condition").map(|node| &node.value),
            Some(Yaml::Text(text)) if !text.contains("not")),
        atoms: parsed.atoms,
        condition: parsed.condition,
        expires: own.expires,
        file: file.to_owned(),
        span: rules.span,
    })
}

/// Reads `expires`: the first nanosecond of a day, UTC.
pub(super) fn expires(node: &Node) -> Result<i64, Fault> {
    let date: Option<Date> = node.text().and_then(|text| text.parse().ok());
    let zoned = date.and_then(|date| date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok());
    let nanos = zoned.and_then(|zoned| i64::try_from(zoned.timestamp().as_nanosecond()).ok());
    nanos.ok_or_else(|| {
        Fault::new(node.span, "`expires` has to be a day")
            .hint("as YYYY-MM-DD; it filters until that day, UTC")
    })
}

impl Filter {
    /// Adds the filter to a rule's condition.
    pub(super) fn apply(&self, rule: &mut Rule) {
        let offset = rule.atoms.len();
        let named =
            |atom: &Atom| Atom { search: format!("filter {}: {}", self.key, atom.search), ..atom.clone() };
        rule.atoms.extend(self.atoms.iter().map(named));
        let mut keeps = self.condition.shifted(offset);
        if let Some(nanos) = self.expires {
            keeps = Expr::Any(vec![keeps, Expr::Atom(rule.atoms.len())]);
            let at = rule.derived.len();
            let name = format!("filter {} has expired", self.key);
            rule.derived.push(Derivation {
                name: name.clone(),
                kind: Kind::Reached { nanos },
                per: Vec::new(),
                window_days: 0,
                min_history: 0,
                filter: None,
            });
            rule.atoms.push(Atom {
                subject: Subject::Derived { at, sub: SubField::Reached, name },
                test: Test::Exists,
                search: format!("filter {}", self.key),
                span: self.span,
            });
        }
        let own = std::mem::replace(&mut rule.condition, Expr::All(Vec::new()));
        rule.condition = Expr::All(vec![own, keeps]);
    }
}
