//! The inventory held against what providers list: what nobody wrote down, what is not there any more, what is out of date.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use super::book::{self, Next};
use super::estate::{Account, Estate, FeedKind};
use super::matrix::Matrix;
use crate::config::{Integration, IntegrationKind};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What kind.
    pub what: Kind,
    /// The row of the inventory, or what the vendor calls it.
    pub name: String,
    /// What it is: `service-account`, `pipeline` and the like.
    pub of: String,
    /// Why.
    pub why: String,
}

/// Kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A provider lists it, and the inventory does not.
    Unknown,
    /// The inventory has it, and no provider lists it.
    Missing,
    /// It is out of date.
    Stale,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Missing => "missing",
            Self::Stale => "stale",
        }
    }
}

/// A credential that was not used for so many days is stale.
const UNUSED: i64 = 90;

/// All differences, and what could not be compared.
pub fn reconcile(
    inventory: &[Integration],
    estate: &Estate,
    today: Date,
    matrix: &Matrix,
) -> (Vec<Difference>, Vec<String>) {
    let mut found = Vec::new();
    let mut gaps: Vec<String> =
        estate.unread.iter().map(|what| format!("could not be read: {what}")).collect();
    if !estate.accounts_told {
        gaps.push("service accounts could not be listed".to_owned());
    }
    gaps.push(
        "no API lists JSON pipelines, cohort syncs and webhooks: rows about them were not compared"
            .to_owned(),
    );
    let mut known = BTreeSet::new();
    for row in inventory {
        match row.kind {
            IntegrationKind::ServiceAccount => {
                let id = row.credential.as_deref().and_then(|name| estate.find(name));
                known.extend(id);
                match id.and_then(|id| estate.accounts.get(&id)) {
                    Some(account) => found.extend(account_stale(row, account, today)),
                    None if estate.accounts_told => {
                        found.push(missing(row, "no service account is called so"));
                    }
                    None => {}
                }
            }
            IntegrationKind::Pipeline | IntegrationKind::Warehouse => found.extend(feed_missing(row, estate)),
            _ => found.extend(project_missing(row, estate)),
        }
        found.extend(rotation(row, today, matrix));
    }
    for (id, account) in estate.accounts.iter().filter(|(id, account)| !known.contains(id) && !account.own) {
        found.push(Difference {
            what: Kind::Unknown,
            name: account.username.clone(),
            of: IntegrationKind::ServiceAccount.name().to_owned(),
            why: format!("service account {id} is in no row: nobody says who works with it"),
        });
    }
    found.extend(unknown_feeds(inventory, estate));
    found.sort();
    (found, gaps)
}

fn missing(row: &Integration, why: &str) -> Difference {
    Difference {
        what: Kind::Missing,
        name: row.name.clone(),
        of: row.kind.name().to_owned(),
        why: why.to_owned(),
    }
}

fn stale(row: &Integration, why: String) -> Difference {
    Difference { what: Kind::Stale, name: row.name.clone(), of: row.kind.name().to_owned(), why }
}

fn rotation(row: &Integration, today: Date, matrix: &Matrix) -> Option<Difference> {
    let next = book::next(row, matrix).filter(|next| next.by(today))?;
    Some(stale(
        row,
        match next {
            Next::NotKnown => "nobody noted when it was rotated last".to_owned(),
            Next::On(day) => format!("it was to be rotated on {day}"),
        },
    ))
}

fn account_stale(row: &Integration, account: &Account, today: Date) -> Vec<Difference> {
    let day = |text: &Option<String>| text.as_deref().and_then(day);
    let mut found = Vec::new();
    if let (Some(created), Some(rotated)) = (day(&account.created), row.last_rotated)
        && created > rotated
    {
        let why = format!(
            "the service account was made on {created}, after the last rotation that the row has ({rotated})"
        );
        found.push(stale(row, why));
    }
    if let Some(expires) = day(&account.expires).filter(|expires| *expires < today) {
        found.push(stale(row, format!("the service account ended on {expires}")));
    }
    if let Some(used) = day(&account.last_used).filter(|used| used.saturating_add(UNUSED.days()) < today) {
        found.push(stale(row, format!("the service account was last used on {used}")));
    }
    found
}

/// The day of a time as the vendor writes it.
pub fn day(text: &str) -> Option<Date> {
    text.get(..10).and_then(|day| day.parse().ok())
}

fn feed_kind(kind: IntegrationKind) -> FeedKind {
    if kind == IntegrationKind::Pipeline { FeedKind::Pipeline } else { FeedKind::Warehouse }
}

/// Rows without project and name are not compared: nothing says which one they are.
fn feed_missing(row: &Integration, estate: &Estate) -> Option<Difference> {
    let (project, name) = row.project.as_ref().zip(row.credential.as_ref())?;
    // A list that shows none of its kind proves nothing: current pipelines are in no list.
    let same = |feed: &&super::estate::Feed| feed.kind == feed_kind(row.kind) && feed.project == *project;
    let mut listed = estate.feeds.iter().filter(same).peekable();
    listed.peek()?;
    let is_there = listed.any(|feed| feed.name == *name);
    (!is_there).then(|| missing(row, "the project has none of this name"))
}

fn project_missing(row: &Integration, estate: &Estate) -> Option<Difference> {
    let project = row.project.as_ref().filter(|_| !estate.projects.is_empty())?;
    (!estate.projects.contains_key(project)).then(|| missing(row, "no such project is listed"))
}

fn unknown_feeds<'a>(
    inventory: &'a [Integration],
    estate: &'a Estate,
) -> impl Iterator<Item = Difference> + 'a {
    let has = |feed: &super::estate::Feed| {
        inventory.iter().any(|row| {
            let kind = matches!(row.kind, IntegrationKind::Pipeline | IntegrationKind::Warehouse);
            kind && feed_kind(row.kind) == feed.kind
                && row.project.as_deref() == Some(feed.project.as_str())
                && row.credential.as_deref().is_none_or(|name| name == feed.name)
        })
    };
    estate.feeds.iter().filter(move |feed| !has(feed)).map(|feed| Difference {
        what: Kind::Unknown,
        name: feed.name.clone(),
        of: feed.kind.name().to_owned(),
        why: format!("it is in {}, and in no row", estate.project_name(&feed.project)),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Inventory, Known};
    use crate::governance::estate::Feed;
    use crate::governance::matrix::matrix;

    fn account(username: &str) -> Account {
        Account {
            username: username.into(),
            created: Some("2026-06-01T00:00:00Z".into()),
            ..Account::default()
        }
    }

    #[test]
    fn unknown_missing_and_stale_are_told_and_nothing_else() {
        let mut estate = Estate { accounts_told: true, ..Estate::default() };
        estate.projects.insert("7".into(), "Web".into());
        estate.accounts.insert(1, account("good.abc.mp-service-account"));
        estate.accounts.insert(2, account("planted.abc.mp-service-account"));
        estate.accounts.insert(3, Account { own: true, ..account("portcullis") });
        let old = Account {
            last_used: Some("2026-06-02T00:00:00Z".into()),
            expires: Some("2026-11-01".into()),
            ..account("idle")
        };
        estate.accounts.insert(4, old);
        let feed = |kind, name: &str| Feed {
            project: "7".into(),
            kind,
            name: name.into(),
            paused: None,
            creator: None,
        };
        estate.feeds = vec![feed(FeedKind::Pipeline, "nightly"), feed(FeedKind::Warehouse, "12")];
        let row =
            |name: &str, rest: &str| format!("[[integration]]\nname = '{name}'\nconsumer = 'x'\n{rest}\n");
        let text = [
            row("good", "type = 'service-account'\ncredential = 'good'\nlast-rotated = 2026-11-01"),
            row("idle", "type = 'service-account'\ncredential = '4'\nlast-rotated = 2026-05-01"),
            row("gone", "type = 'service-account'\ncredential = 'gone.x'\nlast-rotated = 2026-11-01"),
            row("pipe", "type = 'pipeline'\nproject = 7\ncredential = 'hourly'"),
            row("secret", "type = 'api-secret'\nproject = 8"),
        ];
        let inventory = Inventory::parse(Path::new("i"), text.concat().as_bytes(), Known::default())
            .unwrap()
            .integrations;
        let (found, gaps) = reconcile(&inventory, &estate, Date::constant(2026, 11, 28), matrix());
        let told: Vec<(Kind, &str, &str)> = found
            .iter()
            .map(|found| (found.what, found.name.as_str(), found.why.get(..20).unwrap_or(&found.why)))
            .collect();
        assert_eq!(
            told,
            [
                (Kind::Unknown, "12", "it is in Web (7), an"),
                (Kind::Unknown, "nightly", "it is in Web (7), an"),
                (Kind::Unknown, "planted.abc.mp-service-account", "service account 2 is"),
                (Kind::Missing, "gone", "no service account i"),
                (Kind::Missing, "pipe", "the project has none"),
                (Kind::Missing, "secret", "no such project is l"),
                (Kind::Stale, "idle", "it was to be rotated"),
                (Kind::Stale, "idle", "the service account "),
                (Kind::Stale, "idle", "the service account "),
                (Kind::Stale, "idle", "the service account "),
                (Kind::Stale, "secret", "nobody noted when it"),
            ]
        );
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn what_was_not_listed_is_not_called_missing() {
        let text = "[[integration]]\nname = 'a'\nconsumer = 'x'\ntype = 'service-account'\ncredential = 'a'\nlast-rotated = 2026-11-01\n";
        let inventory =
            Inventory::parse(Path::new("i"), text.as_bytes(), Known::default()).unwrap().integrations;
        let (found, gaps) = reconcile(&inventory, &Estate::default(), Date::constant(2026, 11, 28), matrix());
        assert!(found.is_empty(), "{found:?}");
        assert!(gaps.contains(&"service accounts could not be listed".to_owned()));
    }
}
