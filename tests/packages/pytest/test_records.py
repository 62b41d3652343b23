"""What the fixture says of the records of its server."""

import grpc
import pytest


@pytest.fixture(scope="session")
def get_user(usersvc):
    """Calls for a name of ASCII letters; the messages are written by hand."""
    with grpc.insecure_channel(usersvc.address) as channel:
        method = channel.unary_unary("/userservice.UserService/GetUser")

        def begin(name, behavior=None):
            request = b"\n" + bytes([len(name)]) + name.encode()
            metadata = [("rpc-behavior", behavior)] if behavior else []
            return method.future(request, timeout=60, metadata=metadata)

        yield begin


@pytest.fixture(scope="session")
def begin_and_arrive(get_user):
    """Begins a call, which has arrived when a later one of the same connection is answered."""

    def begin(name, behavior):
        call = get_user(name, behavior)
        get_user("After").result()
        return call

    yield begin


@pytest.fixture(scope="session")
def kept():
    return []


@pytest.mark.parametrize("turn", range(20))
def test_an_answered_call_is_in_the_log(usersvc, get_user, turn):
    get_user(f"Alice{turn}").result()
    usersvc.not_logged(username="Bob")
    with pytest.raises(AssertionError, match="has a record"):
        usersvc.not_logged(username=f"Alice{turn}")


@pytest.mark.parametrize("turn", range(20))
def test_calls_and_does_not_look(usersvc, get_user, turn):
    get_user("Bob").result()


def test_a_test_that_calls_nobody_sees_no_call(usersvc):
    usersvc.not_logged(event="call")
    for look in ({"username": "Bob"}, {"event": "listening"}):
        with pytest.raises(AssertionError, match="no record .* since the test began"):
            usersvc.logged(timeout=0, **look)
        assert usersvc.logged(0, whole_session=True, **look)
    with pytest.raises(AssertionError, match="has a record .* since the session began"):
        usersvc.not_logged(username="Bob", whole_session=True)


def test_leaves_calls_in_flight(begin_and_arrive, kept):
    kept += [begin_and_arrive("Late", "keep-open"), begin_and_arrive("Later", "keep-open")]


def test_what_an_earlier_test_began_is_not_this_ones(usersvc, get_user, kept):
    get_user("Bob").result()
    kept[0].cancel()
    usersvc.logged(username="Late", whole_session=True)
    usersvc.not_logged(username="Late")
    usersvc.not_logged(username="Later")
    assert usersvc.logged(username="Bob")


def test_calls_in_flight_are_waited_for(usersvc, begin_and_arrive):
    begin_and_arrive("Slow", "sleep-1")
    with pytest.raises(AssertionError, match="has a record"):
        usersvc.not_logged(username="Slow")
    call = begin_and_arrive("Open", "keep-open")
    with pytest.raises(AssertionError, match="has not logged all of 4 calls in 0 s"):
        usersvc.not_logged(0, username="Bob")
    call.cancel()
    usersvc.not_logged(username="Bob")
