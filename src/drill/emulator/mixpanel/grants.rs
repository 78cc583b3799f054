//! Giving access on the web page: the other side of what [`Ui`] takes away.

use serde_json::json;

use super::state::Member;
use super::ui::{Refused, Ui};

impl Ui<'_> {
    /// Users & Teams → Invite, taken up at once.
    pub fn add_member(&mut self, email: &str, role: &str) -> Result<(), Refused> {
        self.organization()?;
        if self.tenant.mixpanel.members.contains_key(email) {
            return Err(Refused::NotAllowed);
        }
        let id = self.tenant.mixpanel.take_id();
        let (name, role) = (email.to_owned(), role.to_owned());
        let member = Member { id, name, role: role.clone(), active: true, ..Member::default() };
        self.tenant.mixpanel.members.insert(email.to_owned(), member);
        self.log("organization.user_added", None, json!({"email": email, "role": role}));
        Ok(())
    }

    /// Project Users → Add, or change the role of who is there.
    pub fn grant_project_access(&mut self, email: &str, project: u64, role: &str) -> Result<(), Refused> {
        self.project(project)?;
        let member = self.tenant.mixpanel.members.get_mut(email).ok_or(Refused::Unknown)?;
        let event = match member.projects.insert(project, role.to_owned()) {
            Some(_) => "user.role_changed",
            None => "project.user_added",
        };
        self.log(event, Some(project), json!({"email": email, "role": role}));
        Ok(())
    }

    /// Project Users → the default access of all members; one that is there has to be revoked first.
    pub fn grant_default_access(&mut self, project: u64, role: &str) -> Result<(), Refused> {
        let of = self.project(project)?;
        if of.default_role.is_some() {
            return Err(Refused::NotAllowed);
        }
        of.default_role = Some(role.to_owned());
        self.log("project.default_access_granted", Some(project), json!({"role": role}));
        Ok(())
    }

    /// Teams → put a member in.
    pub fn add_to_team(&mut self, email: &str, team: u64) -> Result<(), Refused> {
        self.organization()?;
        let known = self.tenant.mixpanel.members.contains_key(email);
        let team = self.tenant.mixpanel.teams.get_mut(&team).filter(|_| known).ok_or(Refused::Unknown)?;
        let name = team.name.clone();
        if !team.members.insert(email.to_owned()) {
            return Err(Refused::NotAllowed);
        }
        self.log("team.user_added", None, json!({"email": email, "team": name}));
        Ok(())
    }

    /// Project Users → add a team; one that is there has to be taken out first.
    pub fn grant_team(&mut self, team: u64, project: u64, role: &str) -> Result<(), Refused> {
        self.project(project)?;
        let team = self.tenant.mixpanel.teams.get_mut(&team).ok_or(Refused::Unknown)?;
        if team.projects.contains_key(&project) {
            return Err(Refused::NotAllowed);
        }
        team.projects.insert(project, role.to_owned());
        let name = team.name.clone();
        self.log("project.team_added", Some(project), json!({"team": name, "role": role}));
        Ok(())
    }

    /// Project Users → take a team out.
    pub fn revoke_team(&mut self, team: u64, project: u64) -> Result<(), Refused> {
        self.project(project)?;
        let team = self.tenant.mixpanel.teams.get_mut(&team).ok_or(Refused::Unknown)?;
        team.projects.remove(&project).ok_or(Refused::Unknown)?;
        let name = team.name.clone();
        self.log("project.team_removed", Some(project), json!({"team": name}));
        Ok(())
    }
}
