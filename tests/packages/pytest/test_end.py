"""Ends pytest in the way that the variable HOW says, or goes on while its parent lives."""

import os
import time
from pathlib import Path


def test_ends(usersvc, usersvc_server):
    usersvc_server("--workers", "1")
    parent = os.getppid()
    Path(os.environ["READY"]).touch()
    how = os.environ["HOW"]
    if how == "os._exit":
        os._exit(3)
    if how == "os.abort":
        os.abort()
    while os.getppid() == parent:
        time.sleep(0.01)
