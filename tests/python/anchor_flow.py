"""Runs the official client `anchorbrowser` against a service, with nothing changed but its base URL: list, get and
retry of batches that were submitted to be scraped. Exit code 0 when every check holds."""

from __future__ import annotations

import asyncio
import sys
import uuid
from datetime import timedelta
from typing import Any

from anchorbrowser import (
    Anchorbrowser,
    APIStatusError,
    AsyncAnchorbrowser,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
)
from spidra import Spidra

import checks
from checks import Stage, equal, refused, true, until

# What a page costs without a browser.
FAST_PAGE_CREDITS = 1


def client(stage: Stage, key: str | None = None) -> Anchorbrowser:
    """The client as its maker documents it, with another base URL. It also checks each answer against its types."""
    key = stage.api_key if key is None else key
    return Anchorbrowser(api_key=key, base_url=stage.service, _strict_response_validation=True)


def submit(stage: Stage, urls: list[str], key: str | None = None) -> str:
    """Submits a batch to scrape, which only the other wire format can."""
    spidra = Spidra(api_key=key or stage.api_key, api_url=f"{stage.service}/api")
    return spidra.start_batch_scrape(urls, scrape_mode="fast").batch_id


def finish(anchor: Anchorbrowser, batch_id: str) -> Any:
    """Asks until the batch is terminal, and gives what that answer said."""

    def look() -> Any:
        batch = anchor.batch_sessions.get_batch_session(batch_id).data
        return batch if batch.status in ("completed", "failed", "cancelled") else None

    return until(look, f"batch {batch_id} is terminal")


def message(error: APIStatusError) -> str:
    """The message of an error in this format, whose code must be the status."""
    detail = error.body["error"]  # type: ignore[index]
    equal(detail["code"], error.status_code, "the code of the error")
    return str(detail["message"])


def a_scrape_batch_is_a_batch_of_sessions(stage: Stage) -> None:
    anchor = client(stage)
    urls = [stage.site.product(1), stage.site.flaky(f"session-{uuid.uuid4()}", fails=99)]
    batch_id = submit(stage, urls)
    at_once = anchor.batch_sessions.get_batch_session(batch_id).data
    true(at_once.status in ("pending", "processing", "completed"), f"a batch right after its submit: {at_once}")
    equal((str(at_once.batch_id), at_once.total_requests), (batch_id, 2), "the batch right after its submit")
    batch = finish(anchor, batch_id)
    counts = (batch.completed_requests, batch.failed_requests, batch.processing_requests, batch.pending_requests)
    equal((batch.status, counts), ("completed", (1, 1, 0, 0)), "the batch")
    equal((batch.progress.percentage, batch.progress.current_phase), (100.0, "ready"), "its progress")
    true(batch.created_at <= batch.actual_completion_time, f"its times: {batch}")
    good, broken = batch.sessions
    equal([session.item_index for session in (good, broken)], [0, 1], "sessions in submit order")
    equal([session.metadata["url"] for session in (good, broken)], urls, "what the sessions opened")
    equal((good.status, good.error, good.retry_count), ("completed", None, 0), "the good session")
    true(broken.status == "failed" and broken.error, f"a failed session says why: {broken}")
    true(broken.started_at <= broken.completed_at, f"times of a session: {broken}")


def the_list_is_filtered_and_has_pages(stage: Stage) -> None:
    key = stage.open_account(50)
    anchor = client(stage, key)
    submitted = [submit(stage, [stage.site.product(number)], key) for number in range(1, 6)]
    for batch_id in submitted:
        finish(anchor, batch_id)
    name = f"listed-{uuid.uuid4()}"
    stopped = submit(stage, [stage.site.held(name)] * 20, key)
    Spidra(api_key=key, api_url=f"{stage.service}/api").cancel_batch_scrape(stopped)
    stage.site.let_go(name, 20)

    def ids(**query: Any) -> list[str]:
        return [str(batch.batch_id) for batch in anchor.batch_sessions.list_batch_sessions(**query).data.batches]

    newest_first = [stopped, *submitted[::-1]]
    equal(ids(), newest_first, "the list")
    equal(ids(status="completed"), newest_first[1:], "completed ones")
    equal(ids(status="cancelled"), [stopped], "cancelled ones")
    equal(ids(page=2, limit=4), newest_first[4:], "the second page of 4")
    page = anchor.batch_sessions.list_batch_sessions(page=2, limit=4).data.pagination
    told = (page.current_page, page.total_pages, page.total_records, page.has_next, page.has_prev)
    equal(told, (2, 2, 6, False, True), "its pagination")
    middle = anchor.batch_sessions.get_batch_session(submitted[2]).data.created_at
    moment = timedelta(milliseconds=1)
    equal(ids(created_after=(middle + moment).isoformat()), newest_first[:3], "those after the middle one")
    equal(ids(created_before=(middle - moment).isoformat()), newest_first[4:], "those before the middle one")
    entry = anchor.batch_sessions.list_batch_sessions(status="completed", limit=1).data.batches[0]
    equal((entry.status, entry.total_requests, entry.completed_requests, entry.failed_requests), ("completed", 1, 1, 0), "an entry")


def a_retry_takes_as_many_attempts_as_it_may_and_needs(stage: Stage) -> None:
    anchor = client(stage)
    # Attempts of the retry, failures of the page from the start, visits in all, and how it ends.
    cases = [(1, 1, 2, "completed"), (1, 2, 2, "failed"), (2, 9, 3, "failed"), (3, 2, 3, "completed"), (3, 9, 4, "failed")]
    for max_retries, fails, visits, end in cases:
        case = f"max_retries={max_retries}, {fails} failures"
        name = f"attempts-{uuid.uuid4()}"
        batch_id = submit(stage, [stage.site.product(1), stage.site.flaky(name, fails)])
        finish(anchor, batch_id)
        retried = anchor.batch_sessions.retry_batch_session(batch_id, max_retries=max_retries).data
        told = (str(retried.batch_id), retried.status, retried.retried_sessions)
        equal(told, (batch_id, "processing", 1), f"{case}: the retry")
        true(retried.message, f"{case}: a message")
        batch = finish(anchor, batch_id)
        equal(batch.sessions[1].status, end, f"{case}: the end")
        equal(stage.site.visits(name), visits, f"{case}: visits of the page")
        equal(batch.sessions[1].retry_count, visits - 1, f"{case}: retry_count")
        equal(batch.sessions[0].retry_count, 0, f"{case}: the completed session is not touched")


def the_answer_after_a_retry_is_never_stale(stage: Stage) -> None:
    anchor = client(stage)
    name = f"stale-{uuid.uuid4()}"
    batch_id = submit(stage, [stage.site.product(1), stage.site.flaky_then_held(name, fails=1)])
    before = finish(anchor, batch_id)
    equal(before.failed_requests, 1, "failed sessions")
    anchor.batch_sessions.retry_batch_session(batch_id, retry_failed_only=True)
    after = anchor.batch_sessions.get_batch_session(batch_id).data
    equal((after.status, after.failed_requests, after.actual_completion_time), ("processing", 0, None), "right after the retry")
    stage.site.let_go(name)
    equal(finish(anchor, batch_id).completed_requests, 2, "completed sessions")


def bad_values_and_nothing_failed_are_bad_requests(stage: Stage) -> None:
    anchor = client(stage)
    batch_id = submit(stage, [stage.site.product(1)])
    equal(finish(anchor, batch_id).status, "completed", "a batch without failures")
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "No failed items"),
        ({"max_retries": 0}, "max_retries"),
        ({"max_retries": 4}, "max_retries"),
        ({"retry_failed_only": False}, "retry_failed_only"),
    ]
    for values, word in cases:
        try:
            anchor.batch_sessions.retry_batch_session(batch_id, **values)
        except BadRequestError as error:
            true(word in message(error), f"{word!r} in {message(error)!r}")
        else:
            raise AssertionError(f"not refused: {values}")
    for query in ({"limit": 101}, {"limit": 0}, {"page": 0}, {"created_after": "yesterday"}, {"status": "unknown"}):
        with refused(BadRequestError, status_code=400):
            anchor.batch_sessions.list_batch_sessions(**query)  # type: ignore[arg-type]


def what_is_not_ours_is_not_found(stage: Stage) -> None:
    theirs = submit(stage, [stage.site.product(1)], stage.open_account(10))
    anchor = client(stage)
    for batch_id in (theirs, str(uuid.uuid4()), "no-batch-id"):
        for call in (anchor.batch_sessions.get_batch_session, anchor.batch_sessions.retry_batch_session):
            with refused(NotFoundError, status_code=404):
                call(batch_id)


def a_missing_or_unknown_key_is_an_authentication_error(stage: Stage) -> None:
    for key in ("", "lc_" + "0" * 40):
        anchor = client(stage, key)
        for call in (anchor.batch_sessions.get_batch_session, anchor.batch_sessions.retry_batch_session):
            with refused(AuthenticationError, status_code=401):
                call(str(uuid.uuid4()))
        with refused(AuthenticationError, status_code=401):
            anchor.batch_sessions.list_batch_sessions()


def a_retry_of_an_unfinished_batch_is_a_conflict_that_is_not_repeated(stage: Stage) -> None:
    anchor = client(stage)
    name = f"conflict-{uuid.uuid4()}"
    batch_id = submit(stage, [stage.site.held(name)])
    try:
        anchor.batch_sessions.retry_batch_session(batch_id)
    except ConflictError as error:
        true("not finished" in message(error), message(error))
        # The client repeats a 409 by itself unless it is told not to.
        equal(error.request.headers["x-stainless-retry-count"], "0", "repeats of the request")
    else:
        raise AssertionError("a batch that runs was retried")
    stage.site.let_go(name)


def a_retry_without_credits_wants_payment(stage: Stage) -> None:
    key = stage.open_account(2 * FAST_PAGE_CREDITS)
    anchor = client(stage, key)
    broken = submit(stage, [stage.site.flaky(f"poor-{uuid.uuid4()}", fails=99)], key)
    equal(finish(anchor, broken).failed_requests, 1, "failed sessions")
    finish(anchor, submit(stage, [stage.site.product(1), stage.site.product(2)], key))
    with refused(APIStatusError, status_code=402):
        anchor.batch_sessions.retry_batch_session(broken)


def the_asynchronous_client_does_the_same(stage: Stage) -> None:
    async def ask() -> None:
        async with AsyncAnchorbrowser(
            api_key=stage.api_key, base_url=stage.service, _strict_response_validation=True
        ) as anchor:
            batch_id = submit(stage, [stage.site.flaky(f"async-{uuid.uuid4()}", fails=1)])
            await asyncio.to_thread(finish, client(stage), batch_id)
            listed = (await anchor.batch_sessions.list_batch_sessions(limit=1)).data.batches
            equal([str(batch.batch_id) for batch in listed], [batch_id], "the newest batch")
            retried = (await anchor.batch_sessions.retry_batch_session(batch_id, max_retries=2)).data
            equal(retried.retried_sessions, 1, "retried sessions")
            await asyncio.to_thread(finish, client(stage), batch_id)
            batch = (await anchor.batch_sessions.get_batch_session(batch_id)).data
            equal((batch.completed_requests, batch.sessions[0].retry_count), (1, 1), "the last run")

    asyncio.run(asyncio.wait_for(ask(), checks.PATIENCE_S))


ALL = [
    a_scrape_batch_is_a_batch_of_sessions,
    the_list_is_filtered_and_has_pages,
    a_retry_takes_as_many_attempts_as_it_may_and_needs,
    the_answer_after_a_retry_is_never_stale,
    bad_values_and_nothing_failed_are_bad_requests,
    what_is_not_ours_is_not_found,
    a_missing_or_unknown_key_is_an_authentication_error,
    a_retry_of_an_unfinished_batch_is_a_conflict_that_is_not_repeated,
    a_retry_without_credits_wants_payment,
    the_asynchronous_client_does_the_same,
]

if __name__ == "__main__":
    sys.exit(checks.run(ALL, checks.stage(checks.arguments(__doc__).parse_args())))
