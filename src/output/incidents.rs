//! Findings grouped into incidents, for people and for programs. Everything is held until the last finding is there.

use std::io::{self, Write};

use serde::Serialize;

use super::escape::Safe;
use super::jsonl::Wire;
use super::{Options, Sink, Summary};
use crate::finding::Finding;
use crate::incident::{Incident, Score};

/// Findings of an incident that are shown to people, unless all are asked for.
const SHOWN: usize = 40;

/// A grouped output for people.
pub fn text<'a>(out: Box<dyn Write + 'a>, options: Options) -> Box<dyn Sink + 'a> {
    Box::new(Grouped { out, options, findings: Vec::new(), write: write_text, least: Some(50) })
}

/// A grouped output for programs: one incident a line, its findings inside as they are without groups.
pub fn jsonl<'a>(out: Box<dyn Write + 'a>, options: Options) -> Box<dyn Sink + 'a> {
    Box::new(Grouped { out, options, findings: Vec::new(), write: write_jsonl, least: None })
}

type WriteIncident = fn(&mut dyn Write, &Options, usize, &Incident) -> io::Result<()>;

struct Grouped<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    findings: Vec<Finding>,
    write: WriteIncident,
    /// Incidents whose highest finding scores less are not shown, unless all are asked for.
    least: Option<u32>,
}

impl Sink for Grouped<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.findings.push(finding.clone());
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        let incidents = Incident::group(std::mem::take(&mut self.findings), self.options.incident_gap);
        let least = self.least.filter(|_| self.options.per_rule > 0).unwrap_or_default();
        let shown = incidents.iter().take_while(|incident| incident.score.highest >= least).count();
        for (number, incident) in incidents.iter().take(shown).enumerate() {
            (self.write)(&mut *self.out, &self.options, number + 1, incident)?;
        }
        let hidden = incidents.len() - shown;
        if hidden > 0 {
            writeln!(
                self.out,
                "… {hidden} more without a finding of level medium or above (--all shows every one)"
            )?;
        }
        self.out.flush()
    }
}

fn write_text(out: &mut dyn Write, options: &Options, number: usize, incident: &Incident) -> io::Result<()> {
    let (bold, dim) = if options.color {
        (anstyle::Style::new().bold(), anstyle::Style::new().dimmed())
    } else {
        (anstyle::Style::new(), anstyle::Style::new())
    };
    let actor = incident.actor.as_deref().unwrap_or("(nobody named)");
    let Score { total, highest, rules, tactics } = incident.score;
    writeln!(
        out,
        "{bold}INCIDENT {number}{bold:#}  score {total} = {highest} highest finding + {rules} further rules + {tactics} \
         further tactics{}",
        if highest + rules + tactics > total { ", at most 100" } else { "" }
    )?;
    let span = incident.span.map_or_else(
        || "no times".to_owned(),
        |(first, last)| format!("{} to {}", first.in_zone(&options.zone), last.in_zone(&options.zone)),
    );
    writeln!(out, "    {}, {span}", Safe(actor))?;
    let listed = |names: Vec<&str>| names.join(", ");
    writeln!(out, "    from {}", Safe(&listed(incident.addresses.iter().map(String::as_str).collect())))?;
    writeln!(out, "    tactics: {}", Safe(&listed(incident.tactics.iter().map(String::as_str).collect())))?;
    let limit = if options.per_rule == 0 { usize::MAX } else { SHOWN };
    for finding in most_serious(&incident.findings, limit) {
        let time = finding.time.map_or_else(|| "(no time)".to_owned(), |time| time.in_zone(&options.zone));
        let level = finding.level.name().to_uppercase();
        let what = format!("{}  {}", finding.title, finding.action.as_deref().unwrap_or_default());
        write!(out, "      {time}  {level:<13} {}", Safe(&what))?;
        if let Some(event) = finding.events.last() {
            write!(out, "  {dim}{}:{}{dim:#}", Safe(&event.path), event.record)?;
        }
        writeln!(out)?;
    }
    let hidden = incident.findings.len().saturating_sub(limit);
    if hidden > 0 {
        writeln!(out, "      … {hidden} more (--all shows every one)")?;
    }
    writeln!(out)
}

/// The most serious findings, of one level the earliest, in the order in which they stand.
fn most_serious(findings: &[Finding], limit: usize) -> Vec<&Finding> {
    let mut places: Vec<(usize, &Finding)> = findings.iter().enumerate().collect();
    places.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.level));
    places.truncate(limit);
    places.sort_unstable_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, finding)| finding).collect()
}

#[derive(Serialize)]
struct WireIncident<'a> {
    incident: usize,
    actor: Option<&'a str>,
    start: Option<String>,
    end: Option<String>,
    score: u32,
    score_terms: WireScore,
    tactics: Vec<&'a str>,
    addresses: Vec<&'a str>,
    rules: Vec<&'a str>,
    findings: Vec<Wire<'a>>,
}

#[derive(Serialize)]
struct WireScore {
    highest_finding: u32,
    further_rules: u32,
    further_tactics: u32,
}

fn write_jsonl(out: &mut dyn Write, _: &Options, number: usize, incident: &Incident) -> io::Result<()> {
    let wire = WireIncident {
        incident: number,
        actor: incident.actor.as_deref(),
        start: incident.span.map(|(first, _)| first.to_rfc3339()),
        end: incident.span.map(|(_, last)| last.to_rfc3339()),
        score: incident.score.total,
        score_terms: WireScore {
            highest_finding: incident.score.highest,
            further_rules: incident.score.rules,
            further_tactics: incident.score.tactics,
        },
        tactics: incident.tactics.iter().map(String::as_str).collect(),
        addresses: incident.addresses.iter().map(String::as_str).collect(),
        rules: incident.rules(),
        findings: incident.findings.iter().map(Wire::from).collect(),
    };
    super::json::write(&mut *out, &wire)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Timestamp;
    use crate::output::tests::{hostile, sample};
    use crate::rule::Level;

    type Open = for<'a> fn(Box<dyn Write + 'a>, Options) -> Box<dyn Sink + 'a>;

    fn written(open: Open) -> String {
        of(open, &[sample(), hostile()])
    }

    fn of(open: Open, given: &[Finding]) -> String {
        let mut out = Vec::new();
        {
            let mut sink = open(Box::new(&mut out), Options::default());
            given.iter().for_each(|finding| sink.finding(finding).unwrap());
            let findings = super::super::LevelCounts::default();
            sink.finish(&Summary { findings, inputs: 1, records: 2, clean: true }).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_shows_how_the_score_came_about_and_no_control_characters() {
        let text = written(text);
        assert!(
            text.contains("INCIDENT 1  score 75 = 75 highest finding + 0 further rules + 0 further tactics"),
            "{text}"
        );
        let is_hostile = |letter: char| {
            letter.is_control() && letter != '\n' || ('\u{202a}'..='\u{202e}').contains(&letter)
        };
        assert!(!text.chars().any(is_hostile), "{text:?}");
        assert_eq!(text.matches("INCIDENT").count(), 2);
    }

    #[test]
    fn the_most_serious_findings_are_shown_in_time_order() {
        let at = |second: usize, level: Level, title: &str| {
            let nanos = 1_777_601_649_000_000_000 + i64::try_from(second).unwrap() * 1_000_000_000;
            let time = Some(Timestamp { nanos, digits: 0 });
            Finding { level, time, title: title.to_owned(), ..sample() }
        };
        let mut given: Vec<Finding> = (0..SHOWN + 5).map(|second| at(second, Level::Low, "noise")).collect();
        given.push(at(SHOWN + 6, Level::Critical, "the worst"));
        given.push(at(SHOWN + 7, Level::High, "the last"));
        let text = of(text, &given);
        let lines: Vec<&str> =
            text.lines().filter(|line| line.contains(':') && line.contains("  2026-")).collect();
        assert_eq!(lines.len(), SHOWN, "{text}");
        assert!(lines[SHOWN - 2].contains("CRITICAL") && lines[SHOWN - 2].contains("the worst"), "{text}");
        assert!(lines[SHOWN - 1].contains("HIGH") && lines[SHOWN - 1].contains("the last"), "{text}");
        assert!(text.contains("… 7 more"), "{text}");
    }

    #[test]
    fn lines_hold_findings_exactly() {
        let lines = written(jsonl);
        let parsed: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(parsed.len(), 2);
        let hostile = hostile();
        let actors: Vec<Option<&str>> = parsed.iter().map(|of| of["findings"][0]["actor"].as_str()).collect();
        assert!(actors.contains(&hostile.actor.as_deref()));
        assert_eq!(parsed[0]["score_terms"]["highest_finding"], 75);
    }
}
