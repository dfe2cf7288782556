//! The last word: the result against the caller's own schema.
//!
//! No reference ever leaves the schema: a remote one is refused, never fetched.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::ExtractError;

/// Values that are taken out again because they break a constraint.
const REPAIRS_MAX: usize = 64;
/// Steps that one `pattern` may take on one text.
const BACKTRACK_STEPS_MAX: usize = 100_000;
/// Messages in one answer.
const MESSAGES_MAX: usize = 20;

/// Compiles the schema without any access to network or files.
pub(crate) fn compile(schema: &Value) -> Result<Validator, ExtractError> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_STEPS_MAX))
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| ExtractError::Failed(format!("the schema cannot be used, correct it: {error}")))
}

/// Takes out values that break a constraint where the schema allows that, then says what is still wrong.
pub(crate) fn repair(validator: &Validator, result: &mut Value) -> Result<(), ExtractError> {
    for _ in 0..REPAIRS_MAX {
        let Some(error) =
            validator.iter_errors(result).find(|error| !error.instance_path().as_str().is_empty())
        else {
            break;
        };
        let path = error.instance_path().as_str().to_owned();
        if !take_out(validator, result, &path) {
            break;
        }
    }
    let messages: Vec<String> = validator
        .iter_errors(result)
        .take(MESSAGES_MAX)
        .map(|error| {
            let path = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
        })
        .collect();
    if messages.is_empty() { Ok(()) } else { Err(ExtractError::SchemaMismatch(messages)) }
}

/// Removes the value, or makes it null, whichever leaves fewer errors; `false` when neither helps.
fn take_out(validator: &Validator, result: &mut Value, path: &str) -> bool {
    let before = validator.iter_errors(result).count();
    let Some((owner, key)) = path.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/").replace("~0", "~");
    let mut removed = result.clone();
    match removed.pointer_mut(owner) {
        Some(Value::Object(object)) => {
            object.remove(&key);
        }
        Some(Value::Array(list)) => {
            if let Ok(index) = key.parse::<usize>()
                && index < list.len()
            {
                list.remove(index);
            }
        }
        _ => return false,
    }
    let mut nulled = result.clone();
    if let Some(value) = nulled.pointer_mut(path) {
        *value = Value::Null;
    }
    for candidate in [nulled, removed] {
        if validator.iter_errors(&candidate).count() < before {
            *result = candidate;
            return true;
        }
    }
    false
}
