"""The fixture `usersvc`: a server on a free port, once per test session."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import pytest

from .command import FOLDER, NotUsable, cannot_start, command_line, environment

START_SECONDS = 60.0
# `serve` gives calls in flight 10 seconds, unless its options say otherwise.
DRAIN_SECONDS = 60.0
# How long the server may take to say what it has counted, and its end may take to be seen.
ANSWER_SECONDS = 5.0

Record = dict[str, Any]
T = TypeVar("T")


class Usersvc:
    """A server: `start` it, use it, `stop` it."""

    proto: Path = Path(FOLDER, "proto", "user_service.proto")
    """The path of the contract."""
    port: int
    """The port that it listens on."""
    address: str
    """What a client connects to."""

    def __init__(self, options: list[str]) -> None:
        """Raises NotUsable."""
        if any(option.split("=", 1)[0] == "--log" for option in options):
            raise NotUsable(
                "--log cannot be among the options of the fixture, which reads the log as JSON; "
                "leave it out, and read usersvc.log"
            )
        args = ["--host", "127.0.0.1", "--port", "0", "--metrics-port", "0", "--log", "json"]
        self._line = command_line(["serve", *args, *options])
        self._process: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._records: list[Record] = []
        self._call_count = 0
        self._other: list[str] = []
        self._readers = 2
        self._serves = False
        self._mark = _Mark()

    def start(self) -> None:
        """Starts it and waits until it accepts calls. Raises NotUsable.

        Whatever this raises, `stop` leaves nothing running.
        """
        try:
            with _interrupts_held_back():
                self._process = subprocess.Popen(
                    self._line,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    env=environment(),
                )
        except OSError as error:
            raise NotUsable(cannot_start(error, self._line[0])) from None
        for stream in (self._process.stdout, self._process.stderr):
            thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
            thread.start()
            self._threads.append(thread)
        metrics = self._wait_for({"event": "metrics_listening"}, START_SECONDS, _Mark())
        started = self._wait_for({"event": "listening"}, START_SECONDS, _Mark())
        if metrics is None or started is None:
            self.stop()
            raise NotUsable("it has not started: " + "".join(self._other).strip())
        self._metrics = _reachable(metrics["address"]), metrics["port"]
        self.port = started["port"]
        host = _reachable(started["address"])
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._serves = True

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
        record = self._wait_for(fields, timeout, mark)
        if record is None:
            why = self.fault() or f"it has logged {len(mark.calls_in(self.log))} calls since then"
            raise AssertionError(f"usersvc has no record with {fields} {mark.since}: {why}")
        return record

    def not_logged(
        self, timeout: float = 5.0, *, whole_session: bool = False, **fields: object
    ) -> None:
        """Makes sure that the running test has caused no record with these fields.

        It waits only until each call that has come is logged: timeout, in seconds, is for calls in
        flight. With whole_session, earlier tests must not have caused one either. Raises
        AssertionError if there is such a record, or a call is still in flight.
        """
        mark = _Mark() if whole_session else self._mark
        count = self._calls()[0] - mark.calls
        with self._changed:
            logged = self._until(lambda: len(mark.calls_in(self._records)) >= count, timeout)
        record = self._wait_for(fields, 0, mark)
        if record is not None:
            raise AssertionError(f"usersvc has a record with {fields} {mark.since}: {record}")
        if not logged:
            raise AssertionError(f"usersvc has not logged all of {count} calls in {timeout} s")

    def begin_test(self) -> None:
        """The records that the running test has caused begin here. Raises AssertionError."""
        calls, ended = self._calls()
        with self._changed:
            self._until(lambda: self._call_count >= ended, ANSWER_SECONDS)
            in_flight_until = time.time() if calls > ended else 0.0
            self._mark = _Mark(len(self._records), calls, in_flight_until)

    def _calls(self) -> tuple[int, int]:
        """How many calls have come, and how many of them have ended. Raises AssertionError.

        The server counts a call before it answers, so what a client has seen is counted. The log
        may be later.
        """
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
        return calls, ended

    def fault(self) -> str | None:
        """Why the server serves no more; None if it does."""
        try:
            self._calls()
        except AssertionError as error:
            return str(error)
        return None

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

    def _wait_for(self, fields: Record, timeout: float, mark: _Mark) -> Record | None:
        position = mark.first

        def find() -> Record | None:
            nonlocal position
            for record in self._records[position:]:
                position += 1
                if mark.covers(record) and fields.items() <= record.items():
                    return record
            return None

        with self._changed:
            return self._until(find, timeout)

    def _until(self, condition: Callable[[], T], timeout: float) -> T:
        """Waits until this is true, at most so many seconds, and no longer than the log goes on."""
        end = time.monotonic() + timeout
        while not (value := condition()) and self._readers > 0:
            left = end - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        return value

    def stop(self) -> None:
        """Stops the server: calls in flight finish first, except on Windows.

        Raises AssertionError if it has ended before, does not end by itself, or calls did not
        finish.
        """
        if self._process is None:
            return
        died = self._death(0)
        try:
            if self._serves:
                self._process.terminate()
                self._process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            code = self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        if not self._serves or code == 0:
            return
        if died is not None:
            raise AssertionError(died)
        if os.name != "nt":
            said = self._records[-1].get("message")
            raise AssertionError(f"usersvc serve has ended with exit code {code}: {said}")


class _Mark:
    """Where in the log a test begins."""

    def __init__(self, first: int = 0, calls: int = 0, in_flight_until: float = 0.0) -> None:
        """first is an index; calls how many had come; in_flight_until when, in seconds since 1970.

        in_flight_until is 0 if no call was in flight.
        """
        self.first = first
        self.calls = calls
        self.since = "since the test began" if first > 0 else "since the session began"
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


def _is_call(record: Record) -> bool:
    return record.get("event") == "call"


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


_SERVER = pytest.StashKey[Usersvc]()


def _fail(fault: str | None) -> None:
    """Not called where an exception is handled: pytest would show that one, too."""
    if fault is not None:
        pytest.fail(f"usersvc: {fault}", pytrace=False)


def _fault_of(step: Callable[[], None]) -> str | None:
    try:
        step()
    except (NotUsable, AssertionError) as error:
        return str(error)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the test's other fixtures, which may call the server for it."""
    server = item.config.stash.get(_SERVER, None)
    if server is not None and "usersvc" in getattr(item, "fixturenames", ()):
        _fail(_fault_of(server.begin_test))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Names the end of the server as the cause of a failure."""
    report = (yield).get_result()
    server = item.config.stash.get(_SERVER, None)
    if server is None or report.when != "call" or not report.failed:
        return
    if fault := server.fault():
        report.sections.append(("usersvc", fault))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("usersvc_options", "options of `usersvc serve` for the fixture usersvc", "args")


@pytest.fixture(scope="session")
def usersvc(request: pytest.FixtureRequest) -> Iterator[Usersvc]:
    """A server on a free port, drained at the end of the session.

    The ini setting usersvc_options holds options of `usersvc serve`. A test that needs others says
    @pytest.mark.parametrize("usersvc", [["--fail", "UNAVAILABLE"]], indirect=True).
    """
    options = getattr(request, "param", None)
    if options is None:
        options = request.config.getini("usersvc_options")
    servers: list[Usersvc] = []
    _fail(_fault_of(lambda: servers.append(Usersvc(list(options)))))
    server = servers[0]
    try:
        _fail(_fault_of(server.start))
        request.config.stash[_SERVER] = server
        yield server
    finally:
        if _SERVER in request.config.stash:
            del request.config.stash[_SERVER]
        _fail(_fault_of(server.stop))
