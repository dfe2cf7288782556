//! What the reactions' tables must do in every engine: one list of cases, run against SQLite and PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod cases;
mod server;
mod support;

/// Makes one named test of each case for each engine. A case that is missing here is dead code.
macro_rules! tests {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::support::Place::file()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::support::Place::database().await).await;
            })+
        }
    };
}

tests![
    what_was_saved_is_there_after_reopening_and_what_was_forgotten_is_not,
    of_several_changes_to_one_row_the_last_one_counts,
    changes_from_another_checkpoint_are_refused_whole,
    of_many_savers_from_one_checkpoint_one_wins,
    thousands_of_changes_are_one_save,
    any_json_comes_back_with_the_same_meaning,
];
