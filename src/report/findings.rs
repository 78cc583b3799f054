//! Incidents, and findings with their reasons and the records behind them.

use jiff::tz::TimeZone;

use super::again::Again;
use super::held::Held;
use crate::finding::{EventRef, Fact, Finding};
use crate::incident::Incident;
use crate::output::escape::markup as text;

/// Incidents that are shown one by one.
const MAX_INCIDENTS: usize = 50;
/// Incidents that are open at first.
const OPEN: usize = 3;

/// The groups of findings, most serious first.
pub(super) fn incidents(held: &Held, again: &Again, zone: &TimeZone) -> String {
    Found { held, again, zone }.incidents()
}

/// All findings.
pub(super) fn table(held: &Held, again: &Again, zone: &TimeZone) -> String {
    Found { held, again, zone }.table()
}

struct Found<'a> {
    held: &'a Held,
    again: &'a Again,
    zone: &'a TimeZone,
}

impl Found<'_> {
    fn time(&self, finding: &Finding) -> String {
        finding.time.map_or_else(|| "(no time)".to_owned(), |time| time.in_zone(self.zone))
    }

    fn incidents(&self) -> String {
        let serious: Vec<&Incident> = self.held.serious().collect();
        let shown = serious.iter().take(MAX_INCIDENTS).enumerate();
        let mut html = format!("<section id=\"incidents\"><h2>Incidents ({})</h2>\n", serious.len());
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
            |(first, last)| format!("{} to {}", first.in_zone(self.zone), last.in_zone(self.zone)),
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
            self::rows("", &rows)
        )
    }

    fn table(&self) -> String {
        let rows: String = self.held.findings.iter().map(|finding| self.row(finding, true)).collect();
        let left_out: Vec<String> = self
            .held
            .left_out
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(level, count)| format!("{count} {}", level.name()))
            .collect();
        let more = if left_out.is_empty() {
            String::new()
        } else {
            format!(
                "<p class=\"warn\">The most serious findings are listed, and incidents and charts are made of them. Left out \
                 here: {}; --format jsonl has all.</p>",
                left_out.join(", ")
            )
        };
        format!(
            "<section id=\"findings\"><h2>Findings ({})</h2>{more}\
             <label class=\"filter\" hidden>Filter (press /): <input type=\"search\" autocomplete=\"off\"></label>{}</section>\n",
            self.held.findings.len() as u64 + self.held.left_out.total(),
            self::rows(" data-sortable", &rows)
        )
    }

    fn row(&self, finding: &Finding, whole: bool) -> String {
        let level = finding.level.name();
        let nanos = finding.time.map_or(i64::MAX, |time| time.nanos);
        let what = if whole { self.details(finding) } else { text(&finding.title) };
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

    /// A finding's title, its reasons and the records behind it.
    fn details(&self, finding: &Finding) -> String {
        let why: String = finding.why.iter().map(|fact| format!("<li>{}</li>", reason(fact))).collect();
        let records: String = finding.events.iter().map(|event| self.record(event)).collect();
        let response = finding.response.as_deref().map_or_else(String::new, |response| {
            format!("<p><strong>First:</strong> {}</p>", text(response))
        });
        format!(
            "<details><summary>{}</summary><ul class=\"why\">{why}</ul>{response}<ul class=\"why\">{records}</ul>\
             <p class=\"soft\">{} {}; rule by {}</p></details>",
            text(&finding.title),
            text(&finding.rule_name),
            text(&finding.tags.join(", ")),
            text(finding.author.as_deref().unwrap_or("an author who is not named"))
        )
    }

    /// Where a record stands, and its text.
    fn record(&self, event: &EventRef) -> String {
        let shown = self.again.records.get(&(event.path.clone(), event.offset));
        let raw = shown.map_or_else(String::new, |shown| {
            let cut = if shown.cut > 0 { format!("\n… {} more bytes", shown.cut) } else { String::new() };
            format!("<pre>{}{cut}</pre>", text(&shown.text))
        });
        format!(
            "<li>{}, record {}, bytes {} to {}, SHA-256 <code>{}</code>{raw}</li>",
            text(&event.path),
            event.record,
            event.offset,
            event.offset + event.length,
            text(&event.sha256)
        )
    }
}

fn rows(attributes: &str, rows: &str) -> String {
    format!(
        "<table class=\"found\"{attributes}><thead><tr><th>Time</th><th>Level</th><th>What</th><th>Who</th><th>From</th><th>Action</th>\
         <th>Where</th></tr></thead><tbody>\n{rows}</tbody></table>"
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
    use jiff::tz::TimeZone;

    use crate::output::tests::{hostile, sample};
    use crate::output::{LevelCounts, Sink as _, Summary};
    use crate::report::again::Shown;
    use crate::report::page::{SCRIPT, STYLE, digest};
    use crate::report::{Again, Held, Report, Scanned};
    use crate::scan::ledger::Ledger;

    #[test]
    fn nothing_of_a_log_is_markup_and_the_policy_names_what_is_there() {
        let mut evil = hostile();
        let attack = "</td></pre><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='x'";
        evil.actor = Some(attack.to_owned());
        evil.title = attack.to_owned();
        evil.events[0].path = attack.to_owned();
        evil.why[0].seen = Some(attack.to_owned());
        let mut again = Again::default();
        let raw = Shown { text: format!("raw {attack}\u{1b}[2J"), cut: 7 };
        again.records.insert((attack.to_owned(), evil.events[0].offset), raw);
        again.missing.push(attack.to_owned());
        let mut held = Held::new(crate::incident::GAP);
        let mut findings = LevelCounts::default();
        for finding in [evil, sample()] {
            findings.add(finding.level, 1);
            held.finding(&finding).unwrap();
        }
        held.finish(&Summary { findings, inputs: 1, records: 10, clean: true }).unwrap();
        let scanned = Scanned { held: &held, again: &again, ledger: &Ledger::default() };
        let html = Report { zone: &TimeZone::UTC, scan: Some(scanned), lockdown: None }.html();
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(!html.contains("<img") && !html.contains('\u{1b}') && !html.contains('\u{202e}'));
        assert!(html.contains("raw &lt;/td&gt;&lt;/pre&gt;&lt;script&gt;alert(1)"), "{html}");
        assert!(html.contains("7 more bytes"));
        assert!(html.contains(&digest(SCRIPT)) && html.contains(&digest(STYLE)));
        assert!(html.contains("203.0.113.9") && html.contains("Ask who exported, and why."));
    }
}
