//! The rules of a scan compiled for one source: shared tests per field, conditions over their bits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::decode::fields::{FieldId, FieldTable};
use crate::derive::{Extract, Feed, OriginFields, Plan, Table, Track};
use crate::enrich::Given;
use crate::event::Scalar;
use crate::rule::derive::{Kind, View};
use crate::rule::set;
use crate::rule::{Atom, Expr, FieldMatcher, Rule, Subject, Test};
use crate::source::meaning::{Clause, Said};
use crate::source::{Mapping, Meanings, Source};

/// Fields that every scan reads, whatever its rules: `@timestamp`, `user.email`, `source.ip`, `event.action`.
pub const TIME: FieldId = 0;
/// See [`TIME`].
pub const ACTOR: FieldId = 1;
/// See [`TIME`].
pub const SOURCE_IP: FieldId = 2;
/// See [`TIME`].
pub const ACTION: FieldId = 3;
const ALWAYS: [&str; 4] = ["@timestamp", "user.email", "source.ip", "event.action"];
const LATITUDE: &str = "source.geo.location.lat";
const LONGITUDE: &str = "source.geo.location.lon";

/// Where an atom's truth comes from.
#[derive(Debug, Clone)]
pub(super) enum AtomPlace {
    /// A bit of a field's tests.
    Bit { column: usize, bit: usize },
    /// A comparison of two fields, evaluated on its own.
    Pair { test: Test, field: FieldId, other: FieldId },
}

/// A rule's condition over the program's bits.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Atom(AtomPlace),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// What a column of tests looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    At(FieldId),
    /// Every value of the record, and its raw text: keyword searches.
    Everywhere,
}

/// All tests on one field.
pub(super) struct Column {
    pub(super) looks: Looks,
    pub(super) matcher: FieldMatcher,
    /// Words of the bit set of its tests.
    pub(super) words: usize,
    /// Rules that read it.
    pub(super) readers: Vec<u64>,
}

/// Rules compiled for a source.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Program {
    /// The fields that records are asked for.
    pub table: FieldTable,
    /// The values that records of the source do not spell out.
    pub meanings: Meanings,
    /// Indexes into the loaded rules, in their order.
    pub rules: Vec<usize>,
    /// For each of `rules`, what its derivations ask of a record.
    pub asks: Vec<Vec<Ask>>,
    /// For each of `rules`, its derivations, the cheap ones first.
    pub turns: Vec<Vec<usize>>,
    /// For each of `rules`, its condition without what the record alone decides.
    pub prunes: Vec<Expr>,
    /// What goes into the tables of facts.
    pub feeds: Vec<Feed>,
    /// What of a record they take.
    pub extracts: Vec<Extract>,
    /// The rules' expressions that decide what is fact, after those of the rules in `conditions`.
    pub(super) fact_filters: Vec<(usize, Expr)>,
    pub(super) columns: Vec<Column>,
    /// Columns in the order in which they rule out most.
    pub(super) order: Vec<usize>,
    /// Those of the rules, then those of facts. A derived value is taken for whatever lets the rule match.
    pub(super) conditions: Vec<Condition>,
    /// Some condition compares two fields of the record.
    pub(super) compares_fields: bool,
    /// The fields of [`super::Config::projection`], and whether other values can say them.
    pub projected: Vec<(FieldId, bool)>,
    /// A field of a rule that could not be added: more than 65,535 of them.
    pub overflow: bool,
    /// See [`Source::is_calendar`].
    pub is_calendar: bool,
    /// Whether every record of the source has an action.
    pub has_actions: bool,
}

/// The fields of a record that a derivation asks for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Of its key.
    pub per: Vec<FieldId>,
    /// Of its value.
    pub value: Option<FieldId>,
    /// Of its place.
    pub origin: Option<OriginFields>,
    /// Whether it asks for the time of day.
    pub is_local: bool,
    /// The feed of its table.
    pub feed: Option<usize>,
}

/// What is compiled together.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Every loaded rule.
    pub all: &'a [Rule],
    /// Those that are evaluated.
    pub wanted: &'a [bool],
    /// Their tables.
    pub plan: &'a Plan,
    /// For each rule, the fields that correlations ask of its events.
    pub needs: &'a [Vec<String>],
    /// The fields that databases give where a record does not have them.
    pub places: Given,
    /// The fields of [`super::Config::projection`].
    pub projection: &'a [String],
}

impl Rules<'_> {
    /// Whether a table can get facts at all: some need a database that tells places.
    fn knows(&self, track: &Track) -> bool {
        let needed = match track {
            Track::Values { view: View::Asn, .. } => "source.as.number",
            Track::Values { view: View::Country, .. } => "source.geo.country_iso_code",
            Track::Zones => "source.geo.timezone",
            _ => return true,
        };
        self.places.has(needed)
    }
}

/// Whether an atom can only be judged when everything is read.
pub fn is_late(atom: &Atom, places: Given) -> bool {
    atom.is_derived() || matches!(&atom.subject, Subject::Field(name) if places.has(name))
}

#[derive(Default)]
struct ColumnDraft<'a> {
    tests: Vec<Cow<'a, Test>>,
    known: BTreeMap<String, usize>,
    readers: Vec<usize>,
}

struct Compiler<'a> {
    source: &'a Source,
    mapping: &'a Mapping,
    meanings: Meanings,
    table: FieldTable,
    columns: Vec<(Looks, ColumnDraft<'a>)>,
    overflow: bool,
    places: Given,
}

impl Program {
    /// Compiles those of `rules` that apply to `source`.
    pub fn compile(rules: Rules<'_>, source: &Source, mapping: &Mapping) -> Self {
        let mut compiler = Compiler {
            source,
            mapping,
            meanings: Meanings::of(source, mapping),
            table: FieldTable::default(),
            columns: Vec::new(),
            overflow: false,
            places: rules.places,
        };
        for name in ALWAYS {
            compiler.field(name);
        }
        // Their numbers are fixed; what says their values comes after them.
        for name in ALWAYS {
            compiler.projected(name);
        }
        let (mut chosen, mut conditions, mut asks, mut turns, mut prunes) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, rule) in rules.all.iter().enumerate() {
            let wanted = rules.wanted.get(index).copied().unwrap_or_default();
            if !wanted || !source.takes(&rule.logsource) {
                continue;
            }
            conditions.push(compiler.condition(rule, &rule.condition, chosen.len(), true));
            prunes.push(derived_part(rule, &rule.condition).unwrap_or(UNKNOWN));
            asks.push(compiler.asks(rule));
            turns.push(in_turn(rule));
            for field in rules.needs.get(index).into_iter().flatten() {
                compiler.field(field);
            }
            chosen.push(index);
        }
        let mut drafts = Drafts::default();
        for (at, table) in rules.plan.tables.iter().enumerate() {
            if source.takes(&table.logsource) && rules.knows(&table.track) {
                compiler.feed(rules.all, (at, table), &mut conditions, &mut drafts);
            }
        }
        for (rule, asks) in chosen.iter().zip(&mut asks) {
            for (at, ask) in asks.iter_mut().enumerate() {
                let table = rules.plan.table_of(*rule, at);
                ask.feed = drafts.feeds.iter().position(|feed| Some(feed.table) == table);
            }
        }
        let projected = rules.projection.iter().map(|name| compiler.projected(name)).collect();
        let program = compiler.finish(chosen, conditions, asks, drafts);
        Self { turns, prunes, projected, ..program }
    }

    /// Whether some rule searches the whole record for keywords.
    pub fn reads_everything(&self) -> bool {
        self.columns.iter().any(|column| column.looks == Looks::Everywhere)
    }

    /// Conditions by number that decide what is fact, as the rules have them.
    pub(super) fn filters(&self) -> impl Iterator<Item = (usize, &(usize, Expr))> {
        (self.rules.len()..).zip(&self.fact_filters)
    }

    /// Words of a bit set over the program's conditions.
    pub(super) fn words(&self) -> usize {
        self.conditions.len().div_ceil(64)
    }
}

impl<'a> Compiler<'a> {
    fn field(&mut self, name: &str) -> FieldId {
        let paths = self.source.raw_paths(name, self.mapping);
        self.table.add(name, &paths).unwrap_or_else(|| {
            self.overflow = true;
            TIME
        })
    }

    /// A field of a row, with those that say it.
    fn projected(&mut self, name: &str) -> (FieldId, bool) {
        let says =
            self.meanings.of_field(name).flat_map(|said| &said.when).map(|clause| clause.field.clone());
        let says: Vec<String> = says.collect();
        says.iter().for_each(|field| {
            self.field(field);
        });
        (self.field(name), !says.is_empty())
    }

    /// The fields that say where a record came from.
    fn origin(&mut self) -> OriginFields {
        OriginFields { address: SOURCE_IP, latitude: self.field(LATITUDE), longitude: self.field(LONGITUDE) }
    }

    /// What a rule's derivations ask.
    fn asks(&mut self, rule: &Rule) -> Vec<Ask> {
        rule.derived.iter().map(|derivation| self.ask(&derivation.kind, &derivation.per)).collect()
    }

    fn ask(&mut self, kind: &Kind, per: &[String]) -> Ask {
        let per = per.iter().map(|name| self.field(name)).collect();
        let (mut value, mut origin, mut is_local) = (None, None, false);
        match kind {
            Kind::FirstSeen { value: field, .. } => value = Some(self.field(field)),
            Kind::Travel => origin = Some(self.origin()),
            Kind::UsualHours { .. } | Kind::LocalTime => is_local = true,
            Kind::Dormant | Kind::Volume { .. } | Kind::Reached { .. } => {}
        }
        Ask { per, value, origin, is_local, feed: None }
    }

    /// What of this source's records goes into a table.
    fn feed(
        &mut self,
        rules: &'a [Rule],
        (at, table): (usize, &Table),
        conditions: &mut Vec<Condition>,
        drafts: &mut Drafts,
    ) {
        let key = if table.per.is_empty() {
            None
        } else {
            let fields = table.per.iter().map(|name| self.field(name)).collect();
            Some(drafts.extract(Extract::Key(fields)))
        };
        let value = match &table.track {
            Track::Activity | Track::Amounts { sum: None } => None,
            Track::Values { field, view } => Some(Extract::Seen(self.field(field), *view)),
            Track::Amounts { sum: Some(field) } => Some(Extract::Amount(self.field(field))),
            Track::Places => Some(Extract::Origin(self.origin())),
            Track::Zones => Some(Extract::Zone(SOURCE_IP)),
        };
        let filter = table.filter.as_ref().and_then(|(rule, expr)| {
            let condition = self.condition(rules.get(*rule)?, expr, conditions.len(), true);
            conditions.push(condition);
            drafts.filters.push((*rule, expr.clone()));
            Some(conditions.len() - 1)
        });
        let value = value.map(|extract| drafts.extract(extract));
        drafts.feeds.push(Feed { table: at, track: table.track.clone(), key, value, filter });
    }

    /// `positive`: whether the condition is more easily true when this part is.
    fn condition(&mut self, rule: &'a Rule, expr: &Expr, number: usize, positive: bool) -> Condition {
        match expr {
            Expr::Atom(at) => self.atom(rule, *at, number, positive),
            Expr::Not(inner) => Condition::Not(Box::new(self.condition(rule, inner, number, !positive))),
            Expr::All(inner) => Condition::All(self.conditions(rule, inner, number, positive)),
            Expr::Any(inner) => Condition::Any(self.conditions(rule, inner, number, positive)),
        }
    }

    fn conditions(
        &mut self,
        rule: &'a Rule,
        exprs: &[Expr],
        number: usize,
        positive: bool,
    ) -> Vec<Condition> {
        exprs.iter().map(|expr| self.condition(rule, expr, number, positive)).collect()
    }

    fn atom(&mut self, rule: &'a Rule, at: usize, number: usize, positive: bool) -> Condition {
        // The loader makes conditions from its own atoms, so the index is there.
        let Some(atom) = rule.atoms.get(at) else { return Condition::Any(Vec::new()) };
        let late = is_late(atom, self.places);
        let looks = match &atom.subject {
            Subject::Field(name) if atom.test.other_field().is_none() && self.is_said(name) => {
                return self.said(name, &atom.test, number);
            }
            Subject::Field(name) => Looks::At(self.field(name)),
            Subject::Record | Subject::Derived { .. } => Looks::Everywhere,
        };
        if late {
            return if positive { Condition::All(Vec::new()) } else { Condition::Any(Vec::new()) };
        }
        if let (Looks::At(field), Some(other)) = (looks, atom.test.other_field()) {
            let other = self.field(other);
            return Condition::Atom(AtomPlace::Pair { test: atom.test.clone(), field, other });
        }
        self.bit(looks, Cow::Borrowed(&atom.test), number)
    }

    fn is_said(&self, name: &str) -> bool {
        self.meanings.of_field(name).next().is_some()
    }

    /// A test on a field whose values the source says by others: on its own values too, unless there are none.
    fn said(&mut self, name: &str, test: &'a Test, number: usize) -> Condition {
        let mut any = Vec::new();
        if !self.meanings.is_alone(name) {
            let looks = Looks::At(self.field(name));
            any.push(self.bit(looks, Cow::Borrowed(test), number));
        }
        let said: Vec<Said> = self.meanings.of_field(name).cloned().collect();
        for said in said {
            // Each field that says a value is read, so that a finding can show what was said.
            let when: Vec<Condition> = said.when.iter().map(|clause| self.clause(clause, number)).collect();
            if test.eval(Scalar::Str(&said.value)) {
                any.push(Condition::All(when));
            }
        }
        Condition::Any(any)
    }

    fn clause(&mut self, clause: &Clause, number: usize) -> Condition {
        let looks = Looks::At(self.field(&clause.field));
        let passes = clause.tests.iter().map(|test| self.bit(looks, Cow::Owned(test.clone()), number));
        let passes = Condition::Any(passes.collect());
        if clause.wanted {
            return passes;
        }
        let none = Condition::Not(Box::new(passes));
        if clause.optional {
            return none;
        }
        let exists = self.bit(looks, Cow::Owned(Test::Exists), number);
        Condition::All(vec![exists, none])
    }

    fn bit(&mut self, looks: Looks, test: Cow<'a, Test>, number: usize) -> Condition {
        let column = self.column(looks);
        let Some((_, draft)) = self.columns.get_mut(column) else { return Condition::Any(Vec::new()) };
        let next = draft.tests.len();
        let bit = *draft.known.entry(format!("{test:?}")).or_insert(next);
        if bit == next {
            draft.tests.push(test);
        }
        if draft.readers.last() != Some(&number) {
            draft.readers.push(number);
        }
        Condition::Atom(AtomPlace::Bit { column, bit })
    }

    fn column(&mut self, looks: Looks) -> usize {
        self.columns.iter().position(|(known, _)| *known == looks).unwrap_or_else(|| {
            self.columns.push((looks, ColumnDraft::default()));
            self.columns.len() - 1
        })
    }

    fn finish(
        self,
        rules: Vec<usize>,
        conditions: Vec<Condition>,
        asks: Vec<Vec<Ask>>,
        drafts: Drafts,
    ) -> Program {
        let words = conditions.len().div_ceil(64);
        let columns: Vec<Column> = self
            .columns
            .into_iter()
            .map(|(looks, draft)| {
                let mut readers = vec![0; words];
                draft.readers.iter().for_each(|&rule| set(&mut readers, rule));
                let words = draft.tests.len().div_ceil(64);
                let tests: Vec<&Test> = draft.tests.iter().map(AsRef::as_ref).collect();
                Column { looks, matcher: FieldMatcher::new(&tests), words, readers }
            })
            .collect();
        let order = order(&columns, &conditions);
        let compares_fields = conditions.iter().any(Condition::compares_fields);
        let has_actions = self.source.required.contains(&"event.action")
            && self.meanings.of_field("event.action").next().is_none();
        Program {
            table: self.table,
            meanings: self.meanings,
            rules,
            asks,
            turns: Vec::new(),
            prunes: Vec::new(),
            feeds: drafts.feeds,
            extracts: drafts.extracts,
            fact_filters: drafts.filters,
            columns,
            order,
            conditions,
            compares_fields,
            projected: Vec::new(),
            overflow: self.overflow,
            is_calendar: self.source.is_calendar,
            has_actions,
        }
    }
}

/// An atom that no rule has: nothing is known of it.
const UNKNOWN: Expr = Expr::Atom(usize::MAX);

/// A condition with one unknown atom in place of all that the record alone decides; `None` where nothing else is left.
fn derived_part(rule: &Rule, expr: &Expr) -> Option<Expr> {
    let parts = |inner: &[Expr]| {
        let mut parts: Vec<Expr> = inner.iter().filter_map(|expr| derived_part(rule, expr)).collect();
        if parts.len() < inner.len() && !parts.is_empty() {
            parts.push(UNKNOWN);
        }
        (!parts.is_empty()).then_some(parts)
    };
    match expr {
        Expr::Atom(at) => rule.atoms.get(*at).filter(|atom| atom.is_derived()).map(|_| expr.clone()),
        Expr::Not(inner) => derived_part(rule, inner).map(|inner| Expr::Not(Box::new(inner))),
        Expr::All(inner) => parts(inner).map(Expr::All),
        Expr::Any(inner) => parts(inner).map(Expr::Any),
    }
}

/// A rule's derivations by what an answer costs, roughly.
fn in_turn(rule: &Rule) -> Vec<usize> {
    let cost = |at: &usize| match rule.derived.get(*at).map(|derivation| &derivation.kind) {
        None | Some(Kind::Reached { .. }) => 0,
        Some(Kind::FirstSeen { .. } | Kind::Dormant) => 1,
        Some(Kind::LocalTime | Kind::Travel) => 2,
        Some(Kind::Volume { .. }) => 3,
        Some(Kind::UsualHours { .. }) => 4,
    };
    let mut turns: Vec<usize> = (0..rule.derived.len()).collect();
    turns.sort_by_key(cost);
    turns
}

/// Feeds under way, and what they take, each extract once.
#[derive(Default)]
struct Drafts {
    feeds: Vec<Feed>,
    extracts: Vec<Extract>,
    filters: Vec<(usize, Expr)>,
}

impl Drafts {
    fn extract(&mut self, extract: Extract) -> usize {
        self.extracts.iter().position(|known| *known == extract).unwrap_or_else(|| {
            self.extracts.push(extract);
            self.extracts.len() - 1
        })
    }
}

/// Columns by how many rules they rule out where their field is absent, whole-record searches last.
fn order(columns: &[Column], conditions: &[Condition]) -> Vec<usize> {
    let ruled_out = |column: usize| {
        let absent = |place: &AtomPlace| match place {
            AtomPlace::Bit { column: of, .. } if *of == column => Some(false),
            _ => None,
        };
        conditions.iter().filter(|condition| condition.truth(&absent) == Some(false)).count()
    };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_cached_key(|&at| {
        let everywhere = columns.get(at).is_some_and(|column| column.looks == Looks::Everywhere);
        (everywhere, std::cmp::Reverse(ruled_out(at)))
    });
    order
}

impl Condition {
    fn compares_fields(&self) -> bool {
        match self {
            Self::Atom(place) => matches!(place, AtomPlace::Pair { .. }),
            Self::Not(inner) => inner.compares_fields(),
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::compares_fields),
        }
    }

    /// The truth of the condition where some atoms are known and others (`None`) are not.
    pub(super) fn truth(&self, known: &dyn Fn(&AtomPlace) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Atom(place) => known(place),
            Self::Not(inner) => inner.truth(known).map(|truth| !truth),
            Self::All(inner) => fold(inner, known, false),
            Self::Any(inner) => fold(inner, known, true),
        }
    }

    /// The truth of the condition where every atom is known; stops as soon as it is settled.
    pub(super) fn holds(&self, atom: &mut impl FnMut(&AtomPlace) -> bool) -> bool {
        match self {
            Self::Atom(place) => atom(place),
            Self::Not(inner) => !inner.holds(atom),
            Self::All(inner) => inner.iter().all(|condition| condition.holds(atom)),
            Self::Any(inner) => inner.iter().any(|condition| condition.holds(atom)),
        }
    }
}

/// `decisive` settles the whole: `false` for "all", `true` for "any".
fn fold(inner: &[Condition], known: &dyn Fn(&AtomPlace) -> Option<bool>, decisive: bool) -> Option<bool> {
    let mut whole = Some(!decisive);
    for condition in inner {
        match condition.truth(known) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => whole = None,
        }
    }
    whole
}

/// Whether bit `at` is set.
pub(super) fn is_set(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::load_embedded;
    use crate::source::SOURCES;

    fn program(source: &Source) -> Program {
        let loaded = load_embedded();
        let wanted = vec![true; loaded.len()];
        let rules = Rules {
            all: &loaded.rules,
            wanted: &wanted,
            plan: &Plan::new(&loaded.rules, &|_| true, false),
            needs: &vec![Vec::new(); loaded.len()],
            places: Given::default(),
            projection: &[],
        };
        Program::compile(rules, source, &Mapping::default())
    }

    /// What a log says by other fields costs its records no look at a field that they do not have.
    #[test]
    fn fields_that_are_only_said_are_not_read() {
        for source in SOURCES {
            let program = program(source);
            assert!(!program.overflow, "{}", source.name);
            assert_eq!(program.table.find("event.action"), Some(ACTION), "{}", source.name);
            for name in ["event.category", "event.outcome"] {
                let read = program.table.find(name);
                let read =
                    read.filter(|field| program.columns.iter().any(|of| of.looks == Looks::At(*field)));
                // No rule asks a roster for either: its records are of one kind.
                let is_asked = source.name != "roster";
                let expected = is_asked && !program.meanings.is_alone(name);
                assert_eq!(read.is_some(), expected, "{}: {name}", source.name);
            }
        }
    }
}
