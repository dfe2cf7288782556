//! What the read models must do in every engine: one list of cases, run against SQLite and PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod server;
mod statements;
mod support;
mod tables;
mod upgrade;
mod values;

/// Makes one named test of each case for each engine. A case that is missing here is dead code.
macro_rules! tests {
    ($($theme:ident { $($case:ident),+ $(,)? })+) => {
        mod sqlite {$(mod $theme {
            $(#[tokio::test] async fn $case() {
                crate::$theme::$case(&crate::support::Place::file()).await;
            })+
        })+}
        mod postgres {$(mod $theme {
            $(#[tokio::test] async fn $case() {
                crate::$theme::$case(&crate::support::Place::database().await).await;
            })+
        })+}
    };
}

tests! {
    tables {
        a_batch_comes_back_as_it_was_written_also_after_a_restart,
        a_change_rewrites_the_batch_and_moves_it_between_the_counts,
        changes_from_another_checkpoint_are_refused_whole,
        the_list_is_newest_first_and_pages_hold_each_batch_once,
        the_list_keeps_to_its_filters,
        usage_adds_up_by_day,
        whoever_waits_for_a_position_is_woken_by_the_write_also_of_another_process,
        a_quarantined_stream_is_listed_until_it_is_released,
        readers_see_whole_transactions_while_another_writes,
        of_many_writers_from_one_checkpoint_one_wins,
        a_second_writer_waits_until_the_first_gives_its_turn_back,
        a_dropped_wait_or_turn_leaves_the_turn_to_others,
    }
    statements {
        an_entry_comes_back_as_it_was_written,
        the_statement_is_newest_first_and_pages_hold_each_entry_once,
        the_statement_keeps_to_its_filters,
    }
    upgrade {
        tables_of_before_the_statement_are_emptied_to_be_built_again,
    }
    values {
        what_clients_and_pages_write_comes_back_to_the_letter,
        every_moment_that_a_filter_can_name_is_compared,
        thousands_of_rows_are_one_change,
        rows_tell_everything_but_positions,
    }
}
