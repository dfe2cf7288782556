//! The operator's file of price lists. What a list may say, and what it means, is the domain's affair; that a version
//! keeps its prices is seen to by the log.

use super::{
    health::Health,
    settings::{Plan, ServeArgs},
    stores::Log,
    waiting::{Fault, wait_for},
};
use anyhow::{Context, ensure};
use leafcutter_command_api::Commands;
use leafcutter_domain::PriceList;
use leafcutter_event_store::TransactError;
use std::{collections::BTreeSet, io::Read};

/// Size of the file.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

/// What is wrong with the file is said before anything is started.
///
/// # Errors
/// The file cannot be used.
pub(super) fn are_usable(plan: &Plan) -> anyhow::Result<()> {
    if plan.roles.command {
        lists(&plan.args)?;
    }
    Ok(())
}

/// The operator's lists; none without a file.
///
/// # Errors
/// The file cannot be used.
pub(super) fn lists(args: &ServeArgs) -> anyhow::Result<Vec<PriceList>> {
    let Some(path) = &args.write.prices else { return Ok(vec![]) };
    let unusable = || format!("LEAFCUTTER_PRICES: {} cannot be used", path.display());
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
        .with_context(unusable)?;
    read(&text).with_context(unusable)
}

/// One list, or several.
fn read(text: &str) -> anyhow::Result<Vec<PriceList>> {
    ensure!(text.len() as u64 <= FILE_BYTES_MAX, "it is larger than {FILE_BYTES_MAX} bytes");
    let several = text.trim_start().starts_with('[');
    let lists: Vec<PriceList> =
        if several { serde_json::from_str(text)? } else { vec![serde_json::from_str(text)?] };
    ensure!(!lists.is_empty(), "it holds no price list");
    let mut versions = BTreeSet::new();
    for list in &lists {
        list.check()?;
        ensure!(versions.insert(list.version), "version {} is there twice", list.version);
    }
    Ok(lists)
}

/// Writes the lists into the log, unless they are there.
///
/// # Errors
/// A version is there with other prices, or the embedded log cannot be written; a log elsewhere is waited for.
pub(super) async fn publish(commands: &Commands, log: &Log, health: &Health) -> anyhow::Result<()> {
    wait_for(health, "event store of the price lists", async || {
        let published = commands.prices.publish(commands.clock.now()).await;
        published.map_err(|error| match (&error, log) {
            (TransactError::Rejected(_), _) => {
                Fault::Wrong(anyhow::Error::new(error).context("LEAFCUTTER_PRICES cannot be used"))
            }
            (TransactError::StoredForm(_), _) | (_, Log::Embedded(_)) => {
                Fault::Wrong(anyhow::Error::new(error).context("the price lists cannot be read or written"))
            }
            (_, Log::Remote(_)) => Fault::Away(error.into()),
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"version": 3, "page": 2, "fastPage": 1}"#;

    #[test]
    fn a_file_holds_one_list_or_several() {
        assert_eq!(read(LIST).unwrap().len(), 1);
        let two = format!(" [{LIST}, {}]", LIST.replace('3', "4"));
        assert_eq!(read(&two).unwrap().iter().map(|list| list.version).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_in_one_line() {
        let cases = [
            ("[]".to_owned(), "no price list"),
            (String::new(), "EOF"),
            (format!("[{LIST}, {LIST}]"), "version 3 is there twice"),
            (LIST.replace('3', "0"), "at least 1"),
            (LIST.replace("2,", "1000001,"), "`page` of price list 3 is 1000001"),
            (LIST.replace("page", "side"), "unknown field `side`"),
            (format!("{LIST} {LIST}"), "trailing"),
        ];
        for (text, said) in cases {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains(said) && error.lines().count() == 1, "{text}: {error}");
        }
    }
}
