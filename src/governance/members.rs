//! A list of members and their roles, as somebody exported or wrote it.
//!
//! No vendor documents such an export. It is CSV with a row for each grant; columns are recognised by many spellings, and
//! none is guessed:
//!
//! ```csv
//! email,name,grant,project,team,role,status,last login,two factor
//! jane@agency.example,Jane Doe,organization,,,member,active,2026-10-01,yes
//! jane@agency.example,,individual,3187001,,analyst,,,
//! jane@agency.example,,team,,Growth,,,,
//! *,,team,3187002,Growth,admin,,,
//! *,,all-users,3187003,,consumer,,,
//! ```
//!
//! A row without `grant` is what its other cells make it: with a team the team's, with a project the project's, else the
//! organization's. `*` stands for everybody whom a grant of a team or of all users is for. A row of a team with both a
//! person and a project says both things: the person is in it, and what it gives.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::access::{Grant, Held, Slot, same};
use super::replay::Listed;
use super::sheet::{self, Sheet};

/// Everybody.
const EVERYBODY: &str = "*";

const EMAIL: &[&str] = &["email", "e-mail", "user", "user email", "member", "account"];
const NAME: &[&str] = &["name", "user name", "full name", "display name"];
const GRANT: &[&str] = &["grant", "grant type", "access", "via", "target type"];
const PROJECT: &[&str] = &["project", "project id"];
const PROJECT_NAME: &[&str] = &["project name"];
const TEAM: &[&str] = &["team", "team name"];
const ROLE: &[&str] = &["role", "role name", "permission"];
const STATUS: &[&str] = &["status", "state", "active"];
const LAST_LOGIN: &[&str] = &["last login", "last active", "last seen", "last activity"];
const TWO_FACTOR: &[&str] = &["two factor", "2fa", "mfa", "second factor", "two-factor authentication"];

/// A list of members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Their grants; a list of this kind tells of all four kinds.
    pub listed: Listed,
    /// What else it says of people, by e-mail address in lower case.
    pub people: BTreeMap<String, Person>,
    /// Names of projects by their numbers.
    pub projects: BTreeMap<String, String>,
    /// Columns that were not read.
    pub strangers: Vec<String>,
}

/// What a list says of a person besides grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The day of the last login.
    pub last_login: Option<Date>,
    /// Whether there is a second factor.
    pub two_factor: Option<bool>,
}

struct Columns {
    email: usize,
    name: Option<usize>,
    grant: Option<usize>,
    project: Option<usize>,
    project_name: Option<usize>,
    team: Option<usize>,
    role: usize,
    status: Option<usize>,
    last_login: Option<usize>,
    two_factor: Option<usize>,
}

/// Reads a list.
///
/// # Errors
/// In words, with the line: it is no such list, or a row contradicts itself or an earlier one.
pub fn read(text: &[u8]) -> Result<Members, String> {
    let sheet = sheet::read(text)?;
    let columns = columns(&sheet)?;
    let known = [EMAIL, NAME, GRANT, PROJECT, PROJECT_NAME, TEAM, ROLE, STATUS, LAST_LOGIN, TWO_FACTOR];
    let strangers = sheet.strangers(&known).into_iter().map(str::to_owned).collect();
    let mut members = Members { strangers, ..Members::default() };
    members.listed.kinds = Grant::ALL.into();
    for (line, cells) in &sheet.rows {
        row(&mut members, &columns, cells).map_err(|why| format!("line {line}: {why}"))?;
    }
    Ok(members)
}

fn columns(sheet: &Sheet) -> Result<Columns, String> {
    let need = |names: &[&str]| {
        sheet.column(names).ok_or_else(|| {
            format!("line 1: no column is one of {}; there are {}", names.join(", "), sheet.header.join(", "))
        })
    };
    Ok(Columns {
        email: need(EMAIL)?,
        role: need(ROLE)?,
        name: sheet.column(NAME),
        grant: sheet.column(GRANT),
        project: sheet.column(PROJECT),
        project_name: sheet.column(PROJECT_NAME),
        team: sheet.column(TEAM),
        status: sheet.column(STATUS),
        last_login: sheet.column(LAST_LOGIN),
        two_factor: sheet.column(TWO_FACTOR),
    })
}

fn row(members: &mut Members, columns: &Columns, cells: &[String]) -> Result<(), String> {
    let cell = |column: Option<usize>| {
        column.and_then(|column| cells.get(column)).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    };
    let email = cell(Some(columns.email)).map(same).unwrap_or_default();
    let (team, role) = (cell(columns.team), cell(Some(columns.role)));
    let project = cell(columns.project).or(cell(columns.project_name));
    if let (Some(project), Some(name)) = (cell(columns.project), cell(columns.project_name)) {
        members.projects.insert(project.to_owned(), name.to_owned());
    }
    let grant = grant(cell(columns.grant), team.is_some(), project.is_some())?;
    let everybody = email == EVERYBODY || email.is_empty();
    if everybody && matches!(grant, Grant::Organization | Grant::Individual) {
        return Err(format!("a grant of the kind {} needs an e-mail address", grant.name()));
    }
    let held = || role.map_or(Held::Unknown, |role| Held::Role(role.to_owned()));
    let project = |why: &str| project.map(str::to_owned).ok_or_else(|| format!("{why} needs a project"));
    match grant {
        Grant::Organization => members.give(Slot::Organization(email.clone()), held())?,
        Grant::Individual => {
            members.give(Slot::Individual(email.clone(), project("an individual grant")?), held())?;
        }
        Grant::AllUsers => members.give(Slot::AllUsers(project("a grant to all users")?), held())?,
        Grant::Team => {
            let team = team.ok_or("a grant of a team needs the team")?.to_owned();
            let project = project("").ok();
            if !everybody {
                let within = Slot::Membership(email.clone(), team.clone());
                members.give(within, Held::Role(String::new()))?;
            }
            match (project, everybody) {
                (Some(project), _) => members.give(Slot::Team(team, project), held())?,
                (None, true) => return Err("a grant of a team to everybody needs a project".to_owned()),
                (None, false) => {}
            }
        }
    }
    if !everybody {
        person(members, columns, &cell, &email)?;
    }
    Ok(())
}

fn person<'a>(
    members: &mut Members,
    columns: &Columns,
    cell: &impl Fn(Option<usize>) -> Option<&'a str>,
    email: &str,
) -> Result<(), String> {
    let person = members.people.entry(email.to_owned()).or_default();
    if let Some(name) = cell(columns.name) {
        person.name = Some(name.to_owned());
    }
    if let Some(day) = cell(columns.last_login) {
        let parsed = day.get(..10).unwrap_or(day).parse();
        let parsed = parsed.map_err(|_unknown| format!("{day:?} is not a day such as 2026-10-01"))?;
        person.last_login = person.last_login.max(Some(parsed));
    }
    if let Some(word) = cell(columns.two_factor) {
        person.two_factor = Some(truth(word)?);
    }
    if let Some(status) = cell(columns.status) {
        let inactive = match status.to_ascii_lowercase().as_str() {
            "active" | "yes" | "true" | "enabled" => false,
            "inactive" | "deactivated" | "suspended" | "disabled" | "no" | "false" => true,
            _ => return Err(format!("the status {status:?} is neither active nor deactivated")),
        };
        if inactive {
            members.listed.inactive.insert(email.to_owned());
        }
    }
    Ok(())
}

fn grant(word: Option<&str>, team: bool, project: bool) -> Result<Grant, String> {
    let Some(word) = word else {
        return Ok(match (team, project) {
            (true, _) => Grant::Team,
            (false, true) => Grant::Individual,
            (false, false) => Grant::Organization,
        });
    };
    match crate::source::spelling::bare(word).as_str() {
        "organization" | "organisation" | "org" => Ok(Grant::Organization),
        "team" => Ok(Grant::Team),
        "individual" | "project" | "direct" => Ok(Grant::Individual),
        "allusers" | "everyone" | "everybody" | "default" => Ok(Grant::AllUsers),
        _ => Err(format!("{word:?} is none of organization, team, individual, all-users")),
    }
}

fn truth(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" | "enabled" | "on" | "1" => Ok(true),
        "no" | "false" | "disabled" | "off" | "0" | "none" => Ok(false),
        _ => Err(format!("{word:?} is neither yes nor no")),
    }
}

impl Members {
    fn give(&mut self, slot: Slot, held: Held) -> Result<(), String> {
        match self.listed.grants.get(&slot) {
            Some(other) if *other != held => {
                Err(format!("this grant is there already, with {} instead of {}", other.name(), held.name()))
            }
            _ => {
                self.listed.grants.insert(slot, held);
                Ok(())
            }
        }
    }

    /// Everybody whom the list names.
    pub fn emails(&self) -> BTreeSet<String> {
        let named = self.listed.grants.keys().filter_map(Slot::email).map(str::to_owned);
        named.chain(self.people.keys().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one of the module's documentation.
    fn documented() -> String {
        let lines = include_str!("members.rs").lines().take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").trim_start());
        let inside = lines.skip_while(|line| *line != "```csv").skip(1).take_while(|line| *line != "```");
        inside.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_documented_list_is_read() {
        let members = read(documented().as_bytes()).unwrap();
        let jane = || "jane@agency.example".to_owned();
        let role = |name: &str| Held::Role(name.to_owned());
        let expected = [
            (Slot::Organization(jane()), role("member")),
            (Slot::Individual(jane(), "3187001".into()), role("analyst")),
            (Slot::Membership(jane(), "Growth".into()), role("")),
            (Slot::Team("Growth".into(), "3187002".into()), role("admin")),
            (Slot::AllUsers("3187003".into()), role("consumer")),
        ];
        assert_eq!(members.listed.grants, expected.into());
        let person = &members.people[&jane()];
        assert_eq!((person.two_factor, person.last_login), (Some(true), Some(Date::constant(2026, 10, 1))));
        assert!(members.listed.inactive.is_empty() && members.strangers.is_empty());
    }

    #[test]
    fn other_spellings_and_other_columns() {
        let text = "User;Project ID;Project Name;Role;Status;Cost centre\nJane@Agency.example;7;Web;Admin;Deactivated;x\n";
        let members = read(text.as_bytes()).unwrap();
        let slot = Slot::Individual("jane@agency.example".into(), "7".into());
        assert_eq!(members.listed.grants, [(slot, Held::Role("Admin".into()))].into());
        assert_eq!(members.projects["7"], "Web");
        assert!(members.listed.inactive.contains("jane@agency.example"));
        assert_eq!(members.strangers, ["Cost centre"]);
    }

    #[test]
    fn nothing_is_guessed() {
        for (rows, told) in [
            ("who,what\n1,2\n", "line 1: no column is one of email"),
            ("email,role,grant\na@b,admin,galaxy\n", "line 2: \"galaxy\" is none of"),
            ("email,role,grant\na@b,admin,individual\n", "line 2: an individual grant needs a project"),
            ("email,role,grant\n*,admin,organization\n", "line 2: a grant of the kind organization needs"),
            ("email,role,grant\na@b,admin,team\n", "line 2: a grant of a team needs the team"),
            ("email,role\na@b,admin\nA@B,owner\n", "line 3: this grant is there already"),
            ("email,role,2fa\na@b,admin,perhaps\n", "line 2: \"perhaps\" is neither"),
            ("email,role,status\na@b,admin,asleep\n", "line 2: the status"),
            ("email,role,last login\na@b,admin,soon\n", "line 2: \"soon\" is not a day"),
            ("email,role\na@b\n", "line 2: fewer cells"),
        ] {
            let error = read(rows.as_bytes()).unwrap_err();
            assert!(error.starts_with(told), "{rows}: {error}");
        }
    }
}
