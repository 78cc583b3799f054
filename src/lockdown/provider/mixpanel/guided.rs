//! What Mixpanel's API cannot do, as steps for people. Which of them come up depends on what was found, and each is the
//! same in every pass.

use super::survey::{List, Survey, unread_projects};
use super::wire::Account;
use crate::config::{Integration, Pause};
use crate::lockdown::step::{Guided, GuidedProof};
use crate::lockdown::store::system::Put;
use crate::sys::hash::sha256_hex;

const ADMIN: &str = "an owner or admin of the organization";

/// The step for service accounts that may not be listed.
pub(super) const UNREAD_ACCOUNTS: &str = "unread-service-accounts";
/// The step for pipelines and imports that may not be listed.
pub(super) const UNREAD_FEEDS: &str = "unread-feeds";
/// The step for projects that could not be listed.
pub(super) const UNREAD_PROJECTS: &str = "unread-projects";

/// Makes steps of one instance about one survey.
pub(super) struct Guide<'a> {
    pub(super) system: &'a str,
    pub(super) survey: &'a Survey,
    /// The organization provisions its members by SCIM.
    pub(super) scim: bool,
}

impl Guide<'_> {
    /// All that do not belong to one object.
    pub(super) fn general(&self) -> Vec<Guided> {
        let mut steps = vec![self.audit_log(), self.deletions()];
        steps.extend(self.member());
        steps.push(self.project_access());
        steps.push(self.sessions());
        steps.extend(self.scim_token());
        steps.push(self.api_secrets());
        steps.push(self.json_pipelines());
        steps.push(self.cohort_syncs());
        steps.push(self.boards());
        steps.push(self.project_tokens());
        steps.push(self.mcp());
        steps.extend(self.unseen_pipelines());
        steps.extend(self.unread());
        steps.extend(self.unread_feeds());
        steps.extend(self.unread_projects());
        steps
    }

    /// Where somebody leaves: what they knew is rotated and what they made is handed over, but nothing is stopped at once.
    pub(super) fn leaving(&self) -> Vec<Guided> {
        let mut steps = vec![self.audit_log()];
        steps.extend(self.member());
        steps.push(self.project_access());
        steps.extend(self.scim_token());
        steps.push(self.api_secrets());
        steps.push(self.boards());
        steps.push(self.project_tokens());
        steps.extend(self.unread());
        steps.extend(self.unread_projects());
        steps
    }

    fn step(&self, id: &str, title: &str, how: String, proof: GuidedProof, required: bool) -> Guided {
        Guided {
            id: format!("{}/{id}", self.system),
            title: title.to_owned(),
            who: ADMIN.to_owned(),
            how,
            proof,
            required,
        }
    }

    fn email(&self) -> &str {
        &self.survey.suspect.email
    }

    fn audit_log(&self) -> Guided {
        let how = "First of all: Organization settings → Audit Log, the organization's scope, the whole retention, \
                   Export as NDJSON. Keep the file, and scan it.";
        let proof = log(&["audit_log_export.created", "audit_log_export.downloaded"], &[]);
        self.step("export-audit-log", "Export the audit log", how.to_owned(), proof, false)
    }

    fn deletions(&self) -> Guided {
        let how = format!(
            "Now, if the audit log shows user_data_deletion.created or event_deletion.created by {}: each destroys \
             evidence once it has started. The API lists none, and asks for a person's OAuth token: give both to \
             a provider of the kind mixpanel-deletions, or send DELETE \
             /api/app/data-deletions/v3.0/TRACKING-ID?token=PROJECT-TOKEN. 204 is cancelled; 405 is started: evidence \
             is being destroyed, write to Mixpanel's support at once. Deletions of events are cancelled in the \
             project's settings.",
            self.email()
        );
        let proof = log(&["user_data_deletion.canceled", "event_deletion.canceled"], &[]);
        self.step("cancel-deletions", "Cancel pending deletions of data", how, proof, false)
    }

    /// Nothing where SCIM does it, or where the list of members shows that it is done.
    fn member(&self) -> Option<Guided> {
        let survey = self.survey;
        let gone = survey.members.is_some() && survey.listed().is_none();
        (!self.scim && !gone)
            .then(|| Guided { id: remove_member_id(self.system), ..remove_member(self.system, self.email()) })
    }

    fn project_access(&self) -> Guided {
        let how = format!(
            "Where {} stays a member: access is the union of four grants, and removing one leaves the others. In every \
             project, Project settings → Users: the single grant, its teams, and the default for all users; and the \
             role in the organization.",
            self.email()
        );
        let actions = [
            "project.user_removed",
            "project.team_removed",
            "team.user_removed",
            "project.default_access_revoked",
            "user.role_changed",
        ];
        let proof = log(&actions, &[self.email()]);
        self.step("project-access", "Take away roles in projects, teams, defaults", how, proof, false)
    }

    fn sessions(&self) -> Guided {
        let how = format!(
            "No API ends Mixpanel's sessions, nor the OAuth and MCP grants of {}, and none shows that they ended. With \
             the account blocked and the member removed, ask Mixpanel's support to end them and to confirm it. Until \
             then an open session is a residual risk.",
            self.email()
        );
        self.step("end-sessions", "End sessions and OAuth grants", how, GuidedProof::Attested, true)
    }

    /// Only who administers the organization sees the token.
    fn scim_token(&self) -> Option<Guided> {
        let may = self.scim && self.survey.suspect.administers() != Some(false);
        let how = "Organization settings → Access Security → SCIM → generate a new token; the old one dies. Give the \
                   new one to the identity provider. Proof: the old token is refused by GET /Users.";
        may.then(|| {
            self.step("scim-token", "Rotate the SCIM token", how.to_owned(), GuidedProof::Attested, true)
        })
    }

    fn api_secrets(&self) -> Guided {
        let how = format!(
            "Whoever owns or administers a project sees its API secret, and no API tells the roles of people in \
             projects. In each project that {} could administer ({}): Project settings → Access keys → reset the API \
             secret; a project owner has to do it. No audit event exists. Proof: the old secret is refused by /export.",
            self.email(),
            self.survey.project_names(self.survey.projects.keys())
        );
        self.step("api-secrets", "Reset API secrets of projects", how, GuidedProof::Attested, true)
    }

    /// An event of a pipeline may be a resume as well as a pause, and need not be of the one that is meant: none proves this.
    fn json_pipelines(&self) -> Guided {
        let how = "Project settings → Data Pipelines, in every project: pause what the account made or nobody knows. No \
                   API lists these, so an empty list of legacy pipelines proves nothing. The log has \
                   data_pipeline.updated or data_pipeline.deleted for each, whatever was changed.";
        self.step("json-pipelines", "Pause JSON pipelines", how.to_owned(), GuidedProof::Attested, true)
    }

    fn cohort_syncs(&self) -> Guided {
        let how = "Data Management → Integrations, in every project: disconnect cohort syncs and webhooks that the \
                   account made or nobody knows. They send data every 30 minutes until then, and the audit log has no \
                   event for it. Proof: the receiver goes quiet.";
        let title = "Disconnect cohort syncs and webhooks";
        self.step("cohort-syncs", title, how.to_owned(), GuidedProof::Attested, true)
    }

    /// Whoever publishes a board writes the same event as whoever makes it private, and no API lists the boards.
    fn boards(&self) -> Guided {
        let how = "Boards outlive their author, and a public one needs no login: look for board.public_access_updated in \
                   the audit log, and make those boards private (Share → Public access).";
        self.step("public-boards", "Make public boards private", how.to_owned(), GuidedProof::Attested, true)
    }

    fn project_tokens(&self) -> Guided {
        let how = "A project token only lets in events, but false ones too. It cannot be changed in the web page: open \
                   a ticket with Mixpanel's support, then update every SDK. Proof: the new token is seen; no audit \
                   event exists.";
        self.step("project-tokens", "Rotate project tokens", how.to_owned(), GuidedProof::Attested, false)
    }

    fn mcp(&self) -> Guided {
        let how = "Organization settings → Overview → turn MCP off; it takes up to 15 minutes, for everybody. Turn it on \
                   again when the account's grants have ended.";
        self.step("mcp-off", "Turn MCP off", how.to_owned(), GuidedProof::Attested, false)
    }

    /// Only where the list does not tell whether pipelines are paused.
    fn unseen_pipelines(&self) -> Option<Guided> {
        let of = |(id, project): (&u64, &super::survey::Project)| {
            let unseen = project.jobs.iter().flatten().filter(|job| job.paused.is_none());
            unseen.map(|job| format!("{} in {}", job.name, self.survey.project_name(*id))).collect::<Vec<_>>()
        };
        let names: Vec<String> = self.survey.projects.iter().flat_map(of).collect();
        let how = format!(
            "Mixpanel's list does not tell whether a legacy pipeline is paused. Project settings → Data Pipelines: see \
             that these are: {}.",
            names.join(", ")
        );
        let proof = GuidedProof::Attested;
        (!names.is_empty())
            .then(|| self.step("paused-pipelines", "See that legacy pipelines are paused", how, proof, true))
    }

    fn unread(&self) -> Option<Guided> {
        let all = self.survey.accounts.is_none();
        let projects = unread_projects(self.survey);
        let what = if all { "the organization".to_owned() } else { self.survey.project_names(&projects) };
        let how = format!(
            "The credential of Portcullis may not list the service accounts of {what}. Organization settings → Service \
             Accounts: take those that {} made out of all projects, and delete them. Better: give Portcullis a service \
             account that is an owner, and run this again.",
            self.email()
        );
        // What Portcullis itself removes writes the same events: a log would prove this step by itself.
        let proof = GuidedProof::Attested;
        (all || !projects.is_empty())
            .then(|| self.step(UNREAD_ACCOUNTS, "Remove service accounts by hand", how, proof, true))
    }

    fn unread_feeds(&self) -> Option<Guided> {
        let unread = self.survey.projects.iter();
        let unread = unread.filter(|(_, project)| project.jobs.is_none() || project.imports.is_none());
        let projects: Vec<u64> = unread.map(|(id, _)| *id).collect();
        let how = format!(
            "The credential of Portcullis may not list the legacy pipelines or the warehouse imports of {}. Project \
             settings → Data Pipelines, and Warehouse Sources: pause those that {} made or nobody knows.",
            self.survey.project_names(&projects),
            self.email()
        );
        let (title, proof) = ("Pause pipelines and imports by hand", GuidedProof::Attested);
        (!projects.is_empty()).then(|| self.step(UNREAD_FEEDS, title, how, proof, true))
    }

    /// Where the list is there, and could not be read.
    fn unread_projects(&self) -> Option<Guided> {
        let mut unread = self.survey.unread.iter();
        let how = format!(
            "The projects of the organization could not be listed; these were looked at: {}. Run this again. Where it \
             says so each time: Organization settings → Projects, and in any other project take the service accounts \
             that {} made out of it, and pause its imports and pipelines.",
            self.survey.project_names(self.survey.projects.keys()),
            self.email()
        );
        let (title, proof) = ("See that no project was overlooked", GuidedProof::Attested);
        let is_unread = unread.any(|unread| unread.list == List::Projects && !unread.refused);
        is_unread.then(|| self.step(UNREAD_PROJECTS, title, how, proof, true))
    }

    /// A service account whose maker is not told.
    pub(super) fn unknown_makers(&self, accounts: &[&Account]) -> Option<Guided> {
        let how = format!(
            "The API does not tell who made these service accounts: {}. Organization settings → Service Accounts shows \
             it, and the audit log has service_account.created. Delete those that {} made, or give them \
             created-by in the inventory and run this again.",
            usernames(accounts),
            self.email()
        );
        let title = "Find out who made service accounts";
        // Whoever vouches for some does not vouch for one that comes later.
        let id = format!("unknown-makers/{}", digest(accounts));
        (!accounts.is_empty()).then(|| self.step(&id, title, how, GuidedProof::Attested, true))
    }

    /// Service accounts in use that the account may know, depending on its role, which is not told.
    pub(super) fn unknown_role(&self, accounts: &[&Account]) -> Option<Guided> {
        let how = format!(
            "Which role {} had in the organization could not be read: the audit log and whoever administers it know. \
             If it was owner or admin, it may know the secrets of {}: say so in the inventory (created-by) and run this \
             again, or replace them by hand.",
            self.email(),
            usernames(accounts)
        );
        let title = "Find out whether the account administered the organization";
        let id = format!("unknown-role/{}", digest(accounts));
        (!accounts.is_empty()).then(|| self.step(&id, title, how, GuidedProof::Attested, true))
    }

    /// What remains when a service account is in no project directly.
    pub(super) fn indirect(&self, account: &Account, ways: &str, in_use: bool) -> Guided {
        let first = if in_use { "Give its replacement the same access first. " } else { "" };
        let how = format!(
            "{} also reaches {ways}. Taking it out of projects does not end that. {first}Organization settings → \
             Users & Teams: take it out of the team; a role in the organization ends when it is deleted (--commit).",
            account.username
        );
        let id = format!("indirect-access/{}", account.id);
        let proof =
            log(&["team.service_account_removed", "service_account.deleted"], &[&account.id.to_string()]);
        self.step(&id, "End a service account's access through teams or the organization", how, proof, true)
    }

    /// A consumer that reads its credential from a store. `paused`: what stands still meanwhile.
    pub(super) fn consumer(
        &self,
        row: &Integration,
        put: &Put,
        required: bool,
        paused: Option<&Pause>,
    ) -> Guided {
        let restart =
            row.restart.clone().unwrap_or_else(|| "Restart it if it reads its credential only once.".into());
        let still = paused.map_or_else(
            || "See that it still works.".to_owned(),
            |pause| {
                let (flows, system) = (pause.flows.join(", "), &pause.system);
                format!(
                    "See that it would work: {flows} of {system} is paused, and stays so until the incident is over."
                )
            },
        );
        let how = format!("The new credential is in {} under {}. {restart} {still}", put.store, put.path);
        let title = format!("See that {} takes up its new credential", row.consumer);
        let who = row.owner.clone().unwrap_or_else(|| format!("whoever runs {}", row.consumer));
        let step = self.step(&format!("consumer/{}", row.name), &title, how, GuidedProof::Attested, required);
        Guided { who, ..step }
    }

    /// What Mixpanel was given for a flow that is paused: nobody but its owner can tell whether it is what it should be.
    pub(super) fn flow(&self, row: &Integration, pause: &Pause, why: &str) -> Guided {
        let (flows, system) = (pause.flows.join(", "), &pause.system);
        let how = format!(
            "{flows} of {system} is paused: {why}. In Mixpanel, see where it leads and what it has carried; give it a new \
             credential of yours where the account may have seen the old one. A restore lets it go on."
        );
        let title = format!("See what {} carried, and tell who relies on it", row.consumer);
        let step = self.step(&format!("flow/{}", row.name), &title, how, GuidedProof::Attested, false);
        Guided { who: row.owner.clone().unwrap_or_else(|| format!("whoever runs {}", row.consumer)), ..step }
    }

    /// A credential to rotate that no store is named for.
    pub(super) fn rotate_by_hand(&self, account: &Account, rows: &[&Integration], why: &str) -> Guided {
        let consumers: Vec<&str> = rows.iter().map(|row| row.consumer.as_str()).collect();
        let how = format!(
            "{why}, and the inventory names no store for its secret, so that Portcullis has nowhere to put a new one. \
             Make a service account with the same roles, give it to {}, then delete {}.",
            consumers.join(", "),
            account.username
        );
        let id = format!("rotate/{}", account.id);
        let proof = log(&["service_account.deleted"], &[&account.id.to_string()]);
        self.step(&id, &format!("Replace {} by hand", account.username), how, proof, true)
    }

    /// A row of the inventory whose service account was not found. `is_listed`: Mixpanel lists others.
    pub(super) fn unmatched(&self, row: &Integration, credential: &str, is_listed: bool) -> Guided {
        let Integration { name, consumer, .. } = row;
        let (why, first) = if is_listed {
            ("Mixpanel lists no such service account", "find it, correct the row, and run this again")
        } else {
            (
                "Portcullis may not list service accounts",
                "find it. Better: give Portcullis a service account that is an owner, and run this again",
            )
        };
        let paused = row.pause.as_ref().map_or_else(String::new, |pause| {
            format!(" {} of {} is paused until the incident is over.", pause.flows.join(", "), pause.system)
        });
        let how = format!(
            "The row {name} of the inventory says that {consumer} works with {credential}. {why}, so that it was not \
             replaced.{paused} Organization settings → Service Accounts: {first}. Otherwise make one with the same roles, give \
             it to {consumer}, and delete the old one. Vouch for this only then, or where nothing works with it any more."
        );
        let title = format!("Find the credential of {consumer}");
        self.step(&format!("row/{name}"), &title, how, GuidedProof::Attested, true)
    }

    /// A service account to change that could not be found, since they may not be listed.
    pub(super) fn by_hand(&self, name: &str, why: &str) -> Guided {
        let how = format!(
            "{why}. Portcullis may not list service accounts: Organization settings → Service Accounts: make one with the \
             same roles in place of {name}, give it to whoever works with it, then delete {name}. Better: give Portcullis a \
             service account that is an owner, and run this again."
        );
        let id = format!("by-hand/{}", sha256_hex(name.as_bytes()).chars().take(8).collect::<String>());
        self.step(&id, &format!("Replace {name} by hand"), how, GuidedProof::Attested, true)
    }

    /// The tool's own credential, which the account knows.
    pub(super) fn own_credential(&self, account: &Account, why: &str) -> Guided {
        let how = format!(
            "Portcullis works with {}; {why}. Make a new service account (owner) as another person, give it to Portcullis, \
             run this again, and delete the old one.",
            account.username
        );
        let proof = GuidedProof::Attested;
        self.step("own-credential", "Replace the credential of Portcullis itself", how, proof, true)
    }
}

/// The step of a lockdown by which a person removes the member.
pub(super) fn remove_member_id(system: &str) -> String {
    format!("{system}/remove-member")
}

/// Who is no member any more has no access through any grant.
pub(super) fn remove_member(system: &str, email: &str) -> Guided {
    let how = format!(
        "Organization settings → Users & Teams → {email} → Remove. You can only remove users below your own role. Block the \
         account at the identity provider first: a login makes a removed member again."
    );
    Guided {
        id: format!("{system}/remove-member/{email}"),
        title: "Remove the member".to_owned(),
        who: ADMIN.to_owned(),
        how,
        proof: log(&["organization.user_removed"], &[email]),
        required: true,
    }
}

/// Their user names, comma-separated.
pub(super) fn usernames(accounts: &[&Account]) -> String {
    accounts.iter().map(|account| account.username.as_str()).collect::<Vec<_>>().join(", ")
}

/// Names just these service accounts.
fn digest(accounts: &[&Account]) -> String {
    let ids: Vec<String> = accounts.iter().map(|account| account.id.to_string()).collect();
    sha256_hex(ids.join(",").as_bytes()).chars().take(8).collect()
}

fn log(actions: &[&str], mentions: &[&str]) -> GuidedProof {
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    GuidedProof::Log { actions: own(actions), mentions: own(mentions) }
}
