//! ECS values that a log does not spell out, and what in its records says them.
//!
//! `event.outcome: failure` is an error code here and an event's name there. A source lists such values with the raw
//! values that stand for them, so that one rule reads every log. The scan compiles them into the conditions of rules:
//! a record costs nothing more than with the raw values written into the rule.

use std::collections::BTreeSet;

use super::{Mapping, Source};
use crate::event::{Fields, Scalar};
use crate::rule::{Part, Pattern, Test};

/// A value of a field, and what says it: all of `when`.
pub struct Meaning {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: &'static str,
    /// What has to hold.
    pub when: &'static [When],
}

/// What a record has to have. Texts are compared without case; `*` alone is any value.
pub enum When {
    /// The field has one of these values.
    Is(&'static str, &'static [&'static str]),
    /// The field has values, and none of these.
    Not(&'static str, &'static [&'static str]),
    /// The field has none of these values, be it there or not.
    Never(&'static str, &'static [&'static str]),
}

/// What has to hold, as tests.
#[derive(Debug, Clone)]
pub struct Clause {
    /// The field.
    pub field: String,
    /// One of these has to pass, or none.
    pub tests: Vec<Test>,
    /// Whether one has to pass.
    pub wanted: bool,
    /// Whether it holds where the field is not there.
    pub optional: bool,
}

/// A value and what says it.
#[derive(Debug, Clone)]
pub struct Said {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// All of these have to hold.
    pub when: Vec<Clause>,
}

/// The meanings of a source, with those of the user's mapping file.
#[derive(Debug, Clone, Default)]
pub struct Meanings {
    all: Vec<Said>,
    /// Fields that no raw path gives.
    alone: BTreeSet<String>,
}

impl Meanings {
    /// Those of a source.
    pub fn of(source: &Source, mapping: &Mapping) -> Self {
        let own = source.meanings.iter().map(Said::of);
        let given = mapping.values().map(|(field, value, raw)| {
            let tests = raw.iter().filter_map(|text| test(text)).collect();
            let clause = Clause { field: field.to_owned(), tests, wanted: true, optional: false };
            Said { field: field.to_owned(), value: value.to_owned(), when: vec![clause] }
        });
        let all: Vec<Said> = own.chain(given).collect();
        let has_paths = |field: &str| !(source.aliases)(field).is_empty() || !mapping.paths(field).is_empty();
        let alone = all.iter().map(|said| said.field.clone()).filter(|field| !has_paths(field));
        Self { alone: alone.collect(), all }
    }

    /// Those of a field.
    pub fn of_field<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a Said> {
        self.all.iter().filter(move |said| said.field == field)
    }

    /// Whether a field's values come from meanings alone.
    pub fn is_alone(&self, field: &str) -> bool {
        self.alone.contains(field)
    }

    /// Calls `each` with every value of a field: what `raw` gives, then what is said.
    pub fn values(&self, raw: &dyn Fields, field: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        if !self.is_alone(field) {
            raw.own_values(field, each);
        }
        for said in self.of_field(field).filter(|said| said.holds(raw)) {
            each(Scalar::Str(&said.value));
        }
    }

    /// The first value that is said of a field.
    pub fn first(&self, raw: &dyn Fields, field: &str) -> Option<&str> {
        self.all.iter().find(|said| said.field == field && said.holds(raw)).map(|said| said.value.as_str())
    }
}

impl Said {
    fn of(meaning: &Meaning) -> Self {
        let clause = |when: &When| {
            let (field, texts, wanted, optional) = match when {
                When::Is(field, texts) => (*field, *texts, true, false),
                When::Not(field, texts) => (*field, *texts, false, false),
                When::Never(field, texts) => (*field, *texts, false, true),
            };
            let tests = texts.iter().filter_map(|text| test(text)).collect();
            Clause { field: field.to_owned(), tests, wanted, optional }
        };
        let when = meaning.when.iter().map(clause).collect();
        Self { field: meaning.field.to_owned(), value: meaning.value.to_owned(), when }
    }

    fn holds(&self, raw: &dyn Fields) -> bool {
        self.when.iter().all(|clause| {
            let (mut seen, mut passed) = (false, false);
            raw.own_values(&clause.field, &mut |value| {
                seen = true;
                passed |= clause.tests.iter().any(|test| test.eval(value));
            });
            (seen || clause.optional) && passed == clause.wanted
        })
    }
}

/// A text as a test.
fn test(text: &str) -> Option<Test> {
    if text == "*" {
        return Some(Test::Exists);
    }
    Test::text(Pattern::new(vec![Part::Literal(text.as_bytes().to_vec())]), false).ok()
}

/// A record and what is said of it.
pub struct WithMeanings<'a> {
    /// The record.
    pub raw: &'a dyn Fields,
    /// What its values mean.
    pub meanings: &'a Meanings,
}

impl Fields for WithMeanings<'_> {
    fn values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        self.meanings.values(self.raw, name, each);
    }

    fn own_values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        self.raw.own_values(name, each);
    }

    fn all_values(&self, each: &mut dyn FnMut(Scalar<'_>)) {
        self.raw.all_values(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::sample::JsonFields;
    use crate::source::entra;

    fn said(record: &serde_json::Value, field: &str) -> Vec<String> {
        let mapping = Mapping::default();
        let paths = |field: &str| entra::SOURCE.raw_paths(field, &mapping);
        let raw = JsonFields::new(record, &paths);
        let mut values = Vec::new();
        Meanings::of(&entra::SOURCE, &mapping).values(&raw, field, &mut |value| {
            values.extend(value.text().map(str::to_owned));
        });
        values.sort();
        values.dedup();
        values
    }

    #[test]
    fn a_value_is_said_where_all_of_it_holds() {
        let sign_in = |code: i64| serde_json::json!({"createdDateTime": "t", "userPrincipalName": "u", "status": {"errorCode": code}});
        assert_eq!(said(&sign_in(0), "event.outcome"), ["success"]);
        assert_eq!(said(&sign_in(50126), "event.outcome"), ["failure"]);
        assert!(said(&sign_in(50074), "event.outcome").is_empty(), "an interruption is neither");
        assert_eq!(said(&sign_in(0), "event.action"), ["Sign-in activity"]);
        assert_eq!(said(&sign_in(0), "event.category"), ["authentication"]);
        let audit = serde_json::json!({"activityDateTime": "t", "activityDisplayName": "Update user", "result": "timeout"});
        assert_eq!(said(&audit, "event.action"), ["Update user"]);
        assert_eq!(
            (said(&audit, "event.outcome"), said(&audit, "event.category")),
            (vec!["failure".to_owned()], vec!["iam".to_owned()])
        );
        // A token that is refreshed in the background shows nobody; nor does a principal without a name.
        for (key, value) in [("isInteractive", serde_json::json!(false)), ("userPrincipalName", "".into())] {
            let mut record = sign_in(0);
            record[key] = value;
            assert!(said(&record, "event.category").is_empty(), "{record}");
            assert_eq!(said(&record, "event.outcome"), ["success"]);
        }
        let row = |category: &str| serde_json::json!({"TimeGenerated": "t", "UserPrincipalName": "u", "ResultType": "0", "Category": category});
        assert_eq!(said(&row("SignInLogs"), "event.category"), ["authentication"]);
        assert!(said(&row("NonInteractiveUserSignInLogs"), "event.category").is_empty());
        let risk =
            serde_json::json!({"TimeGenerated": "t", "UserPrincipalName": "u", "Category": "UserRiskEvents"});
        assert!(said(&risk, "event.category").is_empty());
        // Whoever writes the log cannot say it by the name of the field.
        let forged = serde_json::json!({"event.outcome": "success", "event": {"category": "authentication"}});
        assert!(said(&forged, "event.outcome").is_empty() && said(&forged, "event.category").is_empty());
    }

    #[test]
    fn a_mapping_file_says_more() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[fields]\n\"event.outcome\" = \"ok\"\n[values.\"event.outcome\"]\nsuccess = \"true\"\n";
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
        let mapping = Mapping::read(file.path()).unwrap();
        let paths = |field: &str| super::super::generic::SOURCE.raw_paths(field, &mapping);
        let record = serde_json::json!({"ok": true});
        let raw = JsonFields::new(&record, &paths);
        let meanings = Meanings::of(&super::super::generic::SOURCE, &mapping);
        assert_eq!(meanings.first(&raw, "event.outcome"), Some("success"));
        assert!(!meanings.is_alone("event.outcome"));
    }
}
