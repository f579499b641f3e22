//! Result files: JSON, one field of the result on each line, so that differences can be read.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;

/// Writes a result of a kind (`load`, `floor`), which reports tell results apart by.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &Path, kind: &str, result: &impl Serialize) -> Result<(), Failure> {
    let value = serde_json::to_value(result).map_err(Failure::because("the result is no JSON"))?;
    std::fs::write(file, text(kind, &value))
        .map_err(Failure::because(format!("{} cannot be written", file.display())))
}

fn text(kind: &str, result: &Value) -> String {
    let fields = result.as_object().into_iter().flatten();
    let lines: Vec<String> = std::iter::once(format!("\"kind\": \"{kind}\""))
        .chain(fields.map(|(name, value)| format!("\"{name}\": {}", shortened(value))))
        .collect();
    format!("{{\n  {}\n}}\n", lines.join(",\n  "))
}

/// Fractions to three digits: more would be noise.
fn shortened(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|number| (number * 1_000.0).round() / 1_000.0);
            rounded.map_or(Value::Null, Value::from)
        }
        Value::Array(items) => items.iter().map(shortened).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shortened(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::text;

    #[test]
    fn a_result_has_a_line_for_each_field() {
        let written = text("load", &json!({"a": {"b": [1.23456, 2]}, "c": null}));
        assert_eq!(written, "{\n  \"kind\": \"load\",\n  \"a\": {\"b\":[1.235,2]},\n  \"c\": null\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON")["kind"], "load");
    }
}
