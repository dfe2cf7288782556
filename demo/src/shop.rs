//! The shop as a running server: twelve product pages, a listing, a style sheet, pictures.
//!
//! **Not allowed here:** what products there are (`products`) and how their pages look (`pages`).

mod pages;
mod products;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, serve};
pub use products::{Layout, PRODUCTS, Product};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A shop that listens until it is dropped.
#[derive(Debug)]
pub struct Shop {
    address: SocketAddr,
    visits: Arc<Visits>,
    server: JoinHandle<()>,
}

/// How often each product page was asked for, in the order of [`PRODUCTS`].
#[derive(Debug, Default)]
struct Visits([AtomicU32; PRODUCTS.len()]);

impl Shop {
    /// Opens a shop on a free port of 127.0.0.1. Its pages have not been visited yet, so the one that
    /// fails once will fail.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let visits = Arc::new(Visits::default());
        let router = router(Arc::clone(&visits));
        let server = tokio::spawn(async move {
            // `serve` returns only when its listener is gone, which it owns.
            let _ = serve(listener, router).await;
        });
        Ok(Self { address, visits, server })
    }

    /// Host and port, as a service must be allowed to reach them.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of each product page, in the order of [`PRODUCTS`].
    #[must_use]
    pub fn product_urls(&self) -> Vec<String> {
        PRODUCTS.iter().map(|product| self.url(&product.path())).collect()
    }

    /// The address of a path, which starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often the page of the product with this id was asked for; 0 for an unknown id.
    #[must_use]
    pub fn visits(&self, id: usize) -> u32 {
        self.visits.of(id).map_or(0, |visits| visits.load(Ordering::SeqCst))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Visits {
    fn of(&self, id: usize) -> Option<&AtomicU32> {
        self.0.get(id.checked_sub(1)?)
    }
}

fn router(visits: Arc<Visits>) -> Router {
    Router::new()
        .route("/", get(async || Html(pages::listing())))
        .route("/product/{id}", get(product_page))
        .route("/api/product/{id}", get(product_data))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], pages::STYLE)))
        .route("/leaf.svg", get(picture))
        .route("/favicon.ico", get(picture))
        .with_state(visits)
}

async fn picture() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], pages::PICTURE)
}

async fn product_page(State(visits): State<Arc<Visits>>, Path(id): Path<usize>) -> Response {
    let (Some(product), Some(counter)) = (Product::by_id(id), visits.of(id)) else {
        return not_found();
    };
    let visited_before = counter.fetch_add(1, Ordering::SeqCst);
    match product.layout {
        Layout::AlwaysFails => broken(StatusCode::INTERNAL_SERVER_ERROR),
        Layout::FailsOnce if visited_before == 0 => broken(StatusCode::SERVICE_UNAVAILABLE),
        _ => Html(pages::product(product)).into_response(),
    }
}

/// What the page that is rendered by script asks for.
async fn product_data(Path(id): Path<usize>) -> Response {
    Product::by_id(id).map_or_else(not_found, |product| Json(product).into_response())
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Html(pages::message("There is no such product."))).into_response()
}

fn broken(status: StatusCode) -> Response {
    (status, Html(pages::message("The shop has a problem. Please come back later."))).into_response()
}

#[cfg(test)]
mod tests;
