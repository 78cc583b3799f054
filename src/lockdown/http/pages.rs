//! Lists that come in pages.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::{Call, CallError, Reply, Transport};

/// More pages than any list has; a list that goes on is not one.
const MOST: usize = 10_000;

/// Where the next page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This was the last one.
    Done,
    /// Where `Link: …; rel="next"` says; without such a header this was the last one.
    Link,
    /// The same request with this query parameter: an offset, a page number, a cursor.
    Query(&'static str, String),
    /// At a whole address, which the body of the page gave.
    At(Url),
}

impl Next {
    /// Where a link in the body of a page leads.
    ///
    /// # Errors
    /// [`CallError::Lost`]: it is no whole address, so the rest of the list is unknown.
    pub fn at(link: &str) -> Result<Self, CallError> {
        Url::parse(link).map(Self::At).map_err(|error| {
            CallError::lost(format!("the link to the next page of the list cannot be read: {error}"))
        })
    }

    /// What the body of a page says of the next: nothing, or a text that `then` reads.
    ///
    /// # Errors
    /// [`CallError::Lost`]: it says something else, so the rest of the list is unknown; or what `then` says.
    pub fn told(
        value: Option<&Value>,
        then: impl FnOnce(&str) -> Result<Self, CallError>,
    ) -> Result<Self, CallError> {
        match value {
            None | Some(Value::Null) => Ok(Self::Done),
            Some(Value::String(text)) => then(text),
            Some(_) => Err(CallError::lost("where the next page of the list is cannot be read".to_owned())),
        }
    }

    /// Paging by offset, counted from `first`: `got` entries came from `offset` on, of `total` if that is known. A page
    /// without entries ends the list.
    pub fn offset(name: &'static str, first: u64, offset: u64, got: u64, total: Option<u64>) -> Self {
        let next = offset.saturating_add(got);
        if got == 0 || total.is_some_and(|total| next.saturating_sub(first) >= total) {
            Self::Done
        } else {
            Self::Query(name, next.to_string())
        }
    }
}

impl Transport {
    /// Reads page after page; `each` takes one and says where the next is.
    ///
    /// # Errors
    /// That of a read or of `each`; [`CallError::NotSent`] when a link leads to another origin; [`CallError::Lost`]
    /// when the pages go round in a circle or have no end.
    pub async fn pages(
        &self,
        mut call: Call,
        mut each: impl FnMut(&Reply) -> Result<Next, CallError> + Send,
    ) -> Result<(), CallError> {
        let mut seen = BTreeSet::new();
        loop {
            let url = call.url(&self.shared.base)?;
            if seen.len() == MOST || !seen.insert(String::from(url.clone())) {
                return Err(CallError::Lost { what: self.say(&call, "the pages of the list have no end") });
            }
            let reply = self.read(&call).await?;
            call = match each(&reply)? {
                Next::Done => return Ok(()),
                Next::Query(name, value) => call.set(name, value),
                Next::At(link) => call.at(link),
                Next::Link => match reply.next(&url) {
                    None => return Ok(()),
                    Some(link) => call.at(link),
                },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_says_something_else_of_the_next_is_not_the_last() {
        let told = |value: Option<Value>| Next::told(value.as_ref(), Next::at);
        assert_eq!(told(None).unwrap(), Next::Done);
        assert_eq!(told(Some(Value::Null)).unwrap(), Next::Done);
        assert!(matches!(told(Some("https://x.example/?page=2".into())), Ok(Next::At(_))));
        for odd in [Value::from(7), Value::from(false), serde_json::json!({ "href": "x" }), "x".into()] {
            assert!(matches!(told(Some(odd)), Err(CallError::Lost { .. })));
        }
    }

    #[test]
    fn offsets_end_with_the_list() {
        let next = |offset, got, total| Next::offset("startIndex", 1, offset, got, total);
        assert_eq!(next(1, 100, Some(250)), Next::Query("startIndex", "101".to_owned()));
        assert_eq!(next(1, 100, None), Next::Query("startIndex", "101".to_owned()));
        assert_eq!(next(101, 149, Some(250)), Next::Query("startIndex", "250".to_owned()));
        assert_eq!(next(201, 50, Some(250)), Next::Done);
        assert_eq!(next(201, 0, Some(999)), Next::Done);
        assert_eq!(next(201, 0, None), Next::Done);
        assert_eq!(Next::offset("offset", 0, 200, 50, Some(250)), Next::Done);
        assert_eq!(Next::offset("offset", 0, 200, 49, Some(250)), Next::Query("offset", "249".to_owned()));
    }
}
