//! Findings for people: by level, most serious first, then by rule; level and reason come first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape::{Safe, shortened};
use super::{Format, Options, Sink, Summary};
use crate::finding::{Fact, Finding};
use crate::rule::Level;

/// Characters shown of a value.
const MAX_VALUE: usize = 120;
/// Facts shown of a finding.
const MAX_FACTS: usize = 6;

/// See the module.
pub const FORMAT: Format = Format {
    name: "text",
    description: "for people: grouped by level and rule, with reasons and advice",
    open: |out, options| Box::new(Text { out, options, groups: BTreeMap::new(), next: 0 }),
    open_grouped: Some(super::incidents::text),
};

struct Text<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    /// By level and by the order in which rules first fired; findings beyond the limit are counted.
    groups: BTreeMap<String, Group>,
    next: usize,
}

struct Group {
    order: usize,
    count: u64,
    shown: Vec<Finding>,
}

impl Sink for Text<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let next = &mut self.next;
        let group = self.groups.entry(finding.rule_id.clone()).or_insert_with(|| {
            *next += 1;
            Group { order: *next, count: 0, shown: Vec::new() }
        });
        group.count += 1;
        if self.options.per_rule == 0 || group.shown.len() < self.options.per_rule {
            group.shown.push(finding.clone());
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let mut groups: Vec<Group> = std::mem::take(&mut self.groups).into_values().collect();
        let level = |group: &Group| group.shown.first().map(|finding| finding.level);
        groups.sort_by_key(|group| (std::cmp::Reverse(level(group)), group.order));
        for group in &groups {
            self.group(group)?;
        }
        if summary.findings.total() == 0 {
            writeln!(self.out, "No findings in {} records.", summary.records)?;
        }
        self.out.flush()
    }
}

impl Text<'_> {
    fn group(&mut self, group: &Group) -> io::Result<()> {
        let Some(first) = group.shown.first() else { return Ok(()) };
        let style = self.style(level_style(first.level));
        let bold = self.style(Style::new().bold());
        let times = if group.count == 1 { String::new() } else { format!(" × {}", group.count) };
        writeln!(
            self.out,
            "{style}{:<8}{style:#} {bold}{}{bold:#}{times}",
            first.level.name().to_uppercase(),
            Safe(&first.title),
        )?;
        for finding in &group.shown {
            self.finding_lines(finding)?;
        }
        let hidden = group.count - group.shown.len() as u64;
        if hidden > 0 {
            writeln!(self.out, "    … {hidden} more (--all shows every one)")?;
        }
        if let Some(response) = &first.response {
            writeln!(self.out, "    → {}", Safe(response.trim()))?;
        }
        writeln!(self.out)
    }

    fn finding_lines(&mut self, finding: &Finding) -> io::Result<()> {
        let dim = self.style(Style::new().dimmed());
        let time =
            finding.time.map_or_else(|| "(no time)".to_owned(), |time| time.in_zone(&self.options.zone));
        let who = finding.actor.as_deref().unwrap_or("(nobody named)");
        let from = finding.source_ip.as_deref().map_or_else(String::new, |ip| format!(" from {ip}"));
        let action = finding.action.as_deref().unwrap_or("");
        write!(self.out, "    {time}  {}", Safe(&format!("{who}{from}  {action}")))?;
        if let Some(event) = finding.events.last() {
            write!(self.out, "  {dim}{}:{}{dim:#}", Safe(&event.path), event.record)?;
        }
        writeln!(self.out)?;
        let told: Vec<&Fact> = finding.why.iter().filter(|fact| !is_repetition(fact, action)).collect();
        for fact in told.iter().take(MAX_FACTS) {
            let seen = fact
                .seen
                .as_deref()
                .map_or_else(|| "absent".to_owned(), |seen| format!("'{}'", shortened(seen, MAX_VALUE)));
            writeln!(
                self.out,
                "        {dim}{}: {seen}, rule wants: {}{dim:#}",
                Safe(&fact.field),
                shortened(&fact.expected, MAX_VALUE)
            )?;
            if let Some(note) = &fact.note {
                writeln!(self.out, "          {dim}{}{dim:#}", shortened(note, MAX_VALUE))?;
            }
        }
        Ok(())
    }

    fn style(&self, style: Style) -> Style {
        if self.options.color { style } else { Style::new() }
    }
}

/// The line above says this already.
fn is_repetition(fact: &Fact, action: &str) -> bool {
    fact.seen.as_deref() == Some(action) && fact.expected.starts_with("equals")
}

fn level_style(level: Level) -> Style {
    let color = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
    match level {
        Level::Critical => color(AnsiColor::Magenta),
        Level::High => color(AnsiColor::Red),
        Level::Medium => color(AnsiColor::Yellow),
        Level::Low => color(AnsiColor::Cyan),
        Level::Informational => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{sample, written};

    #[test]
    fn the_place_is_that_of_the_record_whose_time_is_shown() {
        let mut finding = sample();
        let last =
            crate::finding::EventRef { path: "okta.ndjson".into(), record: 77, ..finding.events[0].clone() };
        finding.events.push(last);
        let text = written(&FORMAT, Options::default(), &[finding]);
        assert!(text.contains("okta.ndjson:77") && !text.contains("audit.ndjson"), "{text}");
    }
}
