"""Our credit against recorded numbers of the released code."""

from __future__ import annotations

import copy
import json

import pytest
from tests.shared import shared

from turngym.benchmarks.conformance_groups import check_groups
from turngym.benchmarks.speed import credit as speed


@pytest.fixture(scope="module")
def cases():
    return json.loads(shared("vectors/groups.json").read_text())["cases"]


def test_all_recorded_advantages_are_reproduced(cases):
    rows = check_groups(cases)
    assert {row.kind for row in rows} == {
        "return", "step_reward", "score", "grpo", "rloo", "reinforce_pp", "reinforce_pp_baseline", "gigpo",
        "gigpo by similarity", "similarity bucket", "hgpo",
    }  # fmt: skip
    assert [row for row in rows if row.mismatches or row.largest_relative_error > 1e-4] == []
    recorded = [out["est"] for case in cases for out in case["out"]]
    assert sum(row.cases for row in rows if row.kind.split()[0] in recorded) == len(recorded)


def test_one_number_that_is_off_is_one_mismatch(cases):
    case = copy.deepcopy(cases[0])
    case["out"][0]["adv"][-1] += 0.001
    rows = {row.kind: row for row in check_groups([case])}
    wrong = case["out"][0]["est"]
    assert rows[wrong].mismatches == 1
    assert rows[wrong].largest_relative_error == pytest.approx(0.001)
    assert sum(row.mismatches for row in rows.values()) == 1


def test_a_missing_number_is_a_mismatch(cases):
    case = copy.deepcopy(cases[0])
    case["out"] = case["out"][:1]
    case["out"][0]["adv"].pop()
    assert [row.mismatches for row in check_groups([case])] == [0, 0, 0, 1]


def test_an_unknown_kind_of_output_is_named(cases):
    case = copy.deepcopy(cases[0])
    case["out"] = [{"est": "hgpo2", "adv": []}]
    with pytest.raises(ValueError, match="output 'hgpo2' is of no kind known here"):
        check_groups([case])


def test_the_speed_program_times_every_part():
    parts = speed.run(1)
    assert {"table of turns, texts to numbers", "HGPO, depth 2", "GiGPO", "GRPO"} <= set(parts)
    assert min(parts.values()) > 0
