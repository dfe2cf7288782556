"""What the scripts beside this file share: the arguments, an account to work in, and assertions that say what was
expected and what came. Nothing here knows a client."""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from shop import Site

# How long anything that the service does by itself may take before the script gives up on it.
PATIENCE_S = 60.0
# Between two looks at something that has not happened yet.
LOOK_EVERY_S = 0.1

Error = TypeVar("Error", bound=BaseException)


@dataclass(frozen=True)
class Stage:
    """The service under test, and the site that it scrapes."""

    service: str
    api_key: str
    admin_token: str
    site: Site = field(default_factory=Site)

    def open_account(self, credits: int) -> str:
        """The key of a new account with so many credits a month."""
        answer = httpx.post(
            f"{self.service}/admin/accounts",
            headers={"Authorization": f"Bearer {self.admin_token}"},
            json={"name": "a test's own", "monthlyCredits": credits},
        )
        return str(answer.raise_for_status().json()["apiKey"])


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every script takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--service", required=True, help="where the service listens, as http://HOST:PORT")
    parser.add_argument("--api-key", required=True, help="key of an account with credits")
    parser.add_argument("--admin-token", required=True, help="the service's admin token")
    return parser


def stage(given: argparse.Namespace) -> Stage:
    """The stage that the arguments describe."""
    return Stage(given.service, given.api_key, given.admin_token)


def equal(got: object, wanted: object, what: str) -> None:
    """Fails unless the two are equal."""
    if got != wanted:
        raise AssertionError(f"{what}: wanted {wanted!r}, got {got!r}")


def true(holds: object, what: str) -> None:
    """Fails unless it holds."""
    if not holds:
        raise AssertionError(what)


@contextmanager
def refused(kind: type[Error], **fields: Any) -> Iterator[None]:
    """Fails unless what is done inside is refused with exactly this class and these fields."""
    try:
        yield
    except kind as error:
        equal(type(error), kind, f"the class of {error!r}")
        for name, wanted in fields.items():
            equal(getattr(error, name), wanted, f"{name} of {error!r}")
    else:
        raise AssertionError(f"{kind.__name__} was wanted, but nothing was refused")


def until(look: Callable[[], Any], what: str) -> Any:
    """Looks until it is true, and gives what it was."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(LOOK_EVERY_S)
    return seen


def run(checks: list[Callable[[Stage], None]], on: Stage) -> int:
    """Runs every check, says how each went, and gives the exit code."""
    failed = []
    for check in checks:
        name = check.__name__.replace("_", " ")
        started = time.monotonic()
        try:
            check(on)
        except Exception:
            failed.append(name)
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok      {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(checks) - len(failed)} of {len(checks)} checks hold", flush=True)
    return 1 if failed else 0
