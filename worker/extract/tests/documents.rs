//! Documents that are not HTML: what is read of them, that none of them does harm; and what is told of any page.

use leafcutter_extract::{
    Content, Document, DocumentKind, ExtractError, Page, Wanted, extract, extract_document,
};
use lopdf::{Object, Stream, dictionary};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

fn read(kind: DocumentKind, bytes: &[u8], wanted: &Wanted<'_>) -> Result<Content, ExtractError> {
    let url = Url::parse("https://a.test/documents/x").expect("a constant");
    extract_document(&Document { kind, bytes, charset: None, url: &url }, wanted)
}

fn markdown(kind: DocumentKind, bytes: &[u8]) -> Result<Content, ExtractError> {
    read(kind, bytes, &Wanted::Markdown { main_content: false })
}

fn filled(kind: DocumentKind, bytes: &[u8], schema: &Value) -> Value {
    let wanted = Wanted::Json { schema: Some(schema), prompt: None, main_content: false };
    match read(kind, bytes, &wanted) {
        Ok(Content::Json(value)) => value,
        other => panic!("{kind:?}: {other:?}"),
    }
}

/// A PDF of pages with these drawings.
fn pdf(drawings: &[Vec<u8>]) -> Vec<u8> {
    let mut file = lopdf::Document::with_version("1.5");
    let pages = file.new_object_id();
    let font = file.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let kids: Vec<Object> = drawings
        .iter()
        .map(|drawing| {
            let content = file.add_object(Stream::new(dictionary! {}, drawing.clone()));
            let page = dictionary! {
                "Type" => "Page", "Parent" => pages, "Contents" => content,
                "Resources" => dictionary! { "Font" => dictionary! { "F" => font } },
                "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
            };
            file.add_object(page).into()
        })
        .collect();
    let count = i64::try_from(kids.len()).expect("few pages");
    file.objects.insert(pages, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let catalog = file.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    file.trailer.set("Root", catalog);
    let info = file.add_object(dictionary! { "Title" => Object::string_literal("The report") });
    file.trailer.set("Info", info);
    file.compress();
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).expect("memory takes it");
    bytes
}

const DRAWING: &[u8] = b"BT /F 24 Tf 72 720 Td (Annual report) Tj ET
BT /F 10 Tf 12 TL 72 680 Td (Ants carried ) Tj (more lea-) Tj T* [(ves) -300 (than) -300 (e) 20 (ver.)] TJ (Next year\\222s plan:) ' ET
BT /F 10 Tf 1 0 0 1 72 600 Tm (# not a heading) Tj ET BT /F 14 Tf 72 560 Td (Outlook) Tj ET BT /F 10 Tf 72 540 Td (Good.) Tj ET";

#[test]
fn a_pdf_becomes_headings_and_paragraphs() {
    let file = pdf(&[DRAWING.to_vec(), b"BT /F 10 Tf 72 700 Td (Second page.) Tj ET".to_vec()]);
    let expected = "# Annual report\n\nAnts carried more leaves than ever. Next year’s plan:\n\n\\# not a heading\n\n## Outlook\n\nGood.\n\nSecond page.\n";
    assert_eq!(markdown(DocumentKind::Pdf, &file), Ok(Content::Markdown(expected.to_owned())));
    let all = Wanted::Json { schema: None, prompt: None, main_content: false };
    let Ok(Content::Json(all)) = read(DocumentKind::Pdf, &file, &all) else { panic!("no JSON") };
    assert_eq!(
        (&all["title"], &all["pages"], &all["text"]),
        (&json!("The report"), &json!(2), &json!(expected))
    );
}

#[test]
fn title_and_language_are_told_of_every_page() {
    let url = Url::parse("https://a.test/").expect("a constant");
    let html = "<html lang=de><title>Seite</title><p>Worte.</p>";
    let all = Wanted::Json { schema: None, prompt: None, main_content: false };
    let found = extract(&Page { html, url: &url }, &all);
    assert_eq!(found, Ok(Content::Json(json!({"title": "Seite", "language": "de"}))));
}

#[test]
fn a_schema_is_filled_from_every_kind_of_document() {
    let name = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    assert_eq!(filled(DocumentKind::Json, b"{\"name\":\"ant\"}", &name), json!({"name": "ant"}));
    let rows = json!({"type": "object", "required": ["products"], "properties": {"products": {"type": "array", "items": {
        "type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}}}});
    let table = b"name,price\nLeaf,1.50\nTwig,2.25\n";
    let expected = json!({"products": [{"name": "Leaf", "price": 1.5}, {"name": "Twig", "price": 2.25}]});
    assert_eq!(filled(DocumentKind::Csv, table, &rows), expected);
    let titles = json!({"type": "object", "properties": {"articles": {"type": "array", "items": {
        "type": "object", "properties": {"title": {"type": "string"}, "url": {"type": "string"}}}}}});
    let feed = b"<rss><channel><title>T</title><item><title>One</title><link>/1</link></item><item><title>Two</title><link>/2</link></item></channel></rss>";
    let articles = filled(DocumentKind::Xml, feed, &titles);
    assert_eq!(articles["articles"][1], json!({"title": "Two", "url": "https://a.test/2"}));
}

#[test]
fn a_pdf_without_text_says_what_to_do() {
    for file in [pdf(&[b"0 0 100 100 re f".to_vec()]), b"%PDF-1.4\n".to_vec(), b"no PDF at all".to_vec()] {
        let outcome = markdown(DocumentKind::Pdf, &file);
        assert!(matches!(outcome, Err(ExtractError::Unsupported(_))), "{outcome:?}");
    }
}

#[test]
fn a_pdf_that_unpacks_to_too_much_is_bounded() {
    let mut bomb = b"BT /F 10 Tf (x) Tj ET ".to_vec();
    bomb.resize(64 * 1024 * 1024, b' ');
    let file = pdf(&[bomb, b"BT /F 10 Tf (still read) Tj ET".to_vec()]);
    assert!(file.len() < 1024 * 1024);
    assert_eq!(markdown(DocumentKind::Pdf, &file), Ok(Content::Markdown("still read\n".to_owned())));
    let nested = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
    let outcome = markdown(DocumentKind::Pdf, &pdf(&[nested]));
    assert!(matches!(outcome, Err(ExtractError::Unsupported(_))), "{outcome:?}");
}

#[test]
fn deep_and_long_documents_end() {
    for text in
        ["[".repeat(1_000_000), "{\"a\":".repeat(100_000), "<a>".repeat(100_000), "\"".repeat(1_000_000)]
    {
        for kind in
            [DocumentKind::Json, DocumentKind::Xml, DocumentKind::Csv, DocumentKind::Tsv, DocumentKind::Text]
        {
            assert!(markdown(kind, text.as_bytes()).is_ok(), "{kind:?}");
            let all = Wanted::Json { schema: None, prompt: None, main_content: false };
            assert!(read(kind, text.as_bytes(), &all).is_ok(), "{kind:?}");
        }
    }
    assert_eq!(markdown(DocumentKind::Text, b" \n"), Err(ExtractError::Empty));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damaged_pdf_makes_it_give_up(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        end in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut file = pdf(&[DRAWING.to_vec()]);
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if !whole {
            file.truncate(end.index(file.len()));
        }
        let outcome = markdown(DocumentKind::Pdf, &file);
        prop_assert!(!matches!(outcome, Err(ExtractError::Failed(_))), "{:?}", outcome);
    }
}
