//! Which addresses credentials may be sent to.

use url::{Host, Url};

use super::error::UrlFault;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Requests with a credential: https, or http to this machine. There is no switch for http elsewhere; where a server
    /// offers nothing else, a tunnel or a proxy on this machine does.
    Service,
    /// The same for messages to people: its query may be part of the secret.
    Webhook,
    /// A proxy: requests through it are encrypted to their end.
    Proxy,
}

/// Reads an address.
pub(super) fn parse(text: &str, of: Use) -> Result<Url, UrlFault> {
    let url = Url::parse(text).map_err(|_unknown| UrlFault::Invalid)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    match (url.scheme(), of) {
        ("https", _) | ("http", Use::Proxy) => {}
        ("http", Use::Service | Use::Webhook) if is_this_machine(&url) => {}
        ("http", Use::Service | Use::Webhook) => return Err(UrlFault::Plain),
        _ => return Err(UrlFault::Scheme),
    }
    if url.fragment().is_some() || url.query().is_some() && of != Use::Webhook {
        return Err(UrlFault::Query);
    }
    Ok(url)
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://mixpanel.com",
            "https://eu.mixpanel.com:8443/api",
            "http://localhost:8200",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:80/x",
        ] {
            assert!(parse(good, Use::Service).is_ok(), "{good}");
        }
        for (bad, fault) in [
            ("", UrlFault::Invalid),
            ("mixpanel.com", UrlFault::Invalid),
            ("https://", UrlFault::Invalid),
            ("http://mixpanel.com", UrlFault::Plain),
            ("http://localhost.evil.example", UrlFault::Plain),
            ("http://127.0.0.1.evil.example", UrlFault::Plain),
            ("http://10.0.0.1", UrlFault::Plain),
            ("http://0.0.0.0", UrlFault::Plain),
            ("http://[::ffff:10.0.0.1]", UrlFault::Plain),
            ("ftp://localhost", UrlFault::Scheme),
            ("file:///etc/passwd", UrlFault::Scheme),
            ("https://user@host", UrlFault::Credentials),
            ("https://:hunter2@host", UrlFault::Credentials),
            ("https://host/?token=hunter2", UrlFault::Query),
            ("https://host/#x", UrlFault::Query),
        ] {
            assert_eq!(parse(bad, Use::Service).unwrap_err(), fault, "{bad}");
        }
    }

    #[test]
    fn a_proxy_may_be_plain_but_holds_no_password() {
        assert!(parse("http://proxy.acme.example:3128", Use::Proxy).is_ok());
        assert_eq!(parse("http://u:p@proxy.acme.example", Use::Proxy).unwrap_err(), UrlFault::Credentials);
        assert_eq!(parse("socks5://proxy.acme.example", Use::Proxy).unwrap_err(), UrlFault::Scheme);
    }
}
