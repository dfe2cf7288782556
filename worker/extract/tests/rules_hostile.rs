//! No schema ends the process or keeps it busy for long, whatever page it meets.

use leafcutter_extract::{ExtractError, Page, Wanted, extract};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use url::Url;

const PAGE: &str = "<html lang=en><title>Cup</title><script type='application/ld+json'>{\"@type\":\"Product\",\"name\":\"Cup\",\
    \"offers\":[{\"price\":\"3.50\",\"priceCurrency\":\"EUR\"}],\"review\":[{\"reviewBody\":\"fine\"},{\"reviewBody\":\"bad\"}]}</script>\
    <h1>Cup</h1><dl><dt>Weight<dd>2 kg<dt>Height<dd>9 cm</dl><table><tr><th>a<th>b<tr><td>1<td>2<tr><td>3<td>4</table>\
    <div typeof=Thing><p property=name>x</p></div><ul><li class=card><h3>One</h3>$1<li class=card><h3>Two</h3>$2</ul>";

fn run(html: &str, schema: &Value) -> Result<(), ExtractError> {
    let url = Url::parse("https://hostile.example/item/123456789").expect("a constant");
    let wanted = Wanted::Json { schema: Some(schema), prompt: None, main_content: false };
    extract(&Page { html, url: &url }, &wanted).map(|_| ())
}

fn is_bounded(outcome: &Result<(), ExtractError>) -> bool {
    let late = |reason: &String| reason.contains("longer than") || reason.contains("gave up");
    !matches!(outcome, Err(ExtractError::Failed(reason)) if late(reason))
}

#[test]
fn a_schema_of_many_lists_over_a_page_of_many_lists_ends() {
    let row = json!({"type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "number"},
        "more": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}}});
    let fields: Map<String, Value> =
        (0..120).map(|index| (format!("list{index}"), json!({"type": "array", "items": row}))).collect();
    let card = "<li class='card a b'><h3>Thing</h3><span class=price>$5</span><p class=text>words</p></li>";
    let html = format!("<ul>{}</ul>", card.repeat(300)).repeat(12);
    let outcome = run(&html, &json!({"type": "object", "properties": fields}));
    assert!(is_bounded(&outcome), "{outcome:?}");
}

#[test]
fn a_schema_that_nests_objects_in_every_field_ends() {
    let leaf = json!({"type": "string"});
    let nested = (0..7).fold(
        leaf,
        |inner, _| json!({"type": "object", "required": ["a"], "properties": {"a": inner, "b": inner}}),
    );
    assert!(is_bounded(&run(PAGE, &nested)));
}

#[test]
fn a_pattern_meets_a_long_text_in_time_that_grows_with_it_only() {
    let html = format!("<h1>x</h1><meta name=code content='{}b'>", "a".repeat(200_000));
    let schema = json!({"type": "object", "properties": {"code": {"type": "string", "pattern": "^(a+)+$"},
        "h1": {"type": "string"}}});
    assert_eq!(run(&html, &schema), Ok(()));
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "object|array|string|number|integer|boolean|null|#|#/properties/name|date|uri|[a-z$#/]{0,4}"
            .prop_map(Value::from),
    ];
    let keys = "type|properties|items|\\$ref|anyOf|allOf|oneOf|enum|const|pattern|required|format|description|\
        name|price|reviews|weight|additionalProperties|minItems|not";
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::hash_map(keys, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_as_a_schema_makes_it_fail(schema in any_schema()) {
        let whole = json!({"type": "object", "properties": {"name": schema, "list": {"type": "array", "items": schema}}});
        for schema in [&schema, &whole] {
            let outcome = run(PAGE, schema);
            prop_assert!(is_bounded(&outcome), "{:?}", outcome);
        }
    }
}
