"""The command `usersvc`, which is `python -m usersvc` too."""

from __future__ import annotations

import os
import sys

from ._run import USAGE_EXIT_CODES
from .command import NotUsable, cannot_start, command_line, environment

# With fewer than 22 Deno 2.9.2 panics or fails before any code of the program runs.
MIN_DESCRIPTORS = 24


def main() -> int:
    """Replaces this process by Deno; on Windows waits for it and returns its exit code."""
    args = sys.argv[1:]
    if not all(_is_utf8(arg) for arg in args):
        return _refuse(args[0])
    if _has_few_descriptors():
        return _fail(
            f"too few file descriptors: Deno needs {MIN_DESCRIPTORS} to start; "
            "allow more (ulimit -n 1024)"
        )
    try:
        line = command_line(args)
    except NotUsable as error:
        return _fail(str(error))
    try:
        if os.name != "nt":
            os.execve(line[0], line, environment())
        return _run_on_windows(line)
    except OSError as error:
        return _fail(cannot_start(error, line[0]))


def _has_few_descriptors() -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit != resource.RLIM_INFINITY and limit < MIN_DESCRIPTORS


def _is_utf8(arg: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in arg)


def _refuse(command: str) -> int:
    """Deno would end with a trace: https://github.com/denoland/deno/issues/22831."""
    name = f"usersvc {command}" if command in USAGE_EXIT_CODES else "usersvc"
    print(f"{name}: an argument is not UTF-8; see {name} --help", file=sys.stderr)
    return USAGE_EXIT_CODES.get(command, 2)


def _fail(line: str) -> int:
    print(f"usersvc: {line}", file=sys.stderr)
    return 1


def _run_on_windows(line: list[str]) -> int:
    import signal
    import subprocess

    # The console tells every process of Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(line, env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
