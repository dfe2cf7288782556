//! What every object store must do, a folder or a bucket: one list of cases, run against each. What only a bucket
//! promises (credentials, signed URLs, being away) is in `bucket.rs`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod bucket;
mod objects;

use leafcutter_object_store::Objects;
use leafcutter_test_servers::S3;
use tempfile::TempDir;

/// A store of its own for each case.
trait Harness: Sized {
    async fn fresh() -> Self;
    fn objects(&self) -> Objects;
}

/// A folder.
struct Local(TempDir);

impl Harness for Local {
    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn objects(&self) -> Objects {
        Objects::open(&format!("file://{}", self.0.path().display())).unwrap()
    }
}

/// A bucket.
struct Bucket {
    _folder: TempDir,
    server: S3,
}

impl Bucket {
    /// The bucket as the holder of this credential reaches it, with these further options.
    fn opened(&self, credential: (&str, &str), options: &str) -> Objects {
        Objects::open_with(&format!("{}{options}", self.server.url("leafcutter")), |name| match name {
            "AWS_ACCESS_KEY_ID" => Some(credential.0.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(credential.1.to_owned()),
            _ => None,
        })
        .unwrap()
    }
}

impl Harness for Bucket {
    async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = S3::start(folder.path()).await;
        Self { _folder: folder, server }
    }

    fn objects(&self) -> Objects {
        self.opened(S3::OWNER, "")
    }
}

/// Makes one named test of each case. A case that is missing here is dead code and does not compile cleanly.
macro_rules! contract {
    ($($name:ident: $harness:ty),+) => {$(
        mod $name {
            crate::contract! { @cases $harness:
                an_object_comes_back_as_it_was_put,
                the_same_bytes_again_change_nothing,
                other_bytes_under_the_same_prefix_are_another_object,
                an_empty_object_is_an_object,
                a_missing_object_is_said_to_be_missing,
                a_larger_object_than_the_reader_takes_is_refused,
                an_object_of_another_size_is_not_held,
                a_key_cannot_leave_its_place,
                eight_mebibytes_come_back_whole,
                many_at_once_are_kept_apart,
                what_is_chosen_of_a_folder_is_deleted_and_nothing_else,
                a_store_that_is_there_passes_its_check,
            }
        }
    )+};
    (@cases $harness:ty: $($case:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            let harness = <$harness as crate::Harness>::fresh().await;
            crate::objects::$case(crate::Harness::objects(&harness)).await;
        }
    )+};
}
use contract;

contract! { local: crate::Local, s3: crate::Bucket }
