//! The inventory as a table that people fill in, and when its credentials are rotated next.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::matrix::Matrix;
use super::sheet;
use crate::config::{ConfigError, Integration, IntegrationKind, Inventory, Point, Stored};

/// Columns of the CSV.
pub const HEADER: [&str; 20] = [
    "integration",
    "type",
    "project",
    "credential",
    "created by",
    "used by",
    "purpose",
    "owner",
    "last rotated",
    "next rotation",
    "store",
    "path",
    "username field",
    "secret field",
    "system",
    "place",
    "place username",
    "place secret",
    "paused",
    "restart",
];

/// Between flows in one cell: no flow of an inventory has it.
const BETWEEN: &str = "; ";

/// Keys of `integrations.toml` by column; `next rotation` is worked out and not read, fields of a store are a table, flows a list.
const KEYS: [(&str, &str); 14] = [
    ("integration", "name"),
    ("type", "type"),
    ("project", "project"),
    ("credential", "credential"),
    ("created by", "created-by"),
    ("used by", "consumer"),
    ("purpose", "purpose"),
    ("owner", "owner"),
    ("last rotated", "last-rotated"),
    ("store", "store"),
    ("path", "path"),
    ("system", "system"),
    ("place", "place"),
    ("restart", "restart"),
];

/// When a credential is rotated next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// Nobody noted when it was rotated last.
    NotKnown,
    /// On this day.
    On(Date),
}

impl Next {
    /// Whether it is rotated on `day` or before.
    pub fn by(self, day: Date) -> bool {
        match self {
            Self::NotKnown => true,
            Self::On(next) => next <= day,
        }
    }
}

/// When a row's credential is rotated next; `None` where it has none of its own. What is left to whoever runs the
/// destination (pipelines, imports, syncs) counts where its day was noted.
pub fn next(row: &Integration, matrix: &Matrix) -> Option<Next> {
    let has_credential = matches!(
        row.kind,
        IntegrationKind::ServiceAccount | IntegrationKind::ApiSecret | IntegrationKind::ProjectToken
    );
    match row.last_rotated {
        Some(last) => Some(Next::On(last.saturating_add(matrix.rotation.after_days.days()))),
        None => has_credential.then_some(Next::NotKnown),
    }
}

/// The rows of a table, in the order of the inventory.
pub fn rows(inventory: &[Integration], matrix: &Matrix) -> Vec<Vec<String>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let stored = |row: &Integration, part: fn(&Stored) -> &String| {
        row.stored.as_ref().map(|stored| part(stored).clone()).unwrap_or_default()
    };
    let point = |row: &Integration, part: fn(&Point) -> &String| {
        row.point.as_ref().map(|point| part(point).clone()).unwrap_or_default()
    };
    let system = |row: &Integration| {
        let point = row.point.as_ref().map(|point| &point.system);
        point.or(row.pause.as_ref().map(|pause| &pause.system)).cloned().unwrap_or_default()
    };
    let row = |row: &Integration| {
        vec![
            row.name.clone(),
            row.kind.name().to_owned(),
            text(&row.project),
            text(&row.credential),
            text(&row.created_by),
            row.consumer.clone(),
            text(&row.purpose),
            text(&row.owner),
            row.last_rotated.map(|day| day.to_string()).unwrap_or_default(),
            next(row, matrix).map(words).unwrap_or_default(),
            stored(row, |stored| &stored.store),
            stored(row, |stored| &stored.path),
            stored(row, |stored| &stored.username),
            stored(row, |stored| &stored.secret),
            system(row),
            point(row, |point| &point.place),
            point(row, |point| &point.username),
            point(row, |point| &point.secret),
            row.pause.as_ref().map(|pause| pause.flows.join(BETWEEN)).unwrap_or_default(),
            text(&row.restart),
        ]
    };
    inventory.iter().map(row).collect()
}

/// For people.
pub fn words(next: Next) -> String {
    match next {
        Next::NotKnown => "not known".to_owned(),
        Next::On(day) => day.to_string(),
    }
}

/// The inventory as CSV.
pub fn to_csv(inventory: &[Integration], matrix: &Matrix) -> String {
    sheet::csv(&HEADER, &rows(inventory, matrix))
}

/// From CSV with these columns, in any order, to the text of `integrations.toml` and what it says.
///
/// # Errors
/// In words, with the line: a column is missing or strange, or a row is no integration. Cells are never told: one could be a
/// secret in the wrong place.
pub fn from_csv(bytes: &[u8]) -> Result<(String, Vec<Integration>), String> {
    let sheet = sheet::read(bytes)?;
    if let Some(stranger) = sheet.strangers(&[&HEADER]).first() {
        let known = HEADER.join(", ");
        return Err(format!("line 1: unknown column {}; known: {known}", sheet::safe(stranger)));
    }
    let columns: BTreeMap<&str, usize> =
        HEADER.iter().filter_map(|name| Some((*name, sheet.column(&[name])?))).collect();
    for needed in ["integration", "type", "used by"] {
        if !columns.contains_key(needed) {
            return Err(format!("line 1: the column {needed} is missing"));
        }
    }
    let (mut text, mut inventory, mut names) = (String::new(), Vec::new(), BTreeMap::new());
    for (line, cells) in &sheet.rows {
        let cell = |column: &str| {
            let cell = columns.get(column).and_then(|at| cells.get(*at)).map(|cell| cell.trim());
            cell.filter(|cell| !cell.is_empty())
        };
        let row = toml_of(&cell);
        let read = Inventory::parse_with(Path::new("row"), row.as_bytes(), None);
        let read = read.map_err(|error| format!("line {line}: {}", fault(&error)))?;
        for integration in read.integrations {
            let name = integration.name.to_ascii_lowercase();
            if let Some(first) = names.insert(name, *line) {
                return Err(format!("line {line}: the name of the integration is that of line {first} too"));
            }
            inventory.push(integration);
        }
        text.push_str(&row);
        text.push('\n');
    }
    Ok((text, inventory))
}

/// The inventory as `integrations.toml` has it.
pub fn to_toml(inventory: &[Integration], matrix: &Matrix) -> String {
    let mut text = String::new();
    for row in rows(inventory, matrix) {
        let cell = |column: &str| {
            let at = HEADER.iter().position(|name| *name == column)?;
            row.get(at).map(String::as_str).filter(|cell| !cell.is_empty())
        };
        text.push_str(&toml_of(&cell));
        text.push('\n');
    }
    text
}

fn toml_of<'a>(cell: &impl Fn(&str) -> Option<&'a str>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = "[[integration]]\n".to_owned();
    for (column, key) in KEYS {
        if let Some(value) = cell(column) {
            text.push_str(&format!("{key} = {}\n", quoted(value)));
        }
    }
    for (name, columns) in
        [("fields", ["username field", "secret field"]), ("place-fields", ["place username", "place secret"])]
    {
        let fields = columns.iter().zip(["username", "secret"]);
        let fields = fields.filter_map(|(column, key)| Some((key, cell(column)?)));
        // Without a table, names in a store are these; those in a place are those in the store.
        let fields: Vec<String> = fields
            .filter(|(key, value)| name != "fields" || key != value)
            .map(|(key, value)| format!("{key} = {}", quoted(value)))
            .collect();
        if !fields.is_empty() {
            text.push_str(&format!("{name} = {{ {} }}\n", fields.join(", ")));
        }
    }
    if let Some(flows) = cell("paused") {
        let flows: Vec<String> = flows.split(BETWEEN.trim()).map(|flow| quoted(flow.trim())).collect();
        text.push_str(&format!("pause = [{}]\n", flows.join(", ")));
    }
    text
}

fn fault(error: &ConfigError) -> String {
    match error {
        // Their places are those of a text that nobody sees.
        ConfigError::Invalid { problems, .. } => {
            let told = problems.iter().map(|problem| match problem.to_string().split_once(": ") {
                Some((_, told)) => told.to_owned(),
                None => problem.to_string(),
            });
            told.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pause;
    use crate::governance::matrix::matrix;

    fn hostile() -> Vec<Integration> {
        let text = |text: &str| Some(text.to_owned());
        let stored = |username: &str| Stored {
            store: "vault".into(),
            path: "=HYPERLINK(\"x\")".into(),
            username: username.into(),
            secret: "secret".into(),
        };
        let row = Integration {
            name: "etl".into(),
            kind: IntegrationKind::ServiceAccount,
            project: text("1001"),
            credential: text("etl.a1b2c3.mp-service-account"),
            stored: Some(stored("username")),
            point: None,
            pause: None,
            consumer: "=cmd|' /c calc'!A1".into(),
            owner: text("@data, \"team\""),
            purpose: text("\u{202e}loads"),
            created_by: text("-jane@agency.example"),
            last_rotated: Some(Date::constant(2026, 1, 31)),
            restart: text("'=quoted"),
        };
        let other = Integration {
            name: "sync".into(),
            kind: IntegrationKind::CohortSync,
            credential: None,
            stored: None,
            pause: Some(Pause { system: "census".into(), flows: vec!["=1".into(), "a, \"b\"".into()] }),
            last_rotated: None,
            ..row.clone()
        };
        let third = Integration {
            name: "third".into(),
            stored: Some(Stored { path: "=other".into(), ..stored("user") }),
            point: Some(Point {
                system: "lambda".into(),
                place: "=f".into(),
                username: "username".into(),
                secret: "+S".into(),
            }),
            last_rotated: None,
            ..row.clone()
        };
        vec![row, other, third]
    }

    #[test]
    fn an_inventory_is_the_same_after_csv_and_toml() {
        let csv = to_csv(&hostile(), matrix());
        for start in ["\"'=cmd", "\"'@data", "\"'-jane", "\"'=HYPERLINK"] {
            assert!(csv.contains(start), "{start}: {csv}");
        }
        let (toml, read) = from_csv(csv.as_bytes()).unwrap();
        assert_eq!(read, hostile());
        let again = Inventory::parse_with(Path::new("i"), toml.as_bytes(), None).unwrap();
        assert_eq!(again.integrations, hostile());
        assert_eq!(to_toml(&hostile(), matrix()), toml);
        assert_eq!(to_csv(&read, matrix()), csv, "the same bytes");
    }

    #[test]
    fn the_next_rotation_is_90_days_after_the_last() {
        let rows = hostile();
        assert_eq!(next(&rows[0], matrix()), Some(Next::On(Date::constant(2026, 5, 1))));
        assert_eq!((next(&rows[1], matrix()), next(&rows[2], matrix())), (None, Some(Next::NotKnown)));
        assert!(Next::NotKnown.by(Date::constant(2000, 1, 1)));
        let on = Next::On(Date::constant(2026, 5, 1));
        assert!(on.by(Date::constant(2026, 5, 1)) && !on.by(Date::constant(2026, 4, 30)));
    }

    #[test]
    fn what_is_no_inventory_is_told_by_line_and_without_its_cells() {
        let secret = "0123456789abcdef0123456789abcdef";
        for (text, told) in [
            ("integration,type\na,other\n".to_owned(), "line 1: the column used by is missing"),
            ("integration,type,used by,colour\na,other,x,y\n".to_owned(), "line 1: unknown column colour"),
            ("integration,type,used by\na,other,\n".to_owned(), "line 2: `consumer` is missing"),
            ("integration,type,used by\na,othr,x\n".to_owned(), "line 2: no such type of integration"),
            (
                "integration,type,used by\na,other,x\nA,other,x\n".to_owned(),
                "line 3: the name of the integration",
            ),
            (
                format!("integration,type,used by,credential\na,service-account,x,{secret}\n"),
                "line 2: `credential` looks like",
            ),
            (
                "integration,type,used by,last rotated\na,other,x,soon\n".to_owned(),
                "line 2: `last-rotated` has to be a date",
            ),
        ] {
            let error = from_csv(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(told) && !error.contains(secret), "{text}: {error}");
        }
    }
}
