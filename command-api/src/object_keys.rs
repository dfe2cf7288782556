//! Where the objects of an attempt are: `account/batch/item/attempt-hash`. Not here: objects.

use leafcutter_domain::{AccountId, BatchId, ItemIndex};

/// The folder of everything that a batch has stored.
pub(crate) fn batch_folder(account: AccountId, batch: BatchId) -> String {
    format!("{account}/{batch}")
}

/// Where an attempt may put its objects.
pub(crate) fn attempt_prefix(account: AccountId, batch: BatchId, item: ItemIndex, attempt: u32) -> String {
    format!("{}/{item}/{attempt}", batch_folder(account, batch))
}

/// Which attempt an object in the folder of a batch is of.
pub(crate) fn attempt_of(folder: &str, key: &str) -> Option<(ItemIndex, u32)> {
    let (item, rest) = key.strip_prefix(folder)?.strip_prefix('/')?.split_once('/')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((item.parse().ok()?, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_attempt_is_known_by_the_keys_of_its_objects() {
        let (account, batch) = (AccountId(Uuid::from_u128(1)), BatchId(Uuid::from_u128(2)));
        let folder = batch_folder(account, batch);
        let key = format!("{}-{}", attempt_prefix(account, batch, 49, 12), "ab".repeat(32));
        assert_eq!(attempt_of(&folder, &key), Some((49, 12)));
        for other in ["", "/", "/49", "/49/x-1", "2/49/12-ab", "/70000/1-ab"] {
            assert_eq!(attempt_of(&folder, &format!("{folder}{other}")), None, "{other}");
        }
    }
}
