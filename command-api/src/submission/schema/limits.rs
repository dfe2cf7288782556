//! How many parts of each kind a schema may have, and which patterns.
//!
//! **Not here:** what the parts cost together; that is `cost`.

use jsonschema::PatternOptions;
use serde_json::{Map, Value, json};

/// Properties, required names included, in the whole schema.
const PROPERTIES_MAX: usize = 500;
/// Members of all enumerations together.
const ENUM_MEMBERS_MAX: usize = 2_000;
/// Members, items or characters that a result may be forced to have.
const COUNT_MIN_MAX: u64 = 10_000;
/// Patterns in the whole schema.
const PATTERNS_MAX: usize = 64;
/// Sizes of compiled patterns, in bytes, by which they are counted; a larger one is refused.
const PATTERN_SIZES: [usize; 3] = [64 * 1024, 512 * 1024, 4 * 1024 * 1024];
/// Compiled patterns of one schema together, in bytes.
const PATTERNS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Memory of one pattern while it is matched, in bytes.
const PATTERN_CACHE_BYTES_MAX: usize = 1024 * 1024;

/// Which limit the schemas break, as the end of a sentence that begins with "schema".
pub(super) fn fault(schemas: &[&Map<String, Value>]) -> Option<String> {
    let sum = |count: fn(&Map<String, Value>) -> usize| schemas.iter().map(|one| count(one)).sum::<usize>();
    let properties = sum(|one| members(one, "properties").max(members(one, "required")));
    if properties > PROPERTIES_MAX {
        return Some(format!("has {properties} properties, the limit is {PROPERTIES_MAX}"));
    }
    let choices = sum(|one| members(one, "enum"));
    if choices > ENUM_MEMBERS_MAX {
        return Some(format!("lists {choices} members of enumerations, the limit is {ENUM_MEMBERS_MAX}"));
    }
    schemas.iter().find_map(|one| forced(one)).or_else(|| patterns(schemas))
}

fn members(schema: &Map<String, Value>, key: &str) -> usize {
    match schema.get(key) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    }
}

/// A count that no page fills.
fn forced(schema: &Map<String, Value>) -> Option<String> {
    let keys = ["minItems", "minContains", "minProperties", "minLength"];
    let key = keys.iter().find(|key| {
        let least = schema.get(**key).and_then(Value::as_f64).unwrap_or_default();
        least > COUNT_MIN_MAX as f64
    })?;
    Some(format!("demands more by '{key}' than a result holds, the limit is {COUNT_MIN_MAX}"))
}

fn patterns(schemas: &[&Map<String, Value>]) -> Option<String> {
    let (mut count, mut bytes) = (0, 0);
    for schema in schemas {
        let own = schema.get("pattern").and_then(Value::as_str);
        let keys = schema.get("patternProperties").and_then(Value::as_object);
        for pattern in own.into_iter().chain(keys.into_iter().flat_map(Map::keys).map(String::as_str)) {
            count += 1;
            if count > PATTERNS_MAX {
                return Some(format!("has more than {PATTERNS_MAX} patterns"));
            }
            let Some(size) = PATTERN_SIZES.into_iter().find(|size| compiles(pattern, *size)) else {
                let shown: String = pattern.chars().take(60).collect();
                return Some(format!(
                    "has a pattern that is not taken, simplify it or leave it out (look-around, back references \
                     and very large repetitions are not): '{shown}'"
                ));
            };
            bytes += size;
            if bytes > PATTERNS_BYTES_MAX {
                return Some("has patterns that are too large together, simplify them".to_owned());
            }
        }
    }
    None
}

fn compiles(pattern: &str, size: usize) -> bool {
    jsonschema::options().with_pattern_options(engine(size)).build(&json!({"pattern": pattern})).is_ok()
}

/// The largest engine that any accepted pattern needs.
pub(super) fn largest_engine() -> PatternOptions<jsonschema::Regex> {
    engine(PATTERN_SIZES[PATTERN_SIZES.len() - 1])
}

/// Time that grows with the text only, never with what is in it: no backtracking.
fn engine(size: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(size).dfa_size_limit(PATTERN_CACHE_BYTES_MAX)
}
