//! Findings as charts need them: small, since there may be millions.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use foldhash::HashMap;

use super::names::{Name, Names, renamed};
use crate::finding::Finding;
use crate::incident::{self, Score};
use crate::rule::{Level, Loaded, Meta};

/// A finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Nanoseconds since 1970; `None` where the record has no time.
    pub nanos: Option<i64>,
    /// Its rule, by its place in [`Marks::rules`].
    pub rule: u32,
    /// Its level.
    pub level: Level,
    /// 0 to 100.
    pub score: u8,
}

/// What is told of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// See [`Finding::rule_id`].
    pub id: String,
    /// Its title.
    pub title: String,
    /// ATT&CK tactics, by name.
    tactics: BTreeSet<String>,
}

/// A finding whose record is to be found among the events by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The finding.
    pub mark: Mark,
    /// The event type of its record.
    pub action: Option<Name>,
    /// Who did it.
    pub actor: Option<Name>,
    /// The address it came from.
    pub address: Option<Name>,
}

/// Findings of one account.
#[derive(Debug, Default)]
pub struct Marks {
    /// Their rules.
    pub rules: Vec<Told>,
    known: HashMap<String, u32>,
    /// Texts of `said`, until they have a place among others.
    pub names: Names,
    /// Findings whose event is not known yet.
    pub said: Vec<Said>,
    /// All others.
    pub all: Vec<Mark>,
}

impl Marks {
    /// Adds a finding.
    pub fn add(&mut self, finding: &Finding) {
        let rule = self.rule(&finding.rule_id, &finding.title, &finding.tags);
        let mut name = |text: &Option<String>| text.as_ref().and_then(|text| self.names.of(text));
        let (action, actor) = (name(&finding.action), name(&finding.actor));
        let address = name(&finding.source_ip);
        let nanos = finding.time.map(|time| time.nanos);
        let mark = Mark { nanos, rule, level: finding.level, score: finding.score };
        self.said.push(Said { mark, action, actor, address });
    }

    /// What a match of each loaded rule is, but for its time.
    pub fn rules_of(&mut self, loaded: &Loaded) -> Vec<Mark> {
        let metas = loaded.rules.iter().map(|rule| &rule.meta);
        let mark = |meta: &Meta| Mark {
            nanos: None,
            rule: self.rule(meta.key(), &meta.title, &meta.tags),
            level: meta.level,
            score: meta.level.score(),
        };
        metas.map(mark).collect()
    }

    /// Gives names their place among others, see [`Names::join`].
    pub fn rename(&mut self, table: &[Option<Name>]) {
        self.names = Names::default();
        for said in &mut self.said {
            said.action = renamed(table, said.action);
            said.actor = renamed(table, said.actor);
            said.address = renamed(table, said.address);
        }
    }

    fn rule(&mut self, id: &str, title: &str, tags: &[String]) -> u32 {
        if let Some(place) = self.known.get(id) {
            return *place;
        }
        let place = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let tactics = tags.iter().filter_map(|tag| incident::tactic(tag)).collect();
        self.rules.push(Told { id: id.to_owned(), title: title.to_owned(), tactics });
        self.known.insert(id.to_owned(), place);
        place
    }

    /// Puts all findings in the order of time, those without one last; of one time the most serious comes first.
    pub fn sort(&mut self) {
        self.all.extend(self.said.iter().map(|said| said.mark));
        let rules = &self.rules;
        let id = |mark: &Mark| rules.get(mark.rule as usize).map(|rule| rule.id.as_str());
        self.all.sort_by(|one, other| {
            let key = |mark: &Mark| (mark.nanos.is_none(), mark.nanos, Reverse(mark.level));
            key(one).cmp(&key(other)).then_with(|| id(one).cmp(&id(other)))
        });
    }

    /// The findings with a time of the most serious incident, as [`incident::Incident::group`] groups and scores them; of
    /// equal ones the first. The findings have to be sorted.
    pub fn most_serious(&self) -> &[Mark] {
        let timed = self.all.partition_point(|mark| mark.nanos.is_some());
        let timed = self.all.get(..timed).unwrap_or_default();
        let near = |one: &Mark, next: &Mark| {
            let silence = next.nanos.unwrap_or(0).saturating_sub(one.nanos.unwrap_or(0));
            silence <= incident::GAP
        };
        let scored = timed.chunk_by(near).map(|marks| (self.score(marks), marks));
        let first = scored.reduce(|best, next| if next.0 > best.0 { next } else { best });
        first.map_or(&[], |(_, marks)| marks)
    }

    fn score(&self, marks: &[Mark]) -> u32 {
        let highest = marks.iter().map(|mark| mark.score).max().unwrap_or_default();
        let serious = marks.iter().filter(|mark| mark.level >= Level::Medium);
        let rules: BTreeSet<u32> = serious.map(|mark| mark.rule).collect();
        let told = rules.iter().filter_map(|rule| self.rules.get(*rule as usize));
        let tactics: BTreeSet<&String> = told.flat_map(|rule| &rule.tactics).collect();
        Score::new(u32::from(highest), rules.len(), tactics.len()).total
    }

    /// The title of a finding's rule.
    pub fn title(&self, mark: &Mark) -> &str {
        self.rules.get(mark.rule as usize).map_or("", |rule| &rule.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Timestamp;
    use crate::incident::Incident;
    use crate::output::tests::sample;

    const HOUR: i64 = 3_600_000_000_000;

    fn finding(hours: Option<i64>, level: Level, rule: &str) -> Finding {
        Finding {
            time: hours.map(|hours| Timestamp { nanos: hours * HOUR, digits: 0 }),
            level,
            score: if level >= Level::High { 75 } else { 25 },
            rule_id: rule.into(),
            title: format!("title of {rule}"),
            tags: vec![format!("attack.{rule}"), "attack.t1078".into()],
            ..sample()
        }
    }

    #[test]
    fn the_most_serious_incident_is_the_one_that_groups_of_findings_have() {
        let findings = [
            finding(Some(1), Level::High, "impact"),
            finding(Some(20), Level::Low, "discovery"),
            finding(Some(60), Level::High, "impact"),
            finding(Some(83), Level::Low, "discovery"),
            finding(Some(100), Level::High, "exfiltration"),
            finding(Some(100), Level::Critical, "persistence"),
            finding(Some(200), Level::High, "impact"),
            finding(None, Level::High, "impact"),
        ];
        let mut marks = Marks::default();
        findings.iter().for_each(|finding| marks.add(finding));
        marks.sort();
        let most = marks.most_serious();
        let group = &Incident::group(findings.to_vec(), incident::GAP)[0];
        assert_eq!(most.len(), group.findings.len());
        assert_eq!((most[0].nanos, most[3].nanos), (Some(60 * HOUR), Some(100 * HOUR)));
        assert_eq!(marks.title(&most[2]), "title of persistence");
        assert_eq!(marks.score(most), group.score.total);
        assert_eq!(marks.all.last().unwrap().nanos, None);
    }

    #[test]
    fn without_findings_there_is_no_incident() {
        assert_eq!(Marks::default().most_serious(), []);
    }
}
