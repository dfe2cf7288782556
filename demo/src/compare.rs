//! What was extracted beside what the shop sells, what was charged beside what was delivered.
//!
//! **Not allowed here:** calls and printing. Each difference is a sentence.

use leafcutter_demo::shop::{Layout, PRODUCTS, Product};
use serde_json::{Value, json};

use crate::client::{Batch, Credits, Item};

/// The differences between a finished batch and the shop, whose product pages are at `urls`.
pub(crate) fn batch(batch: &Batch, urls: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if batch.status != "completed" {
        found.push(format!("the batch is {}, not completed", batch.status));
    }
    if batch.items.len() != PRODUCTS.len() {
        found.push(format!("the batch has {} items of {}", batch.items.len(), PRODUCTS.len()));
    }
    for ((product, url), item) in PRODUCTS.iter().zip(urls).zip(&batch.items) {
        if item.url != *url {
            found.push(format!("{}: the item in its place is {}", product.path(), item.url));
        }
        let differences = match product.layout {
            Layout::AlwaysFails => failed_page(item),
            _ => read_page(product, item),
        };
        found.extend(differences.into_iter().map(|difference| format!("{}: {difference}", product.path())));
    }
    found
}

/// The differences between the balance and what the items of the account's only batch were charged.
pub(crate) fn credits(batch: &Batch, credits: &Credits) -> Vec<String> {
    let used: u64 = batch.items.iter().map(|item| item.credits_used).sum();
    let mut found = Vec::new();
    if credits.spent != used {
        found.push(format!("the items used {used} credits, the ledger says {} are spent", credits.spent));
    }
    if credits.held != 0 {
        found.push(format!("{} credits are still held", credits.held));
    }
    if credits.granted != credits.available + credits.held + credits.spent {
        found.push(format!("the ledger does not add up: {credits:?}"));
    }
    found
}

fn failed_page(item: &Item) -> Vec<String> {
    let mut found = Vec::new();
    if item.status != "failed" {
        found.push(format!("answers 500, but the item is {}", item.status));
    }
    if item.error_code.as_deref() != Some("HTTP_STATUS") {
        found.push(format!("answers 500, but the item's code is {:?}", item.error_code));
    }
    if item.credits_used != 0 {
        found.push(format!("a failed page was charged {} credits", item.credits_used));
    }
    found
}

fn read_page(product: &Product, item: &Item) -> Vec<String> {
    let Some(row) = item.result.as_ref().filter(|_| item.status == "completed") else {
        return vec![format!(
            "the item is {}: {}",
            item.status,
            item.error.as_deref().unwrap_or("no reason")
        )];
    };
    let mut found = Vec::new();
    // A whole price may come as an integer: 24 is 24.00.
    if row["price"].as_f64() != Some(product.price) {
        found.push(differs("price", &row["price"], &json!(product.price)));
    }
    let others = [
        ("name", json!(product.name)),
        ("currency", json!(product.currency)),
        ("available", json!(product.available)),
    ];
    let others = others.into_iter().filter(|(field, truth)| row[*field] != *truth);
    found.extend(others.map(|(field, truth)| differs(field, &row[field], &truth)));
    if item.credits_used == 0 {
        found.push("a page was delivered and not charged".to_owned());
    }
    found
}

fn differs(field: &str, read: &Value, truth: &Value) -> String {
    format!("{field} was read as {read}, the shop says {truth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Vec<String> {
        PRODUCTS.iter().map(|product| format!("http://shop{}", product.path())).collect()
    }

    /// A batch as it should come out.
    fn perfect() -> Batch {
        let items = PRODUCTS.iter().zip(urls()).map(|(product, url)| {
            if product.layout == Layout::AlwaysFails {
                let error_code = Some("HTTP_STATUS".to_owned());
                return Item { url, status: "failed".into(), error_code, ..Item::default() };
            }
            let result = Some(serde_json::to_value(product).unwrap());
            Item { url, status: "completed".into(), result, credits_used: 1, ..Item::default() }
        });
        Batch { status: "completed".into(), completed_count: 11, failed_count: 1, items: items.collect() }
    }

    /// The differences of a perfect batch after one change.
    fn after(change: impl FnOnce(&mut Batch)) -> Vec<String> {
        let mut changed = perfect();
        change(&mut changed);
        batch(&changed, &urls())
    }

    #[test]
    fn a_perfect_batch_has_no_difference() {
        assert!(after(|_| ()).is_empty());
        let whole_price = after(|batch| batch.items[2].result.as_mut().unwrap()["price"] = json!(24));
        assert!(whole_price.is_empty(), "{whole_price:?}");
    }

    #[test]
    fn every_field_that_differs_is_named() {
        for (field, wrong) in [
            ("name", json!("Rake")),
            ("price", json!(34.91)),
            ("price", json!("34.90")),
            ("currency", json!(null)),
            ("available", json!(false)),
        ] {
            let found = after(|batch| batch.items[0].result.as_mut().unwrap()[field] = wrong.clone());
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("/product/1: {field} was read as {wrong}")), "{found:?}");
        }
    }

    #[test]
    fn a_page_that_failed_is_named_with_its_reason() {
        let found = after(|batch| {
            batch.items[0].status = "failed".into();
            batch.items[0].error = Some("took too long".into());
        });
        assert_eq!(found, ["/product/1: the item is failed: took too long"]);
    }

    #[test]
    fn the_page_that_always_fails_must_fail_for_its_status_and_for_free() {
        let found = after(|batch| {
            let item = &mut batch.items[7];
            (item.status, item.error_code, item.credits_used) = ("completed".into(), None, 1);
        });
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn missing_misplaced_and_unpaid_items_are_named() {
        assert_eq!(after(|batch| batch.items.truncate(11)).len(), 1);
        assert_eq!(after(|batch| batch.items[0].url = "http://shop/other".into()).len(), 1);
        assert_eq!(after(|batch| batch.items[0].credits_used = 0).len(), 1);
        assert_eq!(after(|batch| batch.status = "failed".into()).len(), 1);
    }

    #[test]
    fn the_balance_must_agree_with_the_items_and_with_itself() {
        let balance = |spent, held, available| {
            let ledger = Credits { granted: 100, spent, held, available, ..Credits::default() };
            credits(&perfect(), &ledger).len()
        };
        assert_eq!(balance(11, 0, 89), 0);
        assert_eq!(balance(12, 0, 88), 1);
        assert_eq!(balance(11, 1, 88), 1);
        assert_eq!(balance(11, 0, 90), 1);
    }
}
