//! Tables: rows under a head, or labels beside values.

use dom_query::{Document, NodeRef};
use serde_json::{Value, json};
use url::Url;

use super::entity::{Entity, Fact};
use super::listing::{Listing, heading_before};
use crate::page;

/// Tables, and rows of one table, that are read.
const TABLES_MAX: usize = 100;
const ROWS_MAX: usize = 2_000;
/// A label longer than this is a sentence.
const LABEL_CHARS_MAX: usize = 60;

/// A table whose columns have names.
pub(crate) struct Table {
    /// Caption, or the heading above.
    pub(crate) label: String,
    /// One name per column.
    pub(crate) headers: Vec<String>,
    /// Cell texts.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One cell.
pub(crate) struct Cell {
    pub(crate) text: String,
    /// Absolute address of the first link in it.
    pub(crate) link: Option<String>,
}

impl Table {
    /// The rows as entities named by the head.
    pub(crate) fn listing(&self) -> Listing {
        let entity = |row: &Vec<Cell>| {
            let named = self.headers.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty());
            let facts = named.map(|(header, cell)| Fact::new(header, cell.text.clone(), true)).collect();
            let link = row.iter().find_map(|cell| cell.link.clone());
            let hints = link.map(|link| Fact::new("url", link, false)).into_iter().collect();
            Entity { facts, hints, ..Entity::default() }
        };
        Listing { label: self.label.clone(), items: self.rows.iter().map(entity).collect() }
    }

    /// `{caption, headers, rows}` with each row an object.
    pub(crate) fn to_json(&self) -> Value {
        let row = |row: &Vec<Cell>| -> Value {
            let cells = self.headers.iter().zip(row);
            Value::Object(
                cells.map(|(header, cell)| (header.clone(), Value::from(cell.text.as_str()))).collect(),
            )
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        if self.label.is_empty() {
            json!({"headers": self.headers, "rows": rows})
        } else {
            json!({"caption": self.label, "headers": self.headers, "rows": rows})
        }
    }
}

/// Data tables: a row of column names and at least one more row.
pub(crate) fn read(document: &Document, base: &Url) -> Vec<Table> {
    leaf_tables(document).filter_map(|table| data_table(&table, base)).collect()
}

/// Labels beside values in tables without a head.
pub(crate) fn pairs(document: &Document) -> Vec<(String, Value)> {
    let mut pairs = Vec::new();
    for table in leaf_tables(document) {
        let rows = rows(&table);
        let two = rows.iter().filter(|row| row.len() == 2).count();
        if two == 0 || two * 2 < rows.len() || has_head(&rows) {
            continue;
        }
        for row in rows.iter().filter(|row| row.len() == 2) {
            let (label, value) = (page::text(&row[0]), page::text(&row[1]));
            let label = label.trim_end_matches(':').trim_end().to_owned();
            if !label.is_empty() && label.chars().count() <= LABEL_CHARS_MAX && !value.is_empty() {
                pairs.push((label, Value::from(value)));
            }
        }
    }
    pairs
}

/// Tables that hold no other table; those that do lay out the page.
fn leaf_tables(document: &Document) -> impl Iterator<Item = NodeRef<'_>> {
    let tables: Vec<_> = document.select("table").nodes().to_vec();
    let has_inner = |table: &NodeRef<'_>| table.descendants_it().any(|inner| inner.has_name("table"));
    tables.into_iter().filter(move |table| !has_inner(table)).take(TABLES_MAX)
}

fn rows<'a>(table: &NodeRef<'a>) -> Vec<Vec<NodeRef<'a>>> {
    let rows = table.descendants_it().filter(|node| node.has_name("tr")).take(ROWS_MAX);
    let cells = |row: NodeRef<'a>| -> Vec<NodeRef<'a>> {
        row.element_children().into_iter().filter(|cell| cell.has_name("td") || cell.has_name("th")).collect()
    };
    rows.map(cells).filter(|row| !row.is_empty()).collect()
}

/// The first row names the columns: all of it `th`, or it stands in a `thead`.
fn has_head(rows: &[Vec<NodeRef<'_>>]) -> bool {
    rows.len() > 1
        && rows.first().is_some_and(|row| {
            let in_head =
                row[0].parent().and_then(|row| row.parent()).is_some_and(|group| group.has_name("thead"));
            row.len() > 1 && (in_head || row.iter().all(|cell| cell.has_name("th")))
        })
}

fn data_table(table: &NodeRef<'_>, base: &Url) -> Option<Table> {
    let rows = rows(table);
    let wordy_first = rows.len() > 2
        && rows[0].len() > 2
        && !rows[0].iter().any(|cell| page::text(cell).contains(|c: char| c.is_ascii_digit()))
        && rows[1].iter().any(|cell| page::text(cell).contains(|c: char| c.is_ascii_digit()));
    if !has_head(&rows) && !wordy_first {
        return None;
    }
    let headers: Vec<String> = rows[0].iter().map(page::text).collect();
    let caption = table.element_children().into_iter().find(|child| child.has_name("caption"));
    let label = caption.map_or_else(|| heading_before(table), |caption| page::text(&caption));
    let rows = rows[1..].iter().filter(|row| row.len() == headers.len());
    let rows: Vec<Vec<Cell>> = rows.map(|row| row.iter().map(|node| cell(node, base)).collect()).collect();
    (!rows.is_empty()).then_some(Table { label, headers, rows })
}

fn cell(node: &NodeRef<'_>, base: &Url) -> Cell {
    let link = node.descendants_it().find(|inner| inner.has_name("a") && inner.has_attr("href"));
    Cell {
        text: page::text(node),
        link: link.and_then(|link| page::absolute(base, &link.attr_or("href", ""))),
    }
}
