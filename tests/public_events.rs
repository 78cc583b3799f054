//! Events of identity logs as their vendors shape them, published by others. They are found through `PORTCULLIS_CORPUS`
//! (`panther-events/*.jsonl`: one `{rule, test, expected, log}` a line); without it these tests say so and check nothing.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use portcullis::finding::Finding;
use portcullis::output::{Sink, Summary};
use portcullis::rule::load_embedded;
use portcullis::scan::ledger::Ledger;
use portcullis::scan::rows::{Projection, Rows, TakeRows};
use portcullis::scan::{self, Config, Progress};
use serde_json::Value;

/// Logs, and what they are.
const LOGS: [(&str, &str); 5] = [
    ("Azure.Audit", "entra"),
    ("GSuite.ActivityEvent", "google-workspace"),
    ("Auth0.Events", "auth0"),
    ("OneLogin.Events", "onelogin"),
    ("Okta.SystemLog", "okta"),
];

/// Rules of the publisher that ask what one of ours asks.
const SAME: [(&str, &str); 22] = [
    ("Azure.Audit.ServicePrincipalCredentialsAdded", "entra_credential_added"),
    ("Azure.Audit.InviteExternalUsers", "entra_account_created"),
    ("Azure.Audit.PolicyChanged", "entra_access_policy_changed"),
    ("Azure.Audit.HighRiskSignIn", "entra_login_risky"),
    ("Azure.Audit.DeviceCodeBrokerClient", "entra_device_code_login"),
    ("GSuite.TwoStepVerification", "google_factor_removed"),
    ("GSuite.AdvancedProtection", "google_factor_removed"),
    ("GSuite.ExternalMailForwarding", "google_mail_forwarded"),
    ("GSuite.SuspiciousLogins", "google_login_suspicious"),
    ("GSuite.Workspace.DataExportCreated", "google_data_export_created"),
    ("Google.Workspace.OAuth.Privileged.Scopes", "google_token_authorized"),
    ("Auth0.User.Invitation.Created", "auth0_admin_granted"),
    ("Auth0.Leaked.Password.Login.Attempt", "auth0_leaked_password"),
    ("Auth0.MFA.Policy.Enabled", "auth0_second_factor_policy_changed"),
    ("Auth0.Limits", "auth0_attack_blocked"),
    ("Auth0.RefreshToken.Reuse", "auth0_refresh_token_reuse"),
    ("OneLogin.AuthFactorRemoved", "onelogin_factor_removed"),
    ("OneLogin.PasswordAccess", "onelogin_password_revealed"),
    ("OneLogin.UserAccountLocked", "onelogin_account_blocked"),
    ("OneLogin.UnauthorizedAccess", "onelogin_application_refused"),
    ("OneLogin.PasswordChanged", "onelogin_password_changed"),
    ("OneLogin.UserAssumption", "onelogin_user_assumed"),
];

const FIELDS: [&str; 6] =
    ["event.action", "event.outcome", "user.email", "user.id", "user.name", "source.ip"];

fn corpus() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PORTCULLIS_CORPUS") else {
        eprintln!("PORTCULLIS_CORPUS is not set: public events of identity logs were NOT checked");
        return None;
    };
    Some(Path::new(&root).join("panther-events"))
}

#[derive(Default)]
struct Found(Vec<Finding>);

impl Sink for Found {
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

#[derive(Default)]
struct Taken(Mutex<Vec<Rows>>);

impl TakeRows for Taken {
    fn take(&self, rows: Rows) -> std::io::Result<()> {
        self.0.lock().unwrap().push(rows);
        Ok(())
    }
}

/// A value of each of [`FIELDS`], or nothing.
type Row = Vec<Option<String>>;

/// What a scan of these records comes to: findings as rule and record's number, rows, ledger.
fn scan(records: &[Value]) -> (Vec<(String, u64)>, Vec<Row>, Ledger) {
    let file = tempfile::NamedTempFile::new().unwrap();
    for record in records {
        std::io::Write::write_all(&mut file.as_file(), format!("{record}\n").as_bytes()).unwrap();
    }
    let mut config = Config::new(vec![file.path().display().to_string()], load_embedded());
    config.threads = 1;
    config.log_zone = Some(jiff::tz::TimeZone::UTC);
    config.projection = Some(Projection {
        fields: FIELDS.map(str::to_owned).to_vec(),
        account: None,
        raw: false,
        brief: false,
    });
    let (mut found, taken) = (Found::default(), Taken::default());
    let ledger = scan::read_rows(&config, &mut found, &taken, &Quiet).unwrap();
    let found = found.0.iter().map(|of| (of.rule_name.clone(), of.events.last().unwrap().record)).collect();
    let rows = taken.0.into_inner().unwrap();
    let rows = rows.iter().flat_map(|unit| {
        let cell =
            |row: usize| unit.columns.iter().map(move |cells| cells.get(row).map(str::to_owned)).collect();
        (0..unit.len()).map(cell).collect::<Vec<Row>>()
    });
    (found, rows.collect(), ledger)
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The record without what the publisher noted of it.
fn without_notes(record: &Value) -> Value {
    let members = record.as_object().unwrap().iter().filter(|(key, _)| !key.starts_with("p_"));
    members.map(|(key, member)| (key.clone(), member.clone())).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_public_event_is_read_and_its_fields_stand_where_the_publisher_has_them() {
    let Some(root) = corpus() else { return };
    let (mut addresses, mut names) = (0, 0);
    for (log, source) in LOGS {
        let cases = lines(&root.join(format!("{log}.jsonl")));
        let records: Vec<Value> = cases.iter().map(|case| case["log"].clone()).collect();
        let (_, rows, ledger) = scan(&records);
        ledger.check().unwrap();
        let input = &ledger.inputs[0];
        assert_eq!(input.source.as_deref(), Some(source), "{log}: {:?}", input.problem);
        assert_eq!(input.coverage.records, records.len() as u64, "{log}");
        assert_eq!(rows.len(), records.len(), "{log}");
        for (record, row) in records.iter().zip(&rows) {
            // Where the publisher made a value up anew in one place and not in the other, nothing can be said.
            let own = without_notes(record).to_string();
            let noted = |key: &str| -> Vec<&str> {
                texts(&record[key]).into_iter().filter(|value| own.contains(*value)).collect()
            };
            let mut known = noted("p_any_ip_addresses");
            known.retain(|address| address.parse::<std::net::IpAddr>().is_ok());
            if let (false, Some(ip)) = (known.is_empty(), &row[5]) {
                assert!(known.contains(&ip.as_str()), "{log}: {ip}, not {known:?}");
                addresses += 1;
            }
            let known = noted("p_any_usernames");
            if !known.is_empty() {
                let placed = row[2..5].iter().flatten().any(|name| known.contains(&name.as_str()));
                assert!(placed, "{log}: {row:?} has none of {known:?}");
                names += 1;
            }
        }
    }
    assert!(addresses >= 20 && names >= 10, "{addresses} addresses and {names} names were compared");
}

#[test]
fn each_public_event_alone_is_recognised_or_refused_with_a_reason() {
    let Some(root) = corpus() else { return };
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for (log, source) in LOGS {
        for case in lines(&root.join(format!("{log}.jsonl"))) {
            let (_, rows, ledger) = scan(std::slice::from_ref(&case["log"]));
            ledger.check().unwrap();
            let input = &ledger.inputs[0];
            if rows.is_empty() {
                assert!(input.problem.is_some(), "{log}: {case}");
                *refused.entry(log).or_default() += 1;
            } else {
                assert_eq!(input.source.as_deref(), Some(source), "{log}: {case}");
            }
        }
    }
    // Samples of tests, in which the members are missing by which a log is told.
    for (log, count) in refused {
        assert!(count <= 6, "{count} records of {log} are not recognised by themselves");
    }
}

#[test]
fn rules_that_ask_the_same_say_the_same() {
    let Some(root) = corpus() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for (log, _) in LOGS {
        let cases = lines(&root.join(format!("{log}.jsonl")));
        let records: Vec<Value> = cases.iter().map(|case| case["log"].clone()).collect();
        let (found, _, _) = scan(&records);
        for (number, case) in (1..).zip(&cases) {
            for (_, ours) in SAME.iter().filter(|(theirs, _)| case["rule"] == *theirs) {
                let matched = found.iter().any(|(rule, record)| rule == ours && *record == number);
                compared += 1;
                if Value::Bool(matched) != case["expected"] {
                    wrong.push(format!("{ours} on {}: {}, not {}", case["test"], matched, case["expected"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared >= 25, "{compared}");
}
