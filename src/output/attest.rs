//! Record integrity as the draft of OCSF 1.9 has it: each event carries its own digest and that of the event before, so that
//! nothing can be changed, left out or put in between without being seen.

use serde_json::{Value, json};

use crate::sys::hash::sha256_hex;

/// The version of OCSF whose profile this is.
const OCSF: &str = "1.9.0-dev";
/// The profile's name in an event's metadata.
const PROFILE: &str = "record_integrity";

/// A chain of events.
#[derive(Debug)]
pub struct Chain {
    uid: String,
    /// The reference to the last event.
    previous: Option<Value>,
}

impl Chain {
    /// An empty chain of this name.
    pub fn new(uid: &str) -> Self {
        Self { uid: uid.to_owned(), previous: None }
    }

    /// Makes `event` the next of the chain: its version and profile are said, `uid` is its identifier, and its attestation has
    /// the SHA-256 of its canonical JSON (RFC 8785) with everything in it but the digest itself. Keys have to be ASCII, and
    /// numbers whole: then canonical JSON is compact JSON with sorted keys.
    pub fn add(&mut self, uid: &str, event: &mut Value) {
        put(&mut event["metadata"], "version", json!(OCSF));
        put(&mut event["metadata"], "profiles", json!([PROFILE]));
        put(&mut event["metadata"], "uid", json!(uid));
        let mut attestation = json!({ "chain_uid": self.uid });
        if let Some(previous) = self.previous.take() {
            put(&mut attestation, "prev_event", previous);
        }
        put(event, "attestation_list", json!([attestation]));
        let digest = fingerprint(&sha256_hex(canonical(event).as_bytes()));
        put(&mut attestation, "fingerprint", digest.clone());
        put(event, "attestation_list", json!([attestation]));
        self.previous = Some(json!({ "uid": uid, "type_uid": event["type_uid"], "fingerprint": digest }));
    }
}

/// Canonical JSON. An object keeps its keys sorted; what is no text is written in one way, and texts are escaped no further
/// than JSON asks.
fn canonical(value: &Value) -> String {
    value.to_string()
}

/// Sets a field of an object; anything else stays as it is.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// SHA-256 in hexadecimal digits, of canonical JSON.
fn fingerprint(digest: &str) -> Value {
    json!({
        "algorithm_id": 3, "algorithm": "SHA-256", "encoding_id": 1, "encoding": "Hex", "serialization_id": 2,
        "serialization": "JCS", "value": digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an importer would do: take the digest out, and work it out anew.
    fn is_whole(event: &Value) -> bool {
        let mut bare = event.clone();
        let digest = bare["attestation_list"][0].as_object_mut().unwrap().remove("fingerprint").unwrap();
        sha256_hex(canonical(&bare).as_bytes()) == digest["value"].as_str().unwrap()
    }

    #[test]
    fn what_is_changed_left_out_or_moved_is_seen() {
        let mut chain = Chain::new("incident");
        let mut events: Vec<Value> =
            (0..3).map(|n| json!({ "metadata": {}, "z": n, "a": "é\u{1b}\u{9b}\"", "n": null })).collect();
        for (at, event) in events.iter_mut().enumerate() {
            chain.add(&at.to_string(), event);
        }
        assert!(events.iter().all(is_whole));
        assert_eq!(
            canonical(&json!({ "b": 1, "a": "\u{1b}\u{8}é\u{9b}/" })),
            "{\"a\":\"\\u001b\\bé\u{9b}/\",\"b\":1}"
        );
        let digest = |event: &Value| event["attestation_list"][0]["fingerprint"]["value"].clone();
        let before =
            |event: &Value| event["attestation_list"][0]["prev_event"]["fingerprint"]["value"].clone();
        assert_eq!(before(&events[0]), Value::Null);
        assert_eq!(before(&events[1]), digest(&events[0]));
        assert_eq!(before(&events[2]), digest(&events[1]));
        let mut changed = events[1].clone();
        changed["z"] = json!(7);
        assert!(!is_whole(&changed));
        let mut moved = events[2].clone();
        moved["attestation_list"][0]["prev_event"] = events[1]["attestation_list"][0]["prev_event"].clone();
        assert!(!is_whole(&moved));
    }
}
