"""The official Python client of EventStoreDB (KurrentDB) against the stand-in server: it appends, conflicts, reads,
subscribes and resumes, and judges the answers. What holds here is not an opinion of the stand-in's own author."""

from __future__ import annotations

import argparse
import threading
from uuid import uuid4

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    FailedPreconditionError,
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)

# How long a subscription may take to bring what is there.
PATIENCE_S = 30.0


def event(number: int) -> NewEvent:
    return NewEvent(type="Numbered", data=f'{{"number":{number}}}'.encode(), metadata=b'{"m":1}', id=uuid4())


def conflicts(append, what: str) -> None:
    try:
        append()
    except WrongCurrentVersionError:
        return
    raise AssertionError(f"{what}: no conflict")


def appends_and_conflicts(client: KurrentDBClient) -> None:
    name, new = "batch-py", [event(number) for number in range(5)]
    first = client.append_to_stream(name, events=new[0], current_version=StreamState.NO_STREAM)
    rest = client.append_to_stream(name, events=new[1:], current_version=0)
    assert rest > first, (first, rest)
    for events in (event(9), [event(9), event(10)]):
        conflicts(lambda e=events: client.append_to_stream(name, events=e, current_version=2), "behind")
        conflicts(
            lambda e=events: client.append_to_stream(name, events=e, current_version=StreamState.NO_STREAM),
            "no stream",
        )
    # The same again, alone and as a list: the first answer again, and nothing is doubled.
    assert client.append_to_stream(name, events=new[0], current_version=StreamState.NO_STREAM) == first
    assert client.append_to_stream(name, events=new[1:], current_version=0) == rest
    assert client.get_current_version(name) == 4
    read = client.get_stream(name)
    assert [e.id for e in read] == [e.id for e in new]
    assert [(e.type, e.data, e.metadata) for e in read] == [(e.type, e.data, e.metadata) for e in new]
    assert [e.stream_position for e in client.get_stream(name, backwards=True, limit=2)] == [4, 3]
    assert [e.stream_position for e in client.get_stream(name, stream_position=1, limit=2)] == [1, 2]


def missing_and_deleted(client: KurrentDBClient) -> None:
    try:
        client.get_stream("batch-nowhere")
        raise AssertionError("a missing stream was found")
    except NotFoundError:
        pass
    client.append_to_stream("batch-gone", events=event(0), current_version=StreamState.NO_STREAM)
    conflicts(lambda: client.delete_stream("batch-gone", current_version=7), "delete")
    client.delete_stream("batch-gone", current_version=0)
    try:
        client.get_stream("batch-gone")
        raise AssertionError("a deleted stream was found")
    except NotFoundError:
        pass
    client.append_to_stream("batch-gone", events=event(1), current_version=StreamState.NO_STREAM)
    assert [e.stream_position for e in client.get_stream("batch-gone")] == [1]
    client.tombstone_stream("batch-gone", current_version=1)
    for events in (event(2), [event(2), event(3)]):
        try:
            client.append_to_stream("batch-gone", events=events, current_version=StreamState.ANY)
            raise AssertionError("a stream with a tombstone took an event")
        except (FailedPreconditionError, StreamIsDeletedError):
            pass
    try:
        client.get_stream("batch-gone")
        raise AssertionError("a stream with a tombstone was read")
    except StreamIsDeletedError:
        pass


def stream_rules(client: KurrentDBClient) -> None:
    client.append_to_stream("snapshot-py", events=event(0), current_version=StreamState.ANY)
    client.set_stream_metadata("snapshot-py", metadata={"$maxCount": 1})
    client.append_to_stream("snapshot-py", events=[event(1), event(2)], current_version=StreamState.ANY)
    assert [e.stream_position for e in client.get_stream("snapshot-py")] == [2]
    assert client.get_stream_metadata("snapshot-py")[0] == {"$maxCount": 1}


def take(subscription, count: int) -> list:
    """The next events, within the patience."""
    alarm = threading.Timer(PATIENCE_S, subscription.stop)
    alarm.start()
    try:
        taken = []
        for recorded in subscription:
            taken.append(recorded)
            if len(taken) == count:
                return taken
        raise AssertionError(f"{len(taken)} events instead of {count} within {PATIENCE_S} s")
    finally:
        alarm.cancel()


def subscribes_and_resumes(client: KurrentDBClient) -> None:
    new = [event(number) for number in range(200)]
    for begin in range(0, 200, 40):
        current = begin - 1 if begin else StreamState.NO_STREAM
        client.append_to_stream("ledger-py", events=new[begin : begin + 40], current_version=current)
    options = {"filter_include": ["ledger-"], "filter_by_stream_name": True, "filter_by_prefix": True}
    subscription = client.subscribe_to_all(**options)
    there = take(subscription, 200)
    assert [e.id for e in there] == [e.id for e in new], "what was there comes first, in order"
    live = [event(200), event(201)]
    client.append_to_stream("batch-py", events=event(5), current_version=4)
    client.append_to_stream("ledger-py", events=live, current_version=199)
    assert [e.id for e in take(subscription, 2)] == [e.id for e in live], "and then what is new"
    subscription.stop()
    resumed = client.subscribe_to_all(commit_position=there[119].commit_position, **options)
    assert [e.id for e in take(resumed, 82)] == [e.id for e in new[120:] + live], "a place is exclusive"
    resumed.stop()
    one = client.subscribe_to_stream("ledger-py", stream_position=198)
    assert [e.stream_position for e in take(one, 3)] == [199, 200, 201]
    one.stop()


def the_global_order(client: KurrentDBClient) -> None:
    # The default filter is an expression that looks ahead, and leaves the server's own events out.
    forwards = list(client.read_all())
    places = [e.commit_position for e in forwards]
    assert places == sorted(places) and len(set(places)) == len(places)
    assert not any(e.stream_name.startswith("$") or e.type.startswith("$") for e in forwards)
    backwards = [e.id for e in client.read_all(backwards=True)]
    assert backwards == [e.id for e in reversed(forwards)]
    assert client.get_commit_position() == places[-1]
    whole = list(client.read_all(filter_exclude=[]))
    assert whole[0].stream_name.startswith("$"), "the server's own events are there too"


def checkpoints(client: KurrentDBClient) -> None:
    """A filter that takes nothing still tells how far it has come."""
    subscription = client.subscribe_to_all(
        filter_include=["nothing-"],
        filter_by_stream_name=True,
        filter_by_prefix=True,
        include_checkpoints=True,
        include_caught_up=True,
        window_size=30,
        checkpoint_interval_multiplier=2,
    )
    kinds, places = [], []
    for message in subscription:
        kinds.append(type(message).__name__)
        if kinds[-1] == "CaughtUp":
            break
        places.append(message.commit_position)
    subscription.stop()
    assert kinds[-2:] == ["Checkpoint", "CaughtUp"] and len(kinds) > 3, kinds
    assert places == sorted(set(places)), places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="connection string of the server")
    client = KurrentDBClient(parser.parse_args().server)
    checks = [
        appends_and_conflicts,
        missing_and_deleted,
        stream_rules,
        subscribes_and_resumes,
        the_global_order,
        checkpoints,
    ]
    for check in checks:
        check(client)
        print(f"{check.__name__}: holds")
    client.close()


if __name__ == "__main__":
    main()
