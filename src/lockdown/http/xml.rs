//! Answers in XML, as services of AWS give them that speak its query protocol.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use roxmltree::{Document, Node, ParsingOptions};

/// More nodes than any such answer has.
const MOST: u32 = 100_000;

/// The text of the element at this path, whose first name is that of the root; namespaces do not count. `Ok(None)`: there is no
/// such element.
///
/// # Errors
/// It is not XML, has a document type or too many nodes, or its root is another one; in words that do not repeat it.
pub(super) fn text(body: &[u8], path: &[&str]) -> Result<Option<String>, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_error| "not UTF-8")?;
    let options = ParsingOptions { nodes_limit: MOST, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start(), options).map_err(|_error| "not XML")?;
    let (root, rest) = path.split_first().ok_or("no path")?;
    let mut node = document.root_element();
    if node.tag_name().name() != *root {
        return Err("another document");
    }
    for name in rest {
        let is_it = |child: &Node<'_, '_>| child.is_element() && child.tag_name().name() == *name;
        match node.children().find(is_it) {
            Some(child) => node = child,
            None => return Ok(None),
        }
    }
    Ok(Some(node.text().unwrap_or_default().to_owned()))
}

/// The service's own code and words.
pub(super) fn words(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let part =
        |name| text(body, &["ErrorResponse", "Error", name]).map(|text| text.filter(|text| !text.is_empty()));
    let found = (part("Code").ok()?, part("Message").ok()?);
    (found != (None, None)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_path_whatever_its_namespace() {
        let body = br#"<?xml version="1.0"?><A xmlns="https://x/"><B><C>one</C></B><B><C>two</C></B><E/><F>a&lt;b</F></A>"#;
        assert_eq!(text(body, &["A", "B", "C"]), Ok(Some("one".to_owned())));
        assert_eq!(text(body, &["A", "F"]), Ok(Some("a<b".to_owned())));
        assert_eq!(text(body, &["A", "E"]), Ok(Some(String::new())));
        assert_eq!(text(body, &["A", "C"]), Ok(None));
        assert_eq!(text(body, &["B"]), Err("another document"));
    }

    #[test]
    fn what_is_no_such_answer_is_an_error_and_nothing_is_expanded_or_fetched() {
        let deep = "<a>".repeat(1_000_000);
        let wide = format!("<a>{}</a>", "<b/>".repeat(200_000));
        let bomb = r#"<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>"#;
        let file = r#"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>"#;
        for odd in ["", "{}", "<a>", "<a></b>", "<a>&x;</a>", "<html><br></html>", &deep, &wide, bomb, file] {
            assert_eq!(text(odd.as_bytes(), &["a"]), Err("not XML"), "{}", odd.get(..60).unwrap_or(odd));
        }
        assert_eq!(text(b"<a>\xff</a>", &["a"]), Err("not UTF-8"));
    }

    #[test]
    fn the_words_of_a_refusal_are_found() {
        let error = b"<ErrorResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><Error><Type>Sender</Type>\
                      <Code>NoSuchEntity</Code><Message>The role cannot be found.</Message></Error></ErrorResponse>";
        let told = (Some("NoSuchEntity".to_owned()), Some("The role cannot be found.".to_owned()));
        assert_eq!(words(error), Some(told));
        for other in ["<ErrorResponse/>", "<html/>", "{\"message\":\"no\"}", ""] {
            assert_eq!(words(other.as_bytes()), None, "{other}");
        }
    }
}
