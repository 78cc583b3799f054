//! The few statements that are read, with quoted identifiers as SQL has them.

/// A statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// `SHOW USERS …`
    Show,
    /// `DESCRIBE USER x`
    Describe(String),
    /// `ALTER USER x SET DISABLED = …`
    Disable(String, bool),
    /// `ALTER USER x ABORT ALL QUERIES`
    Abort(String),
    /// `DROP USER x`
    Drop(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// A keyword, a number, or an identifier without quotes: in capitals.
    Plain(String),
    Quoted(String),
    Sign(char),
}

/// Code and message of an error.
type Failed = (&'static str, &'static str);

const SYNTAX: Failed = ("001003", "SQL compilation error: syntax error.");
const COUNT: Failed = ("000008", "Actual statement count 2 did not match the desired statement count 1.");

/// Reads one statement.
pub(super) fn parse(text: &str) -> Result<Statement, Failed> {
    let mut words = words(text).ok_or(SYNTAX)?;
    if words.last() == Some(&Word::Sign(';')) {
        words.pop();
    }
    if words.contains(&Word::Sign(';')) {
        return Err(COUNT);
    }
    let plain = |at: usize| match words.get(at) {
        Some(Word::Plain(word)) => word.as_str(),
        Some(Word::Sign('=')) => "=",
        _ => "",
    };
    let name = || match words.get(2) {
        Some(Word::Plain(name) | Word::Quoted(name)) => Ok(name.clone()),
        _ => Err(SYNTAX),
    };
    let rest: Vec<&str> = (3..words.len()).map(plain).collect();
    match (plain(0), plain(1), rest.as_slice()) {
        ("SHOW", "USERS", _) => Ok(Statement::Show),
        ("DESC" | "DESCRIBE", "USER", []) => Ok(Statement::Describe(name()?)),
        ("DROP", "USER", []) => Ok(Statement::Drop(name()?)),
        ("ALTER", "USER", ["ABORT", "ALL", "QUERIES"]) => Ok(Statement::Abort(name()?)),
        ("ALTER", "USER", ["SET", "DISABLED", "=", "TRUE"]) => Ok(Statement::Disable(name()?, true)),
        ("ALTER", "USER", ["SET", "DISABLED", "=", "FALSE"]) => Ok(Statement::Disable(name()?, false)),
        _ => Err(SYNTAX),
    }
}

/// `None`: quotes that do not end, or a sign that none of these statements has. What follows `--` is a comment.
fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter.is_whitespace() {
            continue;
        }
        if letter == '"' {
            let mut name = String::new();
            loop {
                match rest.next()? {
                    '"' if rest.peek() == Some(&'"') => {
                        rest.next();
                        name.push('"');
                    }
                    '"' => break,
                    other => name.push(other),
                }
            }
            words.push(Word::Quoted(name));
        } else if letter.is_ascii_alphanumeric() || letter == '_' {
            let mut word = String::from(letter);
            while let Some(more) = rest.next_if(|more| more.is_ascii_alphanumeric() || *more == '_') {
                word.push(more);
            }
            words.push(Word::Plain(word.to_ascii_uppercase()));
        } else if letter == '-' && rest.peek() == Some(&'-') {
            rest.by_ref().find(|end| *end == '\n');
        } else if matches!(letter, '=' | ';') {
            words.push(Word::Sign(letter));
        } else {
            return None;
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_as_the_vendor_reads_them() {
        let name = |name: &str| name.to_owned();
        for (text, expected) in [
            ("show users limit 1", Ok(Statement::Show)),
            ("DESCRIBE USER loader", Ok(Statement::Describe(name("LOADER")))),
            ("desc user \"loader\";", Ok(Statement::Describe(name("loader")))),
            ("ALTER USER \"a\"\"b; c\" SET DISABLED = TRUE", Ok(Statement::Disable(name("a\"b; c"), true))),
            (
                "ALTER USER \"a\" SET DISABLED = FALSE --\" SET DISABLED = TRUE",
                Ok(Statement::Disable(name("a"), false)),
            ),
            ("ALTER USER x ABORT ALL QUERIES", Ok(Statement::Abort(name("X")))),
            ("DROP USER \"x\"", Ok(Statement::Drop(name("x")))),
            ("DESC USER x; DROP USER y", Err(COUNT)),
            ("ALTER USER \"x SET DISABLED = TRUE", Err(SYNTAX)),
            ("ALTER USER x SET PASSWORD = 'y'", Err(SYNTAX)),
            ("", Err(SYNTAX)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
