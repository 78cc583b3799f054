//! Credentials: old, unused, or of a creator who left; integrations that nobody answers for.

use std::collections::BTreeSet;

use jiff::ToSpan as _;

use super::{Check, DAYS, Of, Reviewer};
use crate::governance::access::{Grant, same};
use crate::governance::book::{self, Next};
use crate::governance::estate::Account;
use crate::governance::reconcile::day;

impl Reviewer<'_> {
    pub(super) fn credentials(&mut self) {
        if !self.sources.estate.accounts_told {
            self.gap(
                "service accounts could not be listed: those without a row in the inventory were not judged",
            );
        }
        let accounts: Vec<(u64, Account)> = self
            .sources
            .estate
            .accounts
            .iter()
            .filter(|(_, account)| !account.own)
            .map(|(id, account)| (*id, account.clone()))
            .collect();
        let mut judged = BTreeSet::new();
        for (id, account) in &accounts {
            self.creator_left(*id, account);
            if self.unused(account) {
                judged.insert(*id);
            }
        }
        let rows = self.sources.inventory;
        for row in rows {
            let id = row.credential.as_deref().and_then(|name| self.sources.estate.find(name));
            // What nobody uses is deleted, not rotated.
            let due = book::next(row, self.matrix).filter(|next| next.by(self.sources.day));
            if let Some(next) = due.filter(|_| !id.is_some_and(|id| judged.contains(&id))) {
                let why = match next {
                    Next::NotKnown => "nobody noted when it was rotated last".to_owned(),
                    Next::On(day) => format!("it was to be rotated on {day}"),
                };
                let action = format!("rotate it, and tell {}", row.consumer);
                self.add_of(
                    Of::Integration,
                    Check::CredentialOld,
                    &row.name,
                    row.project.clone(),
                    (why, action),
                );
            }
            judged.extend(id);
            self.owner(row);
        }
        for (_, account) in accounts.iter().filter(|(id, _)| !judged.contains(id)) {
            let made = account.created.as_deref().and_then(day);
            if let Some(made) = made.filter(|made| made.saturating_add(DAYS.days()) < self.sources.day) {
                let why = format!(
                    "it was made on {made}, and no row of the inventory says that it was rotated since"
                );
                let action =
                    "find out who uses it and write that into the inventory; rotate it, or delete it";
                self.add_of(
                    Of::ServiceAccount,
                    Check::CredentialOld,
                    &account.username,
                    None,
                    (why, action.to_owned()),
                );
            }
        }
    }

    fn creator_left(&mut self, id: u64, account: &Account) {
        if !self.kinds.contains(&Grant::Organization) {
            return;
        }
        let estate = self.sources.estate;
        let by_log = || {
            let events = self.sources.trail.map(|trail| trail.accounts.as_slice()).unwrap_or_default();
            let own = |name: &String| estate.find(name) == Some(id);
            events
                .iter()
                .find(|event| event.made && event.names.iter().any(own))
                .map(|event| event.actor.clone())
        };
        let by_inventory = || {
            let mut rows = self.sources.inventory.iter();
            let row =
                rows.find(|row| row.credential.as_deref().and_then(|name| estate.find(name)) == Some(id));
            row.and_then(|row| row.created_by.as_deref()).map(same)
        };
        let maker = estate.maker(account).map(str::to_owned).or_else(by_log).or_else(by_inventory);
        let by_account = |creator: u64| estate.accounts.values().any(|other| other.user == Some(creator));
        let why = match (maker, account.creator) {
            (Some(maker), _) if self.members.contains_key(&maker) => return,
            // What service accounts make is judged by who made these.
            (Some(maker), _) if estate.accounts.values().any(|other| same(&other.username) == maker) => {
                return;
            }
            (Some(maker), _) => format!("{maker} made it, and is no active member"),
            (None, Some(creator)) if by_account(creator) => return,
            (None, Some(creator)) if !estate.people.is_empty() => {
                format!("the user {creator} made it, whom the list of members does not have")
            }
            _ => {
                self.gap("who made some service accounts is not told");
                return;
            }
        };
        let action = "its maker still knows the secret: replace it where it is used, else delete it";
        self.add_of(
            Of::ServiceAccount,
            Check::CreatorLeft,
            &account.username,
            None,
            (why, action.to_owned()),
        );
    }

    /// Whether it was not used for 90 days.
    fn unused(&mut self, account: &Account) -> bool {
        let long_ago = self.sources.day.saturating_sub(DAYS.days());
        let made = account.created.as_deref().and_then(day);
        let why = match account.last_used.as_deref().map(day) {
            Some(Some(used)) if used < long_ago => format!("it was last used on {used}"),
            None if made.is_some_and(|made| made < long_ago) => {
                "the vendor tells no use of it, and it is older than 90 days".to_owned()
            }
            _ => return false,
        };
        let action = "ask its owner; take it out of its projects, and delete it where nobody misses it";
        self.add_of(
            Of::ServiceAccount,
            Check::CredentialUnused,
            &account.username,
            None,
            (why, action.to_owned()),
        );
        true
    }

    fn owner(&mut self, row: &crate::config::Integration) {
        let why = match row.owner.as_deref() {
            None => "the inventory names nobody who answers for it".to_owned(),
            // An address of somebody who was a member and is none any more; others may be mailing lists.
            Some(owner) if self.has_left(&same(owner)) => {
                format!("{owner} answers for it, and is no active member any more")
            }
            Some(_) => return,
        };
        let action = "name an owner, or end the integration".to_owned();
        self.add_of(Of::Integration, Check::NoOwner, &row.name, row.project.clone(), (why, action));
    }

    fn has_left(&self, email: &str) -> bool {
        if self.members.contains_key(email) || !self.kinds.contains(&Grant::Organization) {
            return false;
        }
        let changes = self.sources.trail.into_iter().flat_map(|trail| &trail.changes);
        let mut left = changes.filter_map(|change| match &change.what {
            crate::governance::replay::What::Left(who) => Some(who.as_str()),
            _ => None,
        });
        self.inactive.contains(email) || left.any(|who| who == email)
    }
}
