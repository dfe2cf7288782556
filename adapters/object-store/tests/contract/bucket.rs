//! What only a bucket promises: credentials with narrow rights, a prefix, signed URLs, coming back after being away.

use crate::{Bucket, Harness, Local};
use bytes::Bytes;
use leafcutter_object_store::{ObjectError, Objects};
use leafcutter_test_servers::S3;
use std::time::Duration;

const PAGE: Bytes = Bytes::from_static(b"\x89PNG");
const A_MINUTE: Duration = Duration::from_secs(60);
const REFUSED_BY_NOW: Duration = Duration::from_millis(300);

/// The options under which clients reach the bucket where this process does.
fn signing(bucket: &Bucket) -> String {
    format!("&public_endpoint={}", bucket.server.endpoint())
}

async fn status(url: impl reqwest::IntoUrl) -> u16 {
    reqwest::get(url).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_worker_needs_the_right_to_put_and_no_other() {
    let bucket = Bucket::fresh().await;
    let worker = bucket.opened(S3::PUT_ONLY, "");
    let stored = worker.put("account/batch/0/1", PAGE).await.unwrap();
    worker.put("account/batch/0/1", PAGE).await.unwrap();
    assert_eq!(bucket.server.operations(), ["PutObject", "PutObject"]);
    assert_eq!(bucket.objects().get(&stored.key, 10).await.unwrap(), PAGE);
    assert!(matches!(worker.get(&stored.key, 10).await, Err(ObjectError::Store(_))));
    assert!(matches!(worker.holds(&stored).await, Err(ObjectError::Store(_))));
    worker.check().await.unwrap();
}

#[tokio::test]
async fn a_credential_that_the_store_does_not_know_fails_the_check() {
    let bucket = Bucket::fresh().await;
    let stranger = bucket.opened((S3::OWNER.0, "another-secret"), "");
    let error = stranger.check().await.unwrap_err();
    assert!(matches!(error, ObjectError::Store(_)));
    assert!(!format!("{error} {error:?}").contains("another-secret"));
    assert!(matches!(stranger.put("a", PAGE).await, Err(ObjectError::Store(_))));
}

#[tokio::test]
async fn a_prefix_goes_before_every_key_and_is_in_no_name() {
    let bucket = Bucket::fresh().await;
    let address = bucket.server.url("leafcutter").replace("leafcutter?", "leafcutter/some/where?");
    let inside = Objects::open_with(&address, |name| match name {
        "AWS_ACCESS_KEY_ID" => Some(S3::OWNER.0.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(S3::OWNER.1.to_owned()),
        _ => None,
    })
    .unwrap();
    let stored = inside.put("a", PAGE).await.unwrap();
    assert!(stored.key.starts_with("a-"));
    assert_eq!(inside.get(&stored.key, 10).await.unwrap(), PAGE);
    let outside = format!("some/where/{}", stored.key);
    assert_eq!(bucket.objects().get(&outside, 10).await.unwrap(), PAGE);
    let below = inside.put("folder/a", PAGE).await.unwrap();
    assert_eq!(inside.delete("folder", |key| key == below.key).await.unwrap(), 1);
    assert!(matches!(inside.get(&below.key, 10).await, Err(ObjectError::Missing(_))));
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_in_bounded_time_and_serves_again_when_it_is_back() {
    let mut bucket = Bucket::fresh().await;
    let objects = bucket.objects();
    let stored = objects.put("a", PAGE).await.unwrap();
    bucket.server.stop().await;
    let patience = Duration::from_secs(30);
    let (put, get) = tokio::join!(
        tokio::time::timeout(patience, objects.put("b", PAGE)),
        tokio::time::timeout(patience, objects.check()),
    );
    assert!(matches!(put.unwrap(), Err(ObjectError::Store(_))));
    assert!(matches!(get.unwrap(), Err(ObjectError::Store(_))));
    bucket.server.start_again().await;
    assert_eq!(objects.get(&stored.key, 10).await.unwrap(), PAGE);
    objects.check().await.unwrap();
}

#[tokio::test]
async fn a_put_outlives_a_short_restart_of_the_store() {
    let mut bucket = Bucket::fresh().await;
    let objects = bucket.objects();
    objects.put("a", PAGE).await.unwrap();
    bucket.server.stop().await;
    let mut waiting = std::pin::pin!(objects.put("b", PAGE));
    // The port refuses at once, so what is not answered by now has failed and will be sent again.
    assert!(tokio::time::timeout(REFUSED_BY_NOW, &mut waiting).await.is_err());
    bucket.server.start_again().await;
    let stored = waiting.await.unwrap();
    assert_eq!(objects.get(&stored.key, 10).await.unwrap(), PAGE);
}

#[tokio::test]
async fn a_signed_url_serves_its_object_to_someone_without_a_key() {
    let bucket = Bucket::fresh().await;
    let objects = bucket.opened(S3::OWNER, &signing(&bucket));
    let stored = objects.put("account/batch/0/1", PAGE).await.unwrap();
    let url = objects.signed_url(&stored.key, "image/png", A_MINUTE).await.unwrap().unwrap();
    assert!(url.as_str().starts_with(&bucket.server.endpoint()));
    assert!(!url.as_str().contains(S3::OWNER.1));
    let answer = reqwest::get(url.clone()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap(), PAGE);
    let mut bare = url;
    bare.set_query(None);
    assert_eq!(status(bare).await, 403);
}

#[tokio::test]
async fn a_signed_url_that_was_changed_serves_nothing() {
    let bucket = Bucket::fresh().await;
    let objects = bucket.opened(S3::OWNER, &signing(&bucket));
    let (one, other) = (objects.put("a", PAGE).await.unwrap(), objects.put("b", PAGE).await.unwrap());
    let url = objects.signed_url(&one.key, "image/png", A_MINUTE).await.unwrap().unwrap().to_string();
    for changed in [
        url.replace(&one.key, &other.key),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        url.replace("image%2Fpng", "text%2Fhtml"),
    ] {
        assert_ne!(changed, url);
        assert_eq!(status(changed).await, 403);
    }
    assert_eq!(status(url).await, 200);
}

#[tokio::test]
async fn a_signed_url_ends_with_its_time() {
    let bucket = Bucket::fresh().await;
    let objects = bucket.opened(S3::OWNER, &signing(&bucket));
    let stored = objects.put("a", PAGE).await.unwrap();
    let url = objects.signed_url(&stored.key, "image/png", Duration::ZERO).await.unwrap().unwrap();
    let ended = tokio::time::timeout(A_MINUTE, async { while status(url.clone()).await != 403 {} });
    ended.await.unwrap();
    let longest = objects.signed_url(&stored.key, "image/png", A_MINUTE * 600).await.unwrap().unwrap();
    assert!(longest.as_str().contains("X-Amz-Expires=3600&"), "the life of a signed URL is bounded");
}

#[tokio::test]
async fn a_url_is_signed_for_the_place_where_clients_reach_the_bucket() {
    let bucket = Bucket::fresh().await;
    let objects = bucket.opened(S3::OWNER, "&public_endpoint=https://pictures.example");
    let stored = objects.put("a", PAGE).await.unwrap();
    let url = objects.signed_url(&stored.key, "image/png", A_MINUTE).await.unwrap().unwrap();
    assert!(url.as_str().starts_with("https://pictures.example/leafcutter/a-"));
}

#[tokio::test]
async fn nothing_is_signed_where_clients_do_not_reach_the_store_or_nothing_is_there() {
    let (bucket, folder) = (Bucket::fresh().await, Local::fresh().await);
    for objects in [bucket.objects(), folder.objects()] {
        let stored = objects.put("a", PAGE).await.unwrap();
        assert_eq!(objects.signed_url(&stored.key, "image/png", A_MINUTE).await.unwrap(), None);
    }
    let signing = bucket.opened(S3::OWNER, &signing(&bucket));
    let none = signing.signed_url("missing", "image/png", A_MINUTE).await;
    assert!(matches!(none, Err(ObjectError::Missing(_))));
}
