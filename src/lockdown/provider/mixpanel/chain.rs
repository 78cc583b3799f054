//! What was made with credentials that the account may know, however many of them lie in between.

use std::collections::BTreeMap;

use super::wire::{Account, Creator};

/// Credentials that the account may know, and what was made with them, in turn.
#[derive(Debug, Default)]
pub(super) struct Chain {
    links: Vec<Link>,
    /// By the user behind the credential.
    users: BTreeMap<u64, usize>,
    /// By user name, lower case: some lists name whoever made something so.
    names: BTreeMap<String, usize>,
}

/// One credential.
#[derive(Debug)]
struct Link {
    username: String,
    /// The first of those that it goes back to, where it is not that one itself.
    root: Option<String>,
    /// Why the account may know that one.
    why: String,
}

impl Chain {
    /// Begins with `known`, each with the reason, and follows who made what until nothing is added. `own`, what Portcullis works
    /// with, is not followed: what it made is Portcullis's.
    pub(super) fn new<'a>(
        known: impl IntoIterator<Item = (&'a Account, String)>,
        accounts: &'a [Account],
        own: Option<u64>,
    ) -> Self {
        let own = accounts.iter().find(|account| Some(account.id) == own);
        let is_own = |account: &Account| {
            own.is_some_and(|own| account.id == own.id || account.user.is_some() && account.user == own.user)
        };
        let mut chain = Self::default();
        for (account, why) in known.into_iter().filter(|(account, _)| !is_own(account)) {
            let username = account.username.clone();
            chain.add(account, Link { username, root: None, why });
        }
        loop {
            let before = chain.links.len();
            for account in accounts.iter().filter(|account| !is_own(account)) {
                if let Some(link) = chain.maker(&account.creator) {
                    let root = link.root.as_ref().unwrap_or(&link.username).clone();
                    let (username, why) = (account.username.clone(), link.why.clone());
                    chain.add(account, Link { username, root: Some(root), why });
                }
            }
            if chain.links.len() == before {
                return chain;
            }
        }
    }

    /// Why what `creator` made has to be dealt with; `None` where none of these credentials made it.
    pub(super) fn made_with(&self, creator: &Creator) -> Option<String> {
        let Link { username, root, why } = self.maker(creator)?;
        let back = root.as_ref().map_or_else(String::new, |root| format!(", which goes back to {root}"));
        Some(format!("it was made with {username}{back}, and {why}"))
    }

    fn maker(&self, creator: &Creator) -> Option<&Link> {
        let by_user = creator.user.and_then(|user| self.users.get(&user));
        let mut names = creator.email.iter().chain(&creator.name);
        let at = by_user.or_else(|| names.find_map(|name| self.names.get(&name.to_lowercase())))?;
        self.links.get(*at)
    }

    /// Once: what is there already stays.
    fn add(&mut self, account: &Account, link: Link) {
        let name = account.username.to_lowercase();
        if self.names.contains_key(&name) {
            return;
        }
        let at = self.links.len();
        if let Some(user) = account.user {
            self.users.entry(user).or_insert(at);
        }
        self.names.insert(name, at);
        self.links.push(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the user 1000 above its number, made by this user.
    fn account(id: u64, maker: Option<u64>) -> Account {
        Account {
            id,
            username: format!("a{id}"),
            creator: Creator { user: maker, ..Creator::default() },
            created: None,
            expires: None,
            last_used: None,
            user: Some(id + 1000),
        }
    }

    fn by(user: Option<u64>, name: Option<&str>) -> Creator {
        Creator { user, name: name.map(str::to_owned), ..Creator::default() }
    }

    #[test]
    fn it_is_followed_to_its_end_in_any_order_and_in_circles() {
        let accounts = [
            account(5, Some(1004)),
            account(4, Some(1003)),
            account(3, Some(1002)),
            account(2, Some(1005)),
            account(6, Some(9)),
        ];
        let chain = Chain::new([(&accounts[3], "jane knows it".to_owned())], &accounts, None);
        let made = |user| chain.made_with(&by(Some(user), None));
        assert_eq!(made(1002).unwrap(), "it was made with a2, and jane knows it");
        assert_eq!(made(1005).unwrap(), "it was made with a5, which goes back to a2, and jane knows it");
        assert_eq!(chain.made_with(&by(None, Some("A4"))), made(1004));
        assert_eq!((made(1006), made(9), chain.made_with(&Creator::default())), (None, None, None));
    }

    #[test]
    fn what_portcullis_works_with_is_not_followed_whoever_made_it() {
        let accounts = [account(1, Some(1002)), account(2, Some(5)), account(3, Some(1001))];
        let known = || [(&accounts[0], String::new()), (&accounts[1], String::new())];
        let chain = Chain::new(known(), &accounts, Some(1));
        assert_eq!(chain.made_with(&by(Some(1001), Some("a1"))), None);
        assert!(Chain::new(known(), &accounts, None).made_with(&by(Some(1003), None)).is_some());
    }
}
