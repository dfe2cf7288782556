"""Runs the official client `spidra` against a service, with nothing changed but its base URL.

Without `--projector-paused` all of it; with it, what must hold while the tables stand still. Exit code 0 when every
check holds."""

from __future__ import annotations

import asyncio
import sys
import uuid
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel
from spidra import (
    AsyncSpidra,
    Spidra,
    SpidraAuthenticationError,
    SpidraError,
    SpidraForbiddenError,
    SpidraNotFoundError,
    SpidraServerError,
    SpidraTimeoutError,
    SpidraValidationError,
)

import checks
from checks import Stage, equal, refused, true, until

# Much below the client's own 3 to 5 s, so that the checks take little time.
POLL_S = 0.2
# What a page costs, through a browser and without one.
PAGE_CREDITS, FAST_PAGE_CREDITS = 2, 1
SETTLED = "what the items cost is what the account has spent"

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
    "required": ["name", "price"],
}


class Product(BaseModel):
    """The same as `SCHEMA`, in the other way that the client takes it."""

    name: str
    price: float


def client(stage: Stage, key: str | None = None) -> Spidra:
    """The client as its maker documents it, with another base URL."""
    return Spidra(api_key=key or stage.api_key, api_url=f"{stage.service}/api")


def finish(spidra: Spidra, batch_id: str) -> Any:
    """Polls until the batch is terminal, and gives what that poll said."""

    def look() -> Any:
        batch = spidra.get_batch_scrape(batch_id)
        return batch if batch.status in ("completed", "failed", "cancelled") else None

    return until(look, f"batch {batch_id} is terminal")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# ---- Scraping ----


def a_batch_gives_what_its_schema_asks_for(stage: Stage) -> None:
    urls = [stage.site.product(number) for number in (1, 2, 3)]
    batch = client(stage).batch_scrape(urls, schema=SCHEMA, poll_interval=POLL_S, timeout=checks.PATIENCE_S)
    equal((batch.status, batch.total_urls, batch.completed_count, batch.failed_count), ("completed", 3, 3, 0), "the batch")
    equal([item.url for item in batch.items], urls, "urls in submit order")
    wanted = [{"name": f"Product {number}", "price": number + 0.5} for number in (1, 2, 3)]
    equal([item.result for item in batch.items], wanted, "results")
    equal(len({item.uuid for item in batch.items} | {item.job_id for item in batch.items}), 6, "distinct ids")
    for item in batch.items:
        equal((item.status, item.error, item.credits_used), ("completed", None, PAGE_CREDITS), f"item {item.url}")
        true(
            instant(batch.created_at) <= instant(item.started_at) <= instant(item.finished_at) <= instant(batch.finished_at),
            f"times in order: {batch} {item}",
        )


def a_pydantic_model_serves_as_schema(stage: Stage) -> None:
    batch = client(stage).batch_scrape(
        [stage.site.product(4)], schema=Product, scrape_mode="fast", poll_interval=POLL_S, timeout=checks.PATIENCE_S
    )
    equal([Product.model_validate(item.result) for item in batch.items], [Product(name="Product 4", price=4.5)], "results")


def without_schema_or_prompt_results_are_markdown(stage: Stage) -> None:
    spidra = client(stage)
    for content_only, word in ((False, "Product 5"), (True, "Costs 5")):
        batch = spidra.batch_scrape(
            [stage.site.product(5)],
            scrape_mode="fast",
            extract_content_only=content_only,
            poll_interval=POLL_S,
            timeout=checks.PATIENCE_S,
        )
        true(isinstance(batch.items[0].result, str) and word in batch.items[0].result, f"{word!r} in {batch.items[0]}")


def a_screenshot_is_taken_and_served_to_its_owner(stage: Stage) -> None:
    batch = client(stage).batch_scrape(
        [stage.site.product(6)], screenshot=True, full_page_screenshot=True, poll_interval=POLL_S, timeout=checks.PATIENCE_S
    )
    url = batch.items[0].screenshot_url
    true(url, f"no screenshot: {batch}")
    picture = httpx.get(url, headers={"x-api-key": stage.api_key})
    true(picture.is_success and picture.content.startswith(b"\x89PNG"), f"no picture at {url}: {picture}")
    equal(httpx.get(url, headers={"x-api-key": stage.open_account(1)}).status_code, 404, "the picture for another account")


def a_started_batch_is_there_at_once_and_watched_to_its_end(stage: Stage) -> None:
    spidra = client(stage)
    urls = [stage.site.product(number) for number in (7, 8)] + [stage.site.flaky("watched", fails=99)]
    queued = spidra.start_batch_scrape(urls, schema=SCHEMA, scrape_mode="fast")
    equal((queued.status, queued.total, queued.schema_warnings), ("queued", 3, None), "the submit")
    equal(spidra.get_batch_scrape(queued.batch_id).total_urls, 3, "the batch right after its submit")
    seen = list(spidra.watch_batch(queued.batch_id, poll_interval=POLL_S, timeout=checks.PATIENCE_S))
    equal(sorted(item.url for item in seen), sorted(urls), "each item once")
    by_status = {item.url: item.status for item in seen}
    equal(by_status[urls[2]], "failed", "the page that always fails")
    equal(by_status[urls[0]], "completed", "a page that does not")


def a_prompt_without_a_model_comes_with_a_warning(stage: Stage) -> None:
    queued = client(stage).start_batch_scrape([stage.site.product(9)], prompt="the name and the price", scrape_mode="fast")
    true(queued.schema_warnings and "prompt" in queued.schema_warnings[0], f"a warning about the prompt: {queued}")


def a_wait_that_is_too_long_ends_with_the_timeout_error(stage: Stage) -> None:
    name = f"timeout-{uuid.uuid4()}"
    with refused(SpidraTimeoutError, status=0):
        client(stage).batch_scrape([stage.site.held(name)], scrape_mode="fast", poll_interval=POLL_S, timeout=POLL_S)
    stage.site.let_go(name)


# ---- The list ----


def the_list_has_pages_newest_first(stage: Stage) -> None:
    spidra = client(stage, stage.open_account(100))
    equal(spidra.list_batch_scrapes().jobs, [], "a new account's list")
    submitted = [
        spidra.start_batch_scrape([stage.site.product(number)], output=output, scrape_mode="fast").batch_id
        for number, output in enumerate(["json", "markdown", "json", "markdown", "json"], start=1)
    ]
    equal([job.uuid for job in spidra.list_batch_scrapes().jobs], submitted[::-1], "the list right after the submits")
    pages = [spidra.list_batch_scrapes(page=page, limit=2) for page in (1, 2, 3, 4)]
    equal([len(page.jobs) for page in pages], [2, 2, 1, 0], "batches on each page")
    equal([job.uuid for page in pages for job in page.jobs], submitted[::-1], "all pages together")
    told = {(page.pagination.total, page.pagination.total_pages, page.pagination.limit) for page in pages}
    equal(told, {(5, 3, 2)}, "total, totalPages, limit")
    for batch_id in submitted:
        finish(spidra, batch_id)
    jobs = spidra.list_batch_scrapes(limit=50).jobs
    equal([job.output_format for job in jobs], ["json", "markdown", "json", "markdown", "json"], "output formats")
    for job in jobs:
        told = (job.status, job.total_urls, job.completed_count, job.failed_count, job.scraping_channel)
        equal(told, ("completed", 1, 1, 0, "api"), f"{job}")
        true(instant(job.created_at) <= instant(job.finished_at), f"times of {job}")
    with refused(SpidraValidationError, code="VALIDATION_FAILED"):
        spidra.list_batch_scrapes(limit=51)


# ---- Retry ----


def a_retry_runs_only_what_failed(stage: Stage) -> None:
    spidra = client(stage)
    name = f"retried-{uuid.uuid4()}"
    urls = [stage.site.product(1), stage.site.flaky(name, fails=1), stage.site.product(2)]
    queued = spidra.start_batch_scrape(urls, schema=SCHEMA, scrape_mode="fast")
    first = finish(spidra, queued.batch_id)
    equal((first.status, first.completed_count, first.failed_count), ("completed", 2, 1), "the first run")
    broken = first.items[1]
    equal((broken.status, broken.result, broken.credits_used), ("failed", None, 0), "the failed item")
    true(broken.error, f"a failed item says why: {broken}")
    equal(spidra.retry_batch_scrape(queued.batch_id), 1, "retried items")
    second = finish(spidra, queued.batch_id)
    equal((second.completed_count, second.failed_count), (3, 0), "the second run")
    equal((second.items[0], second.items[2]), (first.items[0], first.items[2]), "completed items are not touched")
    repaired = second.items[1]
    equal((repaired.uuid, repaired.error, repaired.result["price"]), (broken.uuid, None, 0.5), "the retried item")
    equal(stage.site.visits(name), 2, "visits of the retried page")


def mixed(stage: Stage, names: list[str], fails: int) -> list[str]:
    """Three good pages and some that fail, at once on the first visit, and when they are let go on later ones."""
    return [stage.site.product(number) for number in (1, 2, 3)] + [
        stage.site.flaky_then_held(name, fails) for name in names
    ]


def check_fresh(before: Any, retried: int, after: Any) -> None:
    """The poll right after a retry shows it and no word of the run before. The retried pages are held meanwhile."""
    equal(retried, before.failed_count, "an explicit retry takes every failed item")
    true(after.finished_at != before.finished_at, f"a stale answer after the retry: {after}")
    equal((after.status, after.failed_count), ("running", before.failed_count - retried), "the poll after the retry")
    equal(after.completed_count, before.completed_count, "completed items after the retry")
    again = [item for item, was in zip(after.items, before.items) if was.status == "failed"]
    true({item.status for item in again} <= {"pending", "running"}, f"retried items: {again}")
    true(all(item.error is None and item.result is None for item in again), f"retried items start afresh: {again}")


def the_vendors_loop_never_meets_a_stale_answer(stage: Stage) -> None:
    spidra = client(stage)
    rounds = 3
    names = [f"loop-{uuid.uuid4()}" for _ in range(2)]
    queued = spidra.start_batch_scrape(mixed(stage, names, fails=rounds), scrape_mode="fast")
    for _ in range(rounds):
        ended = finish(spidra, queued.batch_id)
        equal((ended.status, ended.failed_count), ("completed", 2), "a run that ended")
        check_fresh(ended, spidra.retry_batch_scrape(queued.batch_id), spidra.get_batch_scrape(queued.batch_id))
        for name in names:
            stage.site.let_go(name)
    ended = finish(spidra, queued.batch_id)
    equal((ended.status, ended.completed_count, ended.failed_count), ("completed", 5, 0), "the last run")


def the_same_holds_for_the_asynchronous_client(stage: Stage) -> None:
    async def loop() -> None:
        async with AsyncSpidra(api_key=stage.api_key, api_url=f"{stage.service}/api") as spidra:
            names = [f"async-{uuid.uuid4()}" for _ in range(2)]
            urls = mixed(stage, names, fails=1)
            queued = await spidra.start_batch_scrape(urls, scrape_mode="fast")
            seen = [item.url async for item in spidra.watch_batch(queued.batch_id, poll_interval=POLL_S)]
            equal(sorted(seen), sorted(urls), "each item once")
            ended = await spidra.get_batch_scrape(queued.batch_id)
            equal((ended.status, ended.completed_count, ended.failed_count), ("completed", 3, 2), "the first run")
            retried = await spidra.retry_batch_scrape(queued.batch_id)
            check_fresh(ended, retried, await spidra.get_batch_scrape(queued.batch_id))
            for name in names:
                stage.site.let_go(name)
            statuses = {item.status async for item in spidra.watch_batch(queued.batch_id, poll_interval=POLL_S)}
            equal(statuses, {"completed"}, "the last run")

    asyncio.run(asyncio.wait_for(loop(), checks.PATIENCE_S))


# ---- Cancel and credits ----


def a_cancel_stops_what_is_pending_and_refunds_it(stage: Stage) -> None:
    spidra = client(stage, stage.open_account(1_000))
    name = f"cancelled-{uuid.uuid4()}"
    batch_id = spidra.start_batch_scrape([stage.site.held(name)] * 40, scrape_mode="fast").batch_id
    until(lambda: any(item.status == "running" for item in spidra.get_batch_scrape(batch_id).items), "an item runs")
    equal(spidra.account().credits.used, 40 * FAST_PAGE_CREDITS, "credits set aside")
    cancelled = spidra.cancel_batch_scrape(batch_id)
    batch = spidra.get_batch_scrape(batch_id)
    equal((cancelled.status, batch.status), ("cancelled", "cancelled"), "the cancel, and the poll right after it")
    stopped = sum(item.status == "cancelled" for item in batch.items)
    true(0 < stopped < 40, f"some items were stopped and some were not: {stopped}")
    equal(cancelled.cancelled_items, stopped, "cancelledItems")
    equal(cancelled.credits_refunded, stopped * FAST_PAGE_CREDITS, "creditsRefunded")
    equal(spidra.account().credits.used, (40 - stopped) * FAST_PAGE_CREDITS, "credits used right after the cancel")
    with refused(SpidraError, status=409, code="ALREADY_TERMINAL"):
        spidra.cancel_batch_scrape(batch_id)
    stage.site.let_go(name, 40 - stopped)

    def running_items_have_ended() -> Any:
        now = spidra.get_batch_scrape(batch_id)
        return now if now.completed_count + stopped == 40 else None

    ended = until(running_items_have_ended, "what ran at the cancel finishes")
    equal((ended.status, sum(item.credits_used for item in ended.items)), ("cancelled", 40 - stopped), "paid items")
    until(lambda: spidra.account().credits.used == 40 - stopped, SETTLED)


def account_and_usage_say_what_was_used(stage: Stage) -> None:
    spidra = client(stage, stage.open_account(50))
    before = spidra.account()
    true(before.plan.name, f"a plan has a name: {before}")
    equal((before.credits.limit, before.credits.used, before.credits.remaining), (50, 0, 50), "a new account")
    true(instant(before.credits.billing_cycle_start or ""), "the month has a start")
    urls = [stage.site.product(1), stage.site.product(2), stage.site.flaky(f"usage-{uuid.uuid4()}", fails=99)]
    finish(spidra, spidra.start_batch_scrape(urls, scrape_mode="fast").batch_id)

    def settled() -> Any:
        credits = spidra.account().credits
        return (credits.limit, credits.used, credits.remaining) == (50, 2, 48)

    until(settled, SETTLED)
    for time_range, rows in (("7d", 7), ("30d", 30), ("weekly", 8)):
        usage = spidra.usage(time_range)
        equal(len(usage), rows, f"rows of {time_range}")
        last = usage[-1]
        equal((last.requests, last.credits, last.tokens, last.captchas), (3, 2, 0, 0), f"{time_range}: the present row")
        true(last.latency > 0 and last.label and last.date, f"{time_range}: latency and names: {last}")
        equal(sum(row.credits for row in usage), 2, f"{time_range}: all rows together")
    with refused(SpidraError, status=400, code="INVALID_RANGE"):
        spidra.usage("1y")


# ---- Refusals ----


def no_key_is_an_authentication_error(stage: Stage) -> None:
    # The client can't send an empty key: its HTTP library refuses the header. A hook takes the key out on the way,
    # as a gateway may that was set up badly.
    async def take_out(request: httpx.Request) -> None:
        del request.headers["authorization"]

    async def ask() -> None:
        async with httpx.AsyncClient(event_hooks={"request": [take_out]}) as session:
            spidra = AsyncSpidra(api_key=stage.api_key, api_url=f"{stage.service}/api", session=session)
            with refused(SpidraAuthenticationError, status=401, code="API_KEY_MISSING"):
                await spidra.get_batch_scrape(str(uuid.uuid4()))

    asyncio.run(ask())


def an_unknown_key_is_forbidden(stage: Stage) -> None:
    spidra = client(stage, "lc_" + "0" * 40)
    with refused(SpidraForbiddenError, status=403, message="Invalid or expired API key."):
        spidra.get_batch_scrape(str(uuid.uuid4()))
    with refused(SpidraForbiddenError, status=403):
        spidra.start_batch_scrape([stage.site.product(1)])


def too_few_credits_are_forbidden(stage: Stage) -> None:
    spidra = client(stage, stage.open_account(PAGE_CREDITS))
    with refused(SpidraForbiddenError, status=403, code="CREDIT_LIMIT_REACHED"):
        spidra.start_batch_scrape([stage.site.product(1), stage.site.product(2)])
    equal(spidra.account().credits.used, 0, "a refused batch sets nothing aside")


def what_is_not_ours_is_not_found(stage: Stage) -> None:
    ours, theirs = client(stage), client(stage, stage.open_account(10))
    batch_id = ours.start_batch_scrape([stage.site.product(1)], scrape_mode="fast").batch_id
    for spidra, name in ((ours, str(uuid.uuid4())), (ours, "no-batch-id"), (theirs, batch_id)):
        for call in (spidra.get_batch_scrape, spidra.cancel_batch_scrape, spidra.retry_batch_scrape):
            with refused(SpidraNotFoundError, status=404):
                call(name)


def a_bad_request_is_a_validation_error_that_names_the_field(stage: Stage) -> None:
    spidra = client(stage)
    cases: list[tuple[list[str], dict[str, Any], str, str]] = [
        ([], {}, "VALIDATION_FAILED", "urls"),
        ([stage.site.product(1)] * 51, {}, "VALIDATION_FAILED", "urls"),
        (["ftp://example.com/"], {}, "VALIDATION_FAILED", "urls[0]"),
        ([stage.site.product(1), "http://169.254.169.254/latest"], {}, "VALIDATION_FAILED", "urls[1]"),
        ([stage.site.product(1)], {"schema": {"type": "array"}}, "VALIDATION_FAILED", "schema"),
        ([stage.site.product(1)], {"full_page_screenshot": True}, "VALIDATION_FAILED", "fullPageScreenshot"),
        ([stage.site.product(1)], {"scrape_mode": "slowly"}, "VALIDATION_FAILED", "scrapeMode"),
        ([stage.site.product(1)], {"use_proxy": True}, "PROXY_UNAVAILABLE", "useProxy"),
    ]
    for urls, options, code, field in cases:
        try:
            spidra.start_batch_scrape(urls, **options)
        except SpidraValidationError as error:
            equal((error.status, error.code), (422, code), f"{options} {urls[:2]}")
            true(any(line.startswith(f"{field}: ") for line in error.errors), f"{field} in {error.errors}")
        else:
            raise AssertionError(f"not refused: {options} {urls[:2]}")


def a_retry_that_cannot_be_is_refused_with_its_reason(stage: Stage) -> None:
    spidra = client(stage)
    good = spidra.batch_scrape([stage.site.product(1)], scrape_mode="fast", poll_interval=POLL_S, timeout=checks.PATIENCE_S)
    equal(good.status, "completed", "a batch without failures")
    with refused(SpidraError, status=400, code="NO_FAILED_ITEMS"):
        spidra.retry_batch_scrape(spidra.list_batch_scrapes(limit=1).jobs[0].uuid)
    name = f"unfinished-{uuid.uuid4()}"
    running = spidra.start_batch_scrape([stage.site.held(name)], scrape_mode="fast").batch_id
    with refused(SpidraError, status=409, code="BATCH_NOT_FINISHED"):
        spidra.retry_batch_scrape(running)
    stage.site.let_go(name)
    finish(spidra, running)
    with refused(SpidraError, status=409, message="Cannot cancel a batch that is already completed."):
        spidra.cancel_batch_scrape(running)
    stopped = spidra.start_batch_scrape([stage.site.held(name)] * 20, scrape_mode="fast").batch_id
    spidra.cancel_batch_scrape(stopped)
    stage.site.let_go(name, 20)
    with refused(SpidraError, status=409, code="BATCH_CANCELLED"):
        spidra.retry_batch_scrape(stopped)


# ---- With the projector paused ----


def a_list_that_cannot_be_current_is_refused(stage: Stage) -> None:
    spidra = Spidra(api_key=stage.api_key, api_url=f"{stage.service}/api", max_retries=0)
    spidra.start_batch_scrape([stage.site.product(1)], scrape_mode="fast")
    with refused(SpidraServerError, status=503, code="SERVICE_BUSY"):
        spidra.list_batch_scrapes()


ALL = [
    a_batch_gives_what_its_schema_asks_for,
    a_pydantic_model_serves_as_schema,
    without_schema_or_prompt_results_are_markdown,
    a_screenshot_is_taken_and_served_to_its_owner,
    a_started_batch_is_there_at_once_and_watched_to_its_end,
    a_prompt_without_a_model_comes_with_a_warning,
    a_wait_that_is_too_long_ends_with_the_timeout_error,
    the_list_has_pages_newest_first,
    a_retry_runs_only_what_failed,
    the_vendors_loop_never_meets_a_stale_answer,
    the_same_holds_for_the_asynchronous_client,
    a_cancel_stops_what_is_pending_and_refunds_it,
    account_and_usage_say_what_was_used,
    no_key_is_an_authentication_error,
    an_unknown_key_is_forbidden,
    too_few_credits_are_forbidden,
    what_is_not_ours_is_not_found,
    a_bad_request_is_a_validation_error_that_names_the_field,
    a_retry_that_cannot_be_is_refused_with_its_reason,
]

# Everything that must not need the tables.
PROJECTOR_PAUSED = [
    a_batch_gives_what_its_schema_asks_for,
    a_started_batch_is_there_at_once_and_watched_to_its_end,
    a_retry_runs_only_what_failed,
    the_vendors_loop_never_meets_a_stale_answer,
    the_same_holds_for_the_asynchronous_client,
    a_cancel_stops_what_is_pending_and_refunds_it,
    what_is_not_ours_is_not_found,
    a_list_that_cannot_be_current_is_refused,
]


def main() -> int:
    parser = checks.arguments(__doc__)
    parser.add_argument("--projector-paused", action="store_true", help="the service's read models stand still")
    given = parser.parse_args()
    return checks.run(PROJECTOR_PAUSED if given.projector_paused else ALL, checks.stage(given))


if __name__ == "__main__":
    sys.exit(main())
