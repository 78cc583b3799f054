//! Kinds for tests, like those that come with the program: they have a setting of every sort, some with defaults, whatever
//! the real ones come to have.

use super::catalog::{Catalog, KindSpec, Setting, SettingKind};

/// Some kinds.
pub(crate) const KNOWN: Catalog =
    Catalog { providers: &[&MIXPANEL, &OKTA], stores: &[&VAULT], consumers: &[&LAMBDA] };

const MIXPANEL: KindSpec = KindSpec {
    name: "mixpanel",
    title: "Mixpanel",
    base_url: Some("https://mixpanel.com"),
    credential: "service account as username:secret, owner or admin of the organization",
    settings: &[
        Setting {
            name: "organization",
            about: "Number of the organization, as in the address of its settings page.",
            value: SettingKind::Number,
            required: true,
            default: None,
            example: "12345",
        },
        Setting {
            name: "data-url",
            about: "Address for exports and pipelines; data in the EU or India has its own.",
            value: SettingKind::Url,
            required: false,
            default: Some("https://data.mixpanel.com"),
            example: "https://data-eu.mixpanel.com",
        },
    ],
};

const OKTA: KindSpec = KindSpec {
    name: "okta",
    title: "Okta",
    base_url: None,
    credential: "API token of an administrator",
    settings: &[
        Setting {
            name: "base-url",
            about: "Address of your Okta organization.",
            value: SettingKind::Url,
            required: true,
            default: None,
            example: "https://acme.okta.example",
        },
        Setting {
            name: "app",
            about: "Id of the application in Okta through which people reach Mixpanel.",
            value: SettingKind::Text,
            required: false,
            default: None,
            example: "0oa1gjh63g214q0Hq0g4",
        },
    ],
};

const VAULT: KindSpec = KindSpec {
    name: "vault",
    title: "Vault or OpenBao, key-value engine version 2",
    base_url: None,
    credential: "token that may read and patch the entries",
    settings: &[
        Setting {
            name: "base-url",
            about: "Address of the server.",
            value: SettingKind::Url,
            required: true,
            default: None,
            example: "https://vault.acme.example:8200",
        },
        Setting {
            name: "mount",
            about: "Where the engine is mounted.",
            value: SettingKind::Text,
            required: false,
            default: Some("secret"),
            example: "secret",
        },
        Setting {
            name: "namespace",
            about: "Namespace, where the server has them.",
            value: SettingKind::Text,
            required: false,
            default: None,
            example: "security",
        },
    ],
};

const LAMBDA: KindSpec = KindSpec {
    name: "aws-lambda",
    title: "Functions",
    base_url: None,
    credential: "access key",
    settings: &[Setting {
        name: "base-url",
        about: "Address of the service.",
        value: SettingKind::Url,
        required: true,
        default: None,
        example: "https://lambda.example",
    }],
};
