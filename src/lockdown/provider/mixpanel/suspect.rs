//! Whom a lockdown is about, as Mixpanel knows it, and what it made.

use std::collections::BTreeSet;

use super::wire::{Account, Creator, Member};

/// The account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    /// Lower case.
    pub(super) email: String,
    /// Its member's row, where the list of members has it, or had it in an earlier pass: it is not listed any more once
    /// it is deactivated.
    pub(super) member: Option<Member>,
    /// The user behind the credential that Portcullis works with: what it made, Portcullis made.
    own_user: Option<u64>,
    /// Users that are the account: itself, and those behind service accounts that it made.
    users: BTreeSet<u64>,
    /// Service accounts that it made, itself or by way of such ones.
    pub(super) made: BTreeSet<u64>,
    /// Service accounts of which it is not told who made them.
    pub(super) unknown: BTreeSet<u64>,
}

/// Whether the account made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Yes,
    No,
    /// It is not told who did.
    Unknown,
}

impl Suspect {
    /// Follows who made what until nothing is added: a service account of the account can make others. The one that
    /// Portcullis works with (`own`) is not followed, since what it made is Portcullis's.
    pub(super) fn new(
        email: &str,
        members: Option<&[Member]>,
        remembered: Option<&Member>,
        accounts: &[Account],
        own: Option<u64>,
    ) -> Self {
        let member = members.into_iter().flatten().find(|member| member.email.eq_ignore_ascii_case(email));
        let member = member.or(remembered);
        let mut suspect = Self {
            email: email.to_lowercase(),
            users: member.and_then(|member| member.id).into_iter().collect(),
            own_user: accounts
                .iter()
                .find(|account| Some(account.id) == own)
                .and_then(|account| account.user),
            member: member.cloned(),
            made: BTreeSet::new(),
            unknown: BTreeSet::new(),
        };
        loop {
            let before = suspect.made.len();
            for account in accounts {
                if suspect.made(&account.creator) == Made::Yes && suspect.made.insert(account.id) {
                    let user = account.user.filter(|_| Some(account.id) != own);
                    suspect.users.extend(user);
                }
            }
            if suspect.made.len() == before {
                break;
            }
        }
        let unknown = accounts.iter().filter(|account| suspect.made(&account.creator) == Made::Unknown);
        suspect.unknown = unknown.map(|account| account.id).collect();
        suspect
    }

    /// An e-mail decides; else a user's number, where the account's is known; else a name.
    pub(super) fn made(&self, creator: &Creator) -> Made {
        let own_user = self.member.as_ref().is_some_and(|member| member.id.is_some());
        match creator {
            Creator { email: Some(email), .. } if email.eq_ignore_ascii_case(&self.email) => Made::Yes,
            Creator { email: Some(_), .. } => Made::No,
            Creator { user: Some(user), .. } if self.users.contains(user) => Made::Yes,
            Creator { user: Some(user), .. } if self.own_user == Some(*user) => Made::No,
            Creator { user: Some(_), .. } if own_user => Made::No,
            Creator { name: Some(name), .. } => self.is_named(name),
            _ => Made::Unknown,
        }
    }

    fn is_named(&self, name: &str) -> Made {
        let own = self.member.as_ref().and_then(|member| member.name.as_deref());
        if name.eq_ignore_ascii_case(&self.email) || own.is_some_and(|own| own == name) {
            Made::Yes
        } else if own.is_some() {
            Made::No
        } else {
            Made::Unknown
        }
    }

    /// Its role in the organization; `None` where it is not known.
    pub(super) fn role(&self) -> Option<&str> {
        self.member.as_ref()?.role.as_deref()
    }

    /// Whether it administers the whole organization; `None` where that is not known.
    pub(super) fn administers(&self) -> Option<bool> {
        self.role().map(|role| ["owner", "admin"].iter().any(|name| role.eq_ignore_ascii_case(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: u64, creator: Creator) -> Account {
        let user = Some(id + 1000);
        Account {
            id,
            username: format!("a{id}"),
            creator,
            created: None,
            expires: None,
            last_used: None,
            user,
        }
    }

    fn by(user: Option<u64>, email: Option<&str>, name: Option<&str>) -> Creator {
        Creator { user, email: email.map(str::to_owned), name: name.map(str::to_owned) }
    }

    #[test]
    fn what_is_made_by_what_it_made_is_its_own() {
        let jane = "jane@agency.example";
        let member = Member {
            id: Some(5),
            email: "Jane@Agency.example".into(),
            name: Some("Jane".into()),
            role: None,
        };
        let accounts = [
            account(3, by(Some(1002), None, None)),
            account(2, by(Some(5), None, None)),
            account(4, by(Some(6), Some("ada@acme.example"), None)),
            account(6, by(Some(7), None, None)),
            account(7, by(None, None, None)),
            account(8, by(None, None, Some("Jane"))),
        ];
        let suspect = Suspect::new(jane, Some(std::slice::from_ref(&member)), None, &accounts, None);
        assert_eq!((&suspect.made, &suspect.unknown), (&[2, 3, 8].into(), &[7].into()));
        // Once it is deactivated, the list does not have it any more.
        assert_eq!(Suspect::new(jane, Some(&[]), Some(&member), &accounts, None), suspect);
    }

    #[test]
    fn without_the_list_of_members_a_number_says_nothing() {
        let accounts =
            [account(2, by(Some(5), None, None)), account(3, by(Some(9), Some("jane@x.test"), None))];
        let suspect = Suspect::new("jane@x.test", None, None, &accounts, None);
        assert_eq!((suspect.made, suspect.unknown), ([3].into(), [2].into()));
    }

    #[test]
    fn what_the_own_credential_made_is_not_the_account_s() {
        let accounts =
            [account(1, by(None, Some("jane@x.test"), None)), account(2, by(Some(1001), None, None))];
        let suspect = Suspect::new("jane@x.test", Some(&[]), None, &accounts, Some(1));
        assert_eq!((suspect.made, suspect.unknown), ([1].into(), [].into()));
    }
}
