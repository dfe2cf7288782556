//! A JSON Schema as the filler sees it: references resolved, `null` alternatives turned into a flag.
//!
//! **Not here:** validation; constraints that filling does not need (`minimum`, `pattern`) are only
//! checked on the result.

use serde_json::{Map, Value};

use super::match_names::Query;

/// Nesting that is filled; recursive schemas end here.
const LEVELS_MAX: usize = 8;
/// Shapes of one schema; references could otherwise multiply without bound.
const SHAPES_MAX: usize = 2_000;

/// What kind of value is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Text,
    Number,
    Integer,
    Boolean,
    Object(Vec<Field>),
    List(Box<Shape>),
    /// The first that can be filled.
    Either(Vec<Shape>),
    Any,
}

/// A wanted value.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    pub(crate) description: String,
    pub(crate) format: Option<String>,
    /// `enum` or `const`.
    pub(crate) choices: Vec<Value>,
}

/// A property of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
    /// What it asks for; kept because each row of a list asks anew.
    pub(crate) query: Query,
}

impl Field {
    pub(crate) fn new(name: &str, required: bool, shape: Shape) -> Self {
        Self { name: name.to_owned(), required, query: Query::new(name, &shape.description), shape }
    }
}

impl Shape {
    /// Reads a whole schema.
    pub(crate) fn of(schema: &Value) -> Self {
        Reader { root: schema, left: SHAPES_MAX }.shape(schema, LEVELS_MAX)
    }

    fn any() -> Self {
        Self {
            kind: Kind::Any,
            nullable: true,
            description: String::new(),
            format: None,
            choices: Vec::new(),
        }
    }
}

struct Reader<'s> {
    root: &'s Value,
    left: usize,
}

impl Reader<'_> {
    fn shape(&mut self, schema: &Value, levels: usize) -> Shape {
        let Some(merged) = self.merged(schema).filter(|_| levels > 0 && self.left > 0) else {
            return Shape::any();
        };
        self.left -= 1;
        let text = |key: &str| merged.get(key).and_then(Value::as_str);
        let description =
            [text("title"), text("description")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut choices: Vec<Value> =
            merged.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        choices.extend(merged.get("const").cloned());
        let mut types = types(&merged);
        let mut nullable = types.contains(&"null") || choices.contains(&Value::Null);
        types.retain(|one| *one != "null");
        choices.retain(|choice| !choice.is_null());
        let kind = match alternatives(&merged) {
            Some(list) => {
                nullable = nullable || list.iter().any(is_null);
                let mut rest: Vec<Shape> =
                    list.iter().filter(|one| !is_null(one)).map(|one| self.shape(one, levels - 1)).collect();
                if rest.len() == 1 {
                    let mut only = rest.remove(0);
                    only.nullable |= nullable;
                    only.description = if description.is_empty() { only.description } else { description };
                    return only;
                }
                Kind::Either(rest)
            }
            None => self.kind(&merged, &types, levels),
        };
        Shape { kind, nullable, description, format: text("format").map(str::to_owned), choices }
    }

    fn kind(&mut self, schema: &Map<String, Value>, types: &[&str], levels: usize) -> Kind {
        let one = |reader: &mut Self, name: &str| match name {
            "object" => Kind::Object(reader.fields(schema, levels)),
            "array" => Kind::List(Box::new(
                schema.get("items").map_or_else(Shape::any, |items| reader.shape(items, levels - 1)),
            )),
            "number" => Kind::Number,
            "integer" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "string" => Kind::Text,
            _ => Kind::Any,
        };
        match types {
            [] if schema.contains_key("properties") || schema.contains_key("required") => one(self, "object"),
            [] if schema.contains_key("items") => one(self, "array"),
            [] => Kind::Any,
            [only] => one(self, only),
            several => {
                let shapes = several.iter().map(|name| Shape { kind: one(self, name), ..Shape::any() });
                Kind::Either(shapes.collect())
            }
        }
    }

    fn fields(&mut self, schema: &Map<String, Value>, levels: usize) -> Vec<Field> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut fields = Vec::new();
        for (name, property) in properties.into_iter().flatten() {
            let shape = self.shape(property, levels - 1);
            fields.push(Field::new(name, required.contains(&name.as_str()), shape));
        }
        for name in required {
            if !fields.iter().any(|field| field.name == name) {
                fields.push(Field::new(name, true, Shape { nullable: false, ..Shape::any() }));
            }
        }
        fields
    }

    /// The schema with its local `$ref` and its `allOf` members written into it.
    fn merged(&self, schema: &Value) -> Option<Map<String, Value>> {
        let mut merged = schema.as_object()?.clone();
        for _ in 0..LEVELS_MAX {
            let mut parts: Vec<Value> = Vec::new();
            if let Some(Value::String(target)) = merged.remove("$ref") {
                let pointer = percent_decode(target.strip_prefix('#')?);
                parts.push(self.root.pointer(&pointer)?.clone());
            }
            if let Some(Value::Array(list)) = merged.remove("allOf") {
                parts.extend(list);
            }
            if parts.is_empty() {
                return Some(merged);
            }
            for part in parts {
                add(&mut merged, part);
            }
        }
        Some(merged)
    }
}

/// What stands beside a reference wins; `properties` and `required` are united.
fn add(into: &mut Map<String, Value>, part: Value) {
    let Value::Object(part) = part else { return };
    for (key, value) in part {
        match (into.get_mut(&key), value) {
            (None, value) => {
                into.insert(key, value);
            }
            (Some(Value::Object(there)), Value::Object(more)) if key == "properties" => there.extend(more),
            (Some(Value::Array(there)), Value::Array(more)) if key == "required" => there.extend(more),
            _ => {}
        }
    }
}

fn percent_decode(pointer: &str) -> String {
    pointer.replace("%24", "$").replace("%20", " ").replace("%5B", "[").replace("%5D", "]")
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn alternatives(schema: &Map<String, Value>) -> Option<&Vec<Value>> {
    // Beside properties, alternatives only constrain ("one of these is required").
    let constrains = schema.contains_key("properties");
    ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(*key)?.as_array())
        .filter(|list| !list.is_empty() && !constrains)
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null" || schema.get("const").is_some_and(Value::is_null)
}
