"""`turngym/Bargain-v0`: the contract, talks by hand, and partners and judges of one's own."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.envs.bargain.env import Bargain
from turngym.envs.bargain.generator import KINDS
from turngym.envs.bargain.hooks import HookError
from turngym.envs.check import check_env

words = st.text(max_size=20)


def guided(env, seed):
    """The expert's episode: the sum of its rewards, and the last info."""
    _, info = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        _, reward, over, _, info = env.step(info["expert"])
        total += reward
        assert info["valid"]
    return total, info


def my_best(env):
    """The offer that is best for the player."""
    points = env.scenario.worth[env.task.side]
    return f"offer[{env.scenario.written(max(points, key=points.get))}]"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"expert": True}, {"kinds": ["trip"], "role": "first", "split": "test"}, {"turns": 1}],
    ids=str,
)
def test_it_keeps_the_contract(arguments):
    assert [verdict for verdict in check_env("turngym/Bargain-v0", **arguments) if not verdict.passed] == []


def test_it_keeps_the_contract_with_a_partner_and_a_judge_of_ones_own():
    for judge in (half_marks, no_marks):
        verdicts = check_env("turngym/Bargain-v0", partner=stubborn, judge=judge)
        broken = [verdict.rule for verdict in verdicts if not verdict.passed]
        assert broken == ["expert_wins"]  # there is none for a model, nor a win where a judge decides


@pytest.mark.parametrize("kind", KINDS)
def test_the_expert_wins_from_both_sides(kind):
    for role in ("first", "second"):
        env = Bargain(kinds=[kind], role=role, split="test", expert=True)
        for seed in range(20):
            total, info = guided(env, seed)
            assert info["success"] is True
            assert total == info["score"] >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_expert_wins_the_panels(split):
    env = Bargain(split=split, expert=True)
    assert all(guided(env, seed)[1]["success"] for seed in range(256))


@given(seed=st.integers(0, 2**31), said=st.lists(words, max_size=6))
@settings(deadline=None, max_examples=40)
def test_after_any_detour_the_expert_still_ends_the_talk(seed, said):
    env = Bargain(expert=True)
    _, info = env.reset(seed=seed)
    for text in said:
        if not env.over:
            info = env.step(text)[-1]
    while "expert" in info:
        info = env.step(info["expert"])[-1]
    assert env.over
    assert info["score"] == env.scenario.goal_score(env.task.side, env.deal) / 10


@given(
    seed=st.integers(0, 50),
    acts=st.lists(
        st.one_of(
            words,
            st.sampled_from(["accept", "reject", "leave", "say[cash]"]),
            st.integers(0, 10_000),
        ),
        max_size=15,
    ),
)
@settings(deadline=None, max_examples=60)
def test_any_talk_keeps_the_rules(seed, acts):
    """Rewards come with the end only, understood turns count and others do not, and nothing happens after the end."""
    env = Bargain()
    _, info = env.reset(seed=seed)
    over = False
    for act in acts:
        deals = env.scenario.deals
        text = act if isinstance(act, str) else f"offer[{env.scenario.written(deals[act % len(deals)])}]"
        before, taken = info["state"], env.mind.turn
        _, reward, ended, _, info = env.step(text)
        assert ended or reward == 0
        assert info["valid"] or (info["state"], env.mind.turn) == (before, taken)
        assert not (over and (info["valid"] or reward))
        assert info["success"] == (ended and info["score"] >= 0.8)
        over = ended


def test_no_agreement_is_worth_nothing():
    env = Bargain()
    env.reset(seed=0)
    assert env.step("leave") == ("You leave. There is no deal.", 0.0, True, False, env._info(True))
    assert env._info(True)["success"] is False
    env = Bargain(turns=1)
    env.reset(seed=0)
    obs, reward, over, _, info = env.step(my_best(env))
    assert obs.endswith("Time is up. There is no deal.") or info["score"] > 0
    assert over
    assert reward == info["score"]


def test_a_turn_is_only_taken_by_what_is_understood():
    env = Bargain(kinds=["sale"], role="second")
    env.reset(seed=1)
    for text, told in (
        ("accept", "there is no offer to accept"),
        ("offer[cost=3]", "'cost' is nothing to agree on; name price"),
        ("offer[price=7]", "price=7 is not possible; it can be"),
        ("", "say something"),
    ):
        obs, reward, over, _, info = env.step(text)
        assert obs.startswith(f"That is not understood: {told}")
        assert (reward, over, info["valid"], env.mind.turn) == (0.0, False, False, 0)


def test_accepting_takes_the_partners_offer():
    env = Bargain(kinds=["trip"])
    _, info = env.reset(seed=2)
    assert info["admissible"] == ["leave"]
    _, _, _, _, info = env.step("Where would you like to go?")
    assert info["admissible"] == ["accept", "leave"]
    offered = env.mind.offer
    obs, reward, over, _, info = env.step("accept")
    assert obs == f"You have a deal: {env.scenario.written(offered)}."
    assert over
    assert reward == env.scenario.goal_score(env.task.side, offered) / 10
    assert info["admissible"] == []


def test_a_card_tells_its_own_values_and_not_the_partners():
    for seed in range(30):
        for role in ("first", "second"):
            env = Bargain(role=role)
            obs, _ = env.reset(seed=seed)
            assert "Your task is to: reach an agreement with " + env.other.name in obs
            assert all(note in obs for note in env.me.notes)
            assert not [note for note in env.other.notes if note in obs and note not in env.me.notes]


def test_equal_talks_have_equal_states_and_other_offers_others():
    def state(seed, *said):
        env = Bargain(kinds=["contract"])
        return [env.reset(seed=seed)[1], *(env.step(text)[-1] for text in said)][-1]["state"]

    assert state(3, "hello", "well") == state(3, "good day", "hm")
    assert len({state(3), state(4), state(3, "hello"), state(3, "leave")}) == 4


@given(action=st.text())
def test_any_text_is_answered(action):
    env = Bargain()
    env.reset(seed=0)
    assert isinstance(env.step(action)[0], str)


@pytest.mark.parametrize("form", ["say[{}]", "offer[{}]", "{}", "say[" * 100_000 + "{}"])
def test_a_megabyte_is_answered_shortly(form):
    env = Bargain()
    env.reset(seed=0)
    assert len(env.step(form.format("price=1, " * 110_000))[0]) < 3000
    assert sum(len(line["text"]) for line in env.transcript) < 5000


# Hooks


def stubborn(messages):
    """A partner that offers what the player offered last, or else talks."""
    offers = [m["content"] for m in messages if m["role"] == "user" and "offer[" in m["content"]]
    return offers[-1] if offers else "Make me an offer."


def half_marks(transcript, cards):
    return 5


def no_marks(transcript, cards):
    return None


def test_a_model_sees_its_own_card_and_the_talk_and_its_offer_can_be_accepted():
    seen = []

    def model(messages):
        seen.append(messages)
        return stubborn(messages)

    env = Bargain(kinds=["sale"], role="first", partner=model)
    env.reset(seed=5)
    obs, *_ = env.step("say[Good day.]")
    assert obs == f'{env.other.name}: "Make me an offer."\nTurns left: 9.'
    offer = my_best(env)
    obs, *_ = env.step(f"say[Here.] {offer}")
    assert f"{env.other.name} offers {offer[6:-1]}." in obs
    assert env.step("accept")[1] == 1.0
    system, *rest = seen[-1]
    assert system["role"] == "system"
    assert all(note in system["content"] for note in env.other.notes)
    assert env.me.notes[0] not in system["content"]
    assert rest == [
        {"role": "user", "content": "say[Good day.]"},
        {"role": "assistant", "content": "say[Make me an offer.]"},
        {"role": "user", "content": f"say[Here.] {offer}"},
    ]


@pytest.mark.parametrize(
    ("reply", "heard"),
    [
        ("accept", "says nothing"),
        ("offer[nonsense=1]", '"offer[nonsense=1]"'),
        ("", "says nothing"),
        ("x" * 5000, '"' + "x" * 2000 + '"'),
        ("say[Bye.] leave", "leaves. There is no deal."),
    ],
)
def test_a_model_may_say_anything(reply, heard):
    env = Bargain(partner=lambda messages: reply)
    env.reset(seed=0)
    assert heard in env.step("hello")[0]


def test_a_model_that_accepts_makes_the_players_offer_the_deal():
    env = Bargain(partner=lambda messages: "say[Fine.] accept")
    env.reset(seed=0)
    assert env.step(my_best(env))[1] == 1.0


def test_a_judge_gives_the_goal_score():
    env = Bargain(judge=half_marks, threshold=5)
    _, info = env.reset(seed=0)
    assert (info["success"], info["score"]) == (None, None)
    _, reward, _, _, info = env.step("leave")
    assert (reward, info["success"], info["score"]) == (0.5, True, 0.5)


def test_a_judge_that_cannot_say_leaves_success_and_score_unknown():
    env = Bargain(judge=no_marks)
    env.reset(seed=0)
    _, reward, over, _, info = env.step("leave")
    assert (reward, over, info["success"], info["score"]) == (0.0, True, None, None)


def test_a_judge_reads_the_transcript_and_both_cards():
    seen = {}

    def judge(transcript, cards):
        seen.update(transcript=transcript, cards=cards)
        return 10

    env = Bargain(kinds=["chores"], judge=judge)
    env.reset(seed=1)
    env.step("say[Hello.]")
    env.step("leave")
    assert [(line["speaker"], line["act"]) for line in seen["transcript"]] == [
        ("you", ""),
        ("partner", "offer"),
        ("you", "leave"),
    ]
    assert seen["transcript"][0] == {
        "speaker": "you",
        "name": env.me.name,
        "text": "Hello.",
        "act": "",
        "offer": "",
    }
    assert seen["cards"]["you"]["worth"] == [*env.me.notes]
    assert seen["cards"]["partner"]["goal"] == env.other.goal


@pytest.mark.parametrize("answer", [11, -1, "good", True, float("nan")])
def test_a_judge_that_gives_no_score_is_told(answer):
    env = Bargain(judge=lambda transcript, cards: answer)
    env.reset(seed=0)
    with pytest.raises(HookError, match="a number from 0 to 10, or None"):
        env.step("leave")


def test_hooks_are_found_by_name_or_told():
    assert Bargain(partner="textwrap:dedent").partner is not None
    for wrong in ("nowhere:f", "textwrap:nothing", "textwrap", "", "math:pi"):
        with pytest.raises(HookError, match=r"module:attribute|name a function"):
            Bargain(judge=wrong)


@pytest.mark.parametrize(
    "wrong", [{"role": "third"}, {"turns": 0}, {"threshold": 11}, {"kinds": []}, {"split": "dev"}], ids=str
)
def test_a_wrong_argument_is_told(wrong):
    with pytest.raises(ValueError, match="choose"):
        partial(Bargain, **wrong)()


def test_the_number_alone_chooses_the_scenario():
    one, other = Bargain(), Bargain()
    other.reset(seed=9)
    assert one.reset(seed=5) == other.reset(seed=1, options={"task": 5})
