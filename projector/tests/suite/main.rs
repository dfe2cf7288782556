//! The projector on a real log and real tables in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod first_release;
mod following;
mod histories;
mod poison;
mod standby;
mod support;
mod versions;

/// Makes one named test of each case for each engine of the read models. A case that is missing here is dead code.
macro_rules! tests {
    ($($theme:ident { $($case:ident),+ $(,)? })+) => {
        mod sqlite {$(mod $theme {
            $(#[tokio::test] async fn $case() {
                crate::$theme::$case(crate::support::World::new(crate::support::Engine::Sqlite).await).await;
            })+
        })+}
        mod postgres {$(mod $theme {
            $(#[tokio::test] async fn $case() {
                crate::$theme::$case(crate::support::World::new(crate::support::Engine::Postgres).await).await;
            })+
        })+}
    };
}

/// The same for cases that make their own places.
macro_rules! tests_of_versions {
    ($($case:ident),+ $(,)?) => {
        mod versions_in_sqlite {$(
            #[tokio::test] async fn $case() { crate::versions::$case(crate::support::Engine::Sqlite).await; }
        )+}
        mod versions_in_postgres {$(
            #[tokio::test] async fn $case() { crate::versions::$case(crate::support::Engine::Postgres).await; }
        )+}
    };
}

tests_of_versions! {
    a_version_is_built_beside_the_live_one_and_swapped_and_rolled_back,
    an_interrupted_build_goes_on_and_a_finished_one_makes_room_for_the_next,
    a_build_that_is_told_to_stop_says_so_and_keeps_what_it_has,
    a_replay_tells_what_was_so_at_a_position_or_a_time,
    rows_that_differ_are_named_and_rows_that_moved_on_meanwhile_are_not,
}

tests! {
    first_release {
        a_history_of_the_first_release_gives_the_rows_that_are_kept_beside_it,
    }
    following {
        what_is_appended_appears_in_the_tables,
        a_restart_goes_on_where_it_was_and_counts_nothing_twice,
        charges_are_counted_on_their_day,
        two_projectors_at_once_write_what_one_would,
        a_paused_projector_catches_up_once_and_then_stands_still,
        deleted_tables_come_back_from_the_log,
    }
    poison {
        an_event_that_cannot_be_read_stops_its_own_stream_only,
        a_stream_in_quarantine_goes_on_when_a_later_start_can_read_it,
        a_stream_goes_on_without_an_event_that_an_operator_gives_up_and_so_does_every_rebuild,
        a_store_that_fails_for_a_while_is_asked_again,
    }
}
