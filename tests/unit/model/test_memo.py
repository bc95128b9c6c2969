"""A memory keeps the newest answers and no more than it may, whoever asks at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gateway.model.memo import Memo


def test_the_oldest_answer_goes_where_there_are_too_many() -> None:
    memo = Memo[str, int](2)
    for number, question in enumerate("abc"):
        memo.put(question, number)
    assert [memo.get(question) for question in "abc"] == [None, 1, 2] and len(memo) == 2


def test_another_answer_takes_the_place_of_the_first_and_is_the_newest() -> None:
    memo = Memo[str, int](2)
    for question, answer in (("a", 1), ("b", 2), ("b", 3)):
        memo.put(question, answer)
    assert (memo.get("a"), memo.get("b")) == (1, 3), "none goes for what has its place already"
    memo.put("a", 4)
    memo.put("c", 5)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (4, None, 5)


def test_what_is_taken_is_kept_no_longer() -> None:
    memo = Memo[str, int](2)
    memo.put("a", 1)
    assert (memo.take("a"), memo.take("a"), memo.get("a")) == (1, None, None)


def test_an_answer_is_taken_by_one_of_many() -> None:
    memo = Memo[int, int](100)
    for question in range(100):
        memo.put(question, question)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(memo.take, [*range(100)] * 4))
    assert sorted(one for one in taken if one is not None) == list(range(100))
