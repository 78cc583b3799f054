//! A review as text, CSV and JSON.

use super::under_way::UnderWay;
use super::{Difference, Item, Review};
use crate::governance::sheet::{csv, safe, table};
use crate::output::json;

/// As JSON, whole and exact: what the next review is held against.
pub fn json(review: &Review) -> String {
    // Structures of strings cannot fail to serialise.
    json::pretty(review).unwrap_or_default()
}

/// Items for a spreadsheet.
pub fn items_csv(review: &Review, since: Option<&Difference>) -> String {
    let header =
        ["check", "subject", "where", "why", "proposed action", "since the last review", "id", "under way"];
    let proposed = review.items.iter().map(|item| (item, ""));
    let under_way = review.under_way.iter().map(|under_way| (&under_way.item, under_way.incident.as_str()));
    let rows: Vec<Vec<String>> = proposed
        .chain(under_way)
        .map(|(item, incident)| {
            let state = match since {
                Some(since) if since.new.contains(item) => "new",
                Some(_) => "still",
                None => "",
            };
            vec![
                item.check.name().to_owned(),
                item.subject.clone(),
                item.place.clone().unwrap_or_default(),
                item.why.clone(),
                item.action.clone(),
                state.to_owned(),
                item.id.clone(),
                incident.to_owned(),
            ]
        })
        .collect();
    csv(&header, &rows)
}

/// For a terminal.
pub fn text(review: &Review, since: Option<&Difference>) -> String {
    let mut text = format!("Review of {}\n\nMembers\n", review.day);
    let rows: Vec<Vec<String>> = review
        .members
        .iter()
        .map(|row| {
            let factor = match row.two_factor {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "–",
            };
            vec![
                row.email.clone(),
                row.role.clone(),
                row.last_seen.clone().unwrap_or_else(|| "–".to_owned()),
                factor.to_owned(),
                row.projects.len().to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        text.push_str("  none are known\n");
    } else {
        let header = ["MEMBER", "ROLE", "LAST SEEN", "2FA", "GRANTS IN PROJECTS"];
        text.extend(table(&header, &rows).lines().map(|line| format!("  {line}\n")));
    }
    text.push_str("\nProposed\n");
    if review.items.is_empty() {
        text.push_str("  nothing\n");
    }
    for (number, item) in (1..).zip(&review.items) {
        let new = since.is_some_and(|since| since.new.contains(item));
        text.push_str(&one(number, item, if new { " (new)" } else { "" }));
    }
    if !review.under_way.is_empty() {
        text.push_str("\nUnder way\n");
        text.extend(review.under_way.iter().map(one_under_way));
    }
    if let Some(since) = since {
        text.push_str("\nSince the last review\n");
        text.push_str(&format!(
            "  {} new, {} still open, {} done\n",
            since.new.len(),
            since.still.len(),
            since.gone.len()
        ));
        for item in &since.gone {
            text.push_str(&format!("  done: {}: {}\n", item.check.name(), safe(&item.subject)));
        }
        text.extend(since.members.iter().map(|line| format!("  {}\n", safe(line))));
    }
    if !review.gaps.is_empty() {
        text.push_str("\nNot judged\n");
        text.extend(review.gaps.iter().map(|gap| format!("  – {}\n", safe(gap))));
    }
    text
}

fn one(number: usize, item: &Item, new: &str) -> String {
    let place = item.place.as_ref().map_or_else(String::new, |place| format!(" in {}", safe(place)));
    format!(
        "  {number}. {}: {}{place}{new}  [{}]\n      because {}\n      → {}\n",
        item.check.name(),
        safe(&item.subject),
        item.id,
        safe(&item.why),
        safe(&item.action)
    )
}

fn one_under_way(under_way: &UnderWay) -> String {
    let UnderWay { incident, item } = under_way;
    let place = item.place.as_ref().map_or_else(String::new, |place| format!(" in {}", safe(place)));
    format!(
        "  – {}: {}{place}  [{}]\n      `portcullis status {incident}` says what it waits for\n",
        item.check.name(),
        safe(&item.subject),
        item.id
    )
}
