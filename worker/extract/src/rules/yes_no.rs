//! Yes or no, and whether a thing can be had, as people and shops write it.
//!
//! **Not here:** which text belongs to which field.

/// Wording that something cannot be had.
const NO: &[&str] = &[
    "outofstock",
    "out of stock",
    "out-of-stock",
    "soldout",
    "sold out",
    "discontinued",
    "unavailable",
    "not available",
    "not in stock",
    "no longer available",
    "backorder",
    "nicht verfügbar",
    "nicht lieferbar",
    "nicht auf lager",
    "nicht vorrätig",
    "ausverkauft",
    "vergriffen",
    "rupture",
    "épuisé",
    "indisponible",
    "agotado",
    "sin stock",
    "no disponible",
    "esaurito",
    "non disponibile",
    "uitverkocht",
    "niet op voorraad",
    "slut i lager",
    "udsolgt",
    "wyprzedane",
    "niedostępny",
    "esgotado",
    "indisponível",
    "slutsåld",
    "ikke på lager",
    "品切",
    "売り切れ",
    "在庫なし",
    "在庫切れ",
    "缺货",
    "нет в наличии",
    "out_of_stock",
    "oos",
];
/// Wording that something can be had; asked after [`NO`], whose wording often contains it.
const YES: &[&str] = &[
    "instock",
    "in stock",
    "in-stock",
    "in_stock",
    "limitedavailability",
    "limited availability",
    "onlineonly",
    "instoreonly",
    "preorder",
    "pre-order",
    "presale",
    "available",
    "auf lager",
    "lieferbar",
    "verfügbar",
    "vorrätig",
    "en stock",
    "disponible",
    "disponibile",
    "op voorraad",
    "leverbaar",
    "i lager",
    "på lager",
    "dostępny",
    "em estoque",
    "disponível",
    "skladem",
    "在庫あり",
    "有货",
    "в наличии",
    "left in stock",
    "ready to ship",
    "ships",
];

/// Yes or no: plain words, schema.org availability, stock wording of common languages.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "true" | "yes" | "y" | "1" | "ja" | "oui" | "sí" | "si" | "on" | "✓" | "✔" => return Some(true),
        "false" | "no" | "n" | "0" | "nein" | "non" | "off" | "✗" | "✘" | "none" => return Some(false),
        _ => {}
    }
    if NO.iter().any(|word| text.contains(word)) {
        return Some(false);
    }
    YES.iter().any(|word| text.contains(word)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_wording_is_a_boolean() {
        for yes in ["InStock", "In stock (22 available)", "Auf Lager", "https://schema.org/PreOrder", "yes"] {
            assert_eq!(boolean(yes), Some(true), "{yes}");
        }
        for no in ["OutOfStock", "Currently unavailable.", "Ausverkauft", "Nicht auf Lager", "Sold out"] {
            assert_eq!(boolean(no), Some(false), "{no}");
        }
        assert_eq!(boolean("blue"), None);
    }
}
