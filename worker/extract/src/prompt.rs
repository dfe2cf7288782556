//! Which fields a sentence names: "Extract the product name, price, and availability".
//!
//! No understanding beyond that: there is no model here.

/// Fields that one prompt can name.
const FIELDS_MAX: usize = 40;
/// More words than this between two commas are no name.
const NAME_WORDS_MAX: usize = 4;

/// What a prompt asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Names as written, in order.
    pub(crate) fields: Vec<String>,
    /// The things asked for when all of them are wanted ("all products").
    pub(crate) list: Option<String>,
}

/// Words that carry no name.
const FILLER: &[&str] = &[
    "extract",
    "get",
    "find",
    "return",
    "list",
    "give",
    "me",
    "show",
    "fetch",
    "scrape",
    "collect",
    "grab",
    "pull",
    "please",
    "the",
    "a",
    "an",
    "its",
    "their",
    "this",
    "that",
    "is",
    "are",
    "what",
    "which",
    "all",
    "each",
    "every",
    "any",
    "also",
    "as",
    "well",
    "including",
    "include",
    "such",
    "following",
    "fields",
    "field",
    "data",
    "information",
    "info",
    "details",
    "json",
    "whether",
    "it",
    "i",
    "want",
    "need",
    "to",
    "you",
    "can",
    "could",
];
/// Words after which the sentence says where, not what.
const WHERE: &[&str] = &["of", "from", "for", "on", "in", "at", "per", "about"];

/// Reads the names out of a prompt.
pub(crate) fn read(prompt: &str) -> Asked {
    let mut asked = Asked::default();
    let text = prompt.to_lowercase();
    for clause in
        text.split([',', ';', '\n', '.', ':', '•', '(', ')', '&']).flat_map(|part| part.split(" and "))
    {
        let clause = clause.trim().trim_start_matches("and ").trim_start_matches(['-', '*']);
        for part in clause.split(" with ").flat_map(|part| part.split(" plus ")) {
            let words: Vec<&str> = part
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty())
                .collect();
            if let Some(things) = listed(&words) {
                asked.list.get_or_insert(things);
            }
            let name: Vec<&str> = words
                .iter()
                .take_while(|word| !WHERE.contains(word))
                .filter(|word| !FILLER.contains(word))
                .copied()
                .collect();
            let is_list = name.len() == 1 && asked.list.as_deref() == Some(name[0]);
            if !name.is_empty() && name.len() <= NAME_WORDS_MAX && !is_list && asked.fields.len() < FIELDS_MAX
            {
                asked.fields.push(name.join(" "));
            }
        }
    }
    asked
}

/// "all products", "each job", "a list of books": the things, in the plural as written.
fn listed(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| matches!(*word, "all" | "each" | "every"));
    let thing = match at {
        Some(at) => words[at + 1..].iter().find(|word| !FILLER.contains(word)),
        None => words.windows(3).find(|three| three[0] == "list" && three[1] == "of").map(|three| &three[2]),
    }?;
    Some(if thing.ends_with('s') { (*thing).to_owned() } else { format!("{thing}s") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_names_its_fields() {
        let asked = read("Extract the product name, price, and availability");
        assert_eq!(asked.fields, ["product name", "price", "availability"]);
        assert_eq!(asked.list, None);
        assert_eq!(read("Get the title and the author of this article.").fields, ["title", "author"]);
    }

    #[test]
    fn all_of_something_is_a_list() {
        let asked = read("List all products with name and price");
        assert_eq!(
            (asked.list.as_deref(), asked.fields),
            (Some("products"), vec!["name".to_owned(), "price".to_owned()])
        );
        assert_eq!(read("the name of each product").list.as_deref(), Some("products"));
    }
}
