//! How the shop's pages look, one function for each way to state a product.
//!
//! **Not allowed here:** statuses and counting. A page is made from its product and nothing else.

use serde_json::{Value, json};

use super::products::{Layout, PRODUCTS, Product};

pub(super) const STYLE: &str = "\
body { font: 16px/1.5 sans-serif; margin: 0 auto; max-width: 42rem; color: #223 }
header, footer { padding: 1rem 0; border-bottom: 1px solid #cdc }
dt, th { text-align: left; color: #575; padding-right: 2rem }
img { float: right; margin-left: 2rem }
";

pub(super) const PICTURE: &str = "\
<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"96\" height=\"96\" viewBox=\"0 0 96 96\">\
<path d=\"M12 84C12 36 36 12 84 12C84 60 60 84 12 84Z\" fill=\"#4a7\"/>\
<path d=\"M12 84L60 36\" stroke=\"#253\" stroke-width=\"4\"/></svg>";

pub(super) fn listing() -> String {
    let rows = PRODUCTS.map(|one| format!("<li><a href=\"{}\">{}</a></li>", one.path(), escaped(one.name)));
    frame("The garden shop", "", &format!("<h1>Everything for the garden</h1><ul>{}</ul>", rows.concat()))
}

pub(super) fn message(text: &str) -> String {
    frame("The garden shop", "", &format!("<p>{text}</p>"))
}

pub(super) fn product(product: &Product) -> String {
    let (head, main) = match product.layout {
        Layout::JsonLd => (json_ld(&linked(product)), plain(product)),
        Layout::JsonLdGraph => (json_ld(&linked_in_graph(product)), plain(product)),
        Layout::Microdata => (String::new(), microdata(product)),
        Layout::OpenGraph | Layout::FailsOnce => (open_graph(product), label_and_value(product)),
        Layout::Table => (String::new(), table(product)),
        Layout::Script => (String::new(), script(product)),
        Layout::AlwaysFails => return message("This product has no page."),
    };
    // The scripted page does not even have a title of its own before its script has run.
    let title = if product.layout == Layout::Script { "The garden shop" } else { product.name };
    frame(title, &head, &main)
}

/// What every page has around its content.
fn frame(title: &str, head: &str, main: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/style.css\">{head}</head><body>\
         <header><a href=\"/\">The garden shop</a> <nav><a href=\"/\">All products</a></nav></header>\
         <main>{main}</main>\
         <footer>Everything is sent within three days. Questions? Write to us.</footer></body></html>\n"
    )
}

/// The visible part of a page whose facts are elsewhere.
fn plain(product: &Product) -> String {
    format!(
        "<img src=\"/leaf.svg\" alt=\"\"><h1>{}</h1><p>Made to last, and mended by us when it does not.</p>",
        escaped(product.name)
    )
}

fn json_ld(value: &Value) -> String {
    format!("<script type=\"application/ld+json\">{}</script>", value)
}

fn linked(product: &Product) -> Value {
    json!({
        "@context": "https://schema.org", "@type": "Product", "name": product.name, "image": "/leaf.svg",
        "offers": offer(product),
    })
}

fn linked_in_graph(product: &Product) -> Value {
    json!({
        "@context": "https://schema.org",
        "@graph": [
            { "@type": "WebSite", "name": "The garden shop" },
            { "@type": ["Product"], "name": product.name, "offers": [offer(product)] },
        ],
    })
}

fn offer(product: &Product) -> Value {
    json!({
        "@type": "Offer", "price": amount(product), "priceCurrency": product.currency,
        "availability": format!("https://schema.org/{}", schema_availability(product)),
    })
}

fn microdata(product: &Product) -> String {
    format!(
        "<div itemscope itemtype=\"https://schema.org/Product\"><img src=\"/leaf.svg\" alt=\"\" itemprop=\"image\">\
         <h1 itemprop=\"name\">{}</h1><div itemprop=\"offers\" itemscope itemtype=\"https://schema.org/Offer\">\
         <p>Now only <span itemprop=\"priceCurrency\" content=\"{currency}\">{currency}</span> \
         <span itemprop=\"price\" content=\"{price}\">{price}</span></p>\
         <link itemprop=\"availability\" href=\"https://schema.org/{}\"></div></div>",
        escaped(product.name),
        schema_availability(product),
        currency = product.currency,
        price = amount(product),
    )
}

fn open_graph(product: &Product) -> String {
    let tags = [
        ("og:type", "product".to_owned()),
        ("og:title", escaped(product.name)),
        ("og:site_name", "The garden shop".to_owned()),
        ("product:price:amount", amount(product)),
        ("product:price:currency", product.currency.to_owned()),
    ];
    tags.map(|(name, value)| format!("<meta property=\"{name}\" content=\"{value}\">")).concat()
}

fn label_and_value(product: &Product) -> String {
    format!("{}<dl><dt>Availability:</dt><dd>{}</dd></dl>", plain(product), said_availability(product))
}

fn table(product: &Product) -> String {
    let rows = [
        ("Name", escaped(product.name)),
        ("Price", written_price(product)),
        ("Currency", product.currency.to_owned()),
        ("Availability", said_availability(product).to_owned()),
    ];
    let rows = rows.map(|(label, value)| format!("<tr><th>{label}</th><td>{value}</td></tr>"));
    format!("{}<table><tbody>{}</tbody></table>", plain(product), rows.concat())
}

/// The page says nothing before its script has run.
fn script(product: &Product) -> String {
    format!(
        "<div id=\"product\">Loading…</div><script>\
         fetch('/api/product/{}').then((answer) => answer.json()).then((product) => {{\
         const row = (label, value) => `<dt>${{label}}</dt><dd>${{value}}</dd>`;\
         document.title = product.name;\
         document.getElementById('product').innerHTML = `<h1>${{product.name}}</h1><dl>` +\
         row('Name', product.name) + row('Price', product.price.toFixed(2)) +\
         row('Currency', product.currency) +\
         row('Availability', product.available ? 'In stock' : 'Sold out') + '</dl>';\
         }});</script>",
        product.id
    )
}

/// As machines write a price: `1299.00`.
fn amount(product: &Product) -> String {
    format!("{:.2}", product.price)
}

/// As people write a price: `$1,299.00` and `189,00 €`.
fn written_price(product: &Product) -> String {
    let amount = amount(product);
    if product.currency == "EUR" {
        return format!("{} €", amount.replace('.', ","));
    }
    match amount.len().checked_sub("000.00".len()) {
        Some(thousands) if thousands > 0 => format!("${},{}", &amount[..thousands], &amount[thousands..]),
        _ => format!("${amount}"),
    }
}

fn schema_availability(product: &Product) -> &'static str {
    if product.available { "InStock" } else { "OutOfStock" }
}

fn said_availability(product: &Product) -> &'static str {
    if product.available { "In stock" } else { "Sold out" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
