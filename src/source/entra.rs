//! Microsoft Entra ID: sign-ins and directory audits.
//!
//! Two shapes, both of the vendor's documentation: records of Microsoft Graph (`signIns`, `directoryAudits`, in pages as
//! `value`), and Azure Monitor's, which put the same record into `properties` (in blobs and event hubs as `records`). Tables
//! of Log Analytics have the keys in capitals. A sign-in of Graph names no action; it is called as Azure Monitor calls it.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "entra",
    about: "Microsoft Entra sign-ins and directory audits: Microsoft Graph records or pages, Azure Monitor records",
    logsources: &[("saas_audit", "azure", "signinlogs"), ("saas_audit", "azure", "auditlogs")],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "user.target.name",
        "source.ip",
        "source.geo.city_name",
        "source.geo.country_iso_code",
        "source.geo.region_name",
        "source.geo.location.lat",
        "source.geo.location.lon",
        "source.as.number",
        "user_agent.original",
        "service.name",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["@timestamp"],
    looks_like: |has| {
        let any = |paths: &[&str]| paths.iter().any(|path| has(path));
        let sign_in = has("createdDateTime")
            && any(&["userPrincipalName", "servicePrincipalId"])
            && any(&["status.errorCode", "appDisplayName", "appId", "conditionalAccessStatus"]);
        let audit = has("activityDisplayName") && any(&["initiatedBy", "targetResources", "loggedByService"]);
        let monitor = any(&["operationName", "operationname", "category"])
            && any(&[
                "properties.userPrincipalName",
                "properties.servicePrincipalId",
                "properties.activityDisplayName",
                "properties.initiatedBy",
                "properties.conditionalAccessStatus",
            ]);
        let table = has("TimeGenerated")
            && any(&["UserPrincipalName", "InitiatedBy", "ServicePrincipalId"])
            && any(&["ResultType", "OperationName", "ActivityDisplayName"]);
        sign_in || audit || monitor || table
    },
    pages: &["value", "records"],
    event_type: None,
    blind_spots: &[
        "what an account did in applications after it had signed in",
        "sign-ins that a token which was stolen made unnecessary",
    ],
};

/// Error codes of sign-ins that a person goes on with: a second factor, a consent, a question. They are neither success
/// nor failure. The list is ours; the vendor's has hundreds.
const INTERRUPTED: &[&str] = &[
    "50055", "50058", "50072", "50074", "50076", "50079", "50097", "50125", "50129", "50140", "50144",
    "65001",
];
const NOT_FAILED: &[&str] = &[
    "0", "success", "", "50055", "50058", "50072", "50074", "50076", "50079", "50097", "50125", "50129",
    "50140", "50144", "65001",
];
/// The category of Azure Monitor in which people show who they are; applications that refresh a token by themselves have another.
const SIGN_INS: &[&str] = &["SignInLogs"];
const BY_ITSELF: &[&str] = &["NonInteractiveUserSignInLogs"];

const MEANINGS: &[Meaning] = &[
    Meaning {
        field: "event.action",
        value: "Sign-in activity",
        when: &[When::Is("createdDateTime", &["*"]), When::Is("userPrincipalName", &["*"])],
    },
    Meaning {
        field: "event.category",
        value: "authentication",
        when: &[
            When::Is("createdDateTime", &["*"]),
            When::Not("userPrincipalName", &[""]),
            When::Never("isInteractive", &["false"]),
        ],
    },
    Meaning {
        field: "event.category",
        value: "authentication",
        when: &[When::Is("category", SIGN_INS), When::Never("properties.isInteractive", &["false"])],
    },
    Meaning {
        field: "event.category",
        value: "authentication",
        when: &[
            When::Is("TimeGenerated", &["*"]),
            When::Not("UserPrincipalName", &[""]),
            // Rows of other tables have none.
            When::Is("ResultType", &["*"]),
            When::Never("Category", BY_ITSELF),
            When::Never("IsInteractive", &["false"]),
        ],
    },
    Meaning { field: "event.category", value: "iam", when: &[When::Is("activityDateTime", &["*"])] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("status.errorCode", &["0"])] },
    Meaning { field: "event.outcome", value: "failure", when: &[When::Not("status.errorCode", NOT_FAILED)] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("ResultType", &["0", "success"])] },
    Meaning { field: "event.outcome", value: "failure", when: &[When::Not("ResultType", NOT_FAILED)] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("result", &["success"])] },
    Meaning {
        field: "event.outcome",
        value: "failure",
        when: &[When::Is("result", &["failure", "failed", "timeout"])],
    },
    // What Microsoft's portal shows of such sign-ins.
    Meaning { field: "Status", value: "Interrupted", when: &[When::Is("ResultType", INTERRUPTED)] },
    Meaning { field: "Status", value: "Success", when: &[When::Is("ResultType", &["0", "success"])] },
    Meaning { field: "Status", value: "Failure", when: &[When::Not("ResultType", NOT_FAILED)] },
    Meaning { field: "Status", value: "Success", when: &[When::Is("result", &["success"])] },
    Meaning {
        field: "Status",
        value: "Failure",
        when: &[When::Is("result", &["failure", "failed", "timeout"])],
    },
];

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &[
            "properties.createdDateTime",
            "properties.activityDateTime",
            "createdDateTime",
            "activityDateTime",
            "CreatedDateTime",
            "ActivityDateTime",
            "TimeGenerated",
            "time",
        ],
        "event.action" => &[
            "properties.activityDisplayName",
            "activityDisplayName",
            "ActivityDisplayName",
            "operationName",
            "OperationName",
            "operationname",
        ],
        "event.id" => &["properties.id", "id", "Id"],
        "event.reason" => &[
            "properties.status.failureReason",
            "status.failureReason",
            "properties.resultReason",
            "resultReason",
            "resultDescription",
            "ResultDescription",
        ],
        "user_agent.original" => &["properties.userAgent", "userAgent", "UserAgent"],
        "service.name" => &[
            "properties.appDisplayName",
            "appDisplayName",
            "AppDisplayName",
            "properties.loggedByService",
            "loggedByService",
        ],
        _ if field.starts_with("user.") => user_paths(field),
        _ if field.starts_with("source.") => origin_paths(field),
        _ => sigma_paths(field),
    }
}

fn user_paths(field: &str) -> &'static [&'static str] {
    match field {
        "user.email" => &[
            "properties.userPrincipalName",
            "userPrincipalName",
            "UserPrincipalName",
            "properties.initiatedBy.user.userPrincipalName",
            "initiatedBy.user.userPrincipalName",
            "InitiatedBy.user.userPrincipalName",
        ],
        "user.id" => &[
            "properties.userId",
            "userId",
            "UserId",
            "properties.initiatedBy.user.id",
            "initiatedBy.user.id",
            "InitiatedBy.user.id",
        ],
        "user.name" => &[
            "properties.userDisplayName",
            "userDisplayName",
            "UserDisplayName",
            "properties.initiatedBy.user.displayName",
            "initiatedBy.user.displayName",
            "properties.initiatedBy.app.displayName",
            "initiatedBy.app.displayName",
        ],
        "user.target.email" => &[
            "properties.targetResources.userPrincipalName",
            "targetResources.userPrincipalName",
            "TargetResources.userPrincipalName",
        ],
        "user.target.name" => &[
            "properties.targetResources.displayName",
            "targetResources.displayName",
            "TargetResources.displayName",
        ],
        _ => &[],
    }
}

fn origin_paths(field: &str) -> &'static [&'static str] {
    match field {
        "source.ip" => &[
            "properties.ipAddress",
            "ipAddress",
            "IPAddress",
            "properties.initiatedBy.user.ipAddress",
            "initiatedBy.user.ipAddress",
            "InitiatedBy.user.ipAddress",
            "callerIpAddress",
            "CallerIpAddress",
            "calleripaddress",
        ],
        "source.geo.city_name" => &["properties.location.city", "location.city", "LocationDetails.city"],
        // A code of two letters.
        "source.geo.country_iso_code" => &[
            "properties.location.countryOrRegion",
            "location.countryOrRegion",
            "LocationDetails.countryOrRegion",
        ],
        "source.geo.region_name" => &["properties.location.state", "location.state", "LocationDetails.state"],
        "source.geo.location.lat" => &[
            "properties.location.geoCoordinates.latitude",
            "location.geoCoordinates.latitude",
            "LocationDetails.geoCoordinates.latitude",
        ],
        "source.geo.location.lon" => &[
            "properties.location.geoCoordinates.longitude",
            "location.geoCoordinates.longitude",
            "LocationDetails.geoCoordinates.longitude",
        ],
        "source.as.number" => {
            &["properties.autonomousSystemNumber", "autonomousSystemNumber", "AutonomousSystemNumber"]
        }
        _ => &[],
    }
}

/// Names that rules of SigmaHQ and the meanings above use.
fn sigma_paths(field: &str) -> &'static [&'static str] {
    match field {
        "activityDateTime" => &["properties.activityDateTime", "ActivityDateTime"],
        "properties.message" | "OperationName" | "operationName" | "ActivityDisplayName" => &[
            "operationName",
            "OperationName",
            "properties.activityDisplayName",
            "activityDisplayName",
            "ActivityDisplayName",
        ],
        "ResultType" | "resultType" => {
            &["ResultType", "resultType", "resulttype", "properties.status.errorCode", "status.errorCode"]
        }
        "status.errorCode" => &["properties.status.errorCode"],
        "ResultDescription" | "resultDescription" => &[
            "ResultDescription",
            "resultDescription",
            "properties.status.failureReason",
            "status.failureReason",
        ],
        "result" => &["properties.result", "Result"],
        "Category" | "category" => &["properties.category", "category", "Category"],
        "LoggedByService" => &["properties.loggedByService", "loggedByService"],
        "AuthenticationRequirement" => &["properties.authenticationRequirement", "authenticationRequirement"],
        "conditionalAccessStatus" => &["properties.conditionalAccessStatus", "ConditionalAccessStatus"],
        "authenticationProtocol" => &["properties.authenticationProtocol", "AuthenticationProtocol"],
        "clientAppUsed" => &["properties.clientAppUsed", "ClientAppUsed"],
        "riskLevelDuringSignIn" => &["properties.riskLevelDuringSignIn", "RiskLevelDuringSignIn"],
        "riskState" | "RiskState" => &["properties.riskState", "riskState", "RiskState"],
        "userAgent" => &["properties.userAgent", "UserAgent"],
        "targetResources.modifiedProperties.displayName" => &[
            "properties.targetResources.modifiedProperties.displayName",
            "TargetResources.modifiedProperties.displayName",
        ],
        "targetResources.modifiedProperties.newValue" | "TargetResources.modifiedProperties.newValue" => &[
            "properties.targetResources.modifiedProperties.newValue",
            "targetResources.modifiedProperties.newValue",
        ],
        "targetResources.type" => &["properties.targetResources.type", "TargetResources.type"],
        _ => &[],
    }
}
