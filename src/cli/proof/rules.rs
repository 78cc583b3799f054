//! Sigma rules made from an incident: one for each guided step, and two for what the account did itself.
//!
//! Names and addresses in them come from logs and providers: none of their characters acts as a wildcard.

use std::path::Path;

use serde_json::{Value, json};

use crate::rule::{self, Loaded, Placeholders, RuleError};

/// The rule for what the account did.
pub(super) const ACTIVE: &str = "account-active";
/// The rule for what the account tried and was not let.
pub(super) const ATTEMPT: &str = "account-attempt";

/// Records with the account as their user that say nothing of its access: a session that ends, by its own will or ours,
/// and an alert that goes off by itself.
const HARMLESS: [&str; 3] = ["session.logged_out", "user.session.end", "alert.triggered"];
/// What a log calls an attempt that was refused.
const FAILED: [&str; 4] = ["FAILURE", "FAILED", "DENY", "DENIED"];
/// How the user names of service accounts end at Mixpanel, as far as has been seen: what they do proves no step for
/// people.
const MACHINE: &str = ".mp-service-account";

/// The rule for records that prove a guided step: any of these actions, all of these texts, by a person other than
/// `own`, the account and its service accounts.
pub(super) fn guided(
    key: &str,
    actions: &[String],
    mentions: &[String],
    own: &[String],
) -> Result<Loaded, RuleError> {
    let actions: Vec<String> = actions.iter().map(|action| name(action)).collect();
    let mut detection = json!({
        "action": { "event.action": actions },
        "own": by(own),
        "machine": { "user.email|endswith": literal(MACHINE) },
    });
    let mut condition = "action and not own and not machine".to_owned();
    for (at, mention) in mentions.iter().enumerate() {
        let search = format!("mention{at}");
        condition.push_str(" and ");
        condition.push_str(&search);
        put(&mut detection, &search, json!({ "|re|i": whole(mention) }));
    }
    put(&mut detection, "condition", Value::String(condition));
    load(key, &detection)
}

/// The two rules for what the account and its service accounts did and tried.
pub(super) fn activity(own: &[String]) -> Result<Loaded, RuleError> {
    let detection = |condition: &str| {
        json!({
            "by": by(own),
            "harmless": { "event.action": HARMLESS },
            "failed": [{ "event.outcome": FAILED }, { "event.action": "session.login_failed" }],
            "condition": condition,
        })
    };
    let mut rules = load(ACTIVE, &detection("by and not harmless and not failed"))?;
    rules.join(load(ATTEMPT, &detection("by and failed"))?);
    Ok(rules)
}

/// Some logs name people by address, others by `Name <address>`.
fn by(own: &[String]) -> Value {
    let own: Vec<String> = own.iter().map(|name| whole(name)).collect();
    json!([{ "user.email|re|i": own }, { "user.name|re|i": own }])
}

fn put(detection: &mut Value, search: &str, value: Value) {
    if let Some(searches) = detection.as_object_mut() {
        searches.insert(search.to_owned(), value);
    }
}

fn load(key: &str, detection: &Value) -> Result<Loaded, RuleError> {
    let document = json!({
        "title": key, "id": key, "level": "informational",
        "logsource": { "category": "saas_audit" },
        "detection": detection,
    });
    let mut loaded = rule::parse_document(Path::new(key), &yaml(&document), &Placeholders::new());
    match loaded.errors.pop() {
        Some(error) => Err(error),
        None => Ok(loaded),
    }
}

/// JSON is YAML but for characters that YAML wants escaped, which stand in texts alone.
fn yaml(document: &Value) -> String {
    let mut text = String::new();
    for letter in document.to_string().chars() {
        if letter == ' ' || letter.is_ascii_graphic() {
            text.push(letter);
        } else {
            text.push_str(&format!("\\U{:08x}", u32::from(letter)));
        }
    }
    text
}

/// The name of an event; its end may be `*`.
fn name(action: &str) -> String {
    match action.strip_suffix('*') {
        Some(start) => literal(start) + "*",
        None => literal(action),
    }
}

/// Sigma text that matches exactly this.
fn literal(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '\\' | '*' | '?') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// An expression for this text as a word of its own: `jane@x.example` is neither in `mary-jane@x.example` nor in
/// `jane@x.example.org`.
fn whole(text: &str) -> String {
    format!(r"(?:^|[^\w.%+-]){}(?:$|[^\w.-]|\.(?:$|\W))", regex::escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::output::{Sink, Summary};
    use crate::scan::{self, Config};

    #[derive(Default)]
    struct Records(Vec<(String, u64)>);

    impl Sink for Records {
        fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
            let records = finding.events.iter().map(|event| (finding.rule_id.clone(), event.record));
            self.0.extend(records);
            Ok(())
        }

        fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct NoProgress;

    impl scan::Progress for NoProgress {
        fn bytes(&self, _: u64) {}
        fn total(&self, _: Option<u64>) {}
    }

    /// Which records of a log of `(actor, action, details)` each rule finds.
    fn found(rules: Loaded, log: &[(&str, &str, &str)]) -> Vec<(String, u64)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        let line = |(actor, action, details): &(&str, &str, &str)| {
            let record = json!({
                "date_time": "2026-05-01T02:14:09Z", "user": { "email": actor, "name": "X" }, "action": action,
                "ip_address": "192.0.2.1", "details": { "email": details },
            });
            format!("{record}\n")
        };
        let text: String = log.iter().map(line).collect();
        let mut file = crate::sys::fs::Pending::create(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        file.finish(&path).unwrap();
        let mut sink = Records::default();
        let config = Config::new(vec![path.to_str().unwrap().to_owned()], rules);
        let ledger = scan::run(&config, &mut sink, &NoProgress).unwrap();
        assert!(ledger.is_clean(), "{ledger:?}");
        sink.0
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn proofs(actions: &[&str], mentions: &[&str], log: &[(&str, &str, &str)]) -> Vec<u64> {
        let own = texts(&["jane@x.example", "sync.abc.mp-service-account"]);
        let rules = guided("g", &texts(actions), &texts(mentions), &own).unwrap();
        found(rules, log).into_iter().map(|(_, record)| record).collect()
    }

    #[test]
    fn a_proof_is_what_somebody_else_did_about_exactly_this_account() {
        let removed = "organization.user_removed";
        let log = [
            ("ada@x.example", removed, "jane@x.example"),
            ("ada@x.example", removed, "mary-jane@x.example"),
            ("ada@x.example", removed, "jane@x.example.org"),
            ("ada@x.example", removed, "JANE@X.example"),
            ("ada@x.example", removed, "the member jane@x.example."),
            ("ada@x.example", removed, "janeax.example"),
            ("jane@x.example", removed, "bob@x.example"),
            ("sync.abc.mp-service-account", removed, "jane@x.example"),
            ("other.abc.mp-service-account", removed, "jane@x.example"),
            ("ada@x.example", "organization.user_added", "jane@x.example"),
        ];
        assert_eq!(proofs(&[removed], &["jane@x.example"], &log), [1, 4, 5]);
    }

    #[test]
    fn an_action_s_end_may_be_open_and_nothing_else_is_a_wildcard() {
        let log = [
            ("ada@x.example", "data_pipeline.updated", "a*b?c\\d"),
            ("ada@x.example", "data_pipeline.deleted", "aXbYc\\d"),
            ("ada@x.example", "data_pipelineX", "a*b?c\\d"),
        ];
        assert_eq!(proofs(&["data_pipeline.*"], &[], &log), [1, 2]);
        assert_eq!(proofs(&["data_pipeline.*"], &["a*b?c\\d"], &log), [1]);
        assert_eq!(proofs(&["data_*.updated"], &[], &log), [0; 0]);
        assert_eq!(proofs(&["data_pipeline.updated", "x"], &[".*"], &log), [0; 0]);
        assert_eq!(proofs(&["data?pipeline.updated", "\\"], &[], &log), [0; 0]);
    }

    #[test]
    fn any_text_makes_a_rule() {
        let evil = "\u{1b}[2J\u{202e}\"]}\r\n\u{9b}'%x%\u{7f}\u{0}\u{200b}\u{2028}\u{e0041}\u{feff}\u{1f600}#: &a *b !!c\\";
        let own = texts(&[evil, "jane@x.example"]);
        assert!(guided("g", &texts(&[evil, "*"]), &texts(&[evil]), &own).is_ok());
        let log = [("jane@x.example", "board.created", evil), ("ada@x.example", "board.created", evil)];
        assert_eq!(found(activity(&own).unwrap(), &log), [(ACTIVE.to_owned(), 1)]);
        assert_eq!(proofs(&["board.created"], &[evil], &log), [2]);
    }

    #[test]
    fn what_the_account_did_is_told_from_what_was_done_to_it() {
        let log = [
            ("jane@x.example", "session.logged_in", ""),
            ("Jane Doe <jane@x.example>", "raw_event_export.requested", ""),
            ("sync.abc.mp-service-account", "raw_event_export.requested", ""),
            ("ada@x.example", "organization.user_removed", "jane@x.example"),
            ("ada@x.example", "user.role_changed", "jane@x.example"),
            ("mary-jane@x.example", "board.created", ""),
            ("jane@x.example", "session.logged_out", ""),
            ("jane@x.example", "session.login_failed", ""),
        ];
        let own = texts(&["jane@x.example", "sync.abc.mp-service-account"]);
        let mut found = found(activity(&own).unwrap(), &log);
        found.sort();
        let active = |record| (ACTIVE.to_owned(), record);
        assert_eq!(found, [active(1), active(2), active(3), (ATTEMPT.to_owned(), 8)]);
    }
}
