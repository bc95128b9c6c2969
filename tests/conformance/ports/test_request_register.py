"""What every RequestRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.conformance.ports.conftest import OpenRegister

ONE, OTHER = b"1" * 32, b"2" * 32


def test_the_same_request_may_come_again_also_after_reopening(open_register: OpenRegister) -> None:
    assert open_register().bind("hzpb", "li", "id", ONE)
    register = open_register()
    assert register.bind("hzpb", "li", "id", ONE)
    assert not register.bind("hzpb", "li", "id", OTHER)
    assert register.bind("hzpb", "li", "id", ONE)  # the first binding stands


def test_ids_are_those_of_the_caller(open_register: OpenRegister) -> None:
    register = open_register()
    assert register.bind("hzpb", "li", "id", ONE)
    for caller in [
        ("hztax", "li", "id"),
        ("hzpb", "wu", "id"),
        ("hzpb", "li", "id2"),
        ("hzp", "bli", "id"),
        ("", "hzpbli", "id"),
    ]:
        assert register.bind(*caller, OTHER)


def test_of_32_threads_with_two_bodies_one_body_wins(open_register: OpenRegister) -> None:
    register = open_register()
    with ThreadPoolExecutor(32) as threads:
        bound = list(threads.map(lambda n: register.bind("hzpb", "li", "id", (ONE, OTHER)[n % 2]), range(64)))
    assert {tuple(bound[0::2]), tuple(bound[1::2])} == {(True,) * 32, (False,) * 32}
