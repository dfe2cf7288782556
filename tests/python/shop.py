"""A small shop on loopback that a script controls: every page states a product, some fail first, some wait until they
are let go. The service must be allowed to open `127.0.0.1` on any port."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# A page that nobody lets go answers after this all the same, so that nothing hangs.
HELD_S_MAX = 60.0


class Site:
    """Listens from its making to the end of the script."""

    def __init__(self) -> None:
        self._visits: Counter[str] = Counter()
        self._turns: dict[str, threading.Semaphore] = {}
        self._lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802, the base class has it so
                status, body = site._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing: what counts is what the service says."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def product(self, number: int) -> str:
        """A page that states `Product <number>` for `<number>.5` EUR."""
        return self._url(f"product/{number}")

    def flaky(self, name: str, fails: int) -> str:
        """A page that fails so many times, and states product 0 afterwards."""
        return self._url(f"flaky/{name}?fails={fails}")

    def held(self, name: str) -> str:
        """A page that answers each visit after a `let_go`."""
        return self._url(f"held/{name}")

    def flaky_then_held(self, name: str, fails: int) -> str:
        """A page that fails at once on the first visit; later ones wait for a `let_go`, and those up to `fails` fail."""
        return self._url(f"flaky-then-held/{name}?fails={fails}")

    def let_go(self, name: str, visits: int = 1) -> None:
        """Lets so many visits of a held page go on, now or when they come."""
        self._turn(name).release(visits)

    def visits(self, name: str) -> int:
        """How often the page of this name was asked for."""
        with self._lock:
            return self._visits[name]

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def _turn(self, name: str) -> threading.Semaphore:
        with self._lock:
            return self._turns.setdefault(name, threading.Semaphore(0))

    def _answer(self, target: str) -> tuple[int, bytes]:
        url = urlsplit(target)
        kind, _, name = url.path.strip("/").partition("/")
        fails = int(parse_qs(url.query).get("fails", ["0"])[0])
        with self._lock:
            self._visits[name] += 1
            visit = self._visits[name]
        if kind == "product":
            return 200, page(int(name))
        if kind == "held" or (kind == "flaky-then-held" and visit > 1):
            self._turn(name).acquire(timeout=HELD_S_MAX)
        if kind not in ("flaky", "held", "flaky-then-held"):
            return 404, b"<!doctype html><title>Nothing here</title>"
        return (500, b"<!doctype html><title>Broken</title>") if visit <= fails else (200, page(0))


def page(number: int) -> bytes:
    name, price = f"Product {number}", f"{number}.50"
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": name,
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "EUR"},
    }
    html = (
        f'<!doctype html><html lang="en"><title>{name}</title><main><h1>{name}</h1><p>Costs {price} EUR.</p></main>'
        f'<script type="application/ld+json">{json.dumps(data)}</script></html>'
    )
    return html.encode()
