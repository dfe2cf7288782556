//! Screenshots in a bucket: sent through the service, or by a signed URL where clients reach the bucket.

use crate::support::{STRANGER_KEY, World};
use leafcutter_domain::{BatchId, OutputFormat::Markdown};
use leafcutter_object_store::Objects;
use leafcutter_test_servers::S3;
use serde_json::json;

const PICTURE: &[u8] = b"\x89PNG";

fn opened(server: &S3, options: &str) -> Objects {
    Objects::open_with(&format!("{}{options}", server.url("leafcutter")), |name| match name {
        "AWS_ACCESS_KEY_ID" => Some(S3::OWNER.0.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(S3::OWNER.1.to_owned()),
        _ => None,
    })
    .unwrap()
}

/// A completed item with a picture, and where its picture is asked for.
async fn pictured(world: &World) -> (BatchId, String) {
    let batch = world.submit(1, 1, Markdown).await;
    world.start(batch, 0).await;
    world.complete(batch, 0, "text", Some(PICTURE)).await;
    (batch, format!("/api/batch/scrape/{batch}/items/0/screenshot"))
}

#[tokio::test]
async fn a_screenshot_in_a_bucket_that_clients_do_not_reach_comes_through_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::start(folder.path()).await;
    let world = World::with_objects(opened(&server, "")).await;
    let (_, place) = pictured(&world).await;
    let picture = world.get(&place).await;
    assert_eq!((picture.status, picture.bytes.as_slice()), (200, PICTURE));
}

#[tokio::test]
async fn a_screenshot_in_a_bucket_that_clients_reach_is_a_redirect_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::start(folder.path()).await;
    let options = format!("&public_endpoint={}", server.endpoint());
    let world = World::with_objects(opened(&server, &options)).await;
    let (batch, place) = pictured(&world).await;
    assert_eq!(world.ask(&place, &[("x-api-key", STRANGER_KEY)]).await.status, 404);
    let redirect = world.get(&place).await;
    assert_eq!((redirect.status, redirect.header("cache-control")), (307, "no-store"));
    let url = redirect.header("location");
    assert!(url.starts_with(&server.endpoint()) && url.contains("X-Amz-Expires=60&"));
    let picture = reqwest::get(url).await.unwrap();
    assert_eq!(picture.status(), 200);
    assert_eq!(picture.bytes().await.unwrap(), PICTURE);
    let status = world.get(&format!("/api/batch/scrape/{batch}")).await.json;
    let linked = &status["items"][0]["screenshotUrl"];
    assert_eq!(linked, &json!(format!("http://leaf.example:8080{place}")), "the status signs nothing");
}

#[tokio::test]
async fn a_screenshot_that_is_gone_from_the_bucket_is_not_redirected_to() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::start(folder.path()).await;
    let options = format!("&public_endpoint={}", server.endpoint());
    let world = World::with_objects(opened(&server, &options)).await;
    let (_, place) = pictured(&world).await;
    std::fs::remove_dir_all(folder.path().join("leafcutter")).unwrap();
    assert_eq!(world.get(&place).await.status, 404);
}
