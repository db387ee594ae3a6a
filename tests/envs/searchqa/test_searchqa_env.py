"""`turngym/SearchQA-v0`: the contract, screens and answers by hand, and an expert who finds everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shared import shared

from turngym.envs.check import check_env
from turngym.envs.searchqa.env import GRAMMAR, SearchQA
from turngym.envs.tasks import UnknownSplit, UnknownTask

HOTPOT = "data/hotpotqa100/hotpot_distractor_100.json"
texts = st.one_of(
    st.text(max_size=30), st.sampled_from(["founder", "The Grey Heron", "River", "]", "[", "]["])
)
actions = st.one_of(
    st.just("next"),
    st.builds("{}[{}]".format, st.sampled_from(["search", "read", "Search", "lookup"]), texts),
    st.text(max_size=20),
)


def guided(env, task):
    """The expert's episode: its actions, all accepted, and the last reward."""
    _, info = env.reset(options={"task": task})
    taken, reward = [], 0.0
    while "expert" in info:
        taken.append(info["expert"])
        _, reward, terminated, _, info = env.step(taken[-1])
        assert info["valid"]
        assert terminated == (info["score"] == 1.0)
    assert info["success"] is True
    return taken, reward


@pytest.mark.parametrize(
    "arguments",
    [{}, {"expert": True}, {"show": "passage", "state": "known", "reward": "em", "split": "test"}],
    ids=str,
)
def test_it_keeps_the_contract(arguments):
    assert [verdict for verdict in check_env("turngym/SearchQA-v0", **arguments) if not verdict.passed] == []


def test_it_keeps_the_contract_on_a_hotpotqa_file():
    verdicts = check_env("turngym/SearchQA-v0", data=str(shared(HOTPOT)), split="all", expert=True)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_expert_answers_every_question_by_searching_for_each_fact(split):
    env = SearchQA(split=split, expert=True)
    for index, question in enumerate(env.questions):
        taken, reward = guided(env, index)
        assert reward == 1.0
        assert len(taken) <= 10
        searched = [action for action in taken if action.startswith("search")]
        assert len(searched) == len({fact.title for fact in question.facts})


@pytest.mark.slow
@pytest.mark.parametrize("corpus_seed", range(1, 6))
def test_the_expert_answers_every_question_of_other_encyclopedias(corpus_seed):
    for split in ("train", "test"):
        env = SearchQA(corpus_seed=corpus_seed, split=split, expert=True)
        assert all(guided(env, index)[1] == 1.0 for index in range(len(env.questions)))


@pytest.mark.parametrize("arguments", [{}, {"show": "passage", "results": 3}, {"sentences": 1}], ids=str)
def test_the_expert_answers_all_of_hotpotqa100(arguments):
    env = SearchQA(data=shared(HOTPOT), split="all", expert=True, **arguments)
    assert sum(guided(env, index)[1] for index in range(100)) == 100


@given(walk=st.lists(actions, max_size=12), task=st.integers(0, 159))
@settings(deadline=None)
def test_after_any_detour_the_expert_still_answers(walk, task):
    env = SearchQA(split="test", expert=True)
    _, info = env.reset(options={"task": task})
    for action in walk:
        info = env.step(action)[-1]
    for _ in range(12):
        if "expert" in info:
            info = env.step(info["expert"])[-1]
    assert info["success"]


@given(walk=st.lists(actions, max_size=12))
@settings(deadline=None)
def test_what_is_listed_as_admissible_is_accepted(walk):
    env = SearchQA()
    env.reset(seed=0)
    for action in walk:
        *_, info = env.step(action)
        if "admissible" in info:
            assert env.step(info["admissible"][-1])[-1]["valid"]


def shown(env, *said):
    """The answers to some actions."""
    return [env.step(action)[0] for action in said]


def test_results_are_listed_and_gone_on_with():
    env = SearchQA(results=2)
    env.reset(seed=0)
    first, second = shown(env, "search[Caskholt craft]", "next")
    assert first.splitlines()[0] == "1. Caskholt: Caskholt is a town."
    assert first.splitlines()[2] == "(next lists more)"
    assert [line[:2] for line in second.splitlines()[:2]] == ["3.", "4."]
    assert shown(env, "search[zzzz]") == ["Nothing was found."]


def test_a_page_is_read_in_parts():
    env = SearchQA()
    env.reset(seed=0)
    page = env.corpus.passages["Caskholt"]
    first, second, third = shown(env, "read[caskholt]", "NEXT", "next")
    assert first == "Caskholt\n" + " ".join(page[:5]) + "\n(next shows more of it)"
    assert second == "Caskholt\n" + " ".join(page[5:])
    assert third == "There is no more to show."


def test_whole_passages_are_listed_where_they_are_asked_for():
    env = SearchQA(show="passage", results=1)
    env.reset(seed=0)
    (listed,) = shown(env, "search[Caskholt craft]")
    assert listed.splitlines()[0] == "1. Caskholt: " + " ".join(env.corpus.passages["Caskholt"])


def test_a_missing_page_is_answered_with_pages_like_it():
    env = SearchQA()
    env.reset(seed=0)
    obs, _, _, _, info = env.step("read[Caskholt town]")
    assert obs.startswith("There is no page of that title. There are read[Caskholt],")
    assert info["valid"] is False
    assert env.step("read[zzzz]")[0] == "There is no page of that title."


@pytest.mark.parametrize(
    "action", ["", "search[]", "answer[ ]", "lookup[x]", "search Caskholt", "go", "next"]
)
def test_what_is_no_action_changes_nothing_and_is_told(action):
    env = SearchQA()
    _, before = env.reset(seed=0)
    obs, reward, over, _, info = env.step(action)
    assert obs in (f"That is no action. Write {GRAMMAR}.", "There is no more to show.")
    assert (reward, over, info["valid"], info["state"]) == (0.0, False, False, before["state"])


def test_an_answer_is_scored_by_f1_and_succeeds_by_exact_match():
    for reward, wanted in (("f1", 2 / 3), ("em", 0.0)):
        env = SearchQA(reward=reward)
        river = next(q for q in env.questions if q.answers[0].startswith("River"))
        env.reset(options={"task": river.id})
        obs, got, over, _, info = env.step(f"answer[the {river.answers[1]} valley]")
        assert obs == f"You answered: the {river.answers[1]} valley"
        assert (got, over, info["success"]) == (pytest.approx(wanted), True, False)
        assert info["score"] == pytest.approx(2 / 3)
        assert env.step("answer[more]")[1:3] == (0.0, True)


def test_the_task_stands_at_the_end_of_the_first_observation():
    env = SearchQA()
    obs, _ = env.reset(options={"task": "train-000"})
    assert obs == (
        "A collection of 482 pages can be searched and read.\n\n"
        "Your task is to: answer a question in as few words as possible. " + env.questions[0].text
    )


def state_after(env, *said):
    """The fingerprint after a reset and some actions."""
    infos = [env.reset(seed=3)[1], *(env.step(action)[-1] for action in said)]
    return infos[-1]["state"]


def test_the_screen_state_is_equal_for_equal_screens_whatever_was_seen_before():
    env = SearchQA()
    detour = state_after(env, "search[bridge]", "read[Caskholt]")
    assert detour == state_after(env, "read[caskholt]")
    assert detour != state_after(env, "read[Caskholt]", "next")


def test_the_known_state_grows_with_what_was_shown_in_whatever_order():
    env = SearchQA(state="known")
    known = state_after(env, "read[Caskholt]", "read[Orlmoor]")
    assert known == state_after(env, "read[Orlmoor]", "read[Caskholt]", "read[Caskholt]")
    assert known != state_after(env, "read[Orlmoor]", "read[Caskholt]", "next")


@given(action=st.text())
def test_any_text_is_answered(action):
    env = SearchQA()
    env.reset(seed=0)
    assert isinstance(env.step(action)[0], str)


@pytest.mark.parametrize("form", ["search[{}]", "read[{}]", "answer[{}]", "{}"])
def test_a_megabyte_is_answered_shortly(form):
    env = SearchQA()
    env.reset(seed=0)
    obs, *_ = env.step(form.format("Caskholt " * 120_000))
    assert len(obs) < 2000


def test_a_wrong_argument_is_told_with_the_right_ones():
    with pytest.raises(UnknownSplit, match="choose one of train, test"):
        SearchQA(split="dev")
    with pytest.raises(UnknownTask, match=r"the nearest is 'train-\d+'"):
        SearchQA().reset(options={"task": "train-1234"})
    for wrong in ({"show": "all"}, {"reward": "bleu"}, {"state": "world"}, {"results": 0}, {"sentences": -1}):
        with pytest.raises(ValueError, match="choose"):
            SearchQA(**wrong)
