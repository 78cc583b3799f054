//! Value modifiers: what a field's key says after `|`, and what it makes of a value.

use super::placeholder::{Placeholders, expand};
use super::test::{Comparison, DatePart, Relation, Test};
use super::text::{self, Part, Pattern};
use super::yaml::{Fault, Node, Span, Yaml};

/// Bytes that one value may become through encodings, all its forms together.
const MAX_VALUE_BYTES: usize = 1 << 20;
/// Bytes of a compiled regular expression.
const MAX_REGEX: usize = 8 << 20;

/// Every modifier of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    /// `all`
    All,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `contains`
    Contains,
    /// `exists`
    Exists,
    /// `cased`
    Cased,
    /// `neq`
    Neq,
    /// `windash`
    Windash,
    /// `re`
    Re,
    /// `i`, `m`, `s` after `re`
    ReFlag(char),
    /// `base64`
    Base64,
    /// `base64offset`
    Base64Offset,
    /// `utf16le`, `wide`
    Utf16Le,
    /// `utf16be`
    Utf16Be,
    /// `utf16`
    Utf16,
    /// `lt`, `lte`, `gt`, `gte`
    Compare(Comparison),
    /// `minute` … `year`
    Date(DatePart),
    /// `cidr`
    Cidr,
    /// `expand`
    Expand,
    /// `fieldref`
    FieldRef,
}

const NAMES: &[(&str, Modifier)] = &[
    ("all", Modifier::All),
    ("startswith", Modifier::StartsWith),
    ("endswith", Modifier::EndsWith),
    ("contains", Modifier::Contains),
    ("exists", Modifier::Exists),
    ("cased", Modifier::Cased),
    ("neq", Modifier::Neq),
    ("windash", Modifier::Windash),
    ("re", Modifier::Re),
    ("i", Modifier::ReFlag('i')),
    ("m", Modifier::ReFlag('m')),
    ("s", Modifier::ReFlag('s')),
    ("base64", Modifier::Base64),
    ("base64offset", Modifier::Base64Offset),
    ("utf16le", Modifier::Utf16Le),
    ("wide", Modifier::Utf16Le),
    ("utf16be", Modifier::Utf16Be),
    ("utf16", Modifier::Utf16),
    ("lt", Modifier::Compare(Comparison::Less)),
    ("lte", Modifier::Compare(Comparison::LessOrEqual)),
    ("gt", Modifier::Compare(Comparison::Greater)),
    ("gte", Modifier::Compare(Comparison::GreaterOrEqual)),
    ("minute", Modifier::Date(DatePart::Minute)),
    ("hour", Modifier::Date(DatePart::Hour)),
    ("day", Modifier::Date(DatePart::Day)),
    ("week", Modifier::Date(DatePart::Week)),
    ("month", Modifier::Date(DatePart::Month)),
    ("year", Modifier::Date(DatePart::Year)),
    ("cidr", Modifier::Cidr),
    ("expand", Modifier::Expand),
    ("fieldref", Modifier::FieldRef),
];

/// A field's key: its name and modifiers.
#[derive(Debug)]
pub(super) struct FieldKey {
    /// The field; empty for a search over the whole record.
    pub field: String,
    modifiers: Vec<Modifier>,
    span: Span,
}

/// What kind of test the modifiers ask for.
enum Kind {
    Text,
    Regex,
    Cidr,
    Exists,
    FieldRef,
    Number(Comparison),
    Date(DatePart, Comparison),
}

impl FieldKey {
    /// Reads `field|modifier|modifier`.
    pub(super) fn parse(key: &str, span: Span) -> Result<Self, Fault> {
        let mut pieces = key.split('|');
        let field = pieces.next().unwrap_or_default().to_owned();
        let mut modifiers = Vec::new();
        for name in pieces {
            let known = NAMES.iter().find(|(known, _)| *known == name).map(|&(_, modifier)| modifier);
            let Some(modifier) = known else {
                let fault = Fault::new(span, format!("unknown modifier `{name}`"));
                let near = super::hint::nearest(name, NAMES.iter().map(|&(name, _)| name));
                return Err(match near {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint("the specification's appendix lists all modifiers"),
                });
            };
            modifiers.push(modifier);
        }
        let key = Self { field, modifiers, span };
        key.check()?;
        Ok(key)
    }

    /// Whether the modifier stands in the key.
    pub(super) fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }

    fn check(&self) -> Result<(), Fault> {
        let count = |wanted: &dyn Fn(&Modifier) -> bool| {
            self.modifiers.iter().filter(|modifier| wanted(modifier)).count()
        };
        let compares = count(&|modifier| matches!(modifier, Modifier::Compare(_)));
        let dates = count(&|modifier| matches!(modifier, Modifier::Date(_)));
        let types = count(&|modifier| {
            matches!(modifier, Modifier::Re | Modifier::Cidr | Modifier::Exists | Modifier::FieldRef)
        });
        let texts = count(&|modifier| {
            matches!(
                modifier,
                Modifier::Windash
                    | Modifier::Base64
                    | Modifier::Base64Offset
                    | Modifier::Utf16
                    | Modifier::Utf16Be
                    | Modifier::Utf16Le
            )
        });
        let places = count(&|modifier| {
            matches!(modifier, Modifier::StartsWith | Modifier::EndsWith | Modifier::Contains)
        });
        let flags = count(&|modifier| matches!(modifier, Modifier::ReFlag(_)));
        let kinds = types + usize::from(compares + dates > 0);
        if kinds > 1 || compares > 1 || dates > 1 {
            return Err(self.fault("these modifiers ask for different kinds of test"));
        }
        if kinds == 1 && (texts > 0 || (places > 0 && !self.has(Modifier::FieldRef))) {
            return Err(self.fault("text modifiers do not go with this kind of test"));
        }
        if flags > 0 && !self.has(Modifier::Re) {
            return Err(self.fault("`i`, `m` and `s` are only for `re`").hint("write `re|i`"));
        }
        if places > 1 {
            return Err(self.fault("only one of `startswith`, `endswith`, `contains` can stand in a key"));
        }
        self.check_reach()
    }

    /// Modifiers that would be without effect here.
    fn check_reach(&self) -> Result<(), Fault> {
        let kind = self.kind();
        if self.has(Modifier::Expand) && !matches!(kind, Kind::Text | Kind::Regex | Kind::Cidr) {
            return Err(self.fault("`expand` goes with text, `re` and `cidr` alone"));
        }
        if self.has(Modifier::Exists) && self.has(Modifier::Neq) {
            return Err(self.fault("`exists` and `neq` do not go together").hint("write `exists: false`"));
        }
        if self.field.is_empty() && matches!(kind, Kind::FieldRef | Kind::Exists) {
            return Err(self.fault("`fieldref` and `exists` need a field in front of them"));
        }
        Ok(())
    }

    /// The specification allows `all` for two values or more.
    pub(super) fn check_count(&self, values: usize, span: Span) -> Result<(), Fault> {
        if values < 2 && self.has(Modifier::All) {
            return Err(Fault::new(span, "`all` needs a list of two values or more")
                .hint("leave `all` out; for a second test on the field, add a search"));
        }
        Ok(())
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.span, message)
    }

    fn kind(&self) -> Kind {
        let compare = self.modifiers.iter().find_map(|modifier| match modifier {
            Modifier::Compare(comparison) => Some(*comparison),
            _ => None,
        });
        for modifier in &self.modifiers {
            match modifier {
                Modifier::Re => return Kind::Regex,
                Modifier::Cidr => return Kind::Cidr,
                Modifier::Exists => return Kind::Exists,
                Modifier::FieldRef => return Kind::FieldRef,
                Modifier::Date(part) => return Kind::Date(*part, compare.unwrap_or(Comparison::Equal)),
                _ => {}
            }
        }
        compare.map_or(Kind::Text, Kind::Number)
    }

    /// The tests that a value stands for: any of them has to pass. For [`Kind::Exists`] see [`FieldKey::exists`].
    pub(super) fn tests(&self, node: &Node, placeholders: &Placeholders) -> Result<Vec<Test>, Fault> {
        match self.kind() {
            Kind::Text => self.text_tests(node, placeholders),
            Kind::Regex => {
                self.expanded(node, placeholders)?.iter().map(|text| self.regex(text, node.span)).collect()
            }
            Kind::Cidr => {
                self.expanded(node, placeholders)?.iter().map(|text| cidr(text, node.span)).collect()
            }
            Kind::Exists => Ok(vec![Test::Exists]),
            Kind::FieldRef => Ok(vec![self.field_ref(node)?]),
            Kind::Number(comparison) => Ok(vec![Test::Number { comparison, value: number(node)? }]),
            Kind::Date(part, comparison) => Ok(vec![Test::Date { part, comparison, value: number(node)? }]),
        }
    }

    /// What an `exists` key asks; `None` for any other key.
    pub(super) fn exists(&self, node: &Node) -> Option<Result<bool, Fault>> {
        self.has(Modifier::Exists).then(|| match node.value {
            Yaml::Bool(wanted) => Ok(wanted),
            _ => Err(Fault::new(node.span, format!("`exists` takes true or false, not {}", node.kind()))),
        })
    }

    fn field_ref(&self, node: &Node) -> Result<Test, Fault> {
        let Yaml::Text(other) = &node.value else {
            return Err(Fault::new(
                node.span,
                format!("`fieldref` takes a field's name, not {}", node.kind()),
            ));
        };
        let relation = if self.has(Modifier::StartsWith) {
            Relation::StartsWith
        } else if self.has(Modifier::EndsWith) {
            Relation::EndsWith
        } else if self.has(Modifier::Contains) {
            Relation::Contains
        } else {
            Relation::Equals
        };
        Ok(Test::Field { other: other.clone(), relation, cased: self.has(Modifier::Cased) })
    }

    fn regex(&self, text: &str, span: Span) -> Result<Test, Fault> {
        let flag = |letter| self.has(Modifier::ReFlag(letter));
        regex::RegexBuilder::new(text)
            .case_insensitive(flag('i'))
            .multi_line(flag('m'))
            .dot_matches_new_line(flag('s'))
            .size_limit(MAX_REGEX)
            .build()
            .map(Test::Regex)
            .map_err(|error| regex_fault(&error, text, span))
    }

    /// The value's text with its placeholders filled in.
    fn expanded(&self, node: &Node, placeholders: &Placeholders) -> Result<Vec<String>, Fault> {
        let Some(text) = node.text() else {
            return Err(Fault::new(node.span, format!("expected text, not {}", node.kind())));
        };
        if self.has(Modifier::Expand) { expand(&text, node.span, placeholders) } else { Ok(vec![text]) }
    }

    fn text_tests(&self, node: &Node, placeholders: &Placeholders) -> Result<Vec<Test>, Fault> {
        let plain = self.modifiers.iter().all(|modifier| matches!(modifier, Modifier::All | Modifier::Neq));
        if let (Yaml::Number(value, text), true, false) = (&node.value, plain, self.field.is_empty()) {
            return Ok(vec![Test::NumberText { text: text.clone(), value: *value }]);
        }
        let mut values: Vec<Vec<Part>> =
            self.expanded(node, placeholders)?.iter().map(|text| text::parse(text)).collect();
        for modifier in &self.modifiers {
            let mut next = Vec::new();
            for parts in values {
                next.extend(transform(*modifier, parts, node.span)?);
            }
            values = next;
            if values.iter().map(|parts| size(parts)).sum::<usize>() > MAX_VALUE_BYTES {
                return Err(Fault::new(node.span, "encodings make more than 1 MiB of this value"));
            }
        }
        let whole_record = self.field.is_empty();
        let cased = self.has(Modifier::Cased);
        values
            .into_iter()
            .map(|parts| if whole_record { around(parts) } else { parts })
            .map(|parts| Test::text(Pattern::new(parts), cased).map_err(|error| Fault::new(node.span, error)))
            .collect()
    }
}

/// One modifier's effect on a text pattern.
fn transform(modifier: Modifier, parts: Vec<Part>, span: Span) -> Result<Vec<Vec<Part>>, Fault> {
    let one = |parts| Ok(vec![parts]);
    match modifier {
        Modifier::StartsWith => one(parts.into_iter().chain([Part::Any]).collect()),
        Modifier::EndsWith => one([Part::Any].into_iter().chain(parts).collect()),
        Modifier::Contains => one(around(parts)),
        Modifier::Windash => one(text::windash(parts)),
        Modifier::Base64 => one(vec![Part::Literal(base64(&plain(parts, span)?).into_bytes())]),
        Modifier::Base64Offset => match plain(parts, span)? {
            bytes if bytes.len() < 2 => {
                Err(Fault::new(span, "one letter leaves no trace of its own in Base64")
                    .hint("`base64offset` needs two letters or more"))
            }
            bytes => Ok(base64_offsets(&bytes)),
        },
        Modifier::Utf16Le => one(vec![Part::Literal(utf16(&plain(parts, span)?, u16::to_le_bytes, span)?)]),
        Modifier::Utf16Be => one(vec![Part::Literal(utf16(&plain(parts, span)?, u16::to_be_bytes, span)?)]),
        Modifier::Utf16 => {
            let mut bytes = vec![0xFF, 0xFE];
            bytes.extend(utf16(&plain(parts, span)?, u16::to_le_bytes, span)?);
            one(vec![Part::Literal(bytes)])
        }
        Modifier::All
        | Modifier::Cased
        | Modifier::Neq
        | Modifier::Expand
        | Modifier::Exists
        | Modifier::Re
        | Modifier::ReFlag(_)
        | Modifier::Compare(_)
        | Modifier::Date(_)
        | Modifier::Cidr
        | Modifier::FieldRef => one(parts),
    }
}

/// Bytes of a pattern, about.
fn size(parts: &[Part]) -> usize {
    parts.iter().map(|part| if let Part::Literal(text) = part { text.len() } else { 1 }).sum()
}

fn around(parts: Vec<Part>) -> Vec<Part> {
    [Part::Any].into_iter().chain(parts).chain([Part::Any]).collect()
}

/// The bytes of a pattern without wildcards: what encodings take.
fn plain(parts: Vec<Part>, span: Span) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    for part in parts {
        let Part::Literal(literal) = part else {
            return Err(
                Fault::new(span, "wildcards cannot be encoded").hint("put `contains` after the encoding")
            );
        };
        bytes.extend(literal);
    }
    Ok(bytes)
}

fn utf16(bytes: &[u8], order: fn(u16) -> [u8; 2], span: Span) -> Result<Vec<u8>, Fault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.encode_utf16().flat_map(order).collect()),
        Err(_) => Err(Fault::new(span, "a value that is encoded already cannot become UTF-16")),
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| LETTERS.get((bits & 63) as usize).map_or('=', |&byte| char::from(byte));
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(letter(bits >> 18));
        out.push(letter(bits >> 12));
        out.push(if group.len() > 1 { letter(bits >> 6) } else { '=' });
        out.push(if group.len() > 2 { letter(bits) } else { '=' });
    }
    out
}

/// The three texts that bytes can become inside longer Base64, without the letters that their neighbours decide.
fn base64_offsets(bytes: &[u8]) -> Vec<Vec<Part>> {
    [(0, 0), (1, 2), (2, 3)]
        .into_iter()
        .map(|(shift, skip)| {
            let shifted: Vec<u8> = std::iter::repeat_n(b' ', shift).chain(bytes.iter().copied()).collect();
            let encoded = base64(&shifted);
            let cut = [0, 3, 2].get(shifted.len() % 3).copied().unwrap_or_default();
            let fixed = encoded.get(skip..encoded.len().saturating_sub(cut)).unwrap_or_default();
            vec![Part::Literal(fixed.as_bytes().to_vec())]
        })
        .collect()
}

fn cidr(text: &str, span: Span) -> Result<Test, Fault> {
    let network =
        text.parse::<ipnet::IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from));
    network.map(|network| Test::Cidr(unmapped(network.trunc()))).map_err(|error| {
        Fault::new(span, format!("`{text}` is no network: {error}"))
            .hint("write it as 10.0.0.0/8 or 2001:db8::/32")
    })
}

/// A network of v4 addresses mapped into v6 as that of the v4 addresses, which is how addresses are compared.
fn unmapped(network: ipnet::IpNet) -> ipnet::IpNet {
    let ipnet::IpNet::V6(v6) = network else { return network };
    let v4 = v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, bits)| ipnet::Ipv4Net::new(address, bits).ok()).map_or(network, ipnet::IpNet::V4)
}

fn number(node: &Node) -> Result<f64, Fault> {
    let value = match &node.value {
        Yaml::Number(value, _) => Some(*value),
        Yaml::Text(text) => super::test::number(text),
        _ => None,
    };
    value.ok_or_else(|| Fault::new(node.span, format!("expected a number, not {}", node.kind())))
}

fn regex_fault(error: &regex::Error, text: &str, span: Span) -> Fault {
    let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| text.contains(start));
    let reason = if around {
        "look-around is not in the specification's regular expressions".to_owned()
    } else {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    };
    Fault::new(span, format!("regular expression cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_its_offsets() {
        assert_eq!(base64(b"foob"), "Zm9vYg==");
        let texts: Vec<String> = base64_offsets(b"http://")
            .iter()
            .map(|parts| match parts.as_slice() {
                [Part::Literal(text)] => String::from_utf8(text.clone()).unwrap(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, ["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"]);
    }

    #[test]
    fn values_cannot_grow_without_limit() {
        let span = Span { line: 1, column: 1 };
        let tests = |modifiers: &str, value: &str| {
            let node = Node { value: Yaml::Text(value.to_owned()), span, letters: None };
            FieldKey::parse(&format!("f{modifiers}"), span).unwrap().tests(&node, &Placeholders::new())
        };
        for modifier in ["|wide", "|base64offset", "|base64"] {
            assert!(tests(&modifier.repeat(60), "abcd").unwrap_err().message.contains("1 MiB"), "{modifier}");
        }
        assert!(tests("|base64offset|contains", "a").unwrap_err().hint.unwrap().contains("two letters"));
        assert_eq!(tests("|base64offset|contains", "ab").unwrap().len(), 3);
    }

    #[test]
    fn combinations_that_mean_nothing_are_refused() {
        for (key, part) in [
            ("f|re|cidr", "different kinds"),
            ("f|lt|gt", "different kinds"),
            ("f|re|contains", "text modifiers"),
            ("f|i", "only for `re`"),
            ("f|contains|startswith", "only one"),
            ("f|contain", "unknown modifier"),
            ("f|exists|neq", "do not go together"),
            ("f|expand|gt", "`expand` goes with"),
            ("|fieldref", "need a field"),
            ("|exists", "need a field"),
        ] {
            assert!(FieldKey::parse(key, Span::default()).unwrap_err().message.contains(part), "{key}");
        }
        for key in
            ["f|re|i|m|s", "f|fieldref|endswith", "f|hour|gte", "f|cidr|neq", "f|wide|base64offset|contains"]
        {
            assert!(FieldKey::parse(key, Span::default()).is_ok(), "{key}");
        }
    }
}
