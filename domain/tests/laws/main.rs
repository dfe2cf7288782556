//! The laws of the domain: what no order of commands, crashes, repeats and month turns may break.
//!
//! A world (`world`, `requests`, `items`, `money`) lives through a random plan (`plan`) on the real deciders; each law
//! (`batch_laws`, `money_laws`) is asked after every step and once everything has ended. That a law guards something
//! is shown by a mutant that breaks it (`mutants`). No rule is here, and no test of a single rule: those are next
//! to the rules, in `src`. More worlds: `LEAFCUTTER_LAW_CASES=10000`; others: `PROPTEST_RNG_SEED=7`.

mod batch_laws;
mod check;
mod coverage;
mod items;
mod money;
mod money_laws;
mod mutants;
mod plan;
mod requests;
mod rules;
mod tally;
mod world;

/// A law, and the mutants that it must find out.
macro_rules! laws {
    ($($file:ident :: $law:ident { $($test:ident: $mutant:ident of $kind:ident),+ $(,)? })+) => {
        $(mod $law {
            use crate::{check::{breaks, holds}, $file::$law as law, mutants};

            #[test]
            fn holds_in_every_world() {
                holds(law);
            }

            $(#[test]
            fn $test() {
                breaks::<mutants::$kind<mutants::$mutant>>(law);
            })+
        })+
    };
}

laws! {
    money_laws::credits_are_conserved_on_every_prefix {
        sees_a_remainder_that_is_not_freed: KeepsTheRemainder of OfLedger,
    }
    money_laws::a_month_begins_with_what_the_last_one_carried {
        sees_a_month_that_begins_with_nothing: BeginsWithNothing of OfLedger,
    }
    money_laws::a_late_release_is_granted_again_exactly_once {
        sees_a_release_that_is_granted_twice: GrantsTwice of OfLedger,
        sees_a_release_that_grows: RoundsUp of OfLedger,
    }
    money_laws::nothing_is_made_or_lost_across_the_account {
        sees_a_credit_made_by_a_late_release: RoundsUp of OfLedger,
        sees_carried_credits_that_are_lost: BeginsWithNothing of OfLedger,
    }
    money_laws::nothing_stays_held_once_everything_has_ended {
        sees_a_closed_month_that_settles_nothing: SettlesNothingLate of OfLedger,
    }
    money_laws::a_cancel_refunds_its_items_times_the_reserved_price {
        sees_a_refund_that_leaves_out_an_item: RefundsOneItemLess of OfLedger,
    }
    money_laws::items_cost_no_more_than_their_batch_spent_and_holds {
        sees_a_price_above_the_reservation: ChargesWhatIsReported of OfBatch,
    }
    money_laws::an_item_costs_what_the_ledger_charges_for_it {
        sees_a_price_above_the_reservation: ChargesWhatIsReported of OfBatch,
        sees_failures_that_are_never_charged: GivesEveryFailureAway of OfLedger,
    }
    batch_laws::every_item_ends_in_exactly_one_way {
        sees_a_cancel_that_names_running_items: CancelNamesRunningItems of OfBatch,
        sees_a_cancel_that_forgets_an_item: CancelForgetsItems of OfBatch,
    }
    batch_laws::the_counts_of_a_batch_sum_to_its_total {
        sees_a_cancel_that_forgets_an_item: CancelForgetsItems of OfBatch,
    }
    batch_laws::an_ended_batch_stays_ended {
        sees_an_item_queued_again_after_a_cancel: RequeuesAfterCancel of OfBatch,
        sees_a_cancelled_batch_that_completes: CompletesAfterCancel of OfBatch,
    }
    batch_laws::a_repeated_command_adds_nothing {
        sees_a_claim_that_starts_twice: StartsTwice of OfBatch,
        sees_a_grant_that_is_added_twice: GrantsTwice of OfLedger,
    }
    batch_laws::folding_a_prefix_and_then_the_rest_is_folding_all {
        sees_an_evolve_that_remembers_elsewhere: RemembersElsewhere of OfBatch,
    }
    batch_laws::time_never_runs_back_within_a_stream {
        sees_a_decide_that_trusts_every_clock: TrustsEveryClock of OfBatch,
    }
}
