//! What every event store must do, whichever it is: one list of cases, run against each adapter. A new adapter
//! adds a file like `sqlite.rs`. Beside it stands what one adapter must survive of its server. Not here: what only
//! SQLite promises (`tests/sqlite`), the append loop (`tests/transact`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod appends;
mod durability;
mod eventstoredb;
mod eventstoredb_faults;
mod races;
mod reads;
mod scoped;
mod sqlite;
mod subscriptions;
mod support;

/// Makes one named test of each case, with a fresh store each.
macro_rules! tests {
    ($harness:ty: $($theme:ident { $($case:ident),+ $(,)? })+) => {$(
        mod $theme {
            use crate::support::Harness;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let mut harness = <$harness>::fresh().await;
                    crate::$theme::$case(&mut harness).await;
                    harness.stop().await;
                }
            )+
        }
    )+};
}
pub(crate) use tests;

/// The whole contract for one adapter. A case that is missing here is dead code and does not compile cleanly.
macro_rules! contract {
    ($harness:ty) => {
        crate::tests! { $harness:
            appends {
                the_first_append_begins_the_stream,
                an_append_at_the_last_revision_goes_on,
                an_append_anywhere_else_is_a_conflict_and_keeps_nothing,
                the_same_append_again_gets_the_first_answer,
                a_partly_repeated_append_is_a_conflict,
                fifty_one_events_are_kept_in_one_piece,
                a_large_append_comes_back_as_it_went,
                the_largest_append_is_kept_and_one_byte_more_is_refused,
                many_small_events_fit_one_append,
                an_append_of_nothing_is_refused_and_disturbs_nobody,
            }
            reads {
                a_stream_is_read_forward_from_every_revision_with_every_limit,
                the_last_event_is_the_newest_of_its_stream,
                a_missing_stream_reads_as_empty,
                data_and_metadata_come_back_byte_for_byte,
                streams_with_similar_names_are_kept_apart,
                a_snapshot_is_replaced_by_the_next,
                the_head_is_never_behind_an_acknowledged_append,
            }
            races {
                conflicting_appends_among_good_ones_leave_only_the_good,
                each_revision_has_exactly_one_winner_among_64,
                positions_grow_in_append_order_within_each_stream,
            }
            subscriptions {
                catching_up_goes_over_to_live_without_gap_or_duplicate,
                a_category_brings_its_own_streams_only,
                reading_resumes_from_every_position,
                up_to_moves_past_events_of_other_categories,
                a_waiting_reader_is_woken_by_an_append,
                a_page_that_nobody_waited_for_is_not_lost,
            }
            durability {
                everything_acknowledged_is_there_after_a_restart,
                a_restarted_store_goes_on_where_it_stopped,
            }
        }
    };
}
pub(crate) use contract;
