//! Ways to spell a key: a vendor that documents no names may use any of them.

/// The usual spellings of a name given as lower-case words: `date_time`, `dateTime`, `DateTime`, `Date Time`,
/// `date time`, `date-time`, `datetime`.
pub fn spellings(words: &[&str]) -> Vec<String> {
    let title = |word: &&str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    let titled: Vec<String> = words.iter().map(title).collect();
    let mut camel = titled.concat();
    if let Some(first) = words.first() {
        camel.replace_range(..first.len().min(camel.len()), first);
    }
    let mut all = vec![
        words.join("_"),
        camel,
        titled.concat(),
        titled.join(" "),
        words.join(" "),
        words.join("-"),
        words.concat(),
    ];
    let mut seen = std::collections::HashSet::new();
    all.retain(|spelling| seen.insert(spelling.clone()));
    all
}

/// A column's name without case, spaces and punctuation, for comparing headers.
pub fn bare(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_have_seven_spellings_and_one_word_two() {
        let expected =
            ["ip_address", "ipAddress", "IpAddress", "Ip Address", "ip address", "ip-address", "ipaddress"];
        assert_eq!(spellings(&["ip", "address"]), expected);
        assert_eq!(spellings(&["action"]), ["action", "Action"]);
        assert_eq!(bare("IP Address"), "ipaddress");
    }
}
