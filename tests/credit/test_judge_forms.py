"""Forms read what they asked for and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.credit.judging.forms import Checklist, Grade, Preference, Rubric, YesNo
from turngym.credit.judging.verdict import Scored, Unscored

FORMS = [
    Grade(best=4.0),
    YesNo(),
    Preference(),
    Checklist(items=["opened the fridge", "took the apple"]),
    Rubric(criteria={"format": 1.0, "use": 3.0}),
]


@pytest.mark.parametrize(
    ("form", "answer", "score"),
    [
        (Grade(best=4.0), "It went to the right place.\nScore: 3/4", 0.75),
        (Grade(), "Score: 2/10, at first.\n**Score: 8/10**", 0.8),
        (YesNo(), " Yes.", 1.0),
        (YesNo(), "NO", 0.0),
        (Preference(), "A opened the wrong door.\nBetter: B", 0.0),
        (Preference(), "Better: A", 1.0),
        (Preference(), "Better: tie", 0.5),
        (FORMS[3], '```json\n{"1": true, "2": false}\n```', 0.5),
        (FORMS[4], 'Here: {"1": 1, "2": 2}', 0.75),
    ],
)
def test_an_answer_in_its_form_is_scored(form, answer, score):
    assert form.read(answer) == Scored(score)


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (Grade(), ""),
        (Grade(), "I would say 7."),
        (Grade(), "Score: 11/10"),
        (Grade(), "Score: -1/10"),
        (Grade(), "Score: 3/5"),  # not the maximum that was asked for
        (YesNo(), "yes and no"),
        (Preference(), "Better: C"),
        (FORMS[3], '{"1": true}'),
        (FORMS[3], '{"1": true, "2": 1}'),
        (FORMS[3], "[true, false]"),
        (FORMS[3], '{"1": true, "2": fal'),
        (FORMS[4], '{"1": 1, "2": 4}'),
        (FORMS[4], '{"1": 1, "2": NaN}'),
        (FORMS[4], '{"1": true, "2": 2}'),
        (FORMS[4], "{" * 100_000 + "}"),
    ],
)
def test_a_malformed_answer_is_unscored_and_not_zero(form, answer):
    verdict = form.read(answer)
    assert isinstance(verdict, Unscored)
    assert verdict.cause == "malformed"
    assert len(verdict.reason) < 300


@given(st.sampled_from(FORMS), st.text() | st.from_regex(r"Score: \d*/\d*|Better: \w|\{.*\}|yes|no"))
def test_no_answer_makes_a_form_raise(form, answer):
    assert isinstance(form.read(answer), Scored | Unscored)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("piece", ["\n", "!", "9", " ", "score", "Score: 9", "better ", "{", '{"1":', "-+"])
def test_a_megabyte_of_nonsense_is_read_in_no_time(form, piece):
    verdict = form.read(piece * (2**20 // len(piece)))
    assert isinstance(verdict, Unscored)
    assert len(verdict.reason) < 300


@given(st.lists(st.booleans(), min_size=1, max_size=9))
def test_a_checklist_scores_the_share_that_holds(held):
    answer = json.dumps({str(number): one for number, one in enumerate(held, start=1)})
    assert Checklist(items=["item"] * len(held)).read(answer) == Scored(sum(held) / len(held))


@given(st.floats(0, 1), st.floats(0, 1))
def test_probabilities_are_weighed_against_each_other(yes, no):
    verdict = YesNo().weigh({"yes": yes, "no": no})
    if yes + no > 0:
        assert verdict == Scored(yes / (yes + no))
    else:
        assert isinstance(verdict, Unscored)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grade(best=0.0),
        lambda: Checklist(items=[]),
        lambda: Rubric(criteria={"a": -1.0}),
        lambda: Scored(1.5),
    ],
)
def test_what_cannot_be_asked_is_refused(make):
    with pytest.raises(ValueError, match=r"best|checklist|rubric|score"):
        make()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_how_to_answer(form):
    assert "nswer" in form.instruction or "end with one line" in form.instruction
