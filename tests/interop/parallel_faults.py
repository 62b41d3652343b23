"""Tests that run at once, each of which asks one server, USERSVC_UNDER_FAULTS, for another fault."""

import os
import time

import grpc
import pytest

from get_user import get_user

ADDRESS = os.environ["USERSVC_UNDER_FAULTS"]
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


def ask(name, *behaviors, timeout=10):
    return get_user(ADDRESS, name, [("rpc-behavior", one) for one in behaviors], timeout, None)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_its_own_status_code(code):
    for _ in range(20):
        assert ask(code.name, f"error-code-{code.value[0]}") == code.name


@pytest.mark.parametrize("late", [0.1, 0.2, 0.3])
def test_its_own_delay(late):
    start = time.monotonic()
    assert ask("Late", f"sleep-{late}", "error-code-5") == "NOT_FOUND"
    assert time.monotonic() - start >= late * 0.9


def test_its_own_deadline():
    assert ask("Kept", "keep-open", timeout=0.3) == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("name", ["Alice", "Bob", "Carol"])
def test_no_fault_of_others(name):
    for _ in range(20):
        assert ask(name) == f"Привет, {name}!"
