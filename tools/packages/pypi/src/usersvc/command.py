"""Finds the Deno that pip has installed beside this package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ._run import DENO_VERSION, FLAGS

FOLDER = os.path.dirname(os.path.abspath(__file__))

_AGAIN = f"install it again with: {sys.executable} -m pip install --force-reinstall usersvc"


class NotUsable(Exception):
    """Deno is missing, is another version or does not run here; the message is one line."""


def _find_deno() -> str:
    try:
        import deno  # type: ignore[import-untyped]
    except ImportError:
        raise NotUsable(f"Deno {DENO_VERSION} is missing beside it; {_AGAIN}") from None
    _check_version(str(getattr(deno, "__file__", "")))
    try:
        path: str = os.fsdecode(deno.find_deno_bin())
    except (AttributeError, FileNotFoundError):
        raise NotUsable(f"Deno {DENO_VERSION} has lost its program; {_AGAIN}") from None
    return path


def _check_version(module: str) -> None:
    site = os.path.dirname(os.path.dirname(module))
    if os.path.isdir(os.path.join(site, f"deno-{DENO_VERSION}.dist-info")):
        return
    # Loaded only here: it takes longer than all the rest.
    from importlib import metadata

    try:
        found = metadata.version("deno")
    except metadata.PackageNotFoundError:
        found = f"none of pip's ({module})"
    if found != DENO_VERSION:
        raise NotUsable(f"it needs Deno {DENO_VERSION}, but found {found}; {_AGAIN}")


def command_line(args: Sequence[str]) -> list[str]:
    """The command line that runs the program: Deno, its flags, the bundle, the arguments.

    Raises NotUsable.
    """
    deno = _find_deno()
    return [deno, *FLAGS, os.path.join(FOLDER, "bundle", "main.js"), *args]


def environment() -> dict[str, str]:
    """The environment of Deno."""
    # The second is for the command of `serve -- COMMAND`.
    given = os.environ.get("DENO_DIR", "")
    return {**os.environ, "DENO_DIR": _cache_folder(), "USERSVC_GIVEN_DENO_DIR": given}


def _cache_folder() -> str:
    """Where Deno keeps compiled code: a folder of the user for this program alone, which is faster.

    Deno does not start without one, but does where it cannot be made; nothing can be below a device.
    """
    value = os.environ.get
    if folder := value("DENO_DIR"):
        return folder
    if os.name == "nt":
        return os.path.join(value("LOCALAPPDATA") or "NUL", "usersvc")
    of_system = "Library/Caches" if sys.platform == "darwin" else ".cache"
    cache = value("XDG_CACHE_HOME") or os.path.join(value("HOME") or "/dev/null", of_system)
    return os.path.join(cache, "usersvc")


def cannot_start(error: OSError, deno: str) -> str:
    """Says in one line why the system does not start Deno."""
    if isinstance(error, FileNotFoundError) and os.path.exists(deno):
        return f"{deno} cannot be started: it needs glibc, which this system does not have"
    return f"{deno} cannot be started: {error.strerror}; {_AGAIN}"
