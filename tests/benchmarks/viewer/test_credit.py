"""Credit and shared states of one group, as the viewer shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmarks.viewer.episodes import WALKS, episode, turn, write

from turngym.benchmarks import credit_table
from turngym.benchmarks.viewer import credit
from turngym.core.errors import UserError
from turngym.core.types import Group, Status
from turngym.credit import registry

METHODS = ["grpo", "gigpo", "hgpo", '{name = "hgpo", depth = 0, gamma = 0.5}']


def grouped(trajectories):
    (group,) = credit_table.regroup(trajectories)
    return group


@pytest.mark.parametrize("method", METHODS)
def test_the_credit_is_what_turngym_credit_prints(tmp_path, method):
    told = credit.opinion(grouped(WALKS[:4]), method)["credit"]
    printed = credit_table.read(write(tmp_path / "episodes.jsonl", WALKS), [method])
    steps = printed.steps
    expected = [printed.credit[method][steps.traj == episode].tolist() for episode in range(3)]
    assert told == expected


def test_a_failed_episode_has_no_credit_and_no_state(tmp_path):
    group = grouped(WALKS[:4])
    assert len(credit.opinion(group, "grpo")["credit"]) == len(credit.shared(group)[0]) == 3


@pytest.mark.parametrize("method", ["gae", "oprl", "nothing", '{name = "hgpo", depth = -1}', "", "{"])
def test_a_method_that_cannot_answer_says_so_and_stops_no_other(method):
    answer = credit.opinion(grouped(WALKS[:4]), method)
    assert answer["error"]
    assert "credit" not in answer


@pytest.mark.parametrize("members", [[], [episode(1, 0)], [episode(1, 0, turn("a"), status=Status.TIMEOUT)]])
def test_a_group_without_turns_that_count_is_no_failure(members):
    group = Group(
        task=WALKS[0].task,
        trajectories=[each for each in members if not each.status.failed],
        failed=[each for each in members if each.status.failed],
    )
    assert credit.opinion(group, "hgpo")["error"] == "the group has no turns that can be credited"
    assert all(not any(level) for level in credit.shared(group))


def test_methods_on_offer_are_registered_and_need_no_model():
    assert {"grpo", "rloo", "gigpo", "hgpo"} <= set(credit.offered()) <= set(registry.names())
    assert not {"oprl", "spa", "gae", "shaped"} & set(credit.offered())


def test_a_method_asked_for_by_name_is_checked_before_anything_is_shown():
    credit.check(METHODS)
    for wrong in ("hgpp", "oprl", '{name = "hgpo", dept = 3}'):
        with pytest.raises(UserError):
            credit.check([wrong])


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=4))
def test_turns_share_a_key_where_their_states_and_the_states_before_are_equal(walks):
    members = [episode(1, n, *map(turn, walk)) for n, walk in enumerate(walks)]
    levels = credit.shared(grouped(members))
    places = [(m, t) for m, walk in enumerate(walks) for t in range(len(walk))]
    for depth, level in enumerate(levels):
        for m, t in places:
            for other, s in places:
                whole = t >= depth and s >= depth
                alike = whole and walks[m][t - depth : t + 1] == walks[other][s - depth : s + 1]
                assert (level[m][t] == level[other][s]) == (alike or (m, t) == (other, s))
