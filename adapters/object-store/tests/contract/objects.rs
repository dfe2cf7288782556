//! The cases. Not here: which store they run against.

use bytes::Bytes;
use futures::future::join_all;
use leafcutter_object_store::{ObjectError, Objects};

/// More than any object of these cases.
const PLENTY: u64 = 100 * 1024 * 1024;
const PAGE: Bytes = Bytes::from_static(b"page");

pub(crate) async fn an_object_comes_back_as_it_was_put(objects: Objects) {
    let stored = objects.put("account/batch/0/1", PAGE).await.unwrap();
    assert!(stored.key.starts_with("account/batch/0/1-"));
    assert_eq!(stored.bytes, 4);
    assert!(objects.holds(&stored).await.unwrap());
    assert_eq!(objects.get(&stored.key, PLENTY).await.unwrap(), PAGE);
}

pub(crate) async fn the_same_bytes_again_change_nothing(objects: Objects) {
    let stored = objects.put("a", PAGE).await.unwrap();
    assert_eq!(objects.put("a", PAGE).await.unwrap(), stored);
    assert_eq!(objects.get(&stored.key, PLENTY).await.unwrap(), PAGE);
}

pub(crate) async fn other_bytes_under_the_same_prefix_are_another_object(objects: Objects) {
    let (one, other) =
        (objects.put("a", PAGE).await.unwrap(), objects.put("a", "other".into()).await.unwrap());
    assert_ne!(one.key, other.key);
    assert_eq!(objects.get(&one.key, PLENTY).await.unwrap(), PAGE);
    assert_eq!(objects.get(&other.key, PLENTY).await.unwrap(), "other");
}

pub(crate) async fn an_empty_object_is_an_object(objects: Objects) {
    let stored = objects.put("a", Bytes::new()).await.unwrap();
    assert!(objects.holds(&stored).await.unwrap());
    assert_eq!(objects.get(&stored.key, PLENTY).await.unwrap(), Bytes::new());
}

pub(crate) async fn a_missing_object_is_said_to_be_missing(objects: Objects) {
    let mut stored = objects.put("a", PAGE).await.unwrap();
    stored.key.push('x');
    assert!(!objects.holds(&stored).await.unwrap());
    assert!(matches!(objects.get(&stored.key, PLENTY).await, Err(ObjectError::Missing(_))));
}

pub(crate) async fn a_larger_object_than_the_reader_takes_is_refused(objects: Objects) {
    let stored = objects.put("a", PAGE).await.unwrap();
    assert_eq!(objects.get(&stored.key, 4).await.unwrap(), PAGE);
    let refused = objects.get(&stored.key, 3).await;
    assert!(matches!(refused, Err(ObjectError::TooLarge { bytes: 4, max: 3, .. })));
}

pub(crate) async fn an_object_of_another_size_is_not_held(objects: Objects) {
    let mut stored = objects.put("a", PAGE).await.unwrap();
    stored.bytes = 5;
    assert!(!objects.holds(&stored).await.unwrap());
}

pub(crate) async fn a_key_cannot_leave_its_place(objects: Objects) {
    for key in ["../secret", "a/../../secret", "a//b", ""] {
        assert!(matches!(objects.get(key, PLENTY).await, Err(ObjectError::Key(_))), "{key}");
    }
    assert!(matches!(objects.put("../secret", PAGE).await, Err(ObjectError::Key(_))));
}

pub(crate) async fn eight_mebibytes_come_back_whole(objects: Objects) {
    let large: Bytes =
        (0..8 * 1024 * 1024_u32).map(|place| place.to_le_bytes()[place as usize % 3]).collect();
    let stored = objects.put("large", large.clone()).await.unwrap();
    assert!(objects.holds(&stored).await.unwrap());
    assert_eq!(objects.get(&stored.key, PLENTY).await.unwrap(), large);
}

pub(crate) async fn many_at_once_are_kept_apart(objects: Objects) {
    let one = |number: u32| {
        let objects = objects.clone();
        async move {
            // Pairs write the same object at the same time.
            let bytes = Bytes::from(format!("page {}", number / 2));
            let stored = objects.put("many", bytes.clone()).await.unwrap();
            assert_eq!(objects.get(&stored.key, PLENTY).await.unwrap(), bytes);
        }
    };
    join_all((0..64).map(one)).await;
}

pub(crate) async fn a_store_that_is_there_passes_its_check(objects: Objects) {
    objects.check().await.unwrap();
    objects.put("a", PAGE).await.unwrap();
    objects.check().await.unwrap();
}

pub(crate) async fn what_is_chosen_of_a_folder_is_deleted_and_nothing_else(objects: Objects) {
    let put = async |prefix: &str| objects.put(prefix, PAGE).await.unwrap();
    let (one, other) = (put("account/batch/0/1").await, put("account/batch/0/2").await);
    let (beside, away) = (put("account/batch2/0/1").await, put("elsewhere/batch/0/1").await);
    let first = |key: &str| key.starts_with("account/batch/0/1-");
    assert_eq!(objects.delete("account/batch", first).await.unwrap(), 1);
    assert_eq!(objects.delete("account/batch", first).await.unwrap(), 0);
    assert!(!objects.holds(&one).await.unwrap());
    for stays in [&other, &beside, &away] {
        assert!(objects.holds(stays).await.unwrap(), "{}", stays.key);
    }
    assert_eq!(objects.delete("account", |_| true).await.unwrap(), 2);
    assert_eq!(objects.delete("nowhere", |_| true).await.unwrap(), 0);
    assert!(matches!(objects.delete("../", |_| true).await, Err(ObjectError::Key(_))));
}
