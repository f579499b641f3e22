//! The JSON Schemas of `schema/events/`, and the check of every published value against its topic's schema.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use jsonschema::Validator;
use payment_schema::topic::Topic;
use serde_json::Value;

/// Where the schemas are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events")
}

/// The schema of a topic as JSON.
pub(crate) fn read(topic: Topic) -> Value {
    let path = folder().join(format!("{topic}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Panics unless `value` is what the topic's schema says.
pub(crate) fn check(topic: Topic, value: &Value) {
    static VALIDATORS: OnceLock<BTreeMap<Topic, Validator>> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(|| Topic::ALL.into_iter().map(compile).collect());
    let errors: Vec<String> = validators[&topic]
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{topic} does not fit its schema: {errors:?} in {value}");
}

fn compile(topic: Topic) -> (Topic, Validator) {
    let validator = jsonschema::draft202012::new(&read(topic));
    (topic, validator.unwrap_or_else(|error| panic!("{topic}: {error}")))
}
