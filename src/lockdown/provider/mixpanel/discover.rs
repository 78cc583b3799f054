//! From what was seen to what has to be done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Mixpanel;
use super::accounts::{self, Reason};
use super::chain::Chain;
use super::exports;
use super::guided::{self, Guide, UNREAD_ACCOUNTS, UNREAD_FEEDS, UNREAD_PROJECTS, usernames};
use super::rotation::{self, Rotation, bears};
use super::survey::{List, Memory, Survey, Unread};
use super::wire::{Account, Member};
use crate::config::{Integration, IntegrationKind};
use crate::lockdown::flow;
use crate::lockdown::http::CallError;
use crate::lockdown::operation::{Ask, Change, Wish};
use crate::lockdown::provider::{Discovery, Guard, Presence, Target};
use crate::lockdown::step::{Gap, Guided, Phase};
use crate::lockdown::store::system::Put;

/// Why flows are paused without it being known that the account is concerned.
const UNTOLD: &str = "the account's role is not told: it may administer the organization";

/// Collects the discovery of one pass.
pub(super) struct Planner<'a> {
    pub(super) provider: &'a Mixpanel,
    pub(super) target: &'a Target,
    pub(super) survey: &'a Survey,
    pub(super) guide: Guide<'a>,
    /// Integrations by the service account that they use.
    pub(super) rows: BTreeMap<u64, Vec<&'a Integration>>,
    /// What was made with credentials that the account may know.
    chain: Chain,
    /// Service accounts that were asked about by name: the wish counts.
    pub(super) asked: BTreeSet<u64>,
    /// Service accounts in use that the account may know, if it has a role that is not told.
    doubtful: Vec<&'a Account>,
    /// Entries that get a new credential, and whose.
    entries: BTreeMap<(String, String), u64>,
    pub(super) out: Discovery,
}

/// What has to be done now.
pub(super) fn plan(provider: &Mixpanel, target: &Target, survey: &Survey) -> Discovery {
    let guide = Guide { system: &provider.name, survey, scim: provider.scim };
    let guided = match target.ask {
        _ if target.is_nobody() => Vec::new(),
        Ask::Leave => guide.leaving(),
        Ask::ShutOut | Ask::Deactivate => guide.general(),
    };
    let out = Discovery { guided, snapshot: survey.snapshot(), ..Discovery::default() };
    let (rows, doubtful) = (BTreeMap::new(), Vec::new());
    let (chain, asked, entries) = (Chain::default(), BTreeSet::new(), BTreeMap::new());
    let mut planner = Planner { provider, target, survey, guide, rows, chain, asked, doubtful, entries, out };
    planner.match_inventory();
    planner.out.memory = planner.memory();
    planner.chain = planner.follow();
    planner.wishes();
    if target.is_nobody() {
        return planner.out;
    }
    planner.presence();
    planner.guards();
    for account in survey.accounts.iter().flatten() {
        planner.account(account);
    }
    planner.other_flows();
    planner.unknown_makers();
    planner.unread();
    // What somebody who leaves has set up runs on: it is handed over.
    if target.ask == Ask::ShutOut {
        let (steps, notes) = exports::plan(&provider.name, survey, &planner.chain);
        planner.out.steps.extend(steps);
        planner.out.notes.extend(notes);
    }
    planner.limits();
    planner.out
}

/// An account that only is not to be used for now: what the directory does not do, a person does.
pub(super) fn deactivate(
    provider: &Mixpanel,
    target: &Target,
    members: Result<Vec<Member>, CallError>,
) -> Discovery {
    let mut out = Discovery::default();
    let members = match members {
        Ok(members) => Some(members),
        Err(error) => {
            out.notes.push(format!(
                "the members of the organization (an undocumented list) could not be read: {error}"
            ));
            None
        }
    };
    let is_meant = |member: &&Member| member.email.eq_ignore_ascii_case(&target.email);
    let is_owner =
        |member: &&Member| member.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case("owner"));
    let listed = members.iter().flatten().find(is_meant);
    let mut others = members.iter().flatten().filter(|member| !is_meant(member));
    if listed.is_some_and(|member| is_owner(&member)) && !others.any(|member| is_owner(&member)) {
        let (system, account) = (provider.name.clone(), target.email.clone());
        out.guards.push(Guard::LastOwner { system, account });
    }
    if !provider.scim && (members.is_none() || listed.is_some()) {
        out.guided.push(guided::remove_member(&provider.name, &target.email));
    }
    out.presence = match (&members, listed) {
        (_, Some(_)) => Presence::Here,
        (Some(_), None) => Presence::Absent,
        (None, None) => Presence::Untold,
    };
    out.gone.extend((out.presence == Presence::Absent).then(|| target.email.clone()));
    out.snapshot = serde_json::json!({ "member": listed });
    out
}

impl<'a> Planner<'a> {
    pub(super) fn note(&mut self, note: String) {
        self.out.notes.push(note);
    }

    /// Whether it is a member, was one, or made something. A member whom SCIM should have taken out is still let in, and so is one
    /// whom a person or a log says to be removed: nobody's word stands in for the list.
    fn presence(&mut self) {
        let (survey, email) = (self.survey, &self.target.email);
        let is_maker =
            |row: &Integration| row.created_by.as_ref().is_some_and(|by| by.eq_ignore_ascii_case(email));
        let is_known = survey.suspect.member.is_some() || !survey.suspect.made.is_empty();
        self.out.presence = if is_known || self.provider.inventory.iter().any(is_maker) {
            Presence::Here
        } else if survey.members.is_some() {
            Presence::Absent
        } else {
            Presence::Untold
        };
        let listed = survey.listed().is_some();
        self.out.gone.extend((survey.members.is_some() && !listed).then(|| email.clone()));
        let is_said_gone = self.target.read.done.contains(&guided::remove_member_id(&self.provider.name));
        if listed && (self.provider.scim || is_said_gone) {
            let what = format!("that {email} is no member of the organization any more: it is still listed");
            self.out.gaps.push(Gap { what, guided: None });
        }
    }

    fn guards(&mut self) {
        let system = self.provider.name.clone();
        let account = self.target.email.clone();
        let owns = self.survey.me.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(&account));
        if owns {
            self.out.guards.push(Guard::OwnCredential { system: system.clone(), owner: account.clone() });
        }
        // As it is now: one that was an owner, and is gone, is no owner.
        let role = self.survey.listed().and_then(|member| member.role.as_deref());
        let is_owner = role.is_some_and(|role| role.eq_ignore_ascii_case("owner"));
        match self.survey.other_owners() {
            None => self.note(
                "whether the account is the last owner could not be checked: the list of members could not be read"
                    .to_owned(),
            ),
            Some(0) if is_owner => self.out.guards.push(Guard::LastOwner { system, account }),
            Some(1) if is_owner => {
                self.note("only one owner is left besides the account: keep two".to_owned());
            }
            Some(_) => {}
        }
    }

    /// By number, by user name, or by the name that was asked for when it was made, where that is one account's.
    fn match_inventory(&mut self) {
        let accounts = self.survey.accounts.as_deref().unwrap_or_default();
        for row in self.provider.inventory.iter().filter(|row| row.kind == IntegrationKind::ServiceAccount) {
            let Some(credential) = row.credential.as_deref() else { continue };
            let exact = accounts
                .iter()
                .find(|account| account.username == credential || account.id.to_string() == credential);
            let mut by_name =
                accounts.iter().filter(|account| rotation::bears(&account.username, credential));
            let found = exact.or_else(|| by_name.next().filter(|_| by_name.next().is_none()));
            match found {
                Some(account) => self.rows.entry(account.id).or_default().push(row),
                None => self.unmatched(row, credential),
            }
        }
    }

    /// Nobody knows whether the account knows what cannot be found. What an earlier pass found was dealt with then, and is gone
    /// by that.
    fn unmatched(&mut self, row: &Integration, credential: &str) {
        let name = &row.name;
        let is_listed = self.survey.accounts.is_some();
        if is_listed {
            self.note(format!(
                "the integration {name} of the inventory names a service account that is not there: {credential}"
            ));
        }
        if !self.pauses() || self.survey.found_before.contains(name) {
            return;
        }
        let why = if is_listed {
            "Mixpanel does not list the service account that the inventory names for it: the account may know its secret"
        } else {
            "service accounts could not be listed: the account may know the secret of this one"
        };
        self.flows(&[row], why);
        let step = self.guide.unmatched(row, credential, is_listed);
        self.out.guided.push(step);
    }

    fn memory(&self) -> Value {
        let member = self.survey.suspect.member.clone();
        let mut rows = self.survey.found_before.clone();
        rows.extend(self.rows.values().flatten().map(|row| row.name.clone()));
        if member.is_none() && rows.is_empty() {
            return Value::Null;
        }
        serde_json::to_value(Memory { member, rows }).unwrap_or_default()
    }

    fn account(&mut self, account: &'a Account) {
        if self.asked.contains(&account.id) || self.is_ours(account) {
            return;
        }
        if Some(account.id) == self.survey.own {
            if self.is_made(account) {
                self.note(format!(
                    "{} is the credential of Portcullis, and the account made it",
                    account.username
                ));
                let step = self.guide.own_credential(account, "the account made it: it may know the secret");
                self.out.guided.push(step);
            }
            return;
        }
        let rows = self.rows_of(account);
        let why = if rows.is_empty() { self.planted(account) } else { self.exposed(account, &rows) };
        let Some(why) = why else {
            if !rows.is_empty() && !self.survey.tells_role(self.target.read.late) {
                self.flows(&rows, UNTOLD);
                self.doubtful.push(account);
            }
            return;
        };
        // Not in the steps: a plan stays the same while a credential is in use.
        if let Some(time) = &account.last_used {
            self.note(format!("{} was last used at {time}", account.username));
        }
        let indirect = self.survey.indirect(account.id);
        if let Some(way) = indirect.values().next() {
            let ways = format!("{} through its {way}", self.survey.project_names(indirect.keys()));
            let step = self.guide.indirect(account, &ways, !rows.is_empty());
            self.out.guided.push(step);
        }
        if rows.is_empty() {
            self.quarantine(account, &why);
        } else {
            self.rotate(account, &rows, &why, self.target.ask == Ask::ShutOut);
        }
    }

    /// A replacement of this incident: the inventory may name it already. Anybody can guess its name, which counts for nothing
    /// where it is told that somebody else made it.
    pub(super) fn is_ours(&self, account: &Account) -> bool {
        self.is_named_as_ours(account) && self.planted(account).is_none()
    }

    fn is_named_as_ours(&self, account: &Account) -> bool {
        account.username.starts_with(&format!("pc-{}-", self.target.tag))
    }

    /// Service accounts under the name of this one's replacement that are not ours.
    fn strangers(&self, account: &Account) -> BTreeSet<u64> {
        let name = rotation::name(&self.target.tag, account.id);
        let others = self.survey.accounts.iter().flatten();
        let others = others.filter(|other| bears(&other.username, &name) && self.planted(other).is_some());
        others.map(|other| other.id).collect()
    }

    /// Why a service account that no integration uses has to go.
    fn planted(&self, account: &Account) -> Option<String> {
        if self.is_made(account) {
            let created = account.created.as_deref().map_or_else(String::new, |time| format!(" on {time}"));
            return Some(format!(
                "the account made it{created}, and no integration in the inventory uses it"
            ));
        }
        self.chain.made_with(&account.creator).or_else(|| self.named_as_ours(account))
    }

    /// Portcullis makes its replacements with a service account, and never as a person.
    fn named_as_ours(&self, account: &Account) -> Option<String> {
        let is_named = self.is_named_as_ours(account);
        let maker = is_named.then(|| self.survey.person(&account.creator)).flatten()?;
        Some(format!("it bears the name of a replacement of this incident, and {maker} made it"))
    }

    /// From the credentials that the account may know, and from what only seems to be ours. A replacement of this incident is
    /// not among them: the inventory may name it already, and the account has not seen its secret.
    fn follow(&self) -> Chain {
        let accounts = self.survey.accounts.as_deref().unwrap_or_default();
        let why = |account: &Account| {
            if self.is_made(account) {
                return Some("the account made that one".to_owned());
            }
            if self.is_named_as_ours(account) {
                return self.named_as_ours(account);
            }
            let rows = self.rows_of(account);
            let used = self.told(account, &rows).filter(|_| !rows.is_empty());
            used.or_else(|| self.wished(account))
        };
        let known = accounts.iter().filter_map(|account| Some((account, why(account)?)));
        Chain::new(known, accounts, self.survey.own)
    }

    /// Why it was asked for: of a compromised account, that it may know the secret.
    fn wished(&self, account: &Account) -> Option<String> {
        let is_own = |wish: &&Wish| {
            !matches!(wish.change, Change::Leave(_))
                && self.find(&wish.credential).is_some_and(|found| found.id == account.id)
        };
        let mut wishes = self.target.wishes.iter().filter(|_| self.target.ask == Ask::ShutOut);
        wishes.find(is_own).map(|wish| wish.why.clone())
    }

    fn is_made(&self, account: &Account) -> bool {
        self.survey.suspect.made.contains(&account.id)
    }

    /// Why the secret of a service account that integrations use may be known to the account.
    fn exposed(&self, account: &Account, rows: &[&Integration]) -> Option<String> {
        self.told(account, rows).or_else(|| self.chain.made_with(&account.creator))
    }

    /// The same, by the account itself, its rows, and the role alone.
    fn told(&self, account: &Account, rows: &[&Integration]) -> Option<String> {
        let email = &self.target.email;
        if self.is_made(account) {
            return Some("the account made it, and so was shown its secret".to_owned());
        }
        if rows.iter().any(|row| row.created_by.as_ref().is_some_and(|by| by.eq_ignore_ascii_case(email))) {
            return Some("the account made it, says the inventory, and so was shown its secret".to_owned());
        }
        self.administers()
    }

    fn administers(&self) -> Option<String> {
        let role = self.survey.suspect.role().filter(|_| self.survey.suspect.administers() == Some(true))?;
        Some(format!(
            "the account is {role} of the organization, and so administers every project that it is in"
        ))
    }

    /// A planned rotation or a leave stops nothing.
    fn pauses(&self) -> bool {
        self.target.ask == Ask::ShutOut && !self.target.is_nobody()
    }

    /// What runs outside of Mixpanel on what the account may know or lead elsewhere. Where that is not told, it is paused too:
    /// a pause costs a delay.
    fn flows(&mut self, rows: &[&Integration], why: &str) {
        if !self.pauses() {
            return;
        }
        for pause in rows.iter().filter_map(|row| row.pause.as_ref()) {
            let steps = pause.flows.iter().map(|name| flow::system::step(&pause.system, name, why));
            self.out.elsewhere.extend(steps);
        }
    }

    /// Of rows that have no service account: pipelines, imports, syncs, with what Mixpanel was given for them.
    fn other_flows(&mut self) {
        let is_other =
            |row: &&Integration| row.kind != IntegrationKind::ServiceAccount && row.pause.is_some();
        let (inventory, email) = (&self.provider.inventory, &self.target.email);
        for row in inventory.iter().filter(is_other) {
            let why = match &row.created_by {
                Some(by) if by.eq_ignore_ascii_case(email) => {
                    Some("the account set it up, says the inventory".to_owned())
                }
                _ => self.administers(),
            };
            let untold = || (!self.survey.tells_role(self.target.read.late)).then(|| UNTOLD.to_owned());
            if let Some(why) = why.or_else(untold) {
                self.flows(&[row], &why);
                let guided = row.pause.as_ref().filter(|_| self.pauses());
                self.out.guided.extend(guided.map(|pause| self.guide.flow(row, pause, &why)));
            }
        }
    }

    pub(super) fn quarantine(&mut self, account: &Account, why: &str) {
        let phase = Phase::ServiceAccounts;
        let reason = Reason { why, phase, needs: Vec::new(), after: Vec::new(), kept: Vec::new() };
        let direct = self.survey.direct(account.id);
        let names = self.survey.project_names(direct.keys());
        self.out.steps.extend(accounts::plan(&self.provider.name, account, &direct, &names, &reason));
    }

    /// `at_once`: the old one does not wait for its consumers, and the inventory stays as it is.
    pub(super) fn rotate(&mut self, account: &Account, rows: &[&Integration], why: &str, at_once: bool) {
        self.flows(rows, why);
        let puts: Vec<Option<Put>> = rows.iter().map(|row| self.put(row)).collect();
        let mut distinct: Vec<Put> = Vec::new();
        for put in puts.iter().flatten() {
            if !distinct.iter().any(|other| (&other.store, &other.path) == (&put.store, &put.path)) {
                distinct.push(put.clone());
            }
        }
        if distinct.is_empty() || puts.iter().any(Option::is_none) || !self.takes(account, &puts) {
            let step = self.guide.rotate_by_hand(account, rows, why);
            self.out.guided.push(step);
            return;
        }
        let strangers = self.strangers(account);
        let (name, planned) = (rotation::name(&self.target.tag, account.id), &self.target.read.planned);
        let has_new =
            rotation::has_new(&self.provider.name, self.survey, account, &name, &strangers, planned);
        let placed = || rows.iter().zip(puts.iter().flatten());
        let points = placed().filter_map(|(row, put)| Some((row.point.as_ref()?, put.clone()))).collect();
        // What has an API is given the new credential by it.
        let consumers = placed().filter(|(row, _)| row.point.is_none() && has_new);
        let paused = |row: &Integration| row.pause.clone().filter(|_| self.pauses());
        let consumers: Vec<Guided> = consumers
            .map(|(row, put)| self.guide.consumer(row, put, !at_once, paused(row).as_ref()))
            .collect();
        let named = |steps: &[Guided]| steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
        let after = if at_once { Vec::new() } else { named(&consumers) };
        self.out.guided.extend(consumers);
        let noted =
            if self.keeps_book() { rows.iter().map(|row| row.name.clone()).collect() } else { Vec::new() };
        let rotation = Rotation {
            account,
            why,
            puts: distinct,
            points,
            after,
            without: self.leaves(account),
            noted,
            disabling: &self.provider.disabling,
            strangers,
            planned,
        };
        let steps = rotation::plan(&self.provider.name, &self.target.tag, self.survey, &rotation);
        self.out.steps.extend(steps);
    }

    /// Whether every entry is free for this credential: it holds one alone, under one pair of names.
    fn takes(&mut self, account: &Account, puts: &[Option<Put>]) -> bool {
        let puts = || puts.iter().flatten();
        let place = |put: &Put| (put.store.clone(), put.path.clone());
        let fields = |put: &Put| (put.username.clone(), put.secret.clone());
        let differ =
            |put: &Put| puts().any(|other| place(other) == place(put) && fields(other) != fields(put));
        let taken = |put: &Put| self.entries.get(&place(put)).is_some_and(|other| *other != account.id);
        if puts().any(|put| differ(put) || taken(put)) {
            self.note(format!(
                "the new credential of {} would share an entry of a store with another: it is replaced by hand",
                account.username
            ));
            return false;
        }
        self.entries.extend(puts().map(|put| (place(put), account.id)));
        true
    }

    /// Where the new credential goes: where the inventory says, or else into the default store.
    fn put(&self, row: &Integration) -> Option<Put> {
        let consumer = row.consumer.clone();
        match (&row.stored, &self.provider.default_store) {
            (Some(stored), _) => Some(Put::of(stored, &consumer)),
            (None, Some(store)) => Some(Put {
                store: store.name.clone(),
                path: (store.entry)(&row.name),
                username: "username".to_owned(),
                secret: "secret".to_owned(),
                consumer,
            }),
            (None, None) => None,
        }
    }

    /// Those that an integration uses or that are ours are not in question.
    fn unknown_makers(&mut self) {
        let accounts = self.survey.accounts.iter().flatten().filter(|account| {
            self.survey.suspect.unknown.contains(&account.id)
                && !self.rows.contains_key(&account.id)
                && !self.asked.contains(&account.id)
                && Some(account.id) != self.survey.own
                && !self.is_ours(account)
        });
        let accounts: Vec<&Account> = accounts.collect();
        if let Some(step) = self.guide.unknown_makers(&accounts) {
            self.out.look_by_hand(format!("who made {}", usernames(&accounts)), step);
        }
        if let Some(step) = self.guide.unknown_role(&self.doubtful) {
            let what =
                format!("the account's role, and so whether it may know {}", usernames(&self.doubtful));
            self.out.look_by_hand(what, step);
        }
    }

    /// Lists that could not be read. What hangs on the list of members is told one by one.
    fn unread(&mut self) {
        let system = &self.provider.name;
        let stops = self.target.ask == Ask::ShutOut;
        let guided = |unread: &Unread| match unread.list {
            List::Accounts => Some(UNREAD_ACCOUNTS),
            // What somebody who leaves has set up runs on.
            List::Feeds => stops.then_some(UNREAD_FEEDS),
            // Where the vendor has none, those that the credential itself is in are all that there is to see.
            List::Projects => (!unread.refused).then_some(UNREAD_PROJECTS),
            List::Members => None,
        };
        let gaps = self.survey.unread.iter().filter_map(|unread| {
            let guided = Some(format!("{system}/{}", guided(unread)?));
            Some(Gap { what: unread.what.clone(), guided })
        });
        self.out.gaps.extend(gaps);
    }

    /// What nobody can see by this API.
    fn limits(&mut self) {
        let unread = self.survey.unread.iter();
        self.out.notes.extend(unread.map(|unread| format!("could not be read: {}", unread.what)));
        if self.survey.own.is_none() && self.survey.accounts.is_some() {
            self.note("the service account that Portcullis works with is not in the list".to_owned());
        }
        if self.survey.suspect.administers().is_none() {
            self.note(
                "the account's role is not known: service accounts in the inventory are only replaced where the account \
                 made them"
                    .to_owned(),
            );
        }
        if self.provider.scim {
            self.note("members come by SCIM: removing the account is left to the scim provider".to_owned());
        }
        self.note(
            "the audit log does not show resets of tokens and secrets, changes of SSO, domains and SCIM tokens, OAuth \
             and MCP grants, use of service accounts, queries, webhooks, nor disconnected cohort syncs"
                .to_owned(),
        );
    }
}
