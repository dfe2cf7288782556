//! Wording by which a reader tells a price from other money, and stock from other words. Data only.

use std::sync::LazyLock;

use regex::Regex;

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant and compiles")
}

/// An amount of money.
pub(super) static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    let sign = r"(?:\b(?:US|CA|AU|NZ|HK|MX|[RSAC])\$|[$€£¥₹₽₩₺₴₪฿₫]|\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|BRL|kr|zł|Kč|Fr\.)|(?:円|元))";
    let number = r"\d[\d.,'’\u{a0}\u{202f} ]*";
    compiled(&format!(r"{sign}\s*{number}|{number}[-–]?\s*{sign}"))
});

/// Money that is not the thing's price: carriage, instalments, savings.
pub(super) static ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)shipping|delivery|postage|\borders? over|\bsave\b|\boff\b|coupon|gift card|/\s?(?:mo|month|mes|mois|monat|mth)\b|per month|\bemi\b|\d+\s?x\b|instal|versand|monatlich|gespart|livraison|économis|par mois|env[ií]o|cuotas|frete|parcela|spedizione|verzend|bezorg|frakt|dostaw|送料|carrito|\bcart\b|basket|warenkorb|panier",
    )
});

/// Stock wording at the start of a text.
pub(super) static STOCK: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        "(?i)^(?:(?:(?:currently |temporarily )?(?:in|out of) stock|(?:only )?\\d+ (?:left )?in stock|sold out|(?:currently )?unavailable|auf lager|\
        sofort lieferbar|nicht (?:verfügbar|lieferbar|auf lager)|ausverkauft|en stock|rupture de stock|épuisé|agotado|disponible|\
        esaurito|disponibile|uitverkocht|op voorraad|em estoque|esgotado|i lager|på lager|slutsåld|dostępny|niedostępny)\\b|在庫|品切|売り切れ|有货|缺货)",
    )
});

/// What the button says with which a thing is bought.
pub(super) static BUY: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)^(?:add to (?:my )?(?:shopping )?(?:cart|bag|basket|trolley)|buy (?:it )?now|in den (?:waren|einkaufs)korb|(?:jetzt )?kaufen|ajouter au panier|añadir (?:al carrito|a la cesta)|agregar al carrito|comprar(?: ahora| agora)?|aggiungi al carrello|acquista|adicionar ao carrinho|in (?:mijn )?winkelwagen|(?:dodaj )?do koszyka|lägg i (?:varukorg|kundvagn)(?:en)?|カートに入れる|加入购物车|加入購物車|купить|в корзину)$",
    )
});

/// Words in a class name that name a price.
pub(super) const PRICE_WORDS: &[&str] =
    &["price", "preis", "prix", "precio", "preco", "prezzo", "prijs", "cena", "pris"];
/// Words in a class name of a price that was charged before.
pub(super) const FORMER_WORDS: &[&str] = &[
    "old", "was", "former", "original", "regular", "rrp", "msrp", "uvp", "before", "strike", "crossed",
    "mrp", "antes", "vorher", "statt", "ancien", "barre", "tachado", "listino",
];
