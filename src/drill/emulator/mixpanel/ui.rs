//! What people do on the web page, which no API offers.

use serde_json::{Value, json};

use super::log::write;
use super::roles;
use super::state::{Access, Lingering, Member, Project, Session};
use crate::drill::emulator::audit::{self, Actor};
use crate::drill::emulator::{Moment, Tenant};

/// Why the page does not let somebody do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The person is no active member.
    #[error("not an active member of the organisation")]
    NotAMember,
    /// The person's role does not allow it.
    #[error("the role does not allow it")]
    NotAllowed,
    /// What was named does not exist.
    #[error("there is no such thing")]
    Unknown,
    /// The organisation would be without an owner.
    #[error("the organisation must keep an owner")]
    LastOwner,
}

/// A person before the web page, logged in.
pub struct Ui<'a> {
    pub(super) tenant: &'a mut Tenant,
    actor: Actor,
    access: Access,
    moment: Moment<'a>,
}

impl<'a> Ui<'a> {
    /// The page of an active member.
    pub fn new(tenant: &'a mut Tenant, email: &str, ip: &str, moment: Moment<'a>) -> Result<Self, Refused> {
        let access = tenant.mixpanel.member_access(email).ok_or(Refused::NotAMember)?;
        let name = tenant.mixpanel.members.get(email).map(|member| member.name.clone()).unwrap_or_default();
        let actor = Actor { email: email.to_owned(), name, ip: ip.to_owned() };
        Ok(Self { tenant, actor, access, moment })
    }

    /// Users & Teams → Remove.
    pub fn remove_member(&mut self, email: &str) -> Result<(), Refused> {
        self.outranks(email)?;
        let ends_ms = self.moment.millis().saturating_add(self.moment.switches.mixpanel.honour_old_ms);
        self.tenant.mixpanel.remove_member(email, ends_ms);
        self.log("organization.user_removed", None, json!({"email": email}));
        Ok(())
    }

    /// Users & Teams → change a role.
    pub fn change_role(&mut self, email: &str, role: &str) -> Result<(), Refused> {
        self.outranks(email)?;
        let member = self.tenant.mixpanel.members.get_mut(email).ok_or(Refused::Unknown)?;
        role.clone_into(&mut member.role);
        self.log("user.role_changed", None, json!({"email": email, "role": role}));
        Ok(())
    }

    /// Project Users → Remove. Access through a team, the organisation or the default stays.
    pub fn revoke_project_access(&mut self, email: &str, project: u64) -> Result<(), Refused> {
        self.project(project)?;
        let member = self.tenant.mixpanel.members.get_mut(email).ok_or(Refused::Unknown)?;
        member.projects.remove(&project).ok_or(Refused::Unknown)?;
        self.log("project.user_removed", Some(project), json!({"email": email}));
        Ok(())
    }

    /// Project Users → the default access of all members.
    pub fn revoke_default_access(&mut self, project: u64) -> Result<(), Refused> {
        self.project(project)?.default_role.take().ok_or(Refused::Unknown)?;
        self.log("project.default_access_revoked", Some(project), json!({}));
        Ok(())
    }

    /// Teams → take somebody out.
    pub fn remove_from_team(&mut self, email: &str, team: u64) -> Result<(), Refused> {
        self.organization()?;
        let team = self.tenant.mixpanel.teams.get_mut(&team).ok_or(Refused::Unknown)?;
        let name = team.name.clone();
        if !team.members.remove(email) {
            return Err(Refused::Unknown);
        }
        self.log("team.user_removed", None, json!({"email": email, "team": name}));
        Ok(())
    }

    /// Teams → take a service account out.
    pub fn remove_account_from_team(&mut self, account: u64, team: u64) -> Result<(), Refused> {
        self.organization()?;
        let team = self.tenant.mixpanel.teams.get_mut(&team).ok_or(Refused::Unknown)?;
        let name = team.name.clone();
        if !team.service_accounts.remove(&account) {
            return Err(Refused::Unknown);
        }
        self.log("team.service_account_removed", None, json!({"service_account_id": account, "team": name}));
        Ok(())
    }

    /// Project settings → a new API secret, which is returned. The log has no event for it.
    pub fn reset_api_secret(&mut self, project: u64) -> Result<String, Refused> {
        let new = self.tenant.draws.secret();
        let until_ms = self.moment.millis().saturating_add(self.moment.switches.mixpanel.honour_old_ms);
        let of = self.project(project)?;
        let secret = std::mem::replace(&mut of.api_secret, new.clone());
        let mut access = Access::default();
        access.give(project, "analyst");
        self.tenant.mixpanel.lingering.push(Lingering { username: String::new(), secret, access, until_ms });
        Ok(new)
    }

    /// Integrations → pause a JSON pipeline.
    pub fn pause_json_pipeline(&mut self, project: u64, name: &str) -> Result<(), Refused> {
        *self.project(project)?.json_pipelines.get_mut(name).ok_or(Refused::Unknown)? = true;
        self.log("data_pipeline.updated", Some(project), json!({"pipeline": name, "change": "pause"}));
        Ok(())
    }

    /// Cohorts → disconnect a sync. The log has no event for it.
    pub fn disconnect_cohort_sync(&mut self, project: u64, destination: &str) -> Result<(), Refused> {
        *self.project(project)?.cohort_syncs.get_mut(destination).ok_or(Refused::Unknown)? = false;
        Ok(())
    }

    /// Boards → end public access.
    pub fn close_board(&mut self, project: u64, board: u64) -> Result<(), Refused> {
        self.share_board(project, board, false)
    }

    /// Boards → public access.
    pub fn publish_board(&mut self, project: u64, board: u64) -> Result<(), Refused> {
        self.share_board(project, board, true)
    }

    fn share_board(&mut self, project: u64, board: u64, public: bool) -> Result<(), Refused> {
        *self.project(project)?.boards.get_mut(&board).ok_or(Refused::Unknown)? = public;
        self.log("board.public_access_updated", Some(project), json!({"board_id": board, "public": public}));
        Ok(())
    }

    /// Organisation settings → export the audit log as NDJSON. The export is in the log, after what it exports.
    pub fn export_audit_log(&mut self) -> Result<String, Refused> {
        self.organization()?;
        let text = audit::ndjson(&self.tenant.audit, self.tenant.mixpanel.organization());
        self.log("audit_log_export.created", None, json!({"format": "ndjson"}));
        self.log("audit_log_export.downloaded", None, json!({"format": "ndjson"}));
        Ok(text)
    }

    pub(super) fn organization(&self) -> Result<(), Refused> {
        if self.access.manages_organization() { Ok(()) } else { Err(Refused::NotAllowed) }
    }

    pub(super) fn project(&mut self, project: u64) -> Result<&mut Project, Refused> {
        let allowed = self.access.manages_project(project);
        let found = self.tenant.mixpanel.projects.get_mut(&project).ok_or(Refused::Unknown)?;
        if allowed { Ok(found) } else { Err(Refused::NotAllowed) }
    }

    /// Only members below one's own role can be changed; owners can change owners while one is left.
    fn outranks(&self, email: &str) -> Result<(), Refused> {
        self.organization()?;
        let members = &self.tenant.mixpanel.members;
        let member = members.get(email).ok_or(Refused::Unknown)?;
        let own = self.access.role.as_deref().map_or(0, roles::rank);
        let owner = member.role == "owner";
        if owner && members.values().filter(|other| other.role == "owner" && other.active).count() < 2 {
            return Err(Refused::LastOwner);
        }
        let below = roles::rank(&member.role) < own || (owner && own == roles::rank("owner"));
        if below { Ok(()) } else { Err(Refused::NotAllowed) }
    }

    pub(super) fn log(&mut self, action: &str, project: Option<u64>, details: Value) {
        write(self.tenant, self.actor.clone(), action, project, details, self.moment.wall.nanos);
    }
}

/// Somebody logs in, whom the identity provider or a password has let in: returns the session's cookie. A removed member
/// is made again where the switch says so; others are refused.
pub fn sign_in(tenant: &mut Tenant, email: &str, ip: &str, moment: &Moment<'_>) -> Option<String> {
    let switches = &moment.switches.mixpanel;
    let actor = |tenant: &Tenant| {
        let name = tenant.mixpanel.members.get(email).map(|member| member.name.clone());
        Actor { email: email.to_owned(), name: name.unwrap_or_default(), ip: ip.to_owned() }
    };
    if tenant.mixpanel.member_access(email).is_none() {
        if !switches.login_readds {
            return None;
        }
        let id = tenant.mixpanel.take_id();
        let fresh = Member { id, name: email.to_owned(), role: "consumer".to_owned(), ..Member::default() };
        tenant.mixpanel.members.entry(email.to_owned()).or_insert(fresh).active = true;
        let actor = actor(tenant);
        write(tenant, actor, "organization.user_added", None, json!({"email": email}), moment.wall.nanos);
    }
    let cookie = tenant.draws.secret();
    let session = Session { email: email.to_owned(), ..Session::default() };
    tenant.mixpanel.sessions.insert(cookie.clone(), session);
    let actor = actor(tenant);
    write(tenant, actor, "session.logged_in", None, json!({"method": "saml"}), moment.wall.nanos);
    Some(cookie)
}
