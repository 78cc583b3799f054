//! A blast radius as a drawing: the account, the ways into projects, projects, credentials, and who works with them, from left
//! to right. What has to be rotated is orange, what may have to be is grey.
#![allow(clippy::cast_precision_loss, reason = "pixels: there are a few hundred boxes at most")]

use std::collections::{BTreeMap, BTreeSet};

use super::{Radius, Verdict};
use crate::governance::matrix::CredentialKind;
use crate::timeline::chart::{MARGIN, RIGHT, WIDTH};
use crate::timeline::scene::{Ink, Scene};
use crate::timeline::style::{BLACK, FAINT, GREY, PALE, RED, SMALL, STRIPE, STRONG, TINY, TITLE, WHITE};

/// Boxes of a column; the rest is one box that says how many there are.
const MOST: usize = 40;
/// Columns.
const COLUMNS: usize = 5;
const TITLES: [&str; COLUMNS] = ["account", "granted by", "project", "credential", "who works with it"];
/// Height of a row, and of a box in it.
const ROW: f64 = 22.0;
const BOX: f64 = 17.0;
/// Where the first row begins.
const TOP: f64 = 74.0;
/// Room between two columns.
const GAP: f64 = 52.0;

/// A box: its key in its column, what it says, and how it looks.
struct Node {
    text: String,
    ink: Ink,
    letters: Ink,
}

/// Boxes by column and key, and lines between keys of neighbouring columns.
#[derive(Default)]
struct Graph {
    nodes: [BTreeMap<String, Node>; COLUMNS],
    lines: BTreeSet<(usize, String, String)>,
}

/// Draws it.
pub fn scene(radius: &Radius) -> Scene {
    let graph = Graph::of(radius);
    let rows = graph.nodes.iter().map(|column| column.len().min(MOST + 1)).max().unwrap_or(1);
    let mut scene = Scene::new(WIDTH, TOP + rows as f64 * ROW + 40.0);
    let title = TITLE.fit(&format!("Blast radius of {}", radius.account), RIGHT - MARGIN);
    scene.text(&title, MARGIN, 24.0, TITLE, BLACK);
    let count = |verdict| radius.credentials.iter().filter(|credential| credential.rotate == verdict).count();
    let told = format!(
        "{} credentials must be rotated, {} unless it is ruled out, {} are advised; {} exports in the log{}",
        count(Verdict::Must),
        count(Verdict::UnlessRuledOut),
        count(Verdict::Advised),
        radius.exports.len(),
        if radius.gaps.is_empty() {
            String::new()
        } else {
            format!("; {} things are not known", radius.gaps.len())
        }
    );
    scene.text(&told, MARGIN, 42.0, SMALL, GREY);
    let mut places: Vec<BTreeMap<&str, f64>> = Vec::new();
    for column in &graph.nodes {
        let middle = |at: usize| TOP + at.min(MOST) as f64 * ROW + BOX / 2.0;
        places.push(column.keys().enumerate().map(|(at, key)| (key.as_str(), middle(at))).collect());
    }
    for (column, from, to) in &graph.lines {
        let place = |at: usize, key: &str| places.get(at).and_then(|places| places.get(key)).copied();
        if let (Some(one), Some(other)) = (place(*column, from), place(column + 1, to)) {
            scene.line((left(*column) + width(), one), (left(column + 1), other), 0.75, PALE);
        }
    }
    for (at, column) in graph.nodes.iter().enumerate() {
        draw(&mut scene, at, column);
    }
    let note = "orange: must be rotated; grey: unless it is ruled out; white: good practice; lines: how the account came to it";
    scene.text(note, MARGIN, scene.height - 14.0, TINY, GREY);
    scene
}

fn draw(scene: &mut Scene, at: usize, column: &BTreeMap<String, Node>) {
    let x = left(at);
    let title = TITLES.get(at).copied().unwrap_or_default();
    scene.text(title, x, TOP - 10.0, STRONG, GREY);
    for (row, node) in column.values().take(MOST).enumerate() {
        let y = TOP + row as f64 * ROW;
        scene.block(x, y, width(), BOX, FAINT);
        scene.block(x + 0.5, y + 0.5, width() - 1.0, BOX - 1.0, node.ink);
        let text = SMALL.fit(&node.text, width() - 10.0);
        scene.text(&text, x + 5.0, y + 12.0, SMALL, node.letters);
    }
    if column.len() > MOST {
        let text = format!("… and {} more", column.len() - MOST);
        scene.text(&text, x + 5.0, TOP + MOST as f64 * ROW + 12.0, SMALL, GREY);
    }
}

fn width() -> f64 {
    (RIGHT - MARGIN - GAP * (COLUMNS - 1) as f64) / COLUMNS as f64
}

fn left(column: usize) -> f64 {
    MARGIN + column as f64 * (width() + GAP)
}

impl Graph {
    fn of(radius: &Radius) -> Self {
        let mut graph = Self::default();
        graph.node(0, &radius.account, &radius.account, BLACK, WHITE);
        for project in &radius.projects {
            graph.node(2, &project.id, &project.name, STRIPE, BLACK);
            for span in &project.roles {
                let by = span
                    .team
                    .as_ref()
                    .map_or_else(|| span.grant.name().to_owned(), |team| format!("team {team}"));
                graph.node(1, &by, &by, WHITE, BLACK);
                graph.line(0, &radius.account, &by);
                graph.line(1, &by, &project.id);
            }
        }
        for credential in &radius.credentials {
            let kind = match credential.kind {
                CredentialKind::ServiceAccount => "",
                CredentialKind::ApiSecret => "API secret, ",
                CredentialKind::ProjectToken => "token, ",
                CredentialKind::ScimToken => "organization, ",
            };
            let key = format!("{:?} {:?} {}", credential.rotate, credential.kind, credential.id);
            let (ink, letters) = match credential.rotate {
                Verdict::Must => (RED, WHITE),
                Verdict::UnlessRuledOut => (STRIPE, BLACK),
                Verdict::Advised => (WHITE, GREY),
            };
            // The first letters sort: what must be rotated stands first.
            let key = format!("{}{key}", credential.rotate as u8);
            graph.node(3, &key, &format!("{kind}{}", credential.name), ink, letters);
            for project in
                radius.projects.iter().filter(|project| credential.projects.contains(&project.name))
            {
                graph.line(2, &project.id, &key);
            }
            for consumer in
                radius.consumers.iter().filter(|row| credential.consumers.contains(&row.integration))
            {
                graph.node(
                    4,
                    &consumer.integration,
                    &format!("{}: {}", consumer.integration, consumer.consumer),
                    WHITE,
                    BLACK,
                );
                graph.line(3, &key, &consumer.integration);
            }
        }
        graph
    }

    fn node(&mut self, column: usize, key: &str, text: &str, ink: Ink, letters: Ink) {
        if let Some(column) = self.nodes.get_mut(column) {
            column.entry(key.to_owned()).or_insert_with(|| Node { text: text.to_owned(), ink, letters });
        }
    }

    fn line(&mut self, column: usize, from: &str, to: &str) {
        self.lines.insert((column, from.to_owned(), to.to_owned()));
    }
}
