"""A server for the tests of a client: `Usersvc`."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, TypeVar

from .command import FOLDER, NotUsable, cannot_start, command_line, environment

START_SECONDS: Final = 60.0
# `serve` gives calls in flight 10 seconds, unless its options say otherwise.
DRAIN_SECONDS: Final = 60.0
# How long the server may take to say what it has counted, to read its files again, and its end may
# take to be seen.
ANSWER_SECONDS: Final = 5.0

# What SIGHUP has read again, and the option that names the file.
RELOADED: Final = {"tls": "--tls-cert", "answers": "--answers"}
# How many records a report has.
MAX_REPORTED: Final = 20

Record = dict[str, Any]
"""A line of the log: docs/operations.md says what its fields are."""

T = TypeVar("T")


class Usersvc:
    """A server: `start` it, use it, `stop` it. It never lives longer than this process.

    `with` stops it at the end of the block.
    """

    proto: Path = Path(FOLDER, "proto", "user_service.proto")
    """The path of the contract."""
    port: int = 0
    """The port that it listens on; it is the same after another `start`."""
    address: str
    """What a client connects to."""

    def __init__(self, *options: str) -> None:
        """Takes options of `usersvc serve`; later ones win. Raises NotUsable."""
        if any(_name_of(option) == "--log" for option in options):
            raise NotUsable(
                "--log cannot be among the options of the fixture, which reads the log as JSON; "
                "leave it out, and read usersvc.log"
            )
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._records: list[Record] = []
        self._call_count = 0
        self._earlier_calls = 0
        self._other: list[str] = []
        self._readers = 0
        self._serves = False
        self._mark = _Mark()

    def __enter__(self) -> Usersvc:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it accepts calls. Raises NotUsable.

        Whatever this raises, nothing stays running. One that was stopped takes the port that it had.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        line = self._command_line()
        try:
            with _interrupts_held_back():
                process = self._process = subprocess.Popen(
                    line,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    env=environment(),
                )
        except OSError as error:
            raise NotUsable(cannot_start(error, line[0])) from None
        start = _Mark(len(self._records))
        self._earlier_calls = self._call_count
        self._other.clear()
        self._readers = 2
        for stream in (process.stdout, process.stderr):
            thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
            thread.start()
            self._threads.append(thread)
        metrics = self._wait_for(1, _with({"event": "metrics_listening"}), START_SECONDS, start)
        started = self._wait_for(1, _with({"event": "listening"}), START_SECONDS, start)
        if not metrics or not started:
            self.stop()
            raise NotUsable("it has not started: " + "".join(self._other).strip())
        self._metrics = _reachable(metrics[0]["address"]), metrics[0]["port"]
        self.port = started[0]["port"]
        host = _reachable(started[0]["address"])
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._serves = True

    def _command_line(self) -> list[str]:
        listen = ["--host", "127.0.0.1", "--port", "0", "--metrics-port", "0"]
        own = ["serve", "--until-stdin-closes", "--log", "json", *listen]
        again = ["--port", str(self.port)] if self.port > 0 else []
        return command_line([*own, *self._options, *again])

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            with self._changed:
                if isinstance(record, dict):
                    self._records.append(record)
                    self._call_count += _is_call(record)
                else:
                    self._other.append(line)
                self._changed.notify_all()
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    @property
    def log(self) -> list[Record]:
        """The records of the log so far, those of earlier tests included."""
        with self._changed:
            return list(self._records)

    def logged(
        self, timeout: float = 5.0, *, whole_session: bool = False, **fields: object
    ) -> Record:
        """The first record with these fields that the running test has caused, waited for.

        timeout is in seconds. With whole_session, earlier tests may have caused it. Raises
        AssertionError if there is none by then.
        """
        mark = _Mark() if whole_session else self._mark
        found = self._wait_for(1, _with(fields), timeout, mark)
        if not found:
            raise AssertionError(
                f"usersvc has no record with {fields} {mark.since}: {self._why_none(mark)}"
            )
        return found[0]

    def not_logged(
        self, timeout: float = 5.0, *, whole_session: bool = False, **fields: object
    ) -> None:
        """Makes sure that the running test has caused no record with these fields.

        It waits only until each call that has come is logged: timeout, in seconds, is for calls in
        flight. With whole_session, earlier tests must not have caused one either. Raises
        AssertionError if there is such a record, or a call is still in flight.
        """
        mark = _Mark() if whole_session else self._mark
        in_flight = self._wait_until_logged(timeout, mark)
        found = self._wait_for(1, _with(fields), 0, mark)
        if found:
            raise AssertionError(f"usersvc has a record with {fields} {mark.since}: {found[0]}")
        if in_flight is not None:
            raise AssertionError(in_flight)

    def calls(
        self,
        timeout: float = 5.0,
        *,
        count: int | None = None,
        whole_session: bool = False,
        **fields: object,
    ) -> list[Record]:
        """The records of the calls with these fields that the running test has caused.

        With count it waits until there are so many; without, until each call that has come is
        logged. timeout is in seconds. With whole_session, earlier tests may have caused them.
        Raises AssertionError if that does not come by then.
        """
        mark = _Mark() if whole_session else self._mark
        wanted = _with({"event": "call", **fields})
        if count is None:
            in_flight = self._wait_until_logged(timeout, mark)
            if in_flight is not None:
                raise AssertionError(in_flight)
        found = self._wait_for(count or 0, wanted, timeout, mark)
        if count is not None and len(found) < count:
            raise AssertionError(
                f"usersvc has {len(found)} of {count} records with {fields} {mark.since}: "
                f"{self._why_none(mark)}"
            )
        return found

    def reset(self, since: str = "since reset()") -> None:
        """Has the records that the running test has caused begin here. Raises AssertionError.

        since says so in the words of later errors.
        """
        calls, ended = self._calls()
        with self._changed:
            self._until(lambda: self._call_count >= ended, ANSWER_SECONDS)
            in_flight_until = time.time() if calls > ended else 0.0
            self._mark = _Mark(len(self._records), calls, in_flight_until, since)

    def reload(self) -> None:
        """Has it read the file of answers and the TLS files again, by SIGHUP, and waits for that.

        Raises AssertionError if it has none of them, or has to keep the old ones, and on Windows.
        """
        names = {_name_of(option) for option in self._options}
        files = [what for what, option in RELOADED.items() if option in names]
        # SIGHUP would end it.
        if not files:
            raise AssertionError("usersvc has no files to read again: neither --answers nor TLS")
        if sys.platform == "win32" or self._process is None:
            raise AssertionError("usersvc cannot be told to read its files again: no SIGHUP")
        now = _Mark(len(self.log))
        self._process.send_signal(signal.SIGHUP)
        for what in files:
            begins = f"{what}_reload"
            found = self._wait_for(
                1, lambda one: str(one.get("event")).startswith(begins), ANSWER_SECONDS, now
            )
            if not found or found[0]["event"] != f"{what}_reloaded":
                why = found[0]["message"] if found else self._why_none(now)
                raise AssertionError(f"usersvc has not read its files again: {why}")

    def stop(self) -> None:
        """Stops the server: calls in flight finish first. It can be started again.

        Raises AssertionError if it has ended before, does not end by itself, or calls did not
        finish.
        """
        process = self._process
        if process is None:
            return
        died = self._death(0)
        assert process.stdin is not None
        try:
            process.stdin.close()
            if self._serves:
                process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            code = process.wait()
            self._process = None
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        served, self._serves = self._serves, False
        if not served or code == 0:
            return
        if died is not None:
            raise AssertionError(died)
        said = self._records[-1].get("message")
        raise AssertionError(f"usersvc serve has ended with exit code {code}: {said}")

    def report(self) -> str:
        """What the running test has caused, a record a line, and why the server serves no more."""
        records = [one for one in self.log[self._mark.first :] if self._mark.covers(one)]
        lines = [json.dumps(one, ensure_ascii=False) for one in records[-MAX_REPORTED:]]
        if len(records) > MAX_REPORTED:
            lines.insert(0, f"({len(records) - MAX_REPORTED} records before these)")
        return "\n".join([*lines, *filter(None, [self.fault()])])

    def fault(self) -> str | None:
        """Why the server serves no more; None if it does, or was stopped."""
        try:
            self._calls()
        except AssertionError as error:
            return str(error)
        return None

    def _why_none(self, mark: _Mark) -> str:
        return self.fault() or f"it has logged {len(mark.calls_in(self.log))} calls since then"

    def _calls(self) -> tuple[int, int]:
        """How many calls have come, and how many of them have ended. Raises AssertionError.

        The server counts a call before it answers, so what a client has seen is counted. The log
        may be later.
        """
        if self._process is None:
            return self._call_count, self._call_count
        connection = http.client.HTTPConnection(*self._metrics, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        except (OSError, http.client.HTTPException) as error:
            why = self._death(ANSWER_SECONDS) or f"usersvc serve does not answer: {error}"
            raise AssertionError(why) from None
        finally:
            connection.close()
        calls, ended = (
            sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{"))
            for name in ("grpc_server_started_total", "grpc_server_handled_total")
        )
        return self._earlier_calls + calls, self._earlier_calls + ended

    def _death(self, seconds: float) -> str | None:
        """How it has ended, although `stop` was not called; None if it has not in this time."""
        assert self._process is not None
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        said = "".join(self._other[-20:]).strip()
        return f"usersvc serve has ended during the session, {how}" + (said and f":\n{said}")

    def _wait_until_logged(self, timeout: float, mark: _Mark) -> str | None:
        """Waits until each call that has come is logged; returns what is missing then."""
        count = self._calls()[0] - mark.calls
        with self._changed:
            if self._until(lambda: len(mark.calls_in(self._records)) >= count, timeout):
                return None
        return f"usersvc has not logged all of {count} calls in {timeout} s"

    def _wait_for(
        self, count: int, wanted: Callable[[Record], bool], timeout: float, mark: _Mark
    ) -> list[Record]:
        """The wanted records, once there are so many, or timeout seconds have passed."""
        found: list[Record] = []
        position = mark.first

        def find() -> bool:
            nonlocal position
            records = self._records[position:]
            position += len(records)
            found.extend(one for one in records if mark.covers(one) and wanted(one))
            return len(found) >= count

        with self._changed:
            self._until(find, timeout)
        return found

    def _until(self, condition: Callable[[], T], timeout: float) -> T:
        """Waits until this is true, at most so many seconds, and no longer than the log goes on."""
        end = time.monotonic() + timeout
        while not (value := condition()) and self._readers > 0:
            left = end - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        return value


class _Mark:
    """Where in the log a test begins."""

    def __init__(
        self,
        first: int = 0,
        calls: int = 0,
        in_flight_until: float = 0.0,
        since: str = "since the session began",
    ) -> None:
        """first is an index; calls how many had come; in_flight_until when, in seconds since 1970.

        in_flight_until is 0 if no call was in flight.
        """
        self.first = first
        self.calls = calls
        self.since = since
        # The log's times are cut to milliseconds.
        self._others_until = in_flight_until - 0.001

    def covers(self, record: Record) -> bool:
        """Whether a record behind it is the test's, not of a call that was in flight before."""
        if self._others_until < 0 or not _is_call(record):
            return True
        end = datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()
        return end - float(record["grpc.time_ms"]) / 1000 >= self._others_until

    def calls_in(self, records: list[Record]) -> list[Record]:
        """The records of calls that are the test's."""
        return [one for one in records[self.first :] if _is_call(one) and self.covers(one)]


def _with(fields: Mapping[str, object]) -> Callable[[Record], bool]:
    """Whether a record has these fields, and among its metadata those that `metadata` has."""
    metadata = fields.get("metadata")
    values = metadata.items() if isinstance(metadata, Mapping) else ()
    others = {name: value for name, value in fields.items() if name != "metadata"}

    def has(record: Record) -> bool:
        sent = record.get("metadata", {})
        return others.items() <= record.items() and all(
            value in sent.get(name, ()) for name, value in values
        )

    return has


def _is_call(record: Record) -> bool:
    return record.get("event") == "call"


def _name_of(option: str) -> str:
    return option.split("=", 1)[0]


def _reachable(host: str) -> str:
    """Where one that listens on every address is reached."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """For Popen, which would forget the process that it has just started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)
