use std::io;
use std::path::Path;

use super::*;
use crate::finding::Finding;
use crate::governance::access::{Held, Slot};
use crate::governance::replay::What;
use crate::output::{Sink, Summary};
use crate::rule::Loaded;
use crate::scan::{self, Config, Progress};

pub(crate) struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

pub(crate) struct NoFinding;

impl Sink for NoFinding {
    fn finding(&mut self, _: &Finding) -> io::Result<()> {
        Err(io::Error::other("nothing can be found without rules"))
    }
    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

/// The trail of logs, read as a command reads them.
pub(crate) fn trail(
    paths: &[&Path],
    projects: &BTreeMap<String, String>,
    change: impl Fn(&mut Config),
) -> Trail {
    let paths = paths.iter().map(|path| path.display().to_string()).collect();
    let mut config = Config::new(paths, Loaded::default());
    config.projection = Some(Gather::projection());
    change(&mut config);
    let gather = Gather::new(projects);
    scan::read_rows(&config, &mut NoFinding, &gather, &Quiet).unwrap();
    gather.finish()
}

fn line(second: u32, actor: &str, action: &str, project: &str, details: &str) -> String {
    let project = if project.is_empty() { String::new() } else { format!(r#""project":{project},"#) };
    format!(
        r#"{{"date_time":"2026-06-01T00:00:{second:02}Z","user":{{"email":"{actor}"}},"action":"{action}","ip_address":"192.0.2.1",{project}"details":{details}}}"#
    )
}

fn write(text: &[String]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    std::io::Write::write_all(&mut file, (text.join("\n") + "\n").as_bytes()).unwrap();
    file
}

#[expect(clippy::too_many_lines, reason = "one line for each event, and what it says")]
#[test]
fn every_event_about_access_is_read_and_what_is_not_understood_is_counted() {
    let web = r#"{"id":7,"name":"Web"}"#;
    let file = write(&[
        line(
            0,
            "Ada@x.example",
            "organization.user_added",
            "",
            r#"{"email":"Jane@x.example","role":"member"}"#,
        ),
        line(
            1,
            "ada@x.example",
            "user.role_changed",
            "",
            r#"{"email":"jane@x.example","role":"admin","old_role":"member"}"#,
        ),
        line(
            2,
            "ada@x.example",
            "user.role_changed",
            r#"{"name":"Web"}"#,
            r#"{"user":{"email":"jane@x.example"},"role":"viewer"}"#,
        ),
        line(3, "ada@x.example", "project.user_added", web, r#"{"email":["no","jane@x.example"]}"#),
        line(4, "ada@x.example", "project.team_added", web, r#"{"team":"Growth","role":"admin"}"#),
        line(
            5,
            "ada@x.example",
            "team.user_removed",
            "",
            r#"{"team":{"name":"Growth"},"email":"jane@x.example"}"#,
        ),
        line(6, "ada@x.example", "project.default_access_granted", web, r#"{"role":"consumer"}"#),
        line(7, "ada@x.example", "organization.user_removed", "", r#"{"email":"jane@x.example"}"#),
        line(8, "ada@x.example", "organization.user_removed", "", "{}"),
        line(9, "ada@x.example", "team.updated", "", r#"{"team":"Growth"}"#),
        line(10, "jane@x.example", "raw_event_export.requested", web, r#"{"rows":12}"#),
        line(
            11,
            "jane@x.example",
            "service_account.created",
            "",
            r#"{"service_account_id":88123,"service_account":"etl.a"}"#,
        ),
        line(12, "ada@x.example", "user.twofactor_disabled", "", r#"{"email":"jane@x.example"}"#),
    ]);
    let projects = BTreeMap::from([("7".to_owned(), "Web".to_owned())]);
    let trail = trail(&[file.path()], &projects, |_| {});
    let jane = || "jane@x.example".to_owned();
    let role = |name: &str| Held::Role(name.to_owned());
    let own = || Slot::Individual(jane(), "7".into());
    let what: Vec<What> = trail.changes.iter().map(|change| change.what.clone()).collect();
    let expected = [
        What::Added(Slot::Organization(jane()), role("member")),
        What::Changed(Slot::Organization(jane()), Some(role("member")), role("admin")),
        What::Changed(own(), None, role("viewer")),
        What::Added(own(), Held::Unknown),
        What::Added(Slot::Team("Growth".into(), "7".into()), role("admin")),
        What::Removed(Slot::Membership(jane(), "Growth".into())),
        What::Added(Slot::AllUsers("7".into()), role("consumer")),
        What::Left(jane()),
    ];
    assert_eq!(what, expected);
    assert!(trail.changes.iter().all(|change| change.actor == "ada@x.example"));
    let unused: Vec<(&str, u64)> = trail.unused.iter().map(|(why, count)| (why.as_str(), *count)).collect();
    assert_eq!(
        unused,
        [
            ("organization.user_removed that does not say whom it is about", 1),
            ("team.updated that does not say what became of roles in projects", 1),
        ]
    );
    let [export] = &trail.exports[..] else { panic!() };
    assert_eq!((export.rows.as_deref(), export.project.as_deref()), (Some("12"), Some("7")));
    let [made] = &trail.accounts[..] else { panic!() };
    assert_eq!((made.names.clone(), made.made), (vec!["88123".to_owned(), "etl.a".to_owned()], true));
    assert_eq!(trail.factors.len(), 1);
    assert_eq!((trail.factors[0].1.as_str(), trail.factors[0].2), ("jane@x.example", false));
}

#[test]
fn the_way_the_work_is_cut_does_not_matter() {
    let file = write(
        &(0..600_u32)
            .map(|number| {
                let role = if number.is_multiple_of(2) { "admin" } else { "viewer" };
                let details =
                    format!(r#"{{"email":"p{}@x.example","role":"{role}","rows":{number}}}"#, number % 7);
                let action =
                    if number.is_multiple_of(3) { "user.role_changed" } else { "event_export.downloaded" };
                line(number % 60, &format!("a{}@x.example", number % 5), action, r#"{"id":7}"#, &details)
            })
            .collect::<Vec<_>>(),
    );
    let none = BTreeMap::new();
    let one = trail(&[file.path()], &none, |config| (config.threads, config.chunk_size) = (1, 1 << 20));
    let many = trail(&[file.path()], &none, |config| (config.threads, config.chunk_size) = (3, 4096));
    assert_eq!((one.changes.len(), one.exports.len()), (200, 400));
    assert_eq!(one, many);
}
