//! Sigma correlation documents.

use std::path::{Path, PathBuf};

use super::derive::parse_duration;
use super::document::{self, OwnBlock};
use super::yaml::{Fault, Node, Span, Yaml};
use super::{Expr, Meta, Samples, condition};

/// Most nodes of a condition over rules.
const MAX_NODES: usize = 10_000;

/// How events are held together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    /// How many events.
    EventCount,
    /// How many different values.
    ValueCount,
    /// All rules, in any order.
    Temporal,
    /// All rules, in the order given.
    TemporalOrdered,
    /// The sum of a number.
    ValueSum,
    /// The mean of a number.
    ValueAvg,
    /// A percentile of a number.
    ValuePercentile,
}

const KINDS: [(&str, CorrelationKind); 7] = [
    ("event_count", CorrelationKind::EventCount),
    ("value_count", CorrelationKind::ValueCount),
    ("temporal", CorrelationKind::Temporal),
    ("temporal_ordered", CorrelationKind::TemporalOrdered),
    ("value_sum", CorrelationKind::ValueSum),
    ("value_avg", CorrelationKind::ValueAvg),
    ("value_percentile", CorrelationKind::ValuePercentile),
];

/// How a count is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Operator {
    Gt,
    Gte,
    Lt,
    Lte,
    Eq,
    Neq,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
];

impl Operator {
    /// Whether `seen` stands so to `limit`.
    #[expect(clippy::float_cmp, reason = "counts are exact, and sums are compared as the rule says")]
    pub fn holds(self, seen: f64, limit: f64) -> bool {
        match self {
            Self::Gt => seen > limit,
            Self::Gte => seen >= limit,
            Self::Lt => seen < limit,
            Self::Lte => seen <= limit,
            Self::Eq => seen == limit,
            Self::Neq => seen != limit,
        }
    }

    /// The specification's word.
    pub fn word(self) -> &'static str {
        OPERATORS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// When a correlation holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these hold of the count, sum, mean or percentile.
    Bounds(Vec<(Operator, f64)>),
    /// Which rules have an event in the window; atoms are positions in [`Correlation::members`].
    Rules(Expr),
}

/// A name for fields that are called differently in different rules: the alias, then rule and field.
pub type Alias = (String, Vec<(String, String)>);

/// A correlation document.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// What it says about itself.
    pub meta: Meta,
    /// How events are held together.
    pub kind: CorrelationKind,
    /// The rules it is made of, by id or name, in its order.
    pub members: Vec<String>,
    /// Names for fields of several rules.
    pub aliases: Vec<Alias>,
    /// Fields, or aliases, whose values have to be the same; none: one group.
    pub group_by: Vec<String>,
    /// Length of the window in nanoseconds.
    pub timespan: i64,
    /// When it holds.
    pub condition: Condition,
    /// The fields whose values count or are added up.
    pub fields: Vec<String>,
    /// Which percentile, 0 to 100.
    pub percentile: f64,
    /// Whether its rules give findings of their own.
    pub generate: bool,
    /// Logs that it must and must not find something in.
    pub samples: Samples,
    /// What a responder does first.
    pub response: Option<String>,
    /// Where it was read from.
    pub file: PathBuf,
    /// Where its `rules` stand.
    pub span: Span,
    /// What `members` are: see [`super::Loaded::about`]. Filled in when all rules are known.
    pub links: Vec<usize>,
    /// Gives no findings of its own: it is part of correlations that did not ask for them.
    pub silent: bool,
}

impl Correlation {
    /// What findings call it: its id, else its name.
    pub fn key(&self) -> &str {
        self.meta.key()
    }

    /// The field of a member that gives a `group-by` name: an alias is resolved by the member's name or id.
    pub fn field_of<'a>(&'a self, name: &'a str, member: &str, names: &[&str]) -> &'a str {
        let alias = self.aliases.iter().find(|(alias, _)| alias == name);
        let Some((_, fields)) = alias else { return name };
        let of = fields.iter().find(|(rule, _)| rule == member || names.contains(&rule.as_str()));
        of.map_or(name, |(_, field)| field)
    }
}

/// Reads a correlation document.
pub(super) fn parse(node: &Node, file: &Path) -> Result<Correlation, Fault> {
    const KEYS: [&str; 7] = ["type", "rules", "aliases", "group-by", "timespan", "condition", "generate"];
    let block = document::required(node, "correlation")?;
    if !matches!(block.value, Yaml::Map(_)) {
        return Err(Fault::new(block.span, format!("`correlation` has to be a map, not {}", block.kind())));
    }
    if let Some((key, _)) = block.entries().find(|(key, _)| !KEYS.contains(&key.text.as_str())) {
        return Err(unknown(key.span, "key", &key.text, &KEYS));
    }
    let kind = kind(block)?;
    let members = list(block, "rules")?;
    if members.is_empty() {
        return Err(Fault::new(block.span, "a correlation needs `rules`"));
    }
    let measure = measure(block, kind, &members)?;
    let generate = block.get("generate").or_else(|| node.get("generate"));
    let OwnBlock { samples, response, .. } = document::own_block(node, &["response", "samples"])?;
    Ok(Correlation {
        meta: document::meta(node, file)?,
        kind,
        aliases: aliases(block)?,
        group_by: list(block, "group-by")?,
        timespan: timespan(block)?,
        condition: measure.condition,
        fields: measure.fields,
        percentile: measure.percentile,
        generate: generate.map(truth).transpose()?.unwrap_or_default(),
        samples,
        response,
        file: file.to_owned(),
        span: block.get("rules").map_or(block.span, |rules| rules.span),
        members,
        links: Vec::new(),
        silent: false,
    })
}

fn unknown(span: Span, what: &str, name: &str, known: &[&str]) -> Fault {
    Fault::new(span, format!("unknown {what} `{name}` in `correlation`")).suggest(name, known, "known:")
}

fn kind(block: &Node) -> Result<CorrelationKind, Fault> {
    let node = block.get("type").ok_or_else(|| Fault::new(block.span, "a correlation needs a `type`"))?;
    let name = node.text().unwrap_or_default();
    KINDS.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|&(known, _)| known).collect();
        unknown(node.span, "type", &name, &known)
    })
}

fn list(block: &Node, name: &str) -> Result<Vec<String>, Fault> {
    let Some(node) = block.get(name) else { return Ok(Vec::new()) };
    let bad = |span| Fault::new(span, format!("`{name}` has to be a list of texts"));
    match &node.value {
        Yaml::List(items) => {
            let texts: Vec<String> = items
                .iter()
                .map(|item| item.text().ok_or_else(|| bad(item.span)))
                .collect::<Result<_, _>>()?;
            match texts
                .iter()
                .enumerate()
                .find(|(at, text)| texts.iter().take(*at).any(|other| other == *text))
            {
                Some((_, twice)) => Err(Fault::new(node.span, format!("`{twice}` stands twice in `{name}`"))),
                None => Ok(texts),
            }
        }
        Yaml::Map(_) | Yaml::Null => Err(bad(node.span)),
        _ => Ok(node.text().into_iter().collect()),
    }
}

fn timespan(block: &Node) -> Result<i64, Fault> {
    let node =
        block.get("timespan").ok_or_else(|| Fault::new(block.span, "a correlation needs a `timespan`"))?;
    let nanos = node.text().as_deref().and_then(parse_duration).filter(|nanos| *nanos > 0);
    nanos.ok_or_else(|| {
        Fault::new(node.span, "`timespan` has to be a number and s, m, h or d").hint("such as 10m")
    })
}

fn aliases(block: &Node) -> Result<Vec<Alias>, Fault> {
    let Some(node) = block.get("aliases") else { return Ok(Vec::new()) };
    let bad = |span| Fault::new(span, "`aliases` has to be a map of maps: alias, rule, field");
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(bad(node.span));
    }
    let one = |inner: &Node| {
        if !matches!(inner.value, Yaml::Map(_)) {
            return Err(bad(inner.span));
        }
        let fields = inner.entries();
        fields
            .map(|(rule, field)| Ok((rule.text.clone(), field.text().ok_or_else(|| bad(field.span))?)))
            .collect::<Result<Vec<_>, Fault>>()
    };
    node.entries().map(|(alias, inner)| Ok((alias.text.clone(), one(inner)?))).collect()
}

fn truth(node: &Node) -> Result<bool, Fault> {
    match node.value {
        Yaml::Bool(truth) => Ok(truth),
        _ => Err(Fault::new(node.span, "`generate` has to be true or false")),
    }
}

/// What is measured, and against what.
struct Measure {
    condition: Condition,
    fields: Vec<String>,
    percentile: f64,
}

fn measure(block: &Node, kind: CorrelationKind, members: &[String]) -> Result<Measure, Fault> {
    let temporal = matches!(kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
    let Some(node) = block.get("condition") else {
        if temporal {
            return Ok(plain(Condition::Rules(Expr::All((0..members.len()).map(Expr::Atom).collect()))));
        }
        return Err(Fault::new(block.span, "this correlation needs a `condition`").hint("such as `gte: 5`"));
    };
    match &node.value {
        Yaml::Text(text) if temporal => {
            if kind == CorrelationKind::TemporalOrdered {
                return Err(Fault::new(node.span, "an expression over rules has no order")
                    .hint("use the type `temporal`"));
            }
            let searches: Vec<(String, Expr)> =
                members.iter().enumerate().map(|(at, name)| (name.clone(), Expr::Atom(at))).collect();
            let mut left = MAX_NODES;
            Ok(plain(Condition::Rules(condition::parse(text, node, &searches, &mut left)?)))
        }
        Yaml::Map(_) => bounds(node, kind),
        _ => Err(Fault::new(node.span, format!("`condition` has to be a map, not {}", node.kind()))),
    }
}

fn plain(condition: Condition) -> Measure {
    Measure { condition, fields: Vec::new(), percentile: 50.0 }
}

fn bounds(node: &Node, kind: CorrelationKind) -> Result<Measure, Fault> {
    let mut bounds = Vec::new();
    let mut percentile = 50.0;
    for (key, value) in node.entries() {
        let number = || {
            value
                .text()
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|number| number.is_finite())
                .ok_or_else(|| {
                    Fault::new(value.span, format!("`{}` has to be a number, not {}", key.text, value.kind()))
                })
        };
        match key.text.as_str() {
            "field" => {}
            "percentile" if kind == CorrelationKind::ValuePercentile => {
                percentile = number()?;
                if !(0.0..=100.0).contains(&percentile) {
                    return Err(Fault::new(value.span, "`percentile` has to be between 0 and 100"));
                }
            }
            name => {
                let operator = OPERATORS.iter().find(|(known, _)| *known == name);
                let &(_, operator) = operator.ok_or_else(|| {
                    unknown(key.span, "condition", name, &["gt", "gte", "lt", "lte", "eq", "neq", "field"])
                })?;
                bounds.push((operator, number()?));
            }
        }
    }
    if bounds.is_empty() {
        return Err(Fault::new(node.span, "`condition` compares with nothing").hint("such as `gte: 5`"));
    }
    let fields = list(node, "field")?;
    check_fields(node, kind, &fields)?;
    Ok(Measure { condition: Condition::Bounds(bounds), fields, percentile })
}

fn check_fields(node: &Node, kind: CorrelationKind, fields: &[String]) -> Result<(), Fault> {
    use CorrelationKind::{EventCount, Temporal, TemporalOrdered, ValueCount};
    match (kind, fields.len()) {
        (EventCount | Temporal | TemporalOrdered, 0) | (ValueCount, 1..) | (_, 1) => Ok(()),
        (EventCount | Temporal | TemporalOrdered, _) => {
            Err(Fault::new(node.span, "`field` has no meaning for this type"))
        }
        (_, 0) => Err(Fault::new(node.span, "`condition` needs a `field` for this type")),
        _ => Err(Fault::new(node.span, "only `value_count` takes several fields")),
    }
}
