//! The statement against the rules: on every prefix of any life of a ledger the sums are those that the domain
//! remembers, and the balances are the sums of the changes.

use super::{EntryKind, LedgerBalance, LedgerEntry, LedgerFault, Reason};
use crate::Gap;
use leafcutter_domain::{
    AccountId, BatchId, Decider, ErrorCode, GrantId, ItemIndex, Moment, Period, ReservationId,
    ledger::{
        ClosePeriod, CreditsGranted, Funds, Grant, Ledger, LedgerCommand, LedgerEvent, LedgerState,
        OpenPeriod, RefundReason, Reserve, Settle, Settlement, SettlementEntry,
    },
};
use proptest::prelude::*;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
/// Few, so that commands often meet.
const BATCHES: u128 = 4;
const ITEMS: ItemIndex = 4;

fn november() -> Period {
    "2026-11".parse().unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Grant { months: i32, amount: u64, late: bool },
    Reserve { batch: u128, items: ItemIndex, per_item: u64 },
    Settle { batch: u128, item: ItemIndex, settlement: Settlement },
    Close,
}

fn settlements() -> impl Strategy<Value = Settlement> {
    let charge = |failure| move |(attempt, amount)| Settlement::Charge { attempt, amount, failure };
    prop_oneof![
        4 => (1..4_u32, 0..6_u64).prop_map(charge(None)),
        1 => (1..4_u32, 1..6_u64).prop_map(charge(Some(ErrorCode::Blocked))),
        1 => Just(Settlement::Refund(RefundReason::Failed)),
        1 => Just(Settlement::Refund(RefundReason::Cancelled)),
        1 => Just(Settlement::Refund(RefundReason::Abandoned)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..4, 1..30_u64, any::<bool>())
            .prop_map(|(months, amount, late)| Step::Grant { months, amount, late }),
        4 => (1..=BATCHES, 1..=ITEMS, 0..5_u64)
            .prop_map(|(batch, items, per_item)| Step::Reserve { batch, items, per_item }),
        8 => (1..=BATCHES, 0..ITEMS, settlements())
            .prop_map(|(batch, item, settlement)| Step::Settle { batch, item, settlement }),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 0..60)
}

fn command(step: &Step, number: u128, at: Moment) -> LedgerCommand {
    let batch = |number: u128| BatchId(Uuid::from_u128(number));
    match *step {
        Step::Grant { months, amount, late } => Grant {
            grant: GrantId(Uuid::from_u128(number)),
            funds: Funds::of(november().plus_months(months), amount),
            released_by: late.then(|| ReservationId::of(batch(1), 9)),
            at,
        }
        .into(),
        Step::Reserve { batch: number, items, per_item } => Reserve {
            reservation: ReservationId::of(batch(number), 1),
            batch: batch(number),
            round: 1,
            items: (0..items).collect(),
            per_item,
            open_max: 9,
            at,
        }
        .into(),
        Step::Settle { batch: number, item, settlement } => {
            let entries = vec![SettlementEntry { item, settlement }];
            Settle { reservation: ReservationId::of(batch(number), 1), entries, at }.into()
        }
        Step::Close => ClosePeriod { next: november().next(), at }.into(),
    }
}

/// The events of a month that begins with `allowance` and lives through the steps; refusals leave no event.
fn life(allowance: u64, carried: Funds, steps: &[Step]) -> Vec<LedgerEvent> {
    let open = OpenPeriod {
        account: ACCOUNT,
        period: november(),
        previous: None,
        allowance,
        carried,
        at: november().start(),
    };
    let commands = steps.iter().zip(1_u32..).map(|(step, second)| {
        command(step, second.into(), november().start().plus_millis(i64::from(second) * 1_000))
    });
    let (mut state, mut events) = (LedgerState::default(), Vec::new());
    for command in [LedgerCommand::from(open)].into_iter().chain(commands) {
        for event in Ledger::decide(&state, &command).unwrap_or_default() {
            state = Ledger::evolve(state, &event);
            events.push(event);
        }
    }
    events
}

fn is_what_the_rules_remember(books: &LedgerBalance, state: &LedgerState) {
    let shown = [books.granted, books.available, books.held, books.spent, books.expired, books.carried_out];
    let known =
        [state.granted, state.available.total(), state.held(), state.spent, state.expired, state.carried_out];
    assert_eq!(shown, known);
    assert_eq!((Some(books.account), Some(books.period)), (state.account, state.period));
    assert_eq!((books.allowance, books.closed), (state.allowance, state.closed));
    assert_eq!(Some(books.at), state.last_at);
}

proptest! {
    #[test]
    fn on_every_prefix_the_books_are_what_the_rules_remember(
        allowance in 0..40_u64, ended in 0..5_u64, lasting in 0..9_u64, steps in steps(),
    ) {
        let mut carried = Funds::of(november().plus_months(-1), ended);
        carried.add(november().next(), lasting);
        let events = life(allowance, carried, &steps);
        let (mut state, mut books, mut balance) = (LedgerState::default(), None, 0);
        for (revision, event) in (0..).zip(&events) {
            state = Ledger::evolve(state, event);
            let entry = LedgerBalance::enter(&mut books, event, revision).unwrap().unwrap();
            is_what_the_rules_remember(&books.unwrap(), &state);
            balance += entry.change;
            prop_assert_eq!(i64::try_from(entry.balance).unwrap(), balance);
            prop_assert_eq!((entry.revision, entry.held), (revision, state.held()));
            prop_assert_eq!(LedgerBalance::enter(&mut books, event, revision), Ok(None));
        }
    }
}

/// The entry of a reserve of 3 items at 2, of a charge of 1 for the first, and of a refund of the others.
fn story() -> Vec<LedgerEntry> {
    let refund = Settlement::Refund(RefundReason::Cancelled);
    let charge = Settlement::Charge { attempt: 2, amount: 1, failure: None };
    let settle = |item, settlement| Step::Settle { batch: 1, item, settlement };
    let steps = [
        Step::Reserve { batch: 1, items: 3, per_item: 2 },
        settle(0, charge),
        settle(1, refund),
        Step::Close,
        settle(2, refund),
    ];
    let mut books = None;
    let events = life(10, Funds::default(), &steps);
    (0..)
        .zip(&events)
        .filter_map(|(at, event)| LedgerBalance::enter(&mut books, event, at).unwrap())
        .collect()
}

#[test]
fn each_entry_says_what_moved_and_what_was_left() {
    let told: Vec<_> = story()
        .iter()
        .map(|entry| (entry.kind, entry.amount, entry.change, entry.balance, entry.held, entry.reason))
        .collect();
    let cancelled = Some(Reason::Refund(RefundReason::Cancelled));
    let expected = [
        (EntryKind::Opened, 10, 10, 10, 0, Some(Reason::Allowance)),
        (EntryKind::Reserved, 6, -6, 4, 6, None),
        (EntryKind::Charged, 1, 1, 5, 4, Some(Reason::Completed)),
        (EntryKind::Refunded, 2, 2, 7, 2, cancelled),
        (EntryKind::Closed, 7, -7, 0, 2, Some(Reason::MonthEnd)),
        // After the close what is given back expires: no credit is free again.
        (EntryKind::Refunded, 2, 0, 0, 0, cancelled),
    ];
    assert_eq!(told, expected);
    assert_eq!((story()[1].items.as_slice(), story()[1].round), ([0, 1, 2].as_slice(), Some(1)));
    assert_eq!((story()[2].items.as_slice(), story()[2].attempt), ([0].as_slice(), Some(2)));
}

#[test]
fn events_that_cannot_follow_are_refused_and_leave_the_books_as_they_are() {
    let events = life(10, Funds::default(), &[Step::Reserve { batch: 1, items: 2, per_item: 5 }]);
    let mut books = None;
    let fault = LedgerBalance::enter(&mut books, &events[1], 0);
    assert_eq!((fault, books), (Err(LedgerFault::Beginning { revision: 0 }), None));
    LedgerBalance::enter(&mut books, &events[0], 0).unwrap();
    let begun = books;
    let gap = Gap { expected: 1, found: 2 };
    assert_eq!(LedgerBalance::enter(&mut books, &events[1], 2), Err(gap.into()));
    let again = LedgerBalance::enter(&mut books, &events[0], 1);
    assert_eq!(again, Err(LedgerFault::Beginning { revision: 1 }));
    LedgerBalance::enter(&mut books, &events[1], 1).unwrap();
    let full = books;
    assert_ne!(begun, full);
    let overdrawn = LedgerBalance::enter(&mut books, &events[1], 2);
    assert_eq!((overdrawn, books), (Err(LedgerFault::Overdrawn { revision: 2 }), full));
    let grant = CreditsGranted {
        grant: GrantId(Uuid::nil()),
        funds: Funds::of(november(), 1),
        released_by: None,
        at: november().start(),
    };
    assert!(LedgerBalance::enter(&mut books, &grant.into(), 2).unwrap().is_some());
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    for reason in Reason::all() {
        assert_eq!(Reason::of_word(reason.as_str()), Some(reason));
    }
    assert_eq!(Reason::of_word("nothing"), None);
}
