//! What the names of an element (tag, role, class, id) and a line of text say about its part in a page.
//!
//! Words only, in the languages that page authors write; what weight they have is for the model to say.
//! **Not here:** anything that reads the tree.

use std::collections::HashMap;
use std::sync::LazyLock;

use dom_query::NodeRef;

/// Kinds of part that a class, an id or a role can name. The place in the list is the bit in [`groups`].
pub(super) const GROUPS: &[(&str, &str)] = &[
    (
        "nav",
        "nav navbar navigation menu submenu megamenu breadcrumb breadcrumbs crumb crumbs toc \
         menubar skip tabs tablist tab",
    ),
    ("footer", "footer foot contentinfo copyright legal disclaimer colophon bottom"),
    ("header", "header masthead topbar banner toolbar top announcement"),
    ("aside", "sidebar aside side rail complementary widget widgets column"),
    ("consent", "cookie cookies consent gdpr ccpa onetrust privacy"),
    (
        "dialog",
        "popup modal overlay lightbox drawer offcanvas dialog toast tooltip dropdown flyout alert \
         alertdialog",
    ),
    ("invite", "newsletter subscribe subscription signup login signin register join cta account"),
    ("share", "share sharing social sharethis addthis follow socials"),
    ("advert", "advert adverts advertisement ads ad sponsored sponsor promo promotion promotions"),
    (
        "shop",
        "cart minicart basket wishlist checkout buy quantity qty swatch swatches variant variants \
         shipping delivery payment",
    ),
    ("filter", "search searchbox filter filters facet facets sort sortby sorting refine refinement"),
    ("pager", "pagination pager paging prev previous next loadmore"),
    (
        "related",
        "related recommended recommendation recommendations similar upsell crosssell cross \
         suggested suggestions recent recently trending popular readmore also more viewed carousel \
         slider swiper",
    ),
    ("comment", "comment comments commentlist disqus discussion reply replies respond"),
    ("review", "review reviews rating ratings stars testimonial testimonials"),
    (
        "meta",
        "meta author byline date time tag tags category categories avatar profile user username \
         signature badge label stats views",
    ),
    ("item", "item items card cards tile tiles teaser listing grid results result entry entries row"),
    ("product", "product products price prices sku pdp"),
    (
        "article",
        "article post posts story news blog prose markdown rte richtext wysiwyg entrycontent \
         postbody message messages thread topic",
    ),
    ("content", "content main body text primary container"),
    (
        "detail",
        "description desc detail details summary spec specs specification specifications features \
         feature overview info information accordion faq faqs",
    ),
    ("hero", "hero intro title heading headline lead subtitle section"),
    ("hidden", "hidden hide visuallyhidden sronly sr invisible collapse collapsed noprint offscreen"),
    ("media", "gallery image images caption video media player thumb thumbnail thumbnails icon"),
    ("form", "form input field button btn buttons select option options actions action controls control"),
    ("locale", "language languages lang locale country countries currency region store stores"),
];

/// Elements and roles that the model hears about, by the place in this list.
pub(super) const TAGS: &[&[&str]] = &[
    &["nav", "navigation", "menu", "menubar"],
    &["footer", "contentinfo"],
    &["header", "banner"],
    &["aside", "complementary"],
    &["dialog", "alertdialog", "alert"],
    &["form", "fieldset", "search"],
    &["button", "select", "option", "label", "datalist", "textarea"],
    &["main"],
    &["article"],
    &["section", "region"],
    &["table", "dl"],
    &["blockquote", "q"],
    &["figure", "figcaption", "caption", "picture"],
    &["li"],
    &["pre", "code"],
    &["details", "summary", "tabpanel"],
];

/// What a line of text may be about, where it is not content. Words of a line, lower case.
pub(super) const LINES: &[(&str, &str)] = &[
    (
        "related",
        "related recommended recommendations similar trending popular recently viewed explore \
         suggested verwandte ähnliche beliebt auch aussi similaires relacionados relacionadas \
         también correlati podobne gerelateerd похожие 関連 相关",
    ),
    (
        "talk",
        "comment comments reply replies kommentare commentaires comentarios commenti reacties \
         komentarze комментарии コメント 评论",
    ),
    (
        "review",
        "review reviews rating ratings stars verified helpful bewertungen avis reseñas recensioni \
         beoordelingen opinie отзывы レビュー",
    ),
    (
        "invite",
        "subscribe newsletter sign signup login log register account join follow share email \
         anmelden abonnieren teilen partager inscrire connexion suscríbete compartir iscriviti \
         condividi delen aanmelden udostępnij подписаться поделиться",
    ),
    (
        "legal",
        "copyright © rights reserved privacy cookie cookies terms conditions policy imprint \
         impressum datenschutz agb confidentialité mentions privacidad términos rechte vorbehalten \
         droits derechos diritti prywatności",
    ),
    (
        "shop",
        "cart basket checkout wishlist shipping delivery returns quantity buy stock add warenkorb \
         versand panier livraison carrito envío carrello spedizione winkelwagen koszyk корзину",
    ),
    (
        "control",
        "search filter sort menu close show view load next previous back skip clear apply reset \
         loading print toggle page suche filtern sortieren mehr weiter zurück rechercher filtrer \
         trier buscar filtrar cerca zoeken szukaj",
    ),
    (
        "help",
        "help support contact about careers faq press sitemap accessibility hilfe kontakt über aide \
         contacto ayuda contatti klantenservice pomoc",
    ),
];

/// A bit for each of [`TAGS`] that the element is by its name or role.
pub(super) fn tags(node: &NodeRef<'_>, name: &str) -> u32 {
    let role = node.attr("role").map(|role| role.trim().to_ascii_lowercase()).unwrap_or_default();
    bits(TAGS.iter().map(|names| names.iter().any(|tag| *tag == name || *tag == role)))
}

/// A bit for each of [`GROUPS`] that a word of the class, the id or a like attribute names.
pub(super) fn groups(node: &NodeRef<'_>) -> u32 {
    let mut found = 0;
    for attribute in ["class", "id", "data-testid", "data-component", "itemprop"] {
        if let Some(names) = node.attr(attribute) {
            each_word(&names, &mut |word| found |= GROUP_BITS.get(word).copied().unwrap_or(0));
        }
    }
    found
}

static GROUP_BITS: LazyLock<Index> = LazyLock::new(|| index(GROUPS));
static LINE_BITS: LazyLock<Index> = LazyLock::new(|| index(LINES));

type Index = HashMap<&'static str, u32>;

fn index(lists: &[(&str, &'static str)]) -> Index {
    let mut index = Index::new();
    for (place, (_, words)) in lists.iter().enumerate() {
        for word in words.split_whitespace() {
            *index.entry(word).or_default() |= 1 << place;
        }
    }
    index
}

/// A bit for each of [`LINES`] that a word of the lower-case text belongs to.
pub(super) fn line(words: &[String]) -> u32 {
    words.iter().fold(0, |bits, word| bits | LINE_BITS.get(word.as_str()).copied().unwrap_or(0))
}

fn bits(flags: impl Iterator<Item = bool>) -> u32 {
    flags.enumerate().fold(0, |bits, (place, flag)| bits | (u32::from(flag) << place))
}

/// The words that names consist of, lower case: `siteNav top-bar` is site, nav, top, bar.
fn each_word(names: &str, visit: &mut dyn FnMut(&str)) {
    let mut word = String::new();
    for c in names.chars() {
        let starts = c.is_ascii_uppercase() && word.ends_with(|last: char| last.is_ascii_lowercase());
        if (starts || !c.is_ascii_alphabetic()) && !word.is_empty() {
            word.make_ascii_lowercase();
            visit(&word);
            word.clear();
        }
        if c.is_ascii_alphabetic() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        word.make_ascii_lowercase();
        visit(&word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words_at_marks_and_at_capitals() {
        let mut words = Vec::new();
        each_word("siteNav top-bar_2x FOOTER", &mut |word| words.push(word.to_owned()));
        assert_eq!(words, ["site", "nav", "top", "bar", "x", "footer"]);
    }

    #[test]
    fn every_list_fits_in_its_bits() {
        assert!(GROUPS.len() <= 32 && TAGS.len() <= 32 && LINES.len() <= 32);
    }
}
