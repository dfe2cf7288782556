//! Tables as text. The first row is the head. **Not here:** tables in pages.

use serde_json::{Map, Value, json};

use super::{escaped, in_line};

/// A table with more rows is left as the text that it is: as Markdown it would be of no use to a reader.
const MARKDOWN_ROWS_MAX: usize = 500;
/// The same for columns.
const MARKDOWN_COLUMNS_MAX: usize = 30;

/// A table and the text that it was read from.
pub(crate) struct Table {
    text: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Reads as much as there is; whatever the text is, it has rows and cells.
pub(crate) fn read(text: String, delimiter: u8) -> Table {
    let delimiter = if delimiter == b',' { comma_or_semicolon(&text) } else { delimiter };
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut rows = reader.records().filter_map(Result::ok).map(|row| row.iter().map(str::to_owned).collect());
    let head: Vec<String> = rows.next().unwrap_or_default();
    let rows = rows.collect();
    Table { text, head, rows }
}

/// Half of Europe separates by semicolons, as its commas are in numbers.
fn comma_or_semicolon(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' }
}

impl Table {
    pub(crate) fn markdown(&self) -> String {
        let columns = self.head.len();
        if self.rows.len() > MARKDOWN_ROWS_MAX || !(2..=MARKDOWN_COLUMNS_MAX).contains(&columns) {
            return format!("{}\n", self.text.trim_end());
        }
        let line = |cells: &[String]| {
            let cell = |at: usize| cells.get(at).map(|cell| in_line(cell)).unwrap_or_default();
            format!("| {} |\n", (0..columns).map(cell).collect::<Vec<_>>().join(" | "))
        };
        let mut out = line(&self.head);
        out.push_str(&format!("|{}\n", " --- |".repeat(columns)));
        out.extend(self.rows.iter().map(|row| line(row)));
        out
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let named = row.iter().enumerate().map(|(at, cell)| (self.name(at), Value::from(cell.as_str())));
            Value::Object(named.collect::<Map<_, _>>())
        });
        json!({ "rows": rows.collect::<Vec<_>>() })
    }

    fn name(&self, column: usize) -> String {
        let name = self.head.get(column).map(|name| name.trim()).filter(|name| !name.is_empty());
        name.map_or_else(|| format!("column{}", column + 1), str::to_owned)
    }

    pub(crate) fn html(&self) -> String {
        let row = |cells: &[String], tag: &str| {
            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        let rows: String = self.rows.iter().map(|cells| row(cells, "td")).collect();
        format!(
            "<html><body><table><thead>{}</thead><tbody>{rows}</tbody></table></body></html>",
            row(&self.head, "th")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_table_is_one_in_markdown_too() {
        let table = read("name;price\nAnt | \"red\";\"1,50\"\nBee\n".to_owned(), b',');
        assert_eq!(
            table.markdown(),
            "| name | price |\n| --- | --- |\n| Ant \\| \"red\" | 1,50 |\n| Bee |  |\n"
        );
        assert_eq!(
            table.json(),
            json!({"rows": [{"name": "Ant | \"red\"", "price": "1,50"}, {"name": "Bee"}]})
        );
    }

    #[test]
    fn a_long_table_stays_as_it_is() {
        let text = format!("a,b\n{}", "1,2\n".repeat(MARKDOWN_ROWS_MAX + 1));
        assert_eq!(read(text.clone(), b',').markdown(), text);
    }
}
