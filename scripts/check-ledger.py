#!/usr/bin/env python3
"""Recomputes the hash chain of a ledger from its export, as docs/ledger.md describes it, with no code of Leafcutter's.

Needs Python 3.9 and the package `blake3` from PyPI (`pip install blake3`).
    leafcutter credits export --output ledger.jsonl
    check-ledger.py ledger.jsonl [--part]     --part: it was exported with --from or --to
Prints the last event of each month and ends with 0; or says which link is the first wrong one and ends with 1.
"""
import json, sys, uuid
from blake3 import blake3

LATE = {"CreditsCharged", "CreditsRefunded"}  # what may come after the close of a month


def made(line):
    texts = ("prev", "stream", "revision", "id", "name", "occurredAt", "data")
    parts = [str(line[text]).encode() for text in texts]
    link = blake3(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).hexdigest()
    content = f"{line['stream']}/{line['revision']}/{line['name']}/{blake3(parts[-1]).hexdigest()}"
    return {"hash": link, "id": str(uuid.uuid5(uuid.NAMESPACE_OID, content))}


def faults(line, last, names, closes, part):
    """What is wrong with a line. The month of the `last` one has these names, and these hashes from its close on."""
    same, above = last and line["stream"] == last["stream"], last["stream"][-7:] if last else ""
    cut = part and not same and names <= LATE  # events may be left out here: above, if anything, are late ones
    begun = cut and line["revision"] > 0
    if last and (line["stream"] < last["stream"] or line["stream"][:-7] != last["stream"][:-7]):
        yield "its month comes before the one above it, or is of another account"
    if not begun and line["revision"] != (last["revision"] + 1 if same else 0):
        yield "another event belongs before it"
    if not begun and line["prev"] != (last["hash"] if same else ""):
        yield "its prev is not the hash above it"
    if {"hash": line["hash"], "id": line["id"]} != made(line):
        yield "its hash or id is not that of its content"
    if same and line["occurredAt"] < last["occurredAt"]:
        yield "it goes back in time"
    if line["revision"] > 0 and line["name"] in ("PeriodOpened", "PeriodClosed" if same and closes else ""):
        yield "its month has one of this kind already"
    if not same and not begun:
        opened = json.loads(line["data"]) if line["name"] == "PeriodOpened" else {}
        before = opened.get("previous") or {"period": "", "hash": ""}
        if line["stream"] != f"ledger-{opened.get('account')}-{opened.get('period')}":
            yield "it does not open the month of its stream"
        is_next = before["period"] == above and (not above or before["hash"] in closes)
        if not is_next and not (cut and before["period"] >= above):
            yield "it does not name the month above it and the hash of its close"


last, names, closes, heads = None, set(), [], {}
for number, line in enumerate(map(json.loads, open(sys.argv[1], encoding="utf-8")), 1):
    for fault in faults(line, last, names, closes, "--part" in sys.argv):
        sys.exit(f"line {number}, event {line['revision']} of {line['stream']}: {fault}")
    names, closes = (names, closes) if last and line["stream"] == last["stream"] else (set(), [])
    names.add(line["name"])
    closes += [line["hash"]] if "PeriodClosed" in names else []
    last = heads[line["stream"]] = line
heads or sys.exit("there is no event in it")
for stream, line in heads.items():
    print(stream, line["revision"], line["hash"])
