//! The calls, one function each. Reads are tried again by the transport; changes leave once.

use serde_json::{Value, json};
use url::Url;

use super::wire::{self, Account, Created, Grant, Import, Job, Me, Member, Reader};
use crate::lockdown::http::{Auth, Body, Call, CallError, Credential, Next, Reply, Transport};

/// One organization at Mixpanel.
#[derive(Clone)]
pub(super) struct Api {
    app: Transport,
    data: Transport,
    organization: u64,
    number: String,
}

/// Projects with roles.
pub(super) type Roles = std::collections::BTreeMap<u64, String>;

impl Api {
    pub(super) fn new(app: Transport, data: Url, organization: u64) -> Result<Self, CallError> {
        let data = app.with_base_url(data)?;
        Ok(Self { app, data, organization, number: organization.to_string() })
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.app
    }

    /// The same calls with another credential.
    pub(super) fn with_auth(&self, auth: Auth) -> Self {
        Self { app: self.app.with_auth(auth.clone()), data: self.data.with_auth(auth), ..self.clone() }
    }

    pub(super) async fn me(&self) -> Result<Me, CallError> {
        self.read_me(&self.app.read(&Call::get(&["api", "app", "me"])).await?.json()?)
    }

    /// What the credential sees where it works. Otherwise what is known of it; [`Credential::Alive`] where it was let in, and
    /// what it sees could not be read.
    pub(super) async fn try_me(&self) -> Result<Me, Credential> {
        let (credential, reply) = self.app.try_credential(&Call::get(&["api", "app", "me"])).await;
        let me = reply.and_then(|reply| self.read_me(&reply.json().ok()?).ok());
        me.ok_or(credential)
    }

    fn read_me(&self, body: &Value) -> Result<Me, CallError> {
        Reader("GET /api/app/me").one(body, |row| wire::me(row, self.organization))
    }

    /// Whether the credential reaches a project: a read that asks for no more than that.
    pub(super) async fn try_project(&self, project: u64) -> Credential {
        self.app.credential(&imports_call(project)).await
    }

    pub(super) async fn accounts(&self) -> Result<Vec<Account>, CallError> {
        let mut rows = self.list(Reader("GET service accounts"), self.accounts_call(), wire::account).await?;
        // Pages may show a row twice when rows move in between.
        rows.sort_by_key(|account| account.id);
        rows.dedup_by_key(|account| account.id);
        Ok(rows)
    }

    /// `None`: it is not there.
    pub(super) async fn account(&self, id: u64) -> Result<Option<Account>, CallError> {
        let call =
            Call::get(&["api", "app", "organizations", &self.number, "service-accounts", &id.to_string()]);
        match self.app.read(&call).await {
            Ok(reply) => Reader("GET a service account").one(&reply.json()?, wire::account).map(Some),
            Err(CallError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every grant by which service accounts are in a project.
    pub(super) async fn grants(&self, project: u64) -> Result<Vec<Grant>, CallError> {
        let call = Call::get(&["api", "app", "projects", &project.to_string(), "service-accounts"]);
        self.list(Reader("GET service accounts of a project"), call, wire::grant).await
    }

    /// Undocumented; the vendor's own code uses it.
    pub(super) async fn members(&self) -> Result<Vec<Member>, CallError> {
        let call = Call::get(&["organizations", &self.number, "users"]).slash();
        self.list(Reader("GET users"), call, wire::member).await
    }

    /// Undocumented; the vendor's own code uses it. Its rows carry secrets, which are not taken in.
    pub(super) async fn projects(&self) -> Result<Vec<(u64, String)>, CallError> {
        let call = Call::get(&["organizations", &self.number, "projects"]).slash();
        self.list(Reader("GET projects"), call, wire::project).await
    }

    pub(super) async fn jobs(&self, project: u64) -> Result<Vec<Job>, CallError> {
        let call = Call::get(&["api", "2.0", "nessie", "pipeline", "jobs"]);
        let call = call.query("project_id", project.to_string());
        let body = self.data.read(&call).await?.json()?;
        Reader("GET /nessie/pipeline/jobs").jobs(&body)
    }

    pub(super) async fn imports(&self, project: u64) -> Result<Vec<Import>, CallError> {
        self.list(Reader("GET warehouse imports"), imports_call(project), wire::import).await
    }

    pub(super) async fn import(&self, project: u64, id: u64) -> Result<Import, CallError> {
        let body =
            self.app.read(&Call::get(&import_path(&project.to_string(), &id.to_string()))).await?.json()?;
        Reader("GET a warehouse import").one(&body, wire::import)
    }

    /// The answer holds the secret, once.
    pub(super) async fn create(
        &self,
        name: &str,
        projects: &Roles,
        expires: Option<&str>,
        key: &str,
    ) -> Result<Created, CallError> {
        let mut body = json!({ "username": name, "projects": pairs(projects) });
        if let (Some(expires), Some(body)) = (expires, body.as_object_mut()) {
            body.insert("expires".to_owned(), expires.into());
        }
        let call = Call::post(&["api", "app", "organizations", &self.number, "service-accounts"]).json(body);
        let reply = self.app.change(&call, key).await?;
        Reader("POST /service-accounts").one(&reply.json()?, wire::created)
    }

    pub(super) async fn delete(&self, id: u64, key: &str) -> Result<(), CallError> {
        let id = id.to_string();
        let call = Call::delete(&["api", "app", "organizations", &self.number, "service-accounts", &id]);
        self.app.change(&call, key).await.map(drop)
    }

    /// Gives one service account these roles.
    pub(super) async fn add(&self, id: u64, projects: &Roles, key: &str) -> Result<(), CallError> {
        let body = json!({ "projects": pairs(projects), "service_account_ids": [id] });
        self.membership("add-to-project", body, key).await
    }

    /// Takes one service account out of all these projects.
    pub(super) async fn remove(
        &self,
        id: u64,
        projects: impl IntoIterator<Item = u64>,
        key: &str,
    ) -> Result<(), CallError> {
        let rows = projects.into_iter().map(|project| json!({ "id": project, "service_account_ids": [id] }));
        self.membership("remove-from-project", json!({ "projects": rows.collect::<Vec<_>>() }), key).await
    }

    /// `pause` or `resume` of a legacy pipeline.
    pub(super) async fn pipeline(
        &self,
        verb: &str,
        project: u64,
        name: &str,
        key: &str,
    ) -> Result<(), CallError> {
        let form = [("name", name.to_owned()), ("project_id", project.to_string())];
        let form = form.map(|(name, value)| (name.to_owned(), value)).into();
        let call = Call::post(&["api", "2.0", "nessie", "pipeline", verb]).body(Body::Form(form));
        self.data.change(&call, key).await.map(drop)
    }

    /// Both keys are required, whichever changes.
    pub(super) async fn set_import(
        &self,
        (project, id): (u64, u64),
        paused: bool,
        run_every: u64,
        key: &str,
    ) -> Result<(), CallError> {
        let call = Call::patch(&import_path(&project.to_string(), &id.to_string()))
            .json(json!({ "paused": paused, "run_every": run_every }));
        self.app.change(&call, key).await.map(drop)
    }

    async fn membership(&self, verb: &str, body: Value, key: &str) -> Result<(), CallError> {
        let call =
            Call::post(&["api", "app", "organizations", &self.number, "service-accounts", verb]).json(body);
        self.app.change(&call, key).await.map(drop)
    }

    fn accounts_call(&self) -> Call {
        Call::get(&["api", "app", "organizations", &self.number, "service-accounts"])
    }

    /// A list, whole or in pages of either kind.
    async fn list<T: Send>(
        &self,
        reader: Reader<'static>,
        call: Call,
        read: fn(&wire::Row<'_>) -> Result<T, CallError>,
    ) -> Result<Vec<T>, CallError> {
        let mut rows = Vec::new();
        let each = |reply: &Reply| {
            let body = reply.json()?;
            rows.extend(reader.rows(&body, read)?);
            Ok(wire::cursor(&body).map_or(Next::Link, |cursor| Next::Query("cursor", cursor)))
        };
        self.app.pages(call, each).await?;
        Ok(rows)
    }
}

fn imports_call(project: u64) -> Call {
    Call::get(&["api", "app", "projects", &project.to_string(), "warehouse-sources", "imports"])
}

fn import_path<'a>(project: &'a str, id: &'a str) -> [&'a str; 7] {
    ["api", "app", "projects", project, "warehouse-sources", "imports", id]
}

fn pairs(projects: &Roles) -> Vec<Value> {
    projects.iter().map(|(id, role)| json!({ "id": id, "role": role })).collect()
}
