//! What the shop sells: the truth that extracted rows are compared with.
//!
//! **Not allowed here:** HTML.

use serde::Serialize;

/// One product, as its page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Product {
    /// Its place in [`PRODUCTS`], counted from 1; the page is `/product/{id}`.
    pub id: usize,
    /// The name, plain text.
    pub name: &'static str,
    /// The price in whole units of the currency, with two decimals.
    pub price: f64,
    /// ISO 4217.
    pub currency: &'static str,
    /// Whether it can be bought now.
    pub available: bool,
    /// How its page is made.
    #[serde(skip)]
    pub layout: Layout,
}

/// How a page says what it sells, or that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// JSON-LD, one object.
    JsonLd,
    /// JSON-LD, the product inside a graph and its offer inside a list.
    JsonLdGraph,
    /// Microdata attributes.
    Microdata,
    /// OpenGraph tags, the availability as a label with its value.
    OpenGraph,
    /// A table of properties, the price written as people do, thousands apart and with a sign.
    Table,
    /// Nothing but a script, which fetches the data and builds the page.
    Script,
    /// Answers 500, always.
    AlwaysFails,
    /// Answers 503 to its first visitor, then as [`Layout::OpenGraph`].
    FailsOnce,
}

const fn product(
    id: usize,
    name: &'static str,
    price: f64,
    currency: &'static str,
    available: bool,
    layout: Layout,
) -> Product {
    Product { id, name, price, currency, available, layout }
}

/// Everything in the shop.
pub const PRODUCTS: [Product; 12] = [
    product(1, "Garden shears, forged", 34.90, "EUR", true, Layout::JsonLd),
    product(2, "Leaf rake, 22 tines", 18.50, "EUR", true, Layout::Microdata),
    product(3, "Watering can, copper rose", 24.00, "EUR", false, Layout::OpenGraph),
    product(4, "Potting bench, larch", 189.00, "EUR", true, Layout::Table),
    product(5, "Seed drawer, oak", 74.25, "USD", true, Layout::JsonLdGraph),
    product(6, "Cold frame, double glazed", 129.95, "GBP", false, Layout::Microdata),
    product(7, "Rain gauge, brass", 42.00, "EUR", true, Layout::Script),
    product(8, "Compost thermometer", 21.80, "EUR", true, Layout::AlwaysFails),
    product(9, "Pruning saw, folding", 39.99, "USD", true, Layout::FailsOnce),
    product(10, "Greenhouse, cedar", 1299.00, "USD", true, Layout::Table),
    product(11, "Twine & labels", 6.75, "EUR", false, Layout::JsonLd),
    product(12, "Hand trowel, ash handle", 15.40, "EUR", true, Layout::OpenGraph),
];

impl Product {
    /// The product with this id.
    #[must_use]
    pub fn by_id(id: usize) -> Option<&'static Self> {
        PRODUCTS.get(id.checked_sub(1)?)
    }

    /// The path of its page.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/product/{}", self.id)
    }
}
