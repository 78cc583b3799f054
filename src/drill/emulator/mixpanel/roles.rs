//! Roles: open strings, four of which the specification names.

/// Strength of a role; those that the specification does not name stand at the bottom.
pub(super) fn rank(role: &str) -> u64 {
    match role {
        "owner" => 4,
        "admin" => 3,
        "analyst" => 2,
        "consumer" => 1,
        _ => 0,
    }
}

/// Whether it may manage what it is a role in.
pub(super) fn manages(role: &str) -> bool {
    rank(role) >= 3
}
