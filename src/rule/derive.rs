//! The block `x-portcullis.derive`: fields that say what is usual. `rules/README.md` has the meaning of each.

use super::document::unknown_key;
use super::yaml::{Fault, Node, Span, Yaml};
use super::{Expr, Subject, hint};
pub use crate::event::SubField;

/// Nanoseconds of a day of 24 hours.
pub const DAY: i64 = 86_400_000_000_000;
/// Longest time a setting may give: a hundred years keeps sums of times far from overflow.
const MAX_NANOS: i64 = 36_500 * DAY;

/// How a value is seen before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// As it is, ASCII letters in lower case.
    Text,
    /// An address, in its shortest form.
    Ip,
    /// The /24 of an IPv4 address, the /48 of an IPv6 address.
    Network,
    /// The number of the autonomous system that announces an address.
    Asn,
    /// The ISO code of the country an address is in.
    Country,
    /// What follows the last `@`.
    Domain,
    /// A user agent without version numbers.
    UserAgent,
}

const VIEWS: [(&str, View); 7] = [
    ("text", View::Text),
    ("ip", View::Ip),
    ("network", View::Network),
    ("asn", View::Asn),
    ("country", View::Country),
    ("domain", View::Domain),
    ("user_agent", View::UserAgent),
];

impl View {
    /// The word for it in rules.
    pub fn word(self) -> &'static str {
        VIEWS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// Whose history a volume is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Against {
    /// The key's own.
    Own,
    /// That of all other keys.
    Peers,
}

/// What is derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Whether a value is new.
    FirstSeen {
        /// The field.
        value: String,
        /// How it is seen.
        view: View,
    },
    /// Whether the key is usually active at this time of day.
    UsualHours {
        /// Days that make an hour usual.
        min_days: u32,
    },
    /// How long the key was silent.
    Dormant,
    /// How much the key does.
    Volume {
        /// Length of the span in nanoseconds.
        span: i64,
        /// The field that is added up; without it records are counted.
        sum: Option<String>,
        /// Whose history counts.
        against: Against,
    },
    /// How fast the key would have had to travel.
    Travel,
    /// The time of day where the key is.
    LocalTime,
    /// Whether a day was reached: what ends a filter.
    Reached {
        /// Its first nanosecond, UTC.
        nanos: i64,
    },
}

/// A derived field of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// What `detection` calls it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Fields that make the key; none: one key for all.
    pub per: Vec<String>,
    /// Days of history before the record's day.
    pub window_days: i64,
    /// Nanoseconds between the oldest record of the history and the record, at least.
    pub min_history: i64,
    /// The records that are history; `None`: every record of the rule's log source.
    pub filter: Option<Expr>,
}

/// A kind by name: its sub-fields and its own settings.
struct About {
    name: &'static str,
    sub_fields: &'static [(&'static str, SubField)],
    settings: &'static [&'static str],
    min_history_days: i64,
}

const KINDS: [About; 6] = [
    About {
        name: "first_seen",
        sub_fields: &[
            ("is_new", SubField::IsNew),
            ("age_days", SubField::AgeDays),
            ("seen_days", SubField::SeenDays),
        ],
        settings: &["value", "as"],
        min_history_days: 14,
    },
    About {
        name: "usual_hours",
        sub_fields: &[("is_usual", SubField::IsUsual), ("seen_days", SubField::SeenDays)],
        settings: &["min_days"],
        min_history_days: 14,
    },
    About { name: "dormant", sub_fields: &[("days", SubField::Days)], settings: &[], min_history_days: 0 },
    About {
        name: "volume",
        sub_fields: &[("count", SubField::Count), ("ratio", SubField::Ratio), ("zscore", SubField::Zscore)],
        settings: &["span", "sum", "against"],
        min_history_days: 14,
    },
    About {
        name: "travel",
        sub_fields: &[("kmh", SubField::Kmh), ("km", SubField::Km), ("from", SubField::From)],
        settings: &[],
        min_history_days: 0,
    },
    About {
        name: "local_time",
        sub_fields: &[
            ("hour", SubField::Hour),
            ("weekday", SubField::Weekday),
            ("zone_source", SubField::ZoneSource),
        ],
        settings: &[],
        min_history_days: 0,
    },
];

const COMMON: [&str; 5] = ["kind", "per", "window", "min_history", "where"];

/// A rule's detection as the block needs it.
pub(super) struct Detection<'a> {
    pub(super) atoms: &'a mut Vec<super::Atom>,
    pub(super) searches: &'a [(String, Expr)],
}

/// Reads `derive` and turns the tests on its fields into tests on derived values.
pub(super) fn parse(node: &Node, detection: &mut Detection<'_>) -> Result<Vec<Derivation>, Fault> {
    map(node, "derive")?;
    let mut derivations = Vec::new();
    for (key, node) in node.entries() {
        if key.text.is_empty() || key.text.contains(['.', '|']) {
            return Err(Fault::new(key.span, format!("`{}` cannot name a derived field", key.text))
                .hint("letters, digits and underscores"));
        }
        let about = about(node)?;
        let derivation = derivation(&key.text, about, node, detection)?;
        let used = claim(detection.atoms, &key.text, derivations.len(), about)?;
        if !used {
            return Err(Fault::new(key.span, format!("no test reads the derived field `{}`", key.text))
                .hint(format!("test `{}.{}` in `detection`, or leave it out", key.text, first_sub(about))));
        }
        derivations.push(derivation);
    }
    let derived = |expr: &Expr| reads_derived(expr, detection.atoms);
    if let Some(bad) = derivations.iter().find(|of| of.filter.as_ref().is_some_and(derived)) {
        return Err(Fault::new(node.span, format!("`where` of `{}` reads a derived field", bad.name))
            .hint("history is chosen by the record's own fields"));
    }
    Ok(derivations)
}

fn first_sub(about: &About) -> &'static str {
    about.sub_fields.first().map_or("", |(name, _)| name)
}

fn map(node: &Node, what: &str) -> Result<(), Fault> {
    if matches!(node.value, Yaml::Map(_)) {
        return Ok(());
    }
    Err(Fault::new(node.span, format!("`{what}` has to be a map, not {}", node.kind())))
}

/// Whether some atom of `expr` is a derived value.
pub(crate) fn reads_derived(expr: &Expr, atoms: &[super::Atom]) -> bool {
    match expr {
        Expr::Atom(at) => atoms.get(*at).is_some_and(super::Atom::is_derived),
        Expr::Not(inner) => reads_derived(inner, atoms),
        Expr::All(inner) | Expr::Any(inner) => inner.iter().any(|expr| reads_derived(expr, atoms)),
    }
}

fn about(node: &Node) -> Result<&'static About, Fault> {
    map(node, "a derived field")?;
    let kind = node.get("kind").ok_or_else(|| Fault::new(node.span, "a derived field needs a `kind`"))?;
    let name = kind.text().unwrap_or_default();
    KINDS.iter().find(|known| known.name == name).ok_or_else(|| {
        choose(kind.span, &format!("unknown kind `{name}`"), &name, KINDS.iter().map(|known| known.name))
    })
}

fn choose(span: Span, message: &str, name: &str, known: impl Iterator<Item = &'static str>) -> Fault {
    Fault::new(span, message).suggest(name, &known.collect::<Vec<_>>(), "one of")
}

fn derivation(
    name: &str,
    about: &About,
    node: &Node,
    detection: &Detection<'_>,
) -> Result<Derivation, Fault> {
    for (key, _) in node.entries() {
        let known: Vec<&str> = COMMON.iter().chain(about.settings).copied().collect();
        if !known.contains(&key.text.as_str()) {
            return Err(unknown_key(&key.text, key.span, &known));
        }
    }
    let window = time(node, "window", 90 * DAY)?;
    if window % DAY != 0 {
        let span = node.get("window").map_or(node.span, |node| node.span);
        return Err(Fault::new(span, "`window` has to be whole days").hint("such as 90d"));
    }
    Ok(Derivation {
        name: name.to_owned(),
        kind: kind(about, node)?,
        per: per(node)?,
        window_days: window / DAY,
        min_history: time_or_none(node, "min_history", about.min_history_days * DAY)?,
        filter: filter(node, detection)?,
    })
}

fn kind(about: &About, node: &Node) -> Result<Kind, Fault> {
    Ok(match about.name {
        "first_seen" => {
            let value = text(node, "value")?
                .ok_or_else(|| Fault::new(node.span, "`first_seen` needs a `value`").hint("a field"))?;
            Kind::FirstSeen { value, view: view(node)? }
        }
        "usual_hours" => Kind::UsualHours { min_days: min_days(node)? },
        "dormant" => Kind::Dormant,
        "volume" => {
            Kind::Volume { span: time(node, "span", DAY)?, sum: text(node, "sum")?, against: against(node)? }
        }
        "travel" => Kind::Travel,
        _ => Kind::LocalTime,
    })
}

fn text(node: &Node, name: &str) -> Result<Option<String>, Fault> {
    let Some(value) = node.get(name) else { return Ok(None) };
    let text = match value.value {
        Yaml::Map(_) | Yaml::List(_) | Yaml::Null => None,
        _ => value.text().filter(|text| !text.is_empty()),
    };
    text.map(Some).ok_or_else(|| Fault::new(value.span, format!("`{name}` has to be text")))
}

fn view(node: &Node) -> Result<View, Fault> {
    let Some(name) = text(node, "as")? else { return Ok(View::Text) };
    let span = node.get("as").map_or(node.span, |node| node.span);
    VIEWS.iter().find(|(known, _)| *known == name).map(|&(_, view)| view).ok_or_else(|| {
        choose(span, &format!("unknown view `{name}`"), &name, VIEWS.iter().map(|(known, _)| *known))
    })
}

fn against(node: &Node) -> Result<Against, Fault> {
    const NAMES: [&str; 2] = ["own", "peers"];
    match text(node, "against")?.as_deref() {
        None | Some("own") => Ok(Against::Own),
        Some("peers") => Ok(Against::Peers),
        Some(name) => {
            let span = node.get("against").map_or(node.span, |node| node.span);
            Err(choose(span, &format!("`against` cannot be `{name}`"), name, NAMES.into_iter()))
        }
    }
}

fn min_days(node: &Node) -> Result<u32, Fault> {
    let Some(value) = node.get("min_days") else { return Ok(2) };
    let number = value.text().and_then(|text| text.parse().ok()).filter(|days| (1..=366).contains(days));
    number.ok_or_else(|| Fault::new(value.span, "`min_days` has to be a number from 1 to 366"))
}

fn per(node: &Node) -> Result<Vec<String>, Fault> {
    let Some(value) = node.get("per") else { return Ok(vec!["user.email".to_owned()]) };
    let bad = || Fault::new(value.span, "`per` has to be a field, a list of fields, or `organisation`");
    match &value.value {
        Yaml::List(items) if !items.is_empty() => {
            items.iter().map(|item| item.text().filter(|text| !text.is_empty()).ok_or_else(bad)).collect()
        }
        Yaml::Text(name) if name == "organisation" => Ok(Vec::new()),
        Yaml::Text(name) if !name.is_empty() => Ok(vec![name.clone()]),
        _ => Err(bad()),
    }
}

fn filter(node: &Node, detection: &Detection<'_>) -> Result<Option<Expr>, Fault> {
    let Some(name) = text(node, "where")? else { return Ok(None) };
    let found = detection.searches.iter().find(|(known, _)| *known == name);
    found.map(|(_, expr)| Some(expr.clone())).ok_or_else(|| {
        let span = node.get("where").map_or(node.span, |node| node.span);
        let fault = Fault::new(span, format!("`detection` has no search `{name}`"));
        match hint::nearest(&name, detection.searches.iter().map(|(known, _)| known.as_str())) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault,
        }
    })
}

/// A positive time setting in nanoseconds.
fn time(node: &Node, name: &str, default: i64) -> Result<i64, Fault> {
    let nanos = time_or_none(node, name, default)?;
    if nanos > 0 {
        return Ok(nanos);
    }
    let span = node.get(name).map_or(node.span, |node| node.span);
    Err(Fault::new(span, format!("`{name}` has to be longer than nothing")))
}

fn time_or_none(node: &Node, name: &str, default: i64) -> Result<i64, Fault> {
    let Some(value) = node.get(name) else { return Ok(default) };
    let nanos = value.text().as_deref().and_then(parse_duration);
    nanos.ok_or_else(|| {
        Fault::new(value.span, format!("`{name}` has to be a time")).hint("such as 30s, 10m, 1h or 14d")
    })
}

/// Sigma's times: a number and `s`, `m`, `h` or `d`. In nanoseconds; `None` for anything else or over a century.
pub fn parse_duration(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())??;
    let nanos = number.checked_mul(seconds)?.checked_mul(1_000_000_000)?;
    (nanos <= MAX_NANOS).then_some(nanos)
}

/// Makes tests on `name.…` tests on the derivation `at`; whether there was one.
fn claim(atoms: &mut [super::Atom], name: &str, at: usize, about: &About) -> Result<bool, Fault> {
    let mut used = false;
    for atom in atoms {
        let Subject::Field(field) = &atom.subject else { continue };
        let Some(sub) = field.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
        if atom.test.other_field().is_some() {
            return Err(Fault::new(
                atom.span,
                format!("`{field}` is derived and cannot be compared with a field"),
            ));
        }
        let Some(&(_, known)) = about.sub_fields.iter().find(|(known, _)| *known == sub) else {
            let names = about.sub_fields.iter().map(|(known, _)| *known);
            let message = format!("`{}` has no sub-field `{sub}`", about.name);
            return Err(choose(atom.span, &message, sub, names));
        };
        atom.subject = Subject::Derived { at, sub: known, name: field.clone() };
        used = true;
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(parse_duration("90m"), Some(5_400_000_000_000));
        assert_eq!(parse_duration("14d"), Some(14 * DAY));
        for bad in ["", "d", "1", "1w", "-1d", "1.5h", "1 d", "99999999999999d", "40000d"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
