//! That every page of the shop answers as it should.
//!
//! **Not allowed here:** reading the pages as the service does; that is for the whole-system tests.

use reqwest::StatusCode;

use super::*;

/// A proxy of the environment does not lead to loopback.
async fn ask(url: &str) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::builder().no_proxy().build()?.get(url).send().await
}

async fn get(shop: &Shop, path: &str) -> (StatusCode, String) {
    let answer = ask(&shop.url(path)).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[test]
fn the_products_are_numbered_by_their_place() {
    for (index, product) in PRODUCTS.iter().enumerate() {
        assert_eq!(product.id, index + 1);
        assert_eq!(Product::by_id(product.id), Some(product));
    }
    assert_eq!((Product::by_id(0), Product::by_id(13)), (None, None));
}

#[tokio::test]
async fn a_working_page_states_its_product() {
    let shop = Shop::open().await.unwrap();
    for product in &PRODUCTS {
        let expected = match product.layout {
            Layout::AlwaysFails | Layout::FailsOnce => continue,
            // Only the script knows the rest.
            Layout::Script => vec!["/api/product/7".to_owned()],
            Layout::Table if product.currency == "EUR" => vec!["189,00 €".to_owned(), "In stock".to_owned()],
            Layout::Table => vec!["$1,299.00".to_owned(), "In stock".to_owned()],
            _ => vec![format!("{:.2}", product.price), product.currency.to_owned()],
        };
        let (status, page) = get(&shop, &product.path()).await;
        assert_eq!(status, StatusCode::OK, "{}", product.name);
        for text in expected {
            assert!(page.contains(&text), "{} lacks {text}:\n{page}", product.path());
        }
        let named = page.contains(&product.name.replace('&', "&amp;"));
        assert_eq!(named, product.layout != Layout::Script, "{}", product.name);
    }
}

#[tokio::test]
async fn the_scripted_page_says_nothing_before_its_script_has_asked() {
    let shop = Shop::open().await.unwrap();
    let (_, page) = get(&shop, "/product/7").await;
    assert!(!page.contains("42"), "{page}");
    let (status, data) = get(&shop, "/api/product/7").await;
    assert_eq!(status, StatusCode::OK);
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["price"].as_f64(), Some(42.0));
    assert_eq!(data["available"].as_bool(), Some(true));
}

#[tokio::test]
async fn one_page_always_fails_and_one_fails_its_first_visitor() {
    let shop = Shop::open().await.unwrap();
    for _ in 0..3 {
        assert_eq!(get(&shop, "/product/8").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(get(&shop, "/product/9").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&shop, "/product/9").await.0, StatusCode::OK);
    assert_eq!((shop.visits(8), shop.visits(9), shop.visits(1), shop.visits(99)), (3, 2, 0, 0));
}

#[tokio::test]
async fn the_listing_names_every_product_and_the_rest_is_there() {
    let shop = Shop::open().await.unwrap();
    let (status, listing) = get(&shop, "/").await;
    assert_eq!(status, StatusCode::OK);
    for product in &PRODUCTS {
        assert!(listing.contains(&format!("href=\"{}\"", product.path())));
    }
    for path in ["/style.css", "/leaf.svg", "/favicon.ico"] {
        assert_eq!(get(&shop, path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(get(&shop, "/product/13").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&shop, "/api/product/0").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dropped_shop_gives_its_port_back() {
    let shop = Shop::open().await.unwrap();
    let url = shop.url("/");
    drop(shop);
    // The server task ends at its next poll, which the failing request waits for.
    tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while ask(&url).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the shop still answers");
}
