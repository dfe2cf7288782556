"""Makes the requests that schemathesis draws meaningful: what a JSON Schema can't say of a good request is added to
those that are meant to be good. Requests that are meant to be bad stay as they were drawn."""

from __future__ import annotations

import os
import zlib
from typing import Any

import schemathesis

# A site that the service may open: `/status/CODE` is a page with this status.
SITE = os.environ["LEAFCUTTER_SITE"]
# A finished batch whose item 0 has a screenshot.
BATCH = os.environ["LEAFCUTTER_BATCH"]
# An account to which more may be added, and the id of a key that nobody uses.
ACCOUNT = os.environ["LEAFCUTTER_ACCOUNT"]
SPARE_KEY = os.environ["LEAFCUTTER_SPARE_KEY"]

# Any JSON object is an object, but few are JSON Schemas.
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"name": {"type": "string"}}},
    {"type": "object", "properties": {"price": {"type": ["number", "null"]}}, "required": ["price"]},
    {"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "if": {"required": ["a"]}},
]
# A drawn ceiling is nearly always below the price of the batch.
CREDITS_ENOUGH = 1_000
KEY_CHARS_MAX = 255


def digest(drawn: object) -> int:
    """The same number for the same draw, so that a fault can be found again."""
    return zlib.crc32(repr(drawn).encode())


def is_good(case: schemathesis.Case) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook("map_case").apply_to(operation_id="submitBatch")
def submit_what_may_be_submitted(_: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    if is_good(case) and isinstance(case.body, dict):
        case.body = good_submit(case.body)
    return case


def good_submit(drawn: dict[str, Any]) -> dict[str, Any]:
    body = {**drawn, "urls": [allowed(url) for url in drawn["urls"]]}
    # Options that a server without a proxy pool refuses, and one that is not built yet.
    for refused in ("useProxy", "proxyCountry", "webhook"):
        body.pop(refused, None)
    if isinstance(body.get("schema"), dict):
        body["schema"] = SCHEMAS[digest(body["schema"]) % len(SCHEMAS)]
    if body.get("maxCredits") is not None:
        body["maxCredits"] = max(body["maxCredits"], CREDITS_ENOUGH)
    if body.get("screenshot") is not True:
        body.pop("fullPageScreenshot", None)
        # Without a browser, for it is the answers that are looked at here, and they come from the same processor.
        body["scrapeMode"] = "fast"
    elif body.get("scrapeMode") == "fast":
        body["scrapeMode"] = "default"
    return body


def allowed(url: Any) -> Any:
    """A page that the service may open, in the form that was drawn: text or object. Half of them fail, to be retried."""
    status = 200 if digest(url) % 2 else 500
    page = f"{SITE}/status/{status}?{digest(url)}"
    return {**url, "url": page} if isinstance(url, dict) else page


@schemathesis.hook("map_case").apply_to(operation_id=["submitBatch", "retryBatch"])
def name_each_request_by_itself(_: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    # A key that comes with another body is refused, as it must be, and short keys are drawn again and again.
    key = case.headers.get("Idempotency-Key")
    if is_good(case) and isinstance(key, str):
        suffix = f"-{digest((case.path_parameters, case.body))}"
        case.headers["Idempotency-Key"] = key[: KEY_CHARS_MAX - len(suffix)] + suffix
    return case


@schemathesis.hook("map_case").apply_to(operation_id=["getScreenshot", "issueKey", "topUp", "revokeKey"])
def ask_for_what_is_there(_: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    # Every other time: what is not there must be asked for, too.
    if is_good(case) and digest(case.path_parameters) % 2 == 0:
        if "index" in case.path_parameters:
            case.path_parameters.update(batchId=BATCH, index=0)
        else:
            case.path_parameters.update(id=SPARE_KEY if "/keys/" in case.path else ACCOUNT)
    return case


@schemathesis.hook("map_case").apply_to(operation_id="retryBatchSession")
def retry_only_what_has_failed(_: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    # `false` is in the other vendor's schema but refused here, which need not be seen every other time.
    if is_good(case) and isinstance(case.body, dict) and digest(case.body) % 4:
        case.body.pop("retry_failed_only", None)
    return case
