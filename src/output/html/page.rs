//! The page: summary, incidents, findings, coverage.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::finding::{Fact, Finding};
use crate::incident::Incident;
use crate::output::escape::markup as text;
use crate::output::{Options, Summary};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Incidents that are shown one by one.
const MAX_INCIDENTS: usize = 50;
/// Incidents that are open at first.
const OPEN: usize = 3;

/// What a report shows.
pub(super) struct Page<'a> {
    pub(super) findings: &'a [Finding],
    pub(super) more: usize,
    pub(super) coverage: &'a str,
    pub(super) options: &'a Options,
    pub(super) summary: &'a Summary,
}

fn digest(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

impl Page<'_> {
    /// All of it.
    pub(super) fn html(&self) -> String {
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            digest(STYLE),
            digest(SCRIPT)
        );
        let sections = [self.head(), self.incidents(), self.table(), self.coverage.to_owned()].concat();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\
             <title>Portcullis report</title><style>{STYLE}</style></head><body>\n{sections}\
             <script>{SCRIPT}</script></body></html>\n"
        )
    }

    fn time(&self, finding: &Finding) -> String {
        finding.time.map_or_else(|| "(no time)".to_owned(), |time| time.in_zone(&self.options.zone))
    }

    fn head(&self) -> String {
        let counts = self.summary.findings.iter().map(|(level, count)| {
            format!("<li><b>{count}</b><span class=\"{0}\">{0}</span></li>", level.name())
        });
        let complete = if self.summary.clean {
            "<p class=\"good\">Every byte of the logs was read and understood. The last section is the proof.</p>"
        } else {
            "<p class=\"warn\">Not everything in the logs was read: something may be missing here. The last section says \
             what.</p>"
        };
        format!(
            "<header><h1>Portcullis report</h1><p class=\"soft\">{} records of {} inputs; times in {}</p>\
             <ul class=\"counts\">{}</ul>{complete}</header>\n",
            self.summary.records,
            self.summary.inputs,
            text(self.options.zone.iana_name().unwrap_or("the zone asked for")),
            counts.collect::<String>()
        )
    }

    fn incidents(&self) -> String {
        let incidents = Incident::group(self.findings.to_vec(), self.options.incident_gap);
        let serious: Vec<&Incident> =
            incidents.iter().filter(|incident| incident.score.highest >= 50).collect();
        let shown = serious.iter().take(MAX_INCIDENTS).enumerate();
        let mut html = format!("<section><h2>Incidents ({})</h2>\n", serious.len());
        if serious.is_empty() {
            html.push_str("<p>No account has a finding of level medium or above.</p>\n");
        }
        html.extend(shown.map(|(at, incident)| self.incident(at, incident)));
        let hidden = serious.len().saturating_sub(MAX_INCIDENTS);
        if hidden > 0 {
            html.push_str(&format!("<p class=\"soft\">{hidden} more are in the table of findings.</p>"));
        }
        html + "</section>\n"
    }

    fn incident(&self, at: usize, incident: &Incident) -> String {
        let span = incident.span.map_or_else(
            || "no times".to_owned(),
            |(first, last)| {
                format!("{} to {}", first.in_zone(&self.options.zone), last.in_zone(&self.options.zone))
            },
        );
        let list = |names: &std::collections::BTreeSet<String>| {
            text(&names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        let rows: String = incident.findings.iter().map(|finding| self.row(finding, false)).collect();
        let score = incident.score;
        format!(
            "<details class=\"incident\"{}><summary><strong>{}. {}</strong> — score {}, {} findings, {span}</summary>\
             <p class=\"soft\">Score {} = {} of the highest finding + {} for further rules + {} for further tactics, at most \
             100.</p><p>From {}. Tactics: {}.</p>{}</details>\n",
            if at < OPEN { " open" } else { "" },
            at + 1,
            text(incident.actor.as_deref().unwrap_or("(nobody named)")),
            score.total,
            incident.findings.len(),
            score.total,
            score.highest,
            score.rules,
            score.tactics,
            list(&incident.addresses),
            list(&incident.tactics),
            table("", &rows)
        )
    }

    fn table(&self) -> String {
        let rows: String = self.findings.iter().map(|finding| self.row(finding, true)).collect();
        let more = if self.more > 0 {
            format!(
                "<p class=\"warn\">{} more findings are not listed here; --format jsonl has all.</p>",
                self.more
            )
        } else {
            String::new()
        };
        format!(
            "<section id=\"findings\"><h2>Findings ({})</h2>{more}\
             <label class=\"filter\" hidden>Filter (press /): <input type=\"search\" autocomplete=\"off\"></label>{}</section>\n",
            self.findings.len() + self.more,
            table(" data-sortable", &rows)
        )
    }

    fn row(&self, finding: &Finding, whole: bool) -> String {
        let level = finding.level.name();
        let nanos = finding.time.map_or(i64::MAX, |time| time.nanos);
        let what = if whole { details(finding) } else { text(&finding.title) };
        let place = finding
            .events
            .last()
            .map_or_else(String::new, |event| format!("{}, record {}", text(&event.path), event.record));
        let optional = |value: &Option<String>| text(value.as_deref().unwrap_or_default());
        format!(
            "<tr><td data-key=\"{nanos:020}\">{}</td><td data-key=\"{}\"><span class=\"level {level}\">{level}</span></td>\
             <td>{what}</td><td>{}</td><td>{}</td><td>{}</td><td>{place}</td></tr>\n",
            text(&self.time(finding)),
            finding.score,
            optional(&finding.actor),
            optional(&finding.source_ip),
            optional(&finding.action),
        )
    }
}

fn table(attributes: &str, rows: &str) -> String {
    format!(
        "<table{attributes}><thead><tr><th>Time</th><th>Level</th><th>What</th><th>Who</th><th>From</th><th>Action</th>\
         <th>Where</th></tr></thead><tbody>\n{rows}</tbody></table>"
    )
}

/// A finding's title, its reasons and records behind it.
fn details(finding: &Finding) -> String {
    let why: String = finding.why.iter().map(|fact| format!("<li>{}</li>", reason(fact))).collect();
    let records: String = finding
        .events
        .iter()
        .map(|event| {
            format!(
                "<li>{}, record {}, bytes {} to {}, SHA-256 <code>{}</code></li>",
                text(&event.path),
                event.record,
                event.offset,
                event.offset + event.length,
                text(&event.sha256)
            )
        })
        .collect();
    let response = finding
        .response
        .as_deref()
        .map_or_else(String::new, |response| format!("<p><strong>First:</strong> {}</p>", text(response)));
    format!(
        "<details><summary>{}</summary><ul class=\"why\">{why}</ul>{response}<ul class=\"why\">{records}</ul>\
         <p class=\"soft\">{} {}; rule by {}</p></details>",
        text(&finding.title),
        text(&finding.rule_name),
        text(&finding.tags.join(", ")),
        text(finding.author.as_deref().unwrap_or("an author who is not named"))
    )
}

fn reason(fact: &Fact) -> String {
    let seen = fact
        .seen
        .as_deref()
        .map_or_else(|| "nothing".to_owned(), |seen| format!("<code>{}</code>", text(seen)));
    let note = fact.note.as_deref().map_or_else(String::new, |note| format!(" ({})", text(note)));
    format!("{}: seen {seen}, expected {}{note}", text(&fact.field), text(&fact.expected))
}

#[cfg(test)]
mod tests {
    use crate::output::html::FORMAT;
    use crate::output::tests::{hostile, sample, written};
    use crate::output::{Format, Options};

    #[test]
    fn nothing_of_a_log_is_markup_and_the_policy_names_what_is_there() {
        let mut evil = hostile();
        let attack = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='x'";
        evil.actor = Some(attack.to_owned());
        evil.title = attack.to_owned();
        evil.events[0].path = attack.to_owned();
        evil.why[0].seen = Some(attack.to_owned());
        let html = written(&FORMAT as &Format, Options::default(), &[evil, sample()]);
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(!html.contains("<img") && !html.contains('\u{1b}') && !html.contains('\u{202e}'));
        assert!(html.contains("&lt;script&gt;alert(1)"));
        assert!(html.contains(&super::digest(super::SCRIPT)) && html.contains(&super::digest(super::STYLE)));
        assert!(html.contains("203.0.113.9") && html.contains("Ask who exported, and why."));
    }
}
