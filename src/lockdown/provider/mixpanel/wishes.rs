//! Service accounts that are asked about by name: to be replaced, retired, or taken out of a project.

use std::collections::BTreeSet;

use super::accounts;
use super::discover::Planner;
use super::rotation::{self, bears};
use super::wire::Account;
use crate::config::{Integration, IntegrationKind};
use crate::lockdown::operation::{Ask, Change, Wish};

impl<'a> Planner<'a> {
    /// What was asked for by name, before what the account itself is the reason for.
    pub(super) fn wishes(&mut self) {
        // What keeps a credential in use comes before what ends it: of two wishes for one, the first counts.
        let mut wishes: Vec<&Wish> = self.target.wishes.iter().collect();
        wishes.sort_by_key(|wish| wish.change);
        for wish in wishes {
            match self.find(&wish.credential) {
                Some(account) if Some(account.id) == self.survey.own => {
                    self.note(format!(
                        "{} is the credential of Portcullis: it is not changed with itself",
                        account.username
                    ));
                    let step = self.guide.own_credential(account, &wish.why);
                    self.out.guided.push(step);
                }
                // The inventory may name it already; it is not replaced in turn.
                Some(account) if self.is_ours(account) => {}
                Some(account) => self.wish(wish, account),
                None => self.not_found(wish),
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&'a Account> {
        let accounts = self.survey.accounts.as_deref().unwrap_or_default();
        let exact =
            accounts.iter().find(|account| account.username == name || account.id.to_string() == name);
        let mut by_name = accounts.iter().filter(|account| bears(&account.username, name));
        exact.or_else(|| by_name.next().filter(|_| by_name.next().is_none()))
    }

    /// One that is gone has nothing to be taken away. Where the list could not be read, a person has to look.
    fn not_found(&mut self, wish: &Wish) {
        let name = &wish.credential;
        if self.survey.accounts.is_some() {
            self.note(format!("there is no service account {name} any more"));
            return;
        }
        let step = self.guide.by_hand(name, &wish.why);
        let what = format!("service accounts could not be listed, so that {name} was not found");
        self.out.look_by_hand(what, step);
    }

    fn wish(&mut self, wish: &Wish, account: &'a Account) {
        // It is in one project less, and otherwise what it was.
        if let Change::Leave(project) = wish.change {
            return self.leave_project(account, project, &wish.why);
        }
        if !self.asked.insert(account.id) {
            return;
        }
        if let Some(time) = &account.last_used {
            self.note(format!("{} was last used at {time}", account.username));
        }
        let indirect = self.survey.indirect(account.id);
        if let Some(way) = indirect.values().next() {
            let ways = format!("{} through its {way}", self.survey.project_names(indirect.keys()));
            let step = self.guide.indirect(account, &ways, wish.change != Change::Retire);
            self.out.guided.push(step);
        }
        match wish.change {
            Change::Retire => self.quarantine(account, &wish.why),
            Change::Leave(_) => {}
            Change::ReplaceWhereUsed if self.rows_of(account).is_empty() => {
                self.quarantine(account, &wish.why);
            }
            Change::Replace | Change::ReplaceWhereUsed => self.replace(account, wish, false),
            Change::ReplaceAtOnce => self.replace(account, wish, true),
        }
    }

    fn leave_project(&mut self, account: &Account, project: u64, why: &str) {
        let name = self.survey.project_name(project);
        if self.survey.direct(account.id).contains_key(&project) {
            let step = accounts::leave(&self.provider.name, account, (project, &name), why);
            self.out.steps.push(step);
        }
        if let Some(way) = self.survey.indirect(account.id).get(&project) {
            let step = self.guide.indirect(account, &format!("{name} through its {way}"), true);
            self.out.guided.push(step);
        }
    }

    fn replace(&mut self, account: &Account, wish: &Wish, at_once: bool) {
        let rows = self.rows_of(account);
        if !rows.is_empty() {
            self.rotate(account, &rows, &wish.why, at_once);
            return;
        }
        // Nobody is known to work with it: whoever does has to be found before the old one goes.
        let row = Integration {
            name: account.id.to_string(),
            kind: IntegrationKind::ServiceAccount,
            project: None,
            credential: Some(account.username.clone()),
            stored: None,
            point: None,
            pause: None,
            consumer: format!("whoever works with {}", account.username),
            owner: None,
            purpose: None,
            created_by: None,
            last_rotated: None,
            restart: Some(format!(
                "No row of the inventory says who works with {}: find out, give them the new credential, and write a row.",
                account.username
            )),
        };
        self.rotate(account, &[&row], &wish.why, at_once);
    }

    /// The rows of a service account. Once a rotation is noted they name its replacement.
    pub(super) fn rows_of(&self, account: &Account) -> Vec<&'a Integration> {
        let name = rotation::name(&self.target.tag, account.id);
        let ours = |other: &&Account| other.id == account.id || bears(&other.username, &name);
        let accounts = self.survey.accounts.iter().flatten().filter(ours);
        accounts.filter_map(|account| self.rows.get(&account.id)).flatten().copied().collect()
    }

    /// Projects that a service account was asked to leave.
    pub(super) fn leaves(&self, account: &Account) -> BTreeSet<u64> {
        let own = |wish: &&Wish| self.find(&wish.credential).is_some_and(|found| found.id == account.id);
        let left = self.target.wishes.iter().filter(own).filter_map(|wish| match wish.change {
            Change::Leave(project) => Some(project),
            _ => None,
        });
        left.collect()
    }

    /// Whether a rotation is noted in the inventory: in one that is planned. A lockdown has other worries, and what it has
    /// replaced may be replaced again.
    pub(super) fn keeps_book(&self) -> bool {
        self.target.is_nobody() || self.target.ask != Ask::ShutOut
    }
}
