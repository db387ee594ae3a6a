"""One judge asks about turns, episodes and pairs, and says so where it learned nothing."""

from __future__ import annotations

import pytest
from tests.credit.judged import ByAction, about, episode

from turngym.core.errors import ConfigError, Failure
from turngym.credit.judge import Judge, judge_of
from turngym.credit.judging import registry
from turngym.credit.judging.forms import Grade, Preference, YesNo
from turngym.credit.judging.verdict import Scored, TooManyUnscored, Unscored, check, counts


def test_every_turn_gets_its_own_verdict_in_order():
    judge = Judge(model=ByAction({"look": "Score: 1/10", "take": "Score: 9/10"}), form=Grade())
    verdicts = judge.turns([episode(["look", "take"]), episode(["take"])])
    assert verdicts == [Scored(0.1), Scored(0.9), Scored(0.9)]


def test_a_turn_is_judged_by_what_was_known_up_to_its_answer_unless_hindsight_is_asked_for():
    seen = []

    def model(messages):
        seen.append(messages[1]["content"])
        return "yes"

    Judge(model=model, form=YesNo(), workers=1).turns([episode(["look", "take"])])
    assert "Turn 1: look\nSeen: seen 1" in seen[0]
    assert "take" not in seen[0]
    assert "take\nSeen: the end" in seen[1]
    seen.clear()
    Judge(model=model, form=YesNo(), workers=1, hindsight=True).turns([episode(["look", "take"])])
    assert all("take" in one for one in seen)


def test_episodes_and_pairs_use_the_same_judge():
    model = ByAction({"win": "Better: B", "lose": "Better: A"})
    judge = Judge(model=model, form=Preference())
    assert judge.pairs([(episode(["lose"]), episode(["win"]))]) == [Scored(0.0)]
    assert judge.episodes([episode(["lose"])]) == [Scored(1.0)]


def test_equal_questions_are_asked_once():
    model = ByAction({"look": "yes"})
    judge = Judge(model=model, form=YesNo())
    assert judge.turns([episode(["look"])] * 5) == [Scored(1.0)] * 5
    assert judge.turns([episode(["look"])]) == [Scored(1.0)]
    assert model.asked == 1


def test_answers_on_disk_serve_the_next_run_but_not_another_model(tmp_path):
    path = str(tmp_path / "answers.jsonl")
    Judge(model=ByAction({"look": "yes"}), form=YesNo(), cache=path).turns([episode(["look"])])
    again = ByAction({})
    assert Judge(model=again, form=YesNo(), cache=path).turns([episode(["look"])]) == [Scored(1.0)]
    assert again.asked == 0
    other = ByAction({"look": "no"})
    other.settings = {"model": "other"}
    assert Judge(model=other, form=YesNo(), cache=path).turns([episode(["look"])]) == [Scored(0.0)]


def test_a_cache_on_disk_needs_a_model_that_says_which_it_is(tmp_path):
    with pytest.raises(ConfigError, match="no settings"):
        Judge(model=lambda messages: "yes", form=YesNo(), cache=str(tmp_path / "answers.jsonl"))


def test_a_malformed_answer_is_shown_to_the_model_once_more():
    def model(messages):
        return "yes" if "could not be read" in messages[-1]["content"] else "perhaps"

    assert Judge(model=model, form=YesNo()).turns([episode(["look"])]) == [Scored(1.0)]
    (verdict,) = Judge(model=model, form=YesNo(), attempts=1).turns([episode(["look"])])
    assert isinstance(verdict, Unscored)
    assert verdict.cause == "malformed"


def test_an_unreachable_model_leaves_questions_unscored_and_is_soon_left_alone():
    asked = []

    def model(messages):
        asked.append(messages)
        raise ConnectionRefusedError("nobody listens on port 9")

    judge = Judge(model=model, form=YesNo(), patience=3, workers=1)
    verdicts = judge.turns([episode([f"action {n}" for n in range(10)])])
    assert len(asked) == 3
    assert all(isinstance(one, Unscored) and one.cause == "unreachable" for one in verdicts)
    assert verdicts[-1].reason == "not asked after 3 failures in a row, the last: nobody listens on port 9"
    judge.turns([episode(["action 0"])])
    assert len(asked) == 4  # a new batch tries again, and a failure is never remembered as an answer


def test_one_failure_costs_one_verdict():
    def model(messages):
        if about(messages) == "bad":
            raise Failure("the server stumbled")
        return "yes"

    verdicts = Judge(model=model, form=YesNo()).turns([episode(["good", "bad", "fine"])])
    assert verdicts == [Scored(1.0), Unscored("unreachable", "the server stumbled"), Scored(1.0)]
    assert counts(verdicts) == {"judged": 3.0, "malformed": 0.0, "unreachable": 1.0}


def test_a_mistake_in_the_model_is_not_mistaken_for_an_unreachable_one():
    with pytest.raises(KeyError):
        Judge(model=ByAction({}), form=YesNo()).turns([episode(["look"])])


def test_too_many_missing_verdicts_stop_with_their_reasons():
    verdicts = [Scored(1.0), Unscored("unreachable", "no answer"), Unscored("unreachable", "no answer")]
    check(verdicts, 0.7)
    with pytest.raises(TooManyUnscored, match=r"left 2 of 3 .* 0\.5 \(2 x unreachable: no answer\)"):
        check(verdicts, 0.5)


class Sure:
    """A model that gives probabilities."""

    def __call__(self, messages):
        raise AssertionError("a form that weighs is not read as text")

    def weigh(self, messages, choices):
        return dict(zip(choices, (0.3, 0.1), strict=True))


def test_a_discriminative_form_uses_the_probabilities_of_a_model_that_has_them():
    (verdict,) = Judge(model=Sure(), form=YesNo(weighed=True)).turns([episode(["look"])])
    assert verdict.value == pytest.approx(0.75)


def test_a_model_without_probabilities_cannot_be_weighed():
    with pytest.raises(ConfigError, match="set weighed = false"):
        Judge(model=ByAction({}), form=YesNo(weighed=True))


def test_a_judge_comes_from_a_section_of_a_run_file():
    section = {
        "model": {"name": "endpoint", "url": "http://localhost:1/v1", "model": "judge"},
        "form": {"name": "rubric", "criteria": {"useful": 2.0}},
        "workers": 2,
    }
    judge = judge_of(section)
    assert judge.settings["model"] == "judge"
    assert judge_of(judge) is judge
    assert "endpoint" in registry.names()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"form": {"name": "yes_no"}}, "needs a value for 'model'"),
        (
            {"model": {"name": "endpoint", "url": "ftp://x", "model": "m"}, "form": {"name": "yes_no"}},
            "http://",
        ),
        (
            {"model": {"name": "endpoint", "url": "http://x", "model": "m"}, "form": {"name": "yesno"}},
            "did you mean 'yes_no'",
        ),
        (
            {
                "model": {"name": "endpoint", "url": "http://x", "model": "m"},
                "form": {"name": "yes_no"},
                "workers": 0,
            },
            "workers is 0",
        ),
    ],
)
def test_a_wrong_section_is_told_in_one_sentence(section, message):
    with pytest.raises(Exception, match=message) as raised:
        judge_of(section)
    assert "\n" not in str(raised.value)
