//! Filter expressions such as `userName eq "x" and active eq true`: the grammar of RFC 7644, which Okta's `search` and
//! `filter` share for what is asked here.

use serde_json::Value;

/// Longer expressions are refused.
const MAX_LENGTH: usize = 4096;
/// Deeper parentheses are refused.
const MAX_DEPTH: usize = 16;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// An attribute compared with a value.
    Compare(String, Comparison, Value),
    /// The attribute has a value.
    Present(String),
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// Either.
    Or(Box<Filter>, Box<Filter>),
    /// The opposite.
    Not(Box<Filter>),
}

/// How values are compared; texts without regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// Reads an expression; `None` where it is not one.
pub(super) fn parse(text: &str) -> Option<Filter> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let mut reader = Reader { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    let filter = reader.either()?;
    reader.tokens.next().is_none().then_some(filter)
}

impl Filter {
    /// Whether it holds for this JSON object; attribute names are matched without regard to case.
    pub(super) fn matches(&self, record: &Value) -> bool {
        match self {
            Self::Compare(path, Comparison::NotEqual, wanted) => {
                !values(record, path).iter().any(|found| compare(found, Comparison::Equal, wanted))
            }
            Self::Compare(path, comparison, wanted) => {
                values(record, path).iter().any(|found| compare(found, *comparison, wanted))
            }
            Self::Present(path) => values(record, path).iter().any(|found| !found.is_null()),
            Self::And(left, right) => left.matches(record) && right.matches(record),
            Self::Or(left, right) => left.matches(record) || right.matches(record),
            Self::Not(inner) => !inner.matches(record),
        }
    }
}

/// The values at a dotted path; lists are looked into.
fn values<'a>(record: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![record];
    for name in path.split('.') {
        found = found
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|object| object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)))
            .flat_map(|(_, value)| match value {
                Value::Array(items) => items.iter().collect(),
                other => vec![other],
            })
            .collect();
    }
    found
}

fn compare(found: &Value, comparison: Comparison, wanted: &Value) -> bool {
    if let (Some(found), Some(wanted)) = (found.as_str(), wanted.as_str()) {
        let (found, wanted) = (found.to_lowercase(), wanted.to_lowercase());
        return match comparison {
            Comparison::Equal => found == wanted,
            Comparison::NotEqual => found != wanted,
            Comparison::Contains => found.contains(&wanted),
            Comparison::StartsWith => found.starts_with(&wanted),
            Comparison::EndsWith => found.ends_with(&wanted),
            Comparison::Greater => found > wanted,
            Comparison::GreaterOrEqual => found >= wanted,
            Comparison::Less => found < wanted,
            Comparison::LessOrEqual => found <= wanted,
        };
    }
    match comparison {
        Comparison::Equal => found == wanted,
        Comparison::NotEqual => found != wanted,
        _ => false,
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&next) = characters.peek() {
        match next {
            ' ' => {
                characters.next();
            }
            '(' | ')' => {
                characters.next();
                found.push(if next == '(' { Token::Open } else { Token::Close });
            }
            '"' => {
                characters.next();
                found.push(Token::Text(quoted(&mut characters)?));
            }
            _ => {
                let mut word = String::new();
                while let Some(next) = characters.next_if(|next| !matches!(next, ' ' | '(' | ')' | '"')) {
                    word.push(next);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Some(found)
}

/// The rest of a quoted text, of which the first quote is read.
fn quoted(characters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Reader {
    fn either(&mut self) -> Option<Filter> {
        let mut left = self.both()?;
        while self.word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Some(left)
    }

    fn both(&mut self) -> Option<Filter> {
        let mut left = self.one()?;
        while self.word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Some(left)
    }

    fn one(&mut self) -> Option<Filter> {
        match self.tokens.next()? {
            Token::Open => self.inner(),
            Token::Word(word) if word.eq_ignore_ascii_case("not") => match self.tokens.next()? {
                Token::Open => self.inner().map(|inner| Filter::Not(Box::new(inner))),
                _ => None,
            },
            Token::Word(path) => self.comparison(path),
            Token::Close | Token::Text(_) => None,
        }
    }

    fn inner(&mut self) -> Option<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let inner = self.either()?;
        self.depth -= 1;
        (self.tokens.next()? == Token::Close).then_some(inner)
    }

    fn comparison(&mut self, path: String) -> Option<Filter> {
        let Token::Word(operator) = self.tokens.next()? else { return None };
        let comparison = match operator.to_ascii_lowercase().as_str() {
            "pr" => return Some(Filter::Present(path)),
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "co" => Comparison::Contains,
            "sw" => Comparison::StartsWith,
            "ew" => Comparison::EndsWith,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            _ => return None,
        };
        let value = match self.tokens.next()? {
            Token::Text(text) => Value::String(text),
            Token::Word(word) => serde_json::from_str(&word)
                .ok()
                .filter(|value: &Value| !value.is_object() && !value.is_array())?,
            Token::Open | Token::Close => return None,
        };
        Some(Filter::Compare(path, comparison, value))
    }

    fn word(&mut self, wanted: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted)))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(text: &str) -> Option<bool> {
        let record = json!({
            "userName": "Jane@Agency.example", "active": true, "age": 7, "nick": "a \"b\" c",
            "profile": {"email": "jane@agency.example"},
            "members": [{"value": "1"}, {"value": "2"}],
        });
        Some(parse(text)?.matches(&record))
    }

    #[test]
    fn an_expression_is_read_and_tested() {
        for (text, expected) in [
            (r#"userName eq "jane@agency.example""#, true),
            (r#"USERNAME Eq "jane@agency.example""#, true),
            (r#"profile.email eq "jane@agency.example""#, true),
            (r#"profile.email eq "other@agency.example""#, false),
            (r#"userName ne "x" and active eq true"#, true),
            (r"active eq false or age eq 7", true),
            (r#"active eq false and age eq 7 or members.value eq "2""#, true),
            (r#"active eq false and (age eq 7 or members.value eq "2")"#, false),
            (r#"not (members.value eq "3")"#, true),
            (r#"userName sw "jane@" and userName ew ".example" and userName co "agency""#, true),
            (r#"nick eq "a \"b\" c""#, true),
            (r"title pr", false),
            (r"active pr", true),
        ] {
            assert_eq!(holds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let deep = format!("{}active pr{}", "(".repeat(99), ")".repeat(99));
        for text in [
            "",
            "userName",
            "userName eq",
            r#"userName eq "x"#,
            "a eq x",
            "a eq 1 and",
            "(a pr",
            "a pr)",
            "a is 1",
        ]
        .into_iter()
        .chain([deep.as_str(), &"x".repeat(5000)])
        {
            assert_eq!(holds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in r#"([a-z.]{1,5}|eq|and|or|not|\(|\)|"|\\| |\PC){0,40}"#) {
            let _ = holds(&text);
        }
    }
}
