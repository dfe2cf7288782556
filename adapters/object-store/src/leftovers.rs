//! Files that a process left half written when it died: beside the name of the object they bear a `#` and a number, and
//! no list of objects shows them. Not here: objects.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use tokio::fs;

/// Deletes those below `root/folder` whose object's key `chosen` says yes to.
pub(crate) async fn delete(
    root: &Path,
    folder: &str,
    chosen: impl Fn(&str) -> bool,
) -> Result<(), object_store::Error> {
    let deleted = async {
        for file in half_written(&root.join(folder)).await? {
            if file.strip_prefix(root).is_ok_and(|file| key(file).is_some_and(&chosen)) {
                there(fs::remove_file(&file).await)?;
            }
        }
        Ok(())
    };
    let failed =
        |source: std::io::Error| object_store::Error::Generic { store: "folder", source: source.into() };
    deleted.await.map_err(failed)
}

async fn half_written(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        // Folders go with the last object in them.
        let Some(mut entries) = there(fs::read_dir(&folder).await)? else { continue };
        while let Some(entry) = entries.next_entry().await? {
            match there(entry.file_type().await)? {
                Some(kind) if kind.is_dir() => open.push(entry.path()),
                Some(_) if key(&entry.path()).is_some() => found.push(entry.path()),
                Some(_) | None => {}
            }
        }
    }
    Ok(found)
}

/// The key of the object that a file was to become; none of a file that is whole.
fn key(file: &Path) -> Option<&str> {
    let (key, number) = file.to_str()?.rsplit_once('#')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(key)
}

/// None for what is not there any more.
fn there<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use crate::Objects;

    #[tokio::test]
    async fn what_a_dead_process_left_of_a_chosen_object_goes_with_the_objects_and_the_rest_stays() {
        let root = tempfile::tempdir().unwrap();
        let objects = Objects::local(root.path()).unwrap();
        let whole = objects.put("account/batch/0/1", "whole".into()).await.unwrap();
        for left in ["account/batch/0/1-ab#1", "account/batch/0/2-ab#12", "account/other/0/1-ab#1"] {
            let left = root.path().join(left);
            std::fs::create_dir_all(left.parent().unwrap()).unwrap();
            std::fs::write(left, "half").unwrap();
        }
        let first = |key: &str| key.starts_with("account/batch/0/1-");
        assert_eq!(objects.delete("account/batch", first).await.unwrap(), 1);
        assert!(!objects.holds(&whole).await.unwrap());
        let there = |left: &str| root.path().join(left).exists();
        assert!(!there("account/batch/0/1-ab#1"));
        assert!(there("account/batch/0/2-ab#12") && there("account/other/0/1-ab#1"));
    }
}
