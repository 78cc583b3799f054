//! The secret store, and who reads which credential from it.

use serde_json::{Map, Value, json};

use super::vault::{Mount, Secret, State, Token};
use super::{LONG_AGO, Maker, Use, mixpanel};

/// The mount of the store.
pub(super) const MOUNT: &str = "secret";
/// Shown name of the tool's token.
pub(super) const TOOL: &str = "portcullis";

const CONSUMERS: [&str; 5] = ["airflow on etl-1", "census", "looker", "lambda nightly-export", "dbt cloud"];

impl Maker {
    /// Two of three service accounts have their credentials in the store, and most of those stand in the inventory.
    pub(super) fn secrets(&mut self, mixpanel: &mixpanel::State) -> (State, Vec<Use>) {
        let mut mount = Mount::default();
        let mut uses = Vec::new();
        for account in mixpanel.service_accounts.values().skip(1) {
            let name = account.username.split('.').next().unwrap_or_default().to_owned();
            let path = self.rng.permille(667).then(|| format!("mixpanel/{name}"));
            if let Some(path) = &path {
                let secret = self.entry(account);
                mount.secrets.insert(path.clone(), secret);
            }
            if self.rng.permille(850) {
                let member = |id: u64| mixpanel.members.iter().find(|(_, member)| member.id == id);
                uses.push(Use {
                    name,
                    project: account.projects.keys().next().copied(),
                    credential: account.username.clone(),
                    path,
                    consumer: self.rng.word(&CONSUMERS).to_owned(),
                    owner: self.people.get(2).map(|person| person.email.clone()).unwrap_or_default(),
                    created_by: member(account.creator).map(|(email, _)| email.clone()).unwrap_or_default(),
                });
            }
        }
        let other = Map::from_iter([("password".to_owned(), Value::String(self.draws.secret()))]);
        mount.secrets.insert("database/main".to_owned(), Secret::new(other, LONG_AGO));
        let mut state = State::default();
        state.mounts.insert(MOUNT.to_owned(), mount);
        let root = Token { root: true, ..Token::new("root", self.draws.letters(24), &[], &[]) };
        state.tokens.insert(self.draws.secret(), root);
        let paths =
            ["data", "metadata", "delete", "undelete"].map(|verb| format!("{MOUNT}/{verb}/mixpanel/*"));
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let capabilities = ["create", "read", "update", "patch", "delete", "list"];
        let tool = Token::new(TOOL, self.draws.letters(24), &paths, &capabilities);
        state.tokens.insert(self.draws.secret(), tool);
        (state, uses)
    }

    /// Username and secret among keys of others; some entries have earlier versions.
    fn entry(&mut self, account: &mixpanel::ServiceAccount) -> Secret {
        let mut data = Map::new();
        data.insert("region".to_owned(), json!(self.rng.word(&["us", "eu", "in"])));
        if self.rng.one_in(2) {
            data.insert("webhook_key".to_owned(), json!(self.draws.secret()));
        }
        data.insert("username".to_owned(), json!(account.username));
        let mut secret = None;
        for _ in 0..self.rng.below(3) {
            data.insert("secret".to_owned(), json!(self.draws.secret()));
            match &mut secret {
                None => secret = Some(Secret::new(data.clone(), LONG_AGO)),
                Some(secret) => secret.write(data.clone(), LONG_AGO),
            }
        }
        data.insert("secret".to_owned(), json!(account.secret));
        let Some(mut secret) = secret else { return Secret::new(data, LONG_AGO) };
        secret.write(data, LONG_AGO);
        secret
    }
}
