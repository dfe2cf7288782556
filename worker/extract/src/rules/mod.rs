//! The built-in extractor: structured data mapped onto a JSON Schema by rules, without a model.
//!
//! Find what the page says (`structured`), order it (`sources`), fill the shape (`fill`, `lists`), validate
//! (`validate`). **Not here:** reading HTML.

mod concepts;
mod convert;
mod dates;
mod fill;
mod lists;
pub(crate) mod match_names;
mod shape;
mod sources;
mod validate;
mod values;
mod yes_no;

use serde_json::Value;

use crate::structured::entity::{Entity, words};
use crate::structured::{self, Found};
use crate::{ExtractError, Page, main_content, page, prompt};
use fill::Filler;
use match_names::Query;
use shape::{Kind, Shape};

/// JSON from a page: by the schema, else by the fields that the prompt names, else everything.
pub(crate) fn of_page(
    page: &Page<'_>,
    schema: Option<&Value>,
    prompt: Option<&str>,
    main_only: bool,
) -> Result<Value, ExtractError> {
    let document = page::parse(page.html)?;
    let base = page::base(&document, page.url);
    let content = if main_only { main_content::of(document.clone(), &base)? } else { document.clone() };
    let found = structured::read(&document, &content, base);
    match schema {
        Some(schema) => by_schema(&found, schema),
        None => by_prompt(&found, prompt.unwrap_or_default()),
    }
}

fn by_schema(found: &Found, schema: &Value) -> Result<Value, ExtractError> {
    let validator = validate::compile(schema)?;
    let shape = Shape::of(schema);
    let filler = Filler::new(found);
    let mut result = match &shape.kind {
        Kind::Object(fields) if !fields.is_empty() => {
            let lists = fields.iter().any(|field| is_object_list(&field.shape));
            let filled = filler.object(fields, &sources::page_entity(found, lists), true);
            if !filled.missing.is_empty() {
                return Err(ExtractError::SchemaMismatch(
                    filled.missing.iter().map(|path| missing(path)).collect(),
                ));
            }
            if filled.count == 0 {
                return Err(ExtractError::Empty);
            }
            Value::Object(filled.object)
        }
        Kind::List(item) => {
            let entity = sources::page_entity(found, true);
            lists::fill(&filler, item, &Query::new("items", &shape.description), &entity, true)
                .ok_or(ExtractError::Empty)?
        }
        _ => everything(found)?,
    };
    validate::repair(&validator, &mut result)?;
    Ok(result)
}

fn missing(path: &str) -> String {
    format!("{path}: required, but nothing on the page could be read as it")
}

fn is_object_list(shape: &Shape) -> bool {
    match &shape.kind {
        Kind::List(item) => matches!(item.kind, Kind::Object(_)),
        Kind::Either(shapes) => shapes.iter().any(is_object_list),
        _ => false,
    }
}

fn everything(found: &Found) -> Result<Value, ExtractError> {
    let all = sources::everything(found);
    if all.is_empty() { Err(ExtractError::Empty) } else { Ok(Value::Object(all)) }
}

/// The fields that the prompt names; a list of objects when it asks for all of something and the page lists them.
fn by_prompt(found: &Found, text: &str) -> Result<Value, ExtractError> {
    let asked = prompt::read(text);
    let filler = Filler::new(found);
    let entity = sources::page_entity(found, asked.list.is_some());
    let fields: Vec<shape::Field> =
        asked.fields.iter().filter_map(|field| prompt_field(field, &entity, &filler)).collect();
    if fields.is_empty() {
        return everything(found);
    }
    if let Some(name) = &asked.list {
        let item = Shape { kind: Kind::Object(fields.clone()), ..any_shape() };
        let rows =
            lists::fill(&filler, &item, &Query::new(name, ""), &sources::page_entity(found, true), true);
        if let Some(Value::Array(rows)) =
            rows.filter(|rows| rows.as_array().is_some_and(|rows| rows.len() > 1))
        {
            return Ok(Value::Object(std::iter::once((name.clone(), Value::Array(rows))).collect()));
        }
    }
    let filled = filler.object(&fields, &entity, true);
    if filled.count == 0 { everything(found) } else { Ok(Value::Object(filled.object)) }
}

fn any_shape() -> Shape {
    Shape { kind: Kind::Any, nullable: true, description: String::new(), format: None, choices: Vec::new() }
}

/// A known meaning under its canonical name, or a name that some fact of the page has.
fn prompt_field(name: &str, entity: &Entity, filler: &Filler<'_>) -> Option<shape::Field> {
    let query = Query::new(name, "");
    let known = query.concept.map(str::to_owned);
    let name =
        known.or_else(|| filler.lookup(entity, &query, |_| Some(())).map(|()| words(name).join("_")))?;
    let kind = if matches!(
        query.concept,
        Some("images" | "keywords" | "ingredients" | "features" | "categories" | "instructions")
    ) {
        Kind::List(Box::new(any_shape()))
    } else {
        Kind::Any
    };
    Some(shape::Field::new(&name, false, Shape { kind, ..any_shape() }))
}
