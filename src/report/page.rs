//! The page: its policy, its first lines, and the order of what follows.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::again::Again;
use super::held::Held;
use super::{Report, Scanned, charts, containment, coverage, findings};
use crate::incident::Incident;
use crate::output::escape::markup as text;
use crate::timeline::Story;
use crate::timeline::story::{Moment, TakenBack};

pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("script.js");
/// Incidents that the first lines tell of.
const IN_SHORT: usize = 3;

/// The whole file.
pub(super) fn html(report: &Report<'_>) -> String {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let found = report.scan.map(|Scanned { held, again, .. }| {
        [charts::section(again), findings::incidents(held, again, report.zone)].concat()
    });
    let contained = report.lockdown.map(|read| containment::sections(read, report.zone));
    let behind = report.scan.map(|Scanned { held, again, ledger }| {
        let covered = coverage::section(ledger, report.zone);
        [findings::table(held, again, report.zone), covered, appendix(held)].concat()
    });
    let sections: String = [Some(head(report)), found, contained, behind].into_iter().flatten().collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\
         <title>Portcullis report</title><style>{STYLE}</style></head><body>\n{sections}\
         <script>{SCRIPT}</script></body></html>\n"
    )
}

pub(super) fn digest(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

/// What a reader has to know who reads no further.
fn head(report: &Report<'_>) -> String {
    let zone = text(report.zone.iana_name().unwrap_or("the zone asked for"));
    let contained = report.lockdown.map(containment::in_short).unwrap_or_default();
    let scanned = report.scan.map(|scan| scanned(scan, report));
    format!(
        "<header><h1>Portcullis report</h1><p class=\"soft\">Times in {zone}. Written by Portcullis {}.</p>\n{contained}{}</header>\n",
        env!("CARGO_PKG_VERSION"),
        scanned.unwrap_or_default()
    )
}

fn scanned(Scanned { held, again, ledger }: Scanned<'_>, report: &Report<'_>) -> String {
    let summary = ledger.summary();
    let counts = summary
        .findings
        .iter()
        .map(|(level, count)| format!("<li><b>{count}</b><span class=\"{0}\">{0}</span></li>", level.name()));
    let complete = if summary.clean {
        "<p class=\"good\">Every byte of the logs was read and understood. The section on coverage is the proof.</p>"
    } else {
        "<p class=\"warn\">Not everything in the logs was read: something may be missing here. The section on coverage \
         says what.</p>"
    };
    let told: String = held.serious().take(IN_SHORT).map(|incident| told(incident, again, report)).collect();
    let told = if told.is_empty() {
        "<p>No account has a finding of level medium or above.</p>".to_owned()
    } else {
        format!("<ol class=\"short\">{told}</ol>")
    };
    format!(
        "<p class=\"soft\">{} records of {} inputs.</p><ul class=\"counts\">{}</ul>{told}{complete}\n",
        summary.records,
        summary.inputs,
        counts.collect::<String>()
    )
}

/// An incident in a few lines: who, when, from where, what left, when it was shut out.
fn told(incident: &Incident, again: &Again, report: &Report<'_>) -> String {
    let actor = incident.actor.as_deref().unwrap_or("(nobody named)");
    let zone = report.zone;
    let span = incident.span.map_or_else(
        || "at no known time".to_owned(),
        |(first, last)| format!("from {} to {}", first.in_zone(zone), last.in_zone(zone)),
    );
    let mut titles: Vec<&str> = Vec::new();
    let mut by_score: Vec<_> = incident.findings.iter().collect();
    by_score.sort_by_key(|finding| std::cmp::Reverse(finding.score));
    for finding in by_score {
        if !titles.contains(&finding.title.as_str()) && titles.len() < IN_SHORT {
            titles.push(&finding.title);
        }
    }
    let addresses =
        incident.addresses.iter().take(IN_SHORT).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = incident.addresses.len().saturating_sub(IN_SHORT);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let story = again.stories.iter().find(|story| story.account.eq_ignore_ascii_case(actor));
    let shut = story.and_then(shut).unwrap_or_default();
    format!(
        "<li><strong>{}</strong>, score {}, {span}, from {}{more}: {}.{}</li>",
        text(actor),
        incident.score.total,
        text(if addresses.is_empty() { "no known address" } else { &addresses }),
        text(&titles.join("; ")),
        text(&shut)
    )
}

/// When an account was shut out, or that it came in again; nothing where neither is known.
fn shut(story: &Story) -> Option<String> {
    let told = |moment: &Moment| format!("{}: {}", story.clock.full(moment.nanos), moment.what);
    match (&story.key.contained, &story.key.taken_back) {
        (Some(moment), _) => Some(format!(" Shut out {}.", told(moment))),
        (None, Some(TakenBack { shut, back })) => {
            Some(format!(" Not shut out: let in again {} (shut out {}).", told(back), told(shut)))
        }
        (None, None) => None,
    }
}

/// How numbers came about, and which rules found something.
fn appendix(held: &Held) -> String {
    let mut rules: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in &held.findings {
        let author = finding.author.as_deref().unwrap_or("not named");
        *rules.entry((&finding.rule_name, &finding.rule_id, author)).or_default() += 1;
    }
    let rows: String = rules
        .iter()
        .map(|((name, id, author), count)| {
            format!(
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td class=\"n\">{count}</td></tr>\n",
                text(name),
                text(id),
                text(author)
            )
        })
        .collect();
    format!(
        "<section id=\"appendix\"><h2>Appendix</h2><p>A finding’s score is its level (10, 25, 50, 75, 90) unless its rule \
         rests on history. An incident’s score is the highest score of its findings, 2 points for each further rule (at most \
         10) and 4 for each further tactic (at most 16), at most 100; rules below medium count neither way. Offsets are of the \
         decompressed input; a record’s digest is of its bytes without the line end.</p>\n\
         <table><thead><tr><th>Rule</th><th>Identifier</th><th>Author</th><th class=\"n\">Findings listed</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></section>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::tests::{against, of_log};

    #[test]
    fn the_first_lines_say_whether_a_block_lasted() {
        let said = |acts: &[(u32, &str, &str)]| shut(&of_log(None, &against(acts), None));
        let suspended = (20, "user.lifecycle.suspend", "SUCCESS");
        assert_eq!(
            said(&[suspended]).unwrap(),
            " Shut out Sat 24 Oct 2026, 01:20: suspend by ada.abel@acme.example, says the log."
        );
        assert_eq!(said(&[(20, "user.lifecycle.suspend", "FAILURE")]), None);
        assert_eq!(
            said(&[suspended, (25, "user.lifecycle.unsuspend", "SUCCESS")]).unwrap(),
            " Not shut out: let in again Sat 24 Oct 2026, 01:25: unsuspend by ada.abel@acme.example, says the log (shut out Sat 24 Oct 2026, 01:20: suspend by ada.abel@acme.example, says the log)."
        );
    }
}
