"""The fixture `usersvc`: a server on a free port, once per test session."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from .command import FOLDER, NotUsable, cannot_start, command_line, environment

START_SECONDS = 60.0
# `serve` gives calls in flight 10 seconds, unless its options say otherwise.
DRAIN_SECONDS = 60.0

Record = dict[str, Any]


class Usersvc:
    """A running server."""

    proto: Path = Path(FOLDER, "proto", "user_service.proto")
    """The path of the contract."""

    def __init__(self, options: list[str]) -> None:
        args = ["serve", "--host", "127.0.0.1", "--port", "0", "--log", "json", *options]
        line = command_line(args)
        self._changed = threading.Condition()
        self._records: list[Record] = []
        self._other: list[str] = []
        self._readers = 2
        try:
            self._process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                env=environment(),
            )
        except OSError as error:
            raise NotUsable(cannot_start(error, line[0])) from None
        self._threads = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
        ]
        for thread in self._threads:
            thread.start()
        started = self._wait_for({"event": "listening"}, START_SECONDS)
        if started is None:
            self._process.kill()
            self._end()
            raise NotUsable("it has not started: " + "".join(self._other).strip())
        self.port: int = started["port"]
        self.address: str = f"127.0.0.1:{self.port}"
        """What a client connects to."""

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            with self._changed:
                if isinstance(record, dict):
                    self._records.append(record)
                else:
                    self._other.append(line)
                self._changed.notify_all()
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    @property
    def log(self) -> list[Record]:
        """The records of the log so far."""
        with self._changed:
            return list(self._records)

    def logged(self, timeout: float = 5.0, /, **fields: object) -> Record:
        """The first record that has these fields, waited for: the server logs after it answers.

        timeout is in seconds. Raises AssertionError if there is none by then.
        """
        record = self._wait_for(fields, timeout)
        if record is None:
            raise AssertionError(f"usersvc has no record with {fields} in its log")
        return record

    def _wait_for(self, fields: dict[str, object], timeout: float) -> Record | None:
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for record in self._records:
                    if all(record.get(name) == value for name, value in fields.items()):
                        return record
                left = end - time.monotonic()
                if left <= 0 or self._readers == 0:
                    return None
                self._changed.wait(left)

    def stop(self) -> None:
        """Stops the server: calls in flight finish first, except on Windows.

        Raises AssertionError if it does not end by itself, or calls did not finish.
        """
        self._process.terminate()
        try:
            code = self._process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._end()
        if code != 0 and os.name != "nt":
            said = self._records[-1].get("message")
            raise AssertionError(f"usersvc serve has ended with exit code {code}: {said}")

    def _end(self) -> None:
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


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
    fault = ""
    try:
        server = Usersvc(list(options))
    except NotUsable as error:
        fault = str(error)
    if fault:
        pytest.fail(f"usersvc: {fault}", pytrace=False)
    yield server
    server.stop()
