"""The fixtures `usersvc` and `usersvc_server`: servers on free ports, for the tests of a client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .command import NotUsable
from .server import Usersvc

# The servers of each fixture.
_SERVERS = pytest.StashKey[dict[str, list[Usersvc]]]()


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


def _servers_of(item: pytest.Item) -> list[Usersvc]:
    """Those of the fixtures that a test names, or a fixture that it uses."""
    servers = item.config.stash.get(_SERVERS, {})
    return [one for name in getattr(item, "fixturenames", ()) for one in servers.get(name, ())]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the test's other fixtures, which may call a server for it."""
    for server in _servers_of(item):
        _fail(_fault_of(lambda: server.reset("since the test began")))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Shows with a failure what the servers have seen, and that one has ended."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    for server in _servers_of(item):
        if text := server.report():
            report.sections.append((f"usersvc {server.address}", text))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("usersvc_options", "options of `usersvc serve` for the fixture usersvc", "args")


@contextmanager
def _servers(config: pytest.Config, fixture: str) -> Iterator[Callable[..., Usersvc]]:
    """Starts servers for a fixture, and stops them at its end."""
    servers: list[Usersvc] = []
    config.stash.setdefault(_SERVERS, {})[fixture] = servers

    def start(*options: str) -> Usersvc:
        def begin() -> None:
            server = Usersvc(*options)
            server.start()
            servers.append(server)

        _fail(_fault_of(begin))
        return servers[-1]

    try:
        yield start
    finally:
        faults = [_fault_of(one.stop) for one in servers]
        servers.clear()
        _fail("\n".join(filter(None, faults)) or None)


@pytest.fixture(scope="session")
def usersvc(request: pytest.FixtureRequest) -> Iterator[Usersvc]:
    """A server on a free port, drained at the end of the session.

    The ini setting usersvc_options holds options of `usersvc serve`. A test that needs others says
    @pytest.mark.parametrize("usersvc", [["--fail", "UNAVAILABLE"]], indirect=True).
    """
    options = getattr(request, "param", None)
    if options is None:
        options = request.config.getini("usersvc_options")
    with _servers(request.config, "usersvc") as start:
        yield start(*options)


@pytest.fixture(scope="session")
def usersvc_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., Usersvc]]:
    """Starts a server with the options that it is called with, as often as it is called.

    with usersvc_server("--instance", "blue") as blue:
    """
    with _servers(request.config, "usersvc_server") as start:
        yield start
