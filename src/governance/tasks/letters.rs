//! What people are told, as letters in the incident's folder: the program writes to nobody. Names in them may be hostile: what a
//! terminal obeys is shown escaped.

use std::fmt::Write as _;

use super::four_ways::four_ways;
use crate::lockdown::operation::Kind;
use crate::lockdown::record::{Record, TrackedGuided, Verdict};
use crate::output::escape::Safe;

/// Characters of a name in a file's name.
const MAX_NAME: usize = 40;

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The name of its file: `01-data-team-acme-example.txt`.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// One for everybody who has something to do, in the order in which they come up, and one for all at the end. None in a
/// lockdown: whom to tell of a compromised account, the responder decides.
pub fn letters(record: &Record) -> Vec<Letter> {
    if record.operation.kind == Kind::Lockdown {
        return Vec::new();
    }
    let mut people: Vec<(&str, Vec<(usize, &TrackedGuided)>)> = Vec::new();
    for (at, tracked) in record.guided.iter().enumerate() {
        let who = tracked.guided.who.as_str();
        match people.iter_mut().find(|(known, _)| *known == who) {
            Some((_, steps)) => steps.push((at + 1, tracked)),
            None => people.push((who, vec![(at + 1, tracked)])),
        }
    }
    let letter = |(number, (who, steps)): (usize, (&str, Vec<_>))| Letter {
        file: format!("{number:02}-{}.txt", plain(who)),
        text: to(record, who, &steps),
    };
    let mut letters: Vec<Letter> = (1..).zip(people).map(letter).collect();
    letters.push(Letter { file: "to-all.txt".to_owned(), text: to_all(record) });
    letters
}

fn plain(who: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    who.chars().map(plain).take(MAX_NAME).collect()
}

fn subject(record: &Record) -> String {
    format!("{} of {}", record.operation.kind, Safe(&record.account))
}

fn to(record: &Record, who: &str, steps: &[(usize, &TrackedGuided)]) -> String {
    let mut text = format!(
        "To: {}\nSubject: {}: what you have to do\n\nThis is about the {} (incident {}). These are yours:\n",
        Safe(who),
        subject(record),
        subject(record),
        Safe(&record.incident)
    );
    for (number, TrackedGuided { guided, done }) in steps {
        let needed = if guided.required { "needed" } else { "advised" };
        let state = done.as_ref().map_or_else(|| needed.to_owned(), |done| format!("done: {}", Safe(done)));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{number}. {} ({state})\n   {}\n", Safe(&guided.title), Safe(&guided.how));
    }
    text.push_str(
        "\nAnswer with the number of the step when it is done, and how you know. Nothing here asks for a password or a secret: \
         send none.\n",
    );
    text
}

fn to_all(record: &Record) -> String {
    let mut text = format!("To: all who are concerned\nSubject: {}\n\n", subject(record));
    let end = match &record.verdict {
        Some((Verdict::Done, _)) => "It is done, and proved.",
        Some((Verdict::Restored | Verdict::PartlyRestored, _)) => "It was taken back.",
        Some((Verdict::Contained | Verdict::Partial | Verdict::Unknown, _)) | None => {
            "It is under way; this is how it stands."
        }
    };
    let _ = writeln!(text, "{end} (Incident {})", Safe(&record.incident));
    if record.operation.kind == Kind::Offboarding {
        text.push_str("\nHow it is shown that the account is out:\n");
        for way in four_ways(record) {
            let _ =
                writeln!(text, "  [{}] {}: {}", if way.shown { "x" } else { " " }, way.what, Safe(&way.why));
        }
    }
    let reasons = record.verdict.iter().flat_map(|(_, reasons)| reasons);
    for (at, reason) in reasons.enumerate() {
        if at == 0 {
            text.push_str("\nWhat is left:\n");
        }
        let _ = writeln!(text, "  - {}", Safe(reason));
    }
    text
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
        let operation = Operation::new(Kind::Rotation, Vec::new());
        let mut record = Record { account: "etl".into(), operation, guided, ..Record::default() };
        let told = letters(&record);
        let files: Vec<&str> = told.iter().map(|letter| letter.file.as_str()).collect();
        assert_eq!(files, ["01-ada-x.txt", "02------eve.txt", "to-all.txt"]);
        assert!(told[0].text.contains("1. do one") && told[0].text.contains("3. do three"));
        assert!(told.iter().all(|letter| !letter.text.contains(['\u{1b}', '\u{202e}'])));
        record.operation = Operation::default();
        assert_eq!(letters(&record), []);
    }
}
