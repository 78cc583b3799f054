//! A blast radius as text and as JSON.

use super::{Exposed, Radius, Span, Verdict};
use crate::governance::sheet::{safe, table};
use crate::output::json;

/// Acts and exports that the text lists; JSON has all.
const MOST: usize = 30;

/// As JSON, whole and exact, with an end of line.
pub fn json(radius: &Radius) -> String {
    // Structures of strings cannot fail to serialise.
    json::pretty(radius).unwrap_or_default()
}

/// For a terminal.
pub fn text(radius: &Radius) -> String {
    let mut text = format!("Blast radius of {}\n", safe(&radius.account));
    let roles = radius.organization.iter().map(|span| row(&["the organization"], span));
    let projects = radius.projects.iter().flat_map(|project| {
        project.roles.iter().map(|span| row(&[project.name.as_str()], span)).collect::<Vec<_>>()
    });
    let rows: Vec<Vec<String>> = roles.chain(projects).collect();
    section(
        &mut text,
        "Roles",
        &["WHERE", "ROLE", "BY", "FROM", "UNTIL"],
        &rows,
        "it had none that is known",
    );
    credentials(&mut text, radius);
    let rows: Vec<Vec<String>> = radius
        .consumers
        .iter()
        .map(|row| {
            let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
            vec![
                row.integration.clone(),
                row.consumer.clone(),
                or(&row.owner),
                row.uses.clone(),
                or(&row.kept),
            ]
        })
        .collect();
    let header = ["INTEGRATION", "CONSUMER", "OWNER", "WORKS WITH", "KEPT IN"];
    section(&mut text, "Who works with them", &header, &rows, "nobody that the inventory knows");
    done(&mut text, radius);
    if !radius.gaps.is_empty() {
        text.push_str("\nNot known\n");
        text.extend(radius.gaps.iter().map(|gap| format!("  – {}\n", safe(gap))));
    }
    text
}

/// What has to be rotated, most urgent first.
fn credentials(text: &mut String, radius: &Radius) {
    text.push_str("\nCredentials\n");
    if radius.credentials.is_empty() {
        text.push_str("  none that it made, saw or could see\n");
    }
    for verdict in [Verdict::Must, Verdict::UnlessRuledOut, Verdict::Advised] {
        for credential in radius.credentials.iter().filter(|credential| credential.rotate == verdict) {
            text.push_str(&one(credential));
        }
    }
}

fn one(credential: &Exposed) -> String {
    let kind = match credential.kind {
        crate::governance::matrix::CredentialKind::ServiceAccount => "service account",
        crate::governance::matrix::CredentialKind::ApiSecret => "API secret of",
        crate::governance::matrix::CredentialKind::ProjectToken => "token of",
        crate::governance::matrix::CredentialKind::ScimToken => "the",
    };
    let mut text = format!("  {}  {kind} {}\n", credential.rotate.name(), safe(&credential.name));
    text.extend(credential.reasons.iter().map(|reason| format!("      because {}\n", safe(reason))));
    if !credential.consumers.is_empty() {
        text.push_str(&format!("      used by {}\n", safe(&credential.consumers.join(", "))));
    }
    text.push_str(&format!("      → {}\n", safe(&credential.action)));
    text
}

fn done(text: &mut String, radius: &Radius) {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    let mut rows: Vec<Vec<String>> = radius
        .exports
        .iter()
        .map(|export| {
            vec![
                or(&export.time),
                export.actor.clone(),
                export.event.clone(),
                or(&export.project),
                or(&export.rows),
                or(&export.address),
            ]
        })
        .collect();
    let more = cut(&mut rows);
    let header = ["TIME", "WHO", "EVENT", "PROJECT", "ROWS", "FROM"];
    section(text, "What left", &header, &rows, "no record of the log shows it");
    text.push_str(&more);
    let mut rows: Vec<Vec<String>> = radius
        .touched
        .iter()
        .map(|touch| {
            vec![
                touch.actor.clone(),
                touch.event.clone(),
                or(&touch.project),
                or(&touch.takes),
                touch.count.to_string(),
                or(&touch.first),
                or(&touch.last),
            ]
        })
        .collect();
    let more = cut(&mut rows);
    let header = ["WHO", "EVENT", "PROJECT", "TAKES", "COUNT", "FIRST", "LAST"];
    section(text, "What was done", &header, &rows, "no record of the log shows anything");
    text.push_str(&more);
}

fn cut(rows: &mut Vec<Vec<String>>) -> String {
    let more = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    if more == 0 { String::new() } else { format!("  … and {more} more: --format json has all\n") }
}

fn row(place: &[&str], span: &Span) -> Vec<String> {
    let by = span.team.as_ref().map_or_else(|| span.grant.name().to_owned(), |team| format!("team {team}"));
    let from = span.from.clone().unwrap_or_else(|| "before the log".to_owned());
    let to = match &span.to {
        Some(to) => to.clone(),
        None if span.now => "now".to_owned(),
        None => "not told".to_owned(),
    };
    let role = if span.role.is_empty() { "–".to_owned() } else { span.role.clone() };
    place.iter().map(|place| (*place).to_owned()).chain([role, by, from, to]).collect()
}

fn section(text: &mut String, title: &str, header: &[&str], rows: &[Vec<String>], none: &str) {
    text.push_str(&format!("\n{title}\n"));
    if rows.is_empty() {
        text.push_str(&format!("  {none}\n"));
        return;
    }
    text.extend(table(header, rows).lines().map(|line| format!("  {line}\n")));
}
