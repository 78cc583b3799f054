//! The condition language: `and`, `or`, `not`, brackets, `1 of x*`, `all of them`.

use super::Expr;
use super::yaml::{Fault, Node, Span};

/// Deepest nesting of brackets and `not`.
const MAX_DEPTH: usize = 64;

/// A token and the character at which it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    at: usize,
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    searches: &'a [(String, Expr)],
    nodes: &'a mut usize,
    node: &'a Node,
    depth: usize,
}

/// Reads a condition over the named searches. `nodes` is how many nodes it may still come to.
pub(super) fn parse(
    text: &str,
    node: &Node,
    searches: &[(String, Expr)],
    nodes: &mut usize,
) -> Result<Expr, Fault> {
    if text.contains('|') {
        return Err(Fault::new(node.span, "aggregations after a pipe are not part of Sigma 2")
            .hint("write a correlation rule instead"));
    }
    let mut parser = Parser { tokens: tokens(text), next: 0, searches, nodes, node, depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(parser.fault(token.at, format!("unexpected `{}` in the condition", token.text))),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut word: Option<Token> = None;
    for (at, letter) in text.chars().enumerate() {
        if letter.is_whitespace() || letter == '(' || letter == ')' {
            tokens.extend(word.take());
            if !letter.is_whitespace() {
                tokens.push(Token { text: letter.to_string(), at });
            }
        } else {
            word.get_or_insert_with(|| Token { text: String::new(), at }).text.push(letter);
        }
    }
    tokens.extend(word);
    tokens
}

impl Parser<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).cloned()
    }

    /// Whether the next token is this keyword; it is taken.
    fn takes(&mut self, keyword: &str) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|token| token.text.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn fault(&self, at: usize, message: impl Into<String>) -> Fault {
        let letters = self.node.letters.map(|first| Span { column: first.column + at, ..first });
        Fault::new(letters.unwrap_or(self.node.span), message)
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.and()?];
        while self.takes("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.not()?];
        while self.takes("and") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expr::All))
    }

    fn not(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(0, "condition is nested deeper than 64 levels"));
        }
        let expr = if self.takes("not") { Expr::Not(Box::new(self.not()?)) } else { self.primary()? };
        self.depth -= 1;
        Ok(expr)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let Some(token) = self.peek() else {
            return Err(self.fault(0, "the condition ends where a search should stand"));
        };
        self.next += 1;
        if token.text == "(" {
            let inner = self.or()?;
            if self.takes(")") {
                return Ok(inner);
            }
            return Err(self.fault(token.at, "this bracket is never closed"));
        }
        let quantifier = token.text.to_ascii_lowercase();
        let of = self.tokens.get(self.next).is_some_and(|next| next.text.eq_ignore_ascii_case("of"));
        if of && matches!(quantifier.as_str(), "1" | "any" | "all") {
            self.next += 1;
            return self.of(&token, quantifier == "all");
        }
        self.search(&token)
    }

    fn of(&mut self, quantifier: &Token, all: bool) -> Result<Expr, Fault> {
        let Some(pattern) = self.peek() else {
            return Err(self.fault(quantifier.at, "`of` needs `them` or a pattern such as `selection_*`"));
        };
        self.next += 1;
        let them = pattern.text.eq_ignore_ascii_case("them");
        let chosen = |name: &str| if them { !name.starts_with('_') } else { like(&pattern.text, name) };
        let searches = self.searches;
        let mut parts = Vec::new();
        for (_, expr) in searches.iter().filter(|(name, _)| chosen(name)) {
            parts.push(self.copy(expr, pattern.at)?);
        }
        if parts.is_empty() {
            return Err(self
                .fault(pattern.at, format!("no search is like `{}`", pattern.text))
                .hint(self.known()));
        }
        Ok(if all { Expr::All(parts) } else { Expr::Any(parts) })
    }

    /// A search's expression, if the condition may still grow by it.
    fn copy(&mut self, expr: &Expr, at: usize) -> Result<Expr, Fault> {
        match self.nodes.checked_sub(expr.size()) {
            Some(left) => *self.nodes = left,
            None => {
                return Err(self
                    .fault(at, "the condition comes to more than 200,000 nodes")
                    .hint("name large searches less often, or make several rules of it"));
            }
        }
        Ok(expr.clone())
    }

    fn search(&mut self, token: &Token) -> Result<Expr, Fault> {
        let searches = self.searches;
        if let Some((_, expr)) = searches.iter().find(|(name, _)| *name == token.text) {
            return self.copy(expr, token.at);
        }
        let names = self.searches.iter().map(|(name, _)| name.as_str());
        let hint = super::hint::nearest(&token.text, names)
            .map_or_else(|| self.known(), |name| format!("did you mean `{name}`?"));
        Err(self.fault(token.at, format!("no search is called `{}`", token.text)).hint(hint))
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.searches.iter().map(|(name, _)| name.as_str()).collect();
        format!("searches of this rule: {}", names.join(", "))
    }
}

fn one_or(mut parts: Vec<Expr>, many: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

/// Whether a name is like a pattern in which `*` stands for anything.
fn like(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::super::yaml::Yaml;
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let names = ["sel_a", "sel_b", "filter", "_hidden"];
        let searches: Vec<_> =
            names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), Expr::Atom(at))).collect();
        let span = Span { line: 3, column: 16 };
        let node = Node { value: Yaml::Text(text.to_owned()), span, letters: Some(span) };
        parse(text, &node, &searches, &mut 1000).map(|expr| format!("{expr:?}")).map_err(|fault| {
            format!("{}:{} {}", fault.span.column, fault.message, fault.hint.unwrap_or_default())
        })
    }

    #[test]
    fn precedence_quantifiers_and_patterns() {
        let cases = [
            ("sel_a or sel_b and not filter", "Any([Atom(0), All([Atom(1), Not(Atom(2))])])"),
            ("(sel_a OR sel_b) AND NOT filter", "All([Any([Atom(0), Atom(1)]), Not(Atom(2))])"),
            ("1 of sel_*", "Any([Atom(0), Atom(1)])"),
            ("all of sel_*", "All([Atom(0), Atom(1)])"),
            ("all of them", "All([Atom(0), Atom(1), Atom(2)])"),
            ("any of *_*", "Any([Atom(0), Atom(1), Atom(3)])"),
            ("not not sel_a", "Not(Not(Atom(0)))"),
            ("not 1 of filter*", "Not(Any([Atom(2)]))"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_point_at_the_word() {
        let cases = [
            ("sel_a and filtr", "26:no search is called `filtr` did you mean `filter`?"),
            ("sel_a sel_b", "22:unexpected `sel_b` in the condition "),
            ("(sel_a", "16:this bracket is never closed "),
            (
                "1 of none*",
                "21:no search is like `none*` searches of this rule: sel_a, sel_b, filter, _hidden",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        assert!(read("sel_a | count() > 5").unwrap_err().contains("correlation"));
        assert!(read(&"(".repeat(100)).is_err());
        assert!(read(&["sel_a"; 1000].join(" or ")).is_ok());
        assert!(read(&["sel_a"; 1001].join(" or ")).unwrap_err().contains("more than 200,000 nodes"));
    }
}
