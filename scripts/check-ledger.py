#!/usr/bin/env python3
"""Recomputes the hash chain of a ledger from its export, as docs/ledger.md describes it, with no code of Leafcutter's.

Needs Python 3.9 and the package `blake3` from PyPI (`pip install blake3`).
    leafcutter credits export --output ledger.jsonl
    check-ledger.py ledger.jsonl [--part]     --part: it was exported with --from or --to and begins somewhere

Prints the last event of each month and ends with 0; or says which link is the first wrong one and ends with 1.
"""
import json
import sys
import uuid

from blake3 import blake3


def link(line):
    texts = ("prev", "stream", "revision", "id", "name", "occurredAt", "data")
    parts = [str(line[text]).encode() for text in texts]
    return blake3(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).hexdigest()


def identity(line):
    content = blake3(line["data"].encode()).hexdigest()
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{line['stream']}/{line['revision']}/{line['name']}/{content}"))


def faults(line, last, closes, part):
    """What is wrong with a line after the last one; `closes` holds the hashes of that month from its close on."""
    same = last is not None and line["stream"] == last["stream"]
    begun = part and not same and line["revision"] > 0
    if last and line["stream"] < last["stream"]:
        yield "its month comes before the one above it"
    if not begun and line["revision"] != (last["revision"] + 1 if same else 0):
        yield "another event belongs before it"
    if not begun and line["prev"] != (last["hash"] if same else ""):
        yield "its prev is not the hash above it"
    if line["hash"] != link(line) or line["id"] != identity(line):
        yield "its hash or id is not that of its content"
    if same and line["occurredAt"] < last["occurredAt"]:
        yield "it goes back in time"
    if not same and not begun:
        opened = json.loads(line["data"])
        before, stream = opened.get("previous"), f"ledger-{opened['account']}-"
        if line["name"] != "PeriodOpened" or line["stream"] != stream + opened["period"]:
            yield "it does not open the month of its stream"
        is_next = before and last and last["stream"] == stream + before["period"] and before["hash"] in closes
        if not is_next and (before or last) and not (part and not closes):
            yield "it does not name the month above it and the hash of its close"


last, closes, heads = None, [], {}
for number, line in enumerate(map(json.loads, open(sys.argv[1], encoding="utf-8")), 1):
    for fault in faults(line, last, closes, "--part" in sys.argv):
        sys.exit(f"line {number}, event {line['revision']} of {line['stream']}: {fault}")
    closes = closes if last and line["stream"] == last["stream"] else []
    closes += [line["hash"]] if closes or line["name"] == "PeriodClosed" else []
    last = heads[line["stream"]] = line
for stream, line in heads.items():
    print(stream, line["revision"], line["hash"])
