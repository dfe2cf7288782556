//! Samples of the ledger's events: with every field, and (`.min`) without the optional ones. Not here: comparing.

use crate::{
    account::{ACCOUNT, at},
    golden::{Sample, every},
};
use leafcutter_domain::{
    BatchId, ErrorCode, GrantId, Period, ReservationId,
    ledger::{
        CreditsCharged, CreditsGranted, CreditsRefunded, CreditsReserved, Funds, LedgerEvent, PeriodClosed,
        PeriodOpened, PreviousPeriod, RefundReason,
    },
};
use uuid::Uuid;

every!(LedgerEvent:
    PeriodOpened, CreditsGranted, CreditsReserved, CreditsCharged, CreditsRefunded, PeriodClosed);

const BATCH: BatchId = BatchId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0003));
const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0007));
const GRANT: GrantId = GrantId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0008));

fn period() -> Period {
    Period::of(at())
}

fn funds() -> Funds {
    let mut funds = Funds::of(period().plus_months(12), 250);
    funds.add(period().next(), 50);
    funds
}

pub(crate) fn samples() -> Vec<Sample<LedgerEvent>> {
    let closed = PeriodClosed { carried_out: funds(), expired: 7, next: None, at: at() };
    let closed_for = PeriodClosed { next: Some(period().plus_months(3)), ..closed.clone() };
    let closed_empty = PeriodClosed { carried_out: Funds::default(), expired: 0, next: None, at: at() };
    let mut samples = vec![
        ("PeriodClosed", closed.into()),
        ("PeriodClosed.min", closed_empty.into()),
        ("PeriodClosed.next", closed_for.into()),
    ];
    samples.extend(incoming());
    samples.extend(outgoing());
    samples
}

fn incoming() -> Vec<Sample<LedgerEvent>> {
    let previous = PreviousPeriod { period: period().plus_months(-1), hash: "ab".repeat(32) };
    let opened = PeriodOpened {
        account: ACCOUNT,
        period: period(),
        previous: Some(previous),
        allowance: 10_000,
        carried: funds(),
        at: at(),
    };
    let opened_first = PeriodOpened { previous: None, carried: Funds::default(), ..opened.clone() };
    let granted = CreditsGranted { grant: GRANT, funds: funds(), released_by: Some(RESERVATION), at: at() };
    let granted_plain = CreditsGranted { released_by: None, ..granted.clone() };
    vec![
        ("PeriodOpened", opened.into()),
        ("PeriodOpened.min", opened_first.into()),
        ("CreditsGranted", granted.into()),
        ("CreditsGranted.min", granted_plain.into()),
    ]
}

fn outgoing() -> Vec<Sample<LedgerEvent>> {
    let (reservation, batch, at) = (RESERVATION, BATCH, at());
    let reserved =
        CreditsReserved { reservation, batch, round: 1, items: vec![0, 1, 49], per_item: 3, total: 9, at };
    let charged = CreditsCharged {
        reservation,
        batch,
        item: 1,
        attempt: 2,
        amount: 2,
        released: 1,
        failure: Some(ErrorCode::HttpStatus),
        carried_out: Funds::of(period().next(), 1),
        at,
    };
    let charged_plain = CreditsCharged { failure: None, carried_out: Funds::default(), ..charged.clone() };
    let refunded = CreditsRefunded {
        reservation,
        batch,
        items: vec![0, 49],
        amount: 6,
        reason: RefundReason::Cancelled,
        carried_out: Funds::of(period().next(), 2),
        at,
    };
    let refunded_plain = CreditsRefunded { carried_out: Funds::default(), ..refunded.clone() };
    vec![
        ("CreditsReserved", reserved.into()),
        ("CreditsCharged", charged.into()),
        ("CreditsCharged.min", charged_plain.into()),
        ("CreditsRefunded", refunded.into()),
        ("CreditsRefunded.min", refunded_plain.into()),
    ]
}
