//! What Mixpanel answers, as typed rows. Readers accept every shape that is documented or was seen; anything else is an
//! error that names the call and the key, never a row left out. Secrets that a row carries are not taken in.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lockdown::http::CallError;

/// `GET /me`: whose credential this is, and what it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) user: Option<u64>,
    pub(super) email: Option<String>,
    /// Its role in the organization that was asked for; `None` where it is not in it.
    pub(super) role: Option<String>,
    /// Projects of that organization, with their names.
    pub(super) projects: Vec<(u64, String)>,
}

/// A service account. Who made it is a user's number in the documents; the other two were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: u64,
    pub(super) username: String,
    pub(super) creator: Creator,
    pub(super) created: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) last_used: Option<String>,
    /// The user behind it: it is the creator of what is made with its credential.
    pub(super) user: Option<u64>,
}

/// Who made an object, as far as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Creator {
    pub(super) user: Option<u64>,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
}

/// A service account in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) account: u64,
    pub(super) role: String,
    /// `individual` where the project gives it directly; `team`, `organization`, or what the vendor adds.
    pub(super) target: String,
}

/// A member of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) id: Option<u64>,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) role: Option<String>,
}

/// A legacy pipeline. Who made it and whether it is paused is not documented to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) paused: Option<bool>,
    pub(super) creator: Creator,
}

/// A warehouse import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) paused: bool,
    /// Nanoseconds.
    pub(super) run_every: Option<u64>,
    pub(super) creator: Creator,
}

/// A deletion of people's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deletion {
    pub(super) status: String,
    /// E-mail of who asked for it.
    pub(super) by: String,
}

impl Deletion {
    pub(super) fn is_cancelled(&self) -> bool {
        self.status == "REVOKED"
    }

    pub(super) fn is_cancellable(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "STAGING")
    }
}

/// A new service account, with its secret.
pub(super) struct Created {
    pub(super) id: u64,
    pub(super) username: String,
    pub(super) secret: SecretString,
}

/// Names the call in errors.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a str);

impl Reader<'_> {
    /// The rows of a list: bare, or under `results`; as an array, or as an object by id.
    pub(super) fn rows<T>(
        self,
        body: &Value,
        read: impl Fn(&Row<'_>) -> Result<T, CallError>,
    ) -> Result<Vec<T>, CallError> {
        let results = body.get("results").unwrap_or(body);
        match results {
            Value::Array(rows) => {
                let rows = rows.iter().enumerate();
                rows.map(|(at, value)| read(&self.row(value, &format!("results[{at}]"))?)).collect()
            }
            Value::Object(rows) if body.get("results").is_some() => {
                let read = |(key, value)| read(&self.row_of(value, &format!("results.{key}"), Some(key))?);
                rows.iter().map(read).collect()
            }
            _ => Err(self.odd("results", "a list")),
        }
    }

    /// One object: bare or under `results`.
    pub(super) fn one<T>(
        self,
        body: &Value,
        read: impl FnOnce(&Row<'_>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let results = body.get("results").filter(|results| results.is_object());
        read(&self.row(results.unwrap_or(body), "results")?)
    }

    /// The jobs of one project: lists by project, or one list.
    pub(super) fn jobs(self, body: &Value) -> Result<Vec<Job>, CallError> {
        match body {
            Value::Object(by_project) if body.get("results").is_none() => {
                let lists = by_project.iter().filter(|(key, _)| *key != "status");
                let lists = lists.map(|(key, list)| match list {
                    Value::Array(rows) => rows.iter().map(|row| job(&self.row(row, key)?)).collect(),
                    _ => Err(self.odd(key, "a list")),
                });
                Ok(lists.collect::<Result<Vec<Vec<Job>>, _>>()?.concat())
            }
            _ => self.rows(body, job),
        }
    }

    fn row<'v>(self, value: &'v Value, at: &str) -> Result<Row<'v>, CallError> {
        self.row_of(value, at, None)
    }

    fn row_of<'v>(self, value: &'v Value, at: &str, key: Option<&'v String>) -> Result<Row<'v>, CallError> {
        let fields = value.as_object().ok_or_else(|| self.odd(at, "an object"))?;
        Ok(Row { call: self.0.to_owned(), at: at.to_owned(), key, fields })
    }

    fn odd(self, key: &str, expected: &str) -> CallError {
        odd(self.0, key, expected)
    }
}

/// The cursor of the next page, where lists have pages.
pub(super) fn cursor(body: &Value) -> Option<String> {
    body.get("next_cursor").and_then(Value::as_str).filter(|cursor| !cursor.is_empty()).map(str::to_owned)
}

/// One object of an answer.
pub(super) struct Row<'v> {
    call: String,
    at: String,
    /// Its key, where the list is an object by id.
    key: Option<&'v String>,
    fields: &'v Map<String, Value>,
}

impl Row<'_> {
    fn odd(&self, key: &str, expected: &str) -> CallError {
        odd(&self.call, &format!("{}.{key}", self.at), expected)
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn id(&self) -> Result<u64, CallError> {
        match (self.number("id")?, self.key) {
            (Some(id), _) => Ok(id),
            (None, Some(key)) => key.parse().map_err(|_not_a_number| self.odd("id", "a number")),
            (None, None) => Err(self.odd("id", "a number")),
        }
    }

    fn number(&self, key: &str) -> Result<Option<u64>, CallError> {
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        self.get(key).map(|value| number(value).ok_or_else(|| self.odd(key, "a number"))).transpose()
    }

    fn text(&self, key: &str) -> Result<Option<String>, CallError> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| self.odd(key, "text"));
        self.get(key).map(text).transpose()
    }

    fn need(&self, key: &str) -> Result<String, CallError> {
        self.text(key)?.ok_or_else(|| self.odd(key, "text"))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, CallError> {
        let flag = |value: &Value| match value {
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            other => other.as_bool(),
        };
        self.get(key).map(|value| flag(value).ok_or_else(|| self.odd(key, "true or false"))).transpose()
    }

    /// From the number under one key, which may hold an e-mail or a name as well, and the two that were seen.
    fn creator(&self, key: &str) -> Result<Creator, CallError> {
        let mut creator = Creator { email: self.text("creator_email")?, ..Creator::default() };
        creator.name = self.text("creator_name")?;
        match self.get(key) {
            None => {}
            Some(Value::String(text)) if text.contains('@') => {
                creator.email.get_or_insert_with(|| text.clone());
            }
            Some(Value::String(text)) if text.parse::<u64>().is_err() => {
                creator.name.get_or_insert_with(|| text.clone());
            }
            Some(_) => creator.user = self.number(key)?,
        }
        Ok(creator)
    }
}

pub(super) fn account(row: &Row<'_>) -> Result<Account, CallError> {
    Ok(Account {
        id: row.id()?,
        username: row.need("username")?,
        creator: row.creator("creator")?,
        created: row.text("created")?,
        expires: row.text("expires")?,
        last_used: row.text("last_used")?,
        user: row.number("user")?,
    })
}

pub(super) fn grant(row: &Row<'_>) -> Result<Grant, CallError> {
    let target = row.text("target_type")?.unwrap_or_else(|| DIRECT.to_owned());
    Ok(Grant { account: row.id()?, role: row.need("role")?, target })
}

/// The kind of grant that `remove-from-project` ends.
pub(super) const DIRECT: &str = "individual";

pub(super) fn member(row: &Row<'_>) -> Result<Member, CallError> {
    let email = match row.text("email")? {
        Some(email) => email,
        None => row.need("user_email")?,
    };
    let role = match row.get("role") {
        // Custom roles may come as objects.
        Some(Value::Object(role)) => role.get("name").and_then(Value::as_str).map(str::to_owned),
        _ => row.text("role")?,
    };
    Ok(Member { id: row.number("id")?, email, name: row.text("name")?, role })
}

pub(super) fn project(row: &Row<'_>) -> Result<(u64, String), CallError> {
    Ok((row.id()?, row.text("name")?.unwrap_or_default()))
}

fn job(row: &Row<'_>) -> Result<Job, CallError> {
    Ok(Job { name: row.need("name")?, paused: row.flag("paused")?, creator: row.creator("creator")? })
}

pub(super) fn import(row: &Row<'_>) -> Result<Import, CallError> {
    let paused = row.flag("paused")?.ok_or_else(|| row.odd("paused", "true or false"))?;
    Ok(Import {
        id: row.id()?,
        kind: row.text("import_type")?.unwrap_or_default(),
        paused,
        run_every: row.number("run_every")?,
        creator: row.creator("creator_id")?,
    })
}

pub(super) fn created(row: &Row<'_>) -> Result<Created, CallError> {
    let secret = row.need("token")?.into();
    Ok(Created { id: row.id()?, username: row.need("username")?, secret })
}

/// Of `GET /me`, what is of this organization. A project that names none counts.
pub(super) fn me(row: &Row<'_>, organization: u64) -> Result<Me, CallError> {
    let table = |key: &str| match row.get(key) {
        None => Ok(Map::new()),
        Some(Value::Object(table)) => Ok(table.clone()),
        Some(_) => Err(row.odd(key, "an object by id")),
    };
    let organizations = table("organizations")?;
    let own = organizations.get(&organization.to_string());
    let role = own.map(|own| own.get("role").and_then(Value::as_str).unwrap_or_default().to_owned());
    let mut projects = Vec::new();
    for (id, project) in table("projects")? {
        let of = project.get("organization_id").and_then(Value::as_u64);
        if of.is_none_or(|of| of == organization) {
            let number = id.parse().map_err(|_not_a_number| row.odd("projects", "an object by number"))?;
            let name = project.get("name").and_then(Value::as_str).unwrap_or_default();
            projects.push((number, name.to_owned()));
        }
    }
    Ok(Me { user: row.number("user_id")?, email: row.text("user_email")?, role, projects })
}

pub(super) fn deletion(row: &Row<'_>) -> Result<Deletion, CallError> {
    Ok(Deletion { status: row.need("status")?, by: row.need("requesting_user")? })
}

/// No value of the answer is shown: it could be a secret.
fn odd(call: &str, key: &str, expected: &str) -> CallError {
    CallError::Lost { what: format!("{call}: “{key}” is not {expected}") }
}
