"""Task lists: their digest and the task that a reset asks for."""

from __future__ import annotations

import numpy as np
import pytest

from turngym.envs.tasks import UnknownSplit, UnknownTask, check_split, chosen, digest

IDS = ["apple", "pear", "plum"]


def test_a_task_is_chosen_by_id_index_or_chance():
    random = np.random.default_rng(0)
    assert chosen({"task": "pear"}, IDS, random) == 1
    assert chosen({"task": 2}, IDS, random) == 2
    assert {chosen(None, IDS, random) for _ in range(50)} == {0, 1, 2}


@pytest.mark.parametrize("task", [-1, 3, "peer", True, 1.0])
def test_an_unknown_task_is_told_with_a_remedy(task):
    with pytest.raises(UnknownTask, match=r"there is no task .*(index from 0 to 2|nearest is)"):
        chosen({"task": task}, IDS, np.random.default_rng(0))


def test_a_megabyte_as_task_makes_a_short_message():
    with pytest.raises(UnknownTask) as error:
        chosen({"task": "x" * 1_000_000}, IDS, np.random.default_rng(0))
    assert len(str(error.value)) < 300


def test_the_digest_depends_on_ids_contents_and_order():
    one = [("a", "x"), ("b", "y")]
    assert digest(one) == digest(iter(one)) != digest(one[::-1])
    assert digest(one) != digest([("a", "x"), ("b", "z")]) != digest([("a", "x"), ("c", "y")])


def test_an_unknown_split_is_told_with_the_known_ones():
    assert check_split("test", ("train", "test")) == "test"
    with pytest.raises(UnknownSplit, match="unknown split 'dev': choose one of train, test"):
        check_split("dev", ("train", "test"))
