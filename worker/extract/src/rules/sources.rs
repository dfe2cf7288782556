//! Orders what was found: which facts speak for the page as a whole, and which things it lists.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use crate::structured::Found;
use crate::structured::entity::{Entity, Fact, scalar};
use crate::structured::listing::Listing;

/// Types that describe the site or a part of the page's frame.
const FRAME_TYPES: &[&str] = &[
    "WebSite",
    "Organization",
    "Corporation",
    "NewsMediaOrganization",
    "BreadcrumbList",
    "ImageObject",
    "ListItem",
    "ItemList",
    "SiteNavigationElement",
    "WPHeader",
    "WPFooter",
    "WPSideBar",
    "SearchAction",
    "Person",
    "OnlineStore",
    "CollectionPage",
    "OfferCatalog",
    "Brand",
];
/// Types that are about the page more than about its subject.
const PAGE_TYPES: &[&str] =
    &["WebPage", "ItemPage", "AboutPage", "ContactPage", "Review", "AggregateRating", "Offer", "Comment"];

/// Social and commerce properties by the name of the fact that they are.
const OPEN_GRAPH: &[(&str, &str)] = &[
    ("product:price:amount", "price"),
    ("og:price:amount", "price"),
    ("product:sale_price:amount", "price"),
    ("product:price:currency", "price currency"),
    ("og:price", "price"),
    ("og:price:currency", "price currency"),
    ("product:original_price:amount", "original price"),
    ("product:availability", "availability"),
    ("og:availability", "availability"),
    ("product:brand", "brand"),
    ("og:brand", "brand"),
    ("product:condition", "condition"),
    ("product:retailer_item_id", "sku"),
    ("product:category", "category"),
    ("article:published_time", "date published"),
    ("article:modified_time", "date modified"),
    ("og:updated_time", "date modified"),
    ("article:author", "author"),
    ("article:section", "section"),
    ("article:tag", "keywords"),
    ("og:description", "description"),
    ("og:image", "image"),
    ("og:image:secure_url", "image"),
    ("og:url", "url"),
    ("og:site_name", "site name"),
    ("twitter:creator", "author"),
];

fn types(object: &Value) -> Vec<&str> {
    match &object["@type"] {
        Value::String(one) => vec![one.rsplit(['/', '#', ':']).next().unwrap_or(one)],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_any(object: &Value, list: &[&str]) -> bool {
    types(object).iter().any(|one| list.contains(one))
}

/// Everything that speaks for the page as a whole, best first.
pub(crate) fn page_entity(found: &Found, lists_wanted: bool) -> Entity {
    let mut entity = Entity::default();
    let (frame, subjects): (Vec<&Value>, Vec<&Value>) =
        found.things().partition(|object| is_any(object, FRAME_TYPES));
    let (about_page, subjects): (Vec<&Value>, Vec<&Value>) =
        subjects.into_iter().partition(|object| is_any(object, PAGE_TYPES));
    for subject in main_subjects(&subjects, found, lists_wanted) {
        entity.append(Entity::from_json(subject));
    }
    for (key, name) in OPEN_GRAPH {
        entity.facts.extend(found.open_graph.get(*key).map(|value| Fact::new(name, value.clone(), false)));
    }
    entity.facts.extend(card_labels(found));
    entity.facts.extend(found.pairs.iter().map(|(label, value)| Fact::new(label, value.clone(), true)));
    entity.append(found.visible.clone());
    for map in [&found.open_graph, &found.meta] {
        entity.facts.extend(map.iter().map(|(name, value)| Fact::new(name, value.clone(), false)));
    }
    entity.facts.extend(found.title.iter().map(|title| Fact::new("page title", title.as_str(), true)));
    // What the frame says of itself (the publisher's address) is not what the page is about.
    let own =
        ["canonical", "og:url"].iter().find_map(|key| found.meta.get(*key).or(found.open_graph.get(*key)));
    let own = own.cloned().unwrap_or_else(|| found.base.as_str().into());
    entity.hints.extend(number_in_address(&own).map(|number| Fact::new("address id", number, false)));
    entity.facts.push(Fact::new("url", own, false));
    if !found.language.is_empty() {
        entity.facts.push(Fact::new("language", found.language.as_str(), false));
    }
    for object in about_page.into_iter().chain(frame.iter().copied()) {
        if let Some(trail) = breadcrumb(object) {
            entity.facts.push(trail);
        } else if !is_any(object, &["ImageObject", "ListItem", "ItemList"]) {
            entity.append(Entity::from_json(object));
        }
    }
    entity
}

/// The long number, or code of letters and digits, by which an address names its page: `/itm/133588510845`.
fn number_in_address(address: &Value) -> Option<String> {
    const DIGITS_MIN: usize = 6;
    let path = Url::parse(address.as_str()?).ok()?.path().to_owned();
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    let stem = last.split('.').next().unwrap_or(last);
    let is_code = |part: &&str| {
        let letters = part.chars().take_while(char::is_ascii_uppercase).count();
        let digits = &part[letters..];
        letters <= 2 && digits.len() >= DIGITS_MIN && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    stem.split(['-', '_']).rev().find(is_code).map(str::to_owned)
}

/// A Twitter card's own labels: `twitter:label1` names what `twitter:data1` says.
fn card_labels(found: &Found) -> Vec<Fact> {
    let pair = |place: usize| {
        let label = found.open_graph.get(&format!("twitter:label{place}"))?.as_str()?;
        Some(Fact::new(label, found.open_graph.get(&format!("twitter:data{place}"))?.clone(), true))
    };
    (1..=2).filter_map(pair).collect()
}

/// Of several things of one type only that which the page is about, by its name or address.
fn main_subjects<'v>(subjects: &[&'v Value], found: &Found, lists_wanted: bool) -> Vec<&'v Value> {
    let mut by_type: Vec<(String, Vec<&'v Value>)> = Vec::new();
    for subject in subjects {
        let kind = types(subject).join(" ");
        match by_type.iter_mut().find(|(one, _)| *one == kind) {
            Some((_, members)) => members.push(subject),
            None => by_type.push((kind, vec![subject])),
        }
    }
    let h1 = found.visible.facts.iter().find(|fact| fact.name == "h1").and_then(|fact| scalar(&fact.value));
    let is_main = |one: &&Value| {
        (h1.is_some() && scalar(&one["name"]) == h1) || one["url"].as_str() == Some(found.base.as_str())
    };
    let mut chosen = Vec::new();
    for (_, members) in by_type {
        let main = members.iter().copied().find(is_main);
        match (main, members.as_slice()) {
            (Some(main), _) => chosen.push(main),
            (None, [only]) => chosen.push(only),
            (None, [first, ..]) if !lists_wanted => chosen.push(first),
            _ => {}
        }
    }
    chosen
}

fn breadcrumb(object: &Value) -> Option<Fact> {
    let steps = is_any(object, &["BreadcrumbList"]).then(|| object["itemListElement"].as_array())??;
    let names =
        steps.iter().filter_map(|step| scalar(&step["name"]).or_else(|| scalar(&step["item"]["name"])));
    Some(Fact::new("breadcrumb", names.map(Value::from).collect::<Vec<_>>(), false))
}

/// Everything on the page that is a list of like things.
pub(crate) fn listings(found: &Found) -> Vec<Listing> {
    let mut lists = Vec::new();
    let objects = || found.things();
    for list in objects()
        .filter(|object| object.get("itemListElement").is_some() && !is_any(object, &["BreadcrumbList"]))
    {
        let steps = list["itemListElement"].as_array().map(Vec::as_slice).unwrap_or_default();
        let items = steps.iter().map(|step| match step.get("item").filter(|item| item.is_object()) {
            Some(item) => {
                let mut entity = Entity::from_json(item);
                let place = step.get("position").map(|place| Fact::new("position", place.clone(), false));
                entity.facts.extend(place);
                entity
            }
            None => Entity::from_json(step),
        });
        lists.push(Listing { label: scalar(&list["name"]).unwrap_or_default(), items: items.collect() });
    }
    let mut by_type: BTreeMap<String, Vec<Entity>> = BTreeMap::new();
    for object in objects().filter(|object| !is_any(object, FRAME_TYPES)) {
        by_type.entry(types(object).join(" ")).or_default().push(Entity::from_json(object));
    }
    lists.extend(
        by_type
            .into_iter()
            .filter(|(_, items)| items.len() > 1)
            .map(|(label, items)| Listing { label, items }),
    );
    lists.extend(found.tables.iter().map(crate::structured::tables::Table::listing));
    lists.extend(
        found.listings.iter().map(|list| Listing { label: list.label.clone(), items: list.items.clone() }),
    );
    lists
}

/// All structured data as one object; only what is there.
pub(crate) fn everything(found: &Found) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = match &value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if !empty {
            all.insert(key.to_owned(), value);
        }
    };
    let described =
        ["og:description", "twitter:description"].iter().find_map(|key| found.open_graph.get(*key));
    put("title", found.title.clone().into());
    put("language", found.language.clone().into());
    put("description", found.meta.get("description").or(described).cloned().unwrap_or_default());
    put("jsonLd", found.json_ld.clone().into());
    put("microdata", found.microdata.clone().into());
    put("rdfa", found.rdfa.clone().into());
    put("openGraph", Value::Object(found.open_graph.clone()));
    put("meta", Value::Object(found.meta.clone()));
    put("tables", found.tables.iter().map(crate::structured::tables::Table::to_json).collect());
    let mut fields = Map::new();
    for (label, value) in &found.pairs {
        fields.entry(label.clone()).or_insert_with(|| value.clone());
    }
    put("fields", Value::Object(fields));
    put(
        "headings",
        found
            .visible
            .hints
            .iter()
            .find(|hint| hint.name == "headings")
            .map(|hint| hint.value.clone())
            .unwrap_or_default(),
    );
    all
}
