//! What people are told of an incident, whatever it is for: letters in its folder always, and [sent](send) where that is asked for.
//!
//! A letter is a function of the incident's record, without times and counts that change by themselves: one that says the same is
//! the same letter in every run. Names in it may be an attacker's: what a terminal, a mail program or a header obeys is shown
//! escaped, and only addresses that the configuration or the inventory names are ever written to.

pub mod hook;
pub mod mail;
pub mod post;
pub mod send;
mod text;

use crate::config::notify::Audience;
use crate::lockdown::operation::Kind;
use crate::lockdown::record::{Record, TrackedGuided};
use crate::output::escape::Safe;
use crate::sys::hash::sha256_hex;

/// The folder of letters in an incident's folder.
pub const FOLDER: &str = "letters";
/// Characters of a name in a file's name.
const MAX_NAME: usize = 40;
/// Characters of a name in a subject.
const MAX_SUBJECT: usize = 80;

/// Who reads a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Everybody of this role.
    Role(Audience),
    /// Who has guided steps to do, as these name them: an address, or words.
    Person(String),
}

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The name of its file: `01-data-team-acme-example.txt`.
    pub file: String,
    /// Who reads it.
    pub reader: Reader,
    /// One line.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl Letter {
    /// As a file has it.
    pub fn page(&self) -> String {
        let reader = match &self.reader {
            Reader::Role(Audience::Stakeholders) => "all who are concerned".to_owned(),
            Reader::Role(Audience::ProjectOwners) => "the owners of the projects".to_owned(),
            Reader::Role(audience) => audience.name().to_owned(),
            Reader::Person(who) => Safe(who).to_string(),
        };
        format!("To: {reader}\nSubject: {}\n\n{}", self.subject, self.text)
    }

    /// SHA-256 of what it says.
    pub fn sha256(&self) -> String {
        sha256_hex(self.page().as_bytes())
    }
}

/// In the order in which people are told: roles, then everybody who has something to do in the order in which they come up, and
/// all who are concerned at the end.
pub fn letters(record: &Record) -> Vec<Letter> {
    let role = |audience: Audience| Letter {
        file: format!("to-{}.txt", if audience == Audience::Stakeholders { "all" } else { audience.name() }),
        reader: Reader::Role(audience),
        subject: subject(record),
        text: text::to_role(record, audience),
    };
    let (last, first): (Vec<Audience>, Vec<Audience>) =
        Audience::ALL.into_iter().partition(|audience| *audience == Audience::Stakeholders);
    let people = people(record).into_iter().enumerate().map(|(at, (who, steps))| Letter {
        file: format!("{:02}-{}.txt", at + 1, plain(who)),
        reader: Reader::Person(who.to_owned()),
        subject: format!("{}: what you have to do", subject(record)),
        text: text::to_person(record, &steps),
    });
    first.into_iter().map(role).chain(people).chain(last.into_iter().map(role)).collect()
}

/// Who has something to do, and what, with the numbers of the steps.
fn people(record: &Record) -> Vec<(&str, Vec<(usize, &TrackedGuided)>)> {
    let mut people: Vec<(&str, Vec<(usize, &TrackedGuided)>)> = Vec::new();
    for (at, tracked) in record.guided.iter().enumerate() {
        let who = tracked.guided.who.as_str();
        match people.iter_mut().find(|(known, _)| *known == who) {
            Some((_, steps)) => steps.push((at + 1, tracked)),
            None => people.push((who, vec![(at + 1, tracked)])),
        }
    }
    people
}

fn plain(who: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    who.chars().map(plain).take(MAX_NAME).collect()
}

/// Never a secret: mail servers keep subjects in their logs.
fn subject(record: &Record) -> String {
    let about = crate::output::escape::shortened(&record.account, MAX_SUBJECT);
    let what = if record.restoring { format!("{} taken back", record.operation.kind) } else { word(record) };
    format!("{what}: {about}")
}

fn word(record: &Record) -> String {
    match record.operation.kind {
        Kind::Lockdown => "account locked out".to_owned(),
        kind @ (Kind::Rotation | Kind::Review | Kind::Offboarding) => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::operation::Operation;
    use crate::lockdown::step::{Guided, GuidedProof};

    fn guided(id: &str, who: &str) -> TrackedGuided {
        let guided = Guided {
            id: id.into(),
            title: format!("do {id}\u{1b}[2J"),
            who: who.into(),
            how: "so".into(),
            proof: GuidedProof::Attested,
            required: true,
        };
        TrackedGuided { guided, done: None }
    }

    #[test]
    fn everybody_gets_one_letter_and_no_terminal_obeys_it() {
        let guided = vec![guided("one", "ada@x"), guided("two", "../\u{202e}=eve"), guided("three", "ada@x")];
        let account = "eve\r\nBcc: all@x\u{202e}".to_owned();
        for kind in Kind::ALL {
            let operation = Operation::new(kind, Vec::new());
            let (account, guided) = (account.clone(), guided.clone());
            let record = Record { account, operation, guided, ..Record::default() };
            let told = letters(&record);
            let files: Vec<&str> = told.iter().map(|letter| letter.file.as_str()).collect();
            let roles = ["to-security.txt", "to-compliance.txt", "to-project-owners.txt"];
            assert_eq!(
                files,
                [&roles[..], &["01-ada-x.txt", "02------eve.txt", "to-all.txt"]].concat(),
                "{kind}"
            );
            assert!(told[3].text.contains("1. do one") && told[3].text.contains("3. do three"));
            for letter in &told {
                assert!(!letter.page().contains(['\u{1b}', '\u{202e}', '\r']), "{}", letter.page());
                assert!(!letter.subject.contains('\n'), "{}", letter.subject);
                assert!(!letter.page().lines().any(|line| line.starts_with("Bcc")), "{}", letter.page());
            }
        }
    }

    #[test]
    fn a_letter_is_the_same_until_something_happens() {
        let mut record =
            Record { account: "a@x".into(), guided: vec![guided("one", "b@x")], ..Record::default() };
        let before = letters(&record);
        record.pass += 3;
        assert_eq!(letters(&record), before);
        record.guided[0].done = Some("ticket".into());
        let after = letters(&record);
        let changed = before.iter().zip(&after).filter(|(before, after)| before.sha256() != after.sha256());
        assert!(changed.count() >= 2, "those who had it to do, and security");
    }
}
