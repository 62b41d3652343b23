"""One program that serves and calls a gRPC service, and a plugin of pytest."""

from __future__ import annotations

from ._run import DENO_VERSION
from .command import NotUsable, command_line

__all__ = ["DENO_VERSION", "NotUsable", "command_line"]
