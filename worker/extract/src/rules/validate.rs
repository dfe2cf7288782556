//! The last word: the result against the caller's own schema.
//!
//! No reference ever leaves the schema: a remote one is refused, never fetched. Patterns run in an engine
//! without backtracking, so the time of a check grows with the schema and the result only.

use std::cmp::Ordering;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::ExtractError;

/// Rounds in which values that break a constraint are taken out again.
const REPAIRS_MAX: usize = 16;
/// Values that are taken out in one round.
const FAULTS_MAX: usize = 500;
/// Levels of a result. What a schema can cost to check is bounded, at submission, for no more than these.
const RESULT_LEVELS_MAX: usize = 16;
/// Memory of one compiled `pattern`, and of its cache while it is matched, in bytes.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;
const PATTERN_CACHE_BYTES_MAX: usize = 1024 * 1024;
/// Messages in one answer.
const MESSAGES_MAX: usize = 20;

/// Takes the value at a path out.
type Way = fn(&mut Value, &str);

/// Compiles the schema without any access to network or files.
pub(crate) fn compile(schema: &Value) -> Result<Validator, ExtractError> {
    let engine =
        PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_CACHE_BYTES_MAX);
    jsonschema::options()
        .offline()
        .with_pattern_options(engine)
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| ExtractError::Failed(format!("the schema cannot be used, correct it: {error}")))
}

/// Takes out values that break a constraint where the schema allows that, then says what is still wrong.
pub(crate) fn repair(validator: &Validator, result: &mut Value) -> Result<(), ExtractError> {
    too_deep(result)?;
    for _ in 0..REPAIRS_MAX {
        let values = faults(validator, result);
        let mut rows: Vec<String> = values.iter().filter_map(|path| row(path)).collect();
        rows.dedup();
        let ways: [(Way, &[String]); 3] = [(make_null, &values), (remove, &values), (remove, &rows)];
        let better = ways.iter().find_map(|(way, paths)| {
            let mut changed = result.clone();
            paths.iter().for_each(|path| way(&mut changed, path));
            (count(validator, &changed) < count(validator, result)).then_some(changed)
        });
        match better {
            Some(better) => *result = better,
            None => break,
        }
    }
    check(validator, result)
}

/// What is wrong with the result, one message per value.
pub(crate) fn check(validator: &Validator, result: &Value) -> Result<(), ExtractError> {
    too_deep(result)?;
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

fn too_deep(result: &Value) -> Result<(), ExtractError> {
    if is_within(result, RESULT_LEVELS_MAX) {
        return Ok(());
    }
    let message = format!("the result is nested deeper than {RESULT_LEVELS_MAX} levels");
    Err(ExtractError::SchemaMismatch(vec![message]))
}

/// Whether a value has at most so many levels below it.
pub(crate) fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels > 0 && list.iter().all(|one| is_within(one, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|one| is_within(one, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn count(validator: &Validator, result: &Value) -> usize {
    validator.iter_errors(result).count()
}

/// Where values break a constraint, later members of a list before earlier ones: so a removal moves no other.
fn faults(validator: &Validator, result: &Value) -> Vec<String> {
    let paths = validator.iter_errors(result).map(|error| error.instance_path().as_str().to_owned());
    let mut paths: Vec<String> = paths.filter(|path| !path.is_empty()).take(FAULTS_MAX).collect();
    paths.sort_by(|one, other| in_order(other, one));
    paths.dedup();
    paths
}

fn in_order(one: &str, other: &str) -> Ordering {
    let steps = one.split('/').zip(other.split('/'));
    let unequal = steps.map(|(a, b)| match (a.parse::<usize>(), b.parse::<usize>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    });
    unequal.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
}

fn make_null(result: &mut Value, path: &str) {
    if let Some(value) = result.pointer_mut(path) {
        *value = Value::Null;
    }
}

fn remove(result: &mut Value, path: &str) {
    let Some((owner, key)) = path.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match result.pointer_mut(owner) {
        Some(Value::Object(object)) => {
            object.remove(&key);
        }
        Some(Value::Array(list)) => {
            if let Some(index) = key.parse::<usize>().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
}

/// The member of a list that the value is, or is a part of.
fn row(path: &str) -> Option<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    let is_index =
        |end: &usize| path[..*end].rsplit('/').next().is_some_and(|step| step.parse::<usize>().is_ok());
    ends.filter(is_index).last().map(|end| path[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn repaired(schema: &Value, mut result: Value) -> Result<Value, ExtractError> {
        repair(&compile(schema).unwrap(), &mut result).map(|()| result)
    }

    #[test]
    fn what_breaks_a_constraint_is_left_out_where_that_is_allowed() {
        let schema = json!({"type": "object", "properties": {
            "optional": {"type": "string", "maxLength": 3}, "nullable": {"type": ["string", "null"], "pattern": "^a"},
            "rows": {"type": "array", "items": {"type": "object", "required": ["n"],
                "properties": {"n": {"type": "integer", "minimum": 1}}}}}});
        let rows: Vec<Value> = (0..200).map(|n| json!({"n": n % 100})).collect();
        let result = repaired(&schema, json!({"optional": "long", "nullable": "b", "rows": rows})).unwrap();
        assert_eq!((result.get("optional"), &result["nullable"]), (None, &Value::Null));
        assert_eq!(result["rows"].as_array().map(Vec::len), Some(198));
    }

    #[test]
    fn what_must_be_there_and_is_wrong_is_named() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "maximum": 5}}});
        assert!(matches!(repaired(&schema, json!({"a": 9})), Err(ExtractError::SchemaMismatch(_))));
    }

    #[test]
    fn a_result_of_too_many_levels_is_refused_before_it_is_checked() {
        let deep = (0..=RESULT_LEVELS_MAX).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(matches!(repaired(&json!({}), deep), Err(ExtractError::SchemaMismatch(_))));
    }

    #[test]
    fn look_around_is_refused_because_it_needs_backtracking() {
        assert!(compile(&json!({"pattern": "(?=a)b"})).is_err());
        let text = format!("{}b", "a".repeat(100_000));
        assert!(repaired(&json!({"pattern": "^(a+)+$"}), json!(text)).is_err());
    }
}
