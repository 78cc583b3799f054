//! A client's id and secret in place of an access token: what the identity providers that have it share.

#[cfg(test)]
mod tests;

use url::Url;

use super::{Check, CheckState, OpenError, Opening};
use crate::config::Settings;
use crate::config::catalog::{Setting, SettingKind};
use crate::lockdown::http::{CallError, Shows, TokenClient, Transport};

const CLIENT_ID: &str = "client-id";
const CLIENT_AUTH: &str = "client-auth";

/// The setting that makes of the credential the secret of a client.
pub(super) const fn client_id(example: &'static str) -> Setting {
    Setting {
        name: CLIENT_ID,
        about: "Id of a client: the credential is then its secret, by which access tokens are asked for and renewed.",
        value: SettingKind::Text,
        required: false,
        default: None,
        example,
    }
}

/// The setting for how the client shows its secret; `usual`: what the vendor does unless it was told otherwise.
pub(super) const fn client_auth(usual: &'static str) -> Setting {
    Setting {
        name: CLIENT_AUTH,
        about: "How the client shows its secret, as the vendor's console says: basic, or post.",
        value: SettingKind::Text,
        required: false,
        default: Some(usual),
        example: usual,
    }
}

/// Where a client asks, and for what.
pub(super) struct Asks {
    pub(super) endpoint: Url,
    pub(super) shows: Shows,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Makes the transport ask for access tokens, where the configuration names a client. `only`: settings that mean nothing
/// without one. `asks` is given the settings and the base address.
///
/// # Errors
/// A setting does not hold.
pub(super) fn ask_for_tokens(
    opening: &mut Opening,
    only: &[&str],
    asks: impl FnOnce(&Settings, &Url) -> Result<Asks, OpenError>,
) -> Result<(), OpenError> {
    let settings = &opening.settings;
    let Some(id) = settings.text(CLIENT_ID) else {
        let is_set = |name: &&&str| settings.text(name).is_some() || settings.url(name).is_some();
        return match only.iter().find(is_set) {
            Some(name) => Err(OpenError(format!(
                "`{name}` is for a client that asks for access tokens, but `{CLIENT_ID}` is missing"
            ))),
            None => Ok(()),
        };
    };
    let Asks { endpoint, shows, fields } = asks(settings, opening.transport.base_url())?;
    let client = TokenClient { endpoint, id: id.to_owned(), shows, fields };
    let transport = opening.transport.with_client(client);
    opening.transport = transport.map_err(|error| OpenError(format!("`{CLIENT_ID}`: {error}")))?;
    Ok(())
}

/// How the configuration says that the client shows its secret.
pub(super) fn shows(settings: &Settings) -> Result<Shows, OpenError> {
    match settings.text(CLIENT_AUTH) {
        Some("basic") => Ok(Shows::Basic),
        Some("post") => Ok(Shows::Post),
        _ => Err(OpenError(format!("`{CLIENT_AUTH}` has to be \"basic\" or \"post\""))),
    }
}

/// `base` with these segments after its path.
pub(super) fn below(base: &Url, segments: &[&str]) -> Result<Url, OpenError> {
    let mut url = base.clone();
    url.set_query(None);
    {
        let path = url.path_segments_mut();
        let mut path = path.map_err(|()| OpenError(format!("nothing can be below {base}")))?;
        path.pop_if_empty().extend(segments);
    }
    Ok(url)
}

/// The name of a tenant or an environment, which stands in a path.
pub(super) fn name<'a>(settings: &'a Settings, setting: &str) -> Result<&'a str, OpenError> {
    let text = settings.text(setting);
    let text = text.ok_or_else(|| OpenError(format!("`{setting}` is needed beside `{CLIENT_ID}`")))?;
    let is_name = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if is_name { Ok(text) } else { Err(OpenError(format!("`{setting}` has to be an id or a domain"))) }
}

/// A line of `doctor`, where access tokens are asked for.
pub(super) async fn check(transport: &Transport) -> Option<Check> {
    let id = transport.client_id()?;
    let (state, note) = match transport.authorize().await {
        Ok(()) => (CheckState::Works, format!("as the client {id}; tokens are renewed by themselves")),
        Err(error @ CallError::Refused { .. }) => {
            (CheckState::Missing, format!("nothing can be read or done here: {error}"))
        }
        Err(error) => (CheckState::Unknown, error.to_string()),
    };
    Some(Check { what: "get an access token".to_owned(), state, note })
}
