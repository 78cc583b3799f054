//! A command line as words, without a shell.

/// Why a command line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordsError {
    /// A quote does not end.
    OpenQuote,
    /// It ends with a backslash.
    OpenBackslash,
    /// This character would mean something to a shell, and there is none.
    ForShell(char),
    /// No program is named.
    NoProgram,
}

/// What would be an expansion, a pipe or the like in a shell. To pass it on as text, it is quoted.
const FOR_SHELL: &[char] = &['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '\n', '\r', '\0'];
const FOR_SHELL_IN_QUOTES: &[char] = &['$', '`', '\n', '\r', '\0'];

/// Splits at spaces and tabs. `'…'` is taken as it is; `"…"` too, but for `\"` and `\\`; elsewhere a backslash takes the
/// meaning of the next character. What only a shell could do is refused rather than passed on as text.
pub(super) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => single(&mut letters, word.get_or_insert_default())?,
            '"' => double(&mut letters, word.get_or_insert_default())?,
            '\\' => {
                word.get_or_insert_default().push(letters.next().ok_or(WordsError::OpenBackslash)?);
            }
            _ if FOR_SHELL.contains(&letter) => return Err(WordsError::ForShell(letter)),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) { Err(WordsError::NoProgram) } else { Ok(words) }
}

fn single(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    for letter in letters {
        match letter {
            '\'' => return Ok(()),
            '\0' => return Err(WordsError::ForShell(letter)),
            _ => word.push(letter),
        }
    }
    Err(WordsError::OpenQuote)
}

fn double(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(()),
            '\\' => match letters.next().ok_or(WordsError::OpenQuote)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            _ if FOR_SHELL_IN_QUOTES.contains(&letter) => return Err(WordsError::ForShell(letter)),
            _ => word.push(letter),
        }
    }
    Err(WordsError::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_documented() {
        for (line, words) in [
            ("op read op://a/b", &["op", "read", "op://a/b"][..]),
            ("  pass \t show  x ", &["pass", "show", "x"]),
            ("p 'a b' \"c d\" e\\ f", &["p", "a b", "c d", "e f"]),
            ("p 'a'\"b\"c", &["p", "abc"]),
            ("p '' \"\"", &["p", "", ""]),
            (r#"p "\"\\\n" 'a\b' \'"#, &["p", "\"\\\\n", "a\\b", "'"]),
            ("p '$HOME|`*' \"a|b;*\" \\$", &["p", "$HOME|`*", "a|b;*", "$"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for (line, error) in [
            ("", WordsError::NoProgram),
            ("  ", WordsError::NoProgram),
            ("'' x", WordsError::NoProgram),
            ("p 'x", WordsError::OpenQuote),
            ("p \"x\\", WordsError::OpenQuote),
            ("p x\\", WordsError::OpenBackslash),
            ("p | q", WordsError::ForShell('|')),
            ("p $HOME", WordsError::ForShell('$')),
            ("p \"$HOME\"", WordsError::ForShell('$')),
            ("p `q`", WordsError::ForShell('`')),
            ("p\nq", WordsError::ForShell('\n')),
            ("p '\0'", WordsError::ForShell('\0')),
        ] {
            assert_eq!(split(line), Err(error), "{line}");
        }
    }
}
