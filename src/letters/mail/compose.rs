//! A letter as the bytes of an e-mail (RFC 5322, RFC 2045, RFC 2047). Line ends, colons and whatever else has a meaning there can
//! only come from this file.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::letters::post::Item;
use crate::sys::clock::{Clock as _, System};

/// Letters of Base64 in one line of a body.
const WIDTH: usize = 76;
/// Bytes of text in one encoded word: with its name the line stays below 78 letters.
const WORD: usize = 39;

/// The whole message. `from` and the item's address are mail addresses of a small alphabet; its name is of digits.
pub(super) fn message(from: &str, item: &Item) -> String {
    let domain = from.split_once('@').map_or("localhost", |(_, domain)| domain);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Date: {}\r\nFrom: Portcullis <{from}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <{}@{domain}>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
        date(),
        item.to,
        subject(&item.letter.subject),
        item.id,
    );
    body(&mut text, &item.letter.text);
    text
}

fn date() -> String {
    let now = Timestamp::from_nanosecond(i128::from(System.now().nanos)).unwrap_or_default();
    rfc2822::to_string(&now.to_zoned_datetime(TimeZone::UTC)).unwrap_or_default()
}

/// As it is where it is short and plain, else as encoded words.
fn subject(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain && text.len() <= WORD && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<String> =
        words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// In Base64, so that a server changes nothing of it, and no line of it is one with a meaning.
fn body(message: &mut String, text: &str) {
    let encoded = STANDARD.encode(text.replace('\n', "\r\n"));
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(WIDTH).unwrap_or((rest, ""));
        message.push_str(line);
        message.push_str("\r\n");
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::notify::Audience;
    use crate::letters::{Letter, Reader};
    use crate::lockdown::message::Way;

    fn written(subject: &str, text: &str) -> String {
        let letter = Letter {
            file: "f".into(),
            reader: Reader::Role(Audience::Security),
            subject: subject.into(),
            text: text.into(),
        };
        let item = Item { id: "0f".into(), letter, way: Way::Mail, to: "a@x".into(), before: None };
        message("p@acme.example", &item)
    }

    #[test]
    fn hostile_words_are_neither_headers_nor_commands() {
        let hostile = "x\r\nBcc: evil@z\r\n\r\n.\r\nMAIL FROM:<evil@z>\u{202e}\u{0}";
        let message = written(hostile, hostile);
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split_once(": ").unwrap().0)
            .collect();
        assert_eq!(
            names,
            [
                "Date",
                "From",
                "To",
                "Subject",
                "Message-ID",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(message.is_ascii() && !message.contains("evil"), "{message}");
        assert!(message.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n', '\0'])));
        let decoded = STANDARD.decode(body.replace("\r\n", "")).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), hostile.replace('\n', "\r\n"));
    }

    #[test]
    fn subjects_are_whole_again_when_they_are_decoded() {
        assert_eq!(subject("account locked out: a@x"), "account locked out: a@x");
        for text in
            ["é".repeat(100), "=?UTF-8?Q?x?=".to_owned(), "a long one ".repeat(12), "日本\u{1f600}".repeat(9)]
        {
            let encoded = subject(&text);
            let decoded: Vec<u8> = encoded
                .split("\r\n ")
                .flat_map(|word| {
                    let inner = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
                    assert!(word.len() <= 75, "{word}");
                    STANDARD.decode(inner).unwrap()
                })
                .collect();
            assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }
    }

    #[test]
    fn a_date_is_one_that_mail_programs_read() {
        let date = date();
        assert!(rfc2822::parse(&date).is_ok() && !date.starts_with("Thu, 1 Jan 1970"), "{date}");
    }
}
