"""Episodes are changed so that nothing contradicts itself: only the environment can tell."""

from __future__ import annotations

from tests.benchmarks.forgery import Forgery
from tests.benchmarks.tampering.kinds import lost, other, retold, start, won


@retold("replay")
def an_action_is_exchanged(f: Forgery) -> None:
    turn = f.trace(won)["turns"][0]
    turn["action"] = other(turn["action"])


@retold("replay", "homes")
def an_action_is_in_other_letters(f: Forgery) -> None:
    turn = f.traces[0]["turns"][0]
    turn["action"] = turn["action"].replace("o", "о")  # Cyrillic


@retold("replay")
def an_action_has_a_mark_that_is_not_seen(f: Forgery) -> None:
    f.traces[0]["turns"][0]["action"] += "\u200b"


@retold("replay")
def a_lost_episode_is_rewarded(f: Forgery) -> None:
    f.trace(lost)["turns"][-1]["reward"] = 1.0


@retold("replay")
def a_lost_episode_is_a_success(f: Forgery) -> None:
    f.trace(lost).update(success=True, score=1.0)


@retold("replay")
def a_lost_episode_ends_in_victory(f: Forgery) -> None:
    trace = f.trace(lost)
    trace.update(success=True, score=1.0, status="done")
    trace["turns"][-1].update(reward=1.0, terminated=True)


@retold("replay")
def a_score_is_raised(f: Forgery) -> None:
    f.trace(lost)["score"] = 0.5


@retold("replay")
def a_won_episode_is_worse_than_it_was(f: Forgery) -> None:
    f.trace(won).update(success=False, score=0.0)


@retold("replay")
def an_observation_is_rewritten(f: Forgery) -> None:
    f.trace(lambda trace: len(trace["turns"]) > 2)["turns"][1]["obs"] = "You are rich."


@retold("replay")
def a_first_observation_is_rewritten(f: Forgery) -> None:
    f.traces[0]["turns"][0]["obs"] = f.traces[1]["turns"][0]["obs"] = "You are in cell 2 of 3."


@retold("replay")
def an_observation_has_a_mark_that_is_not_seen(f: Forgery) -> None:
    f.trace(lambda trace: len(trace["turns"]) > 2)["turns"][1]["obs"] += "\u200b"


@retold("replay")
def the_last_observation_is_rewritten(f: Forgery) -> None:
    f.trace(lost)["final_obs"] = "You are at the exit."


@retold("replay")
def a_state_is_another(f: Forgery) -> None:
    f.trace(lambda trace: len(trace["turns"]) > 2)["turns"][1]["state"] = [1, 1]


@retold("replay")
def an_admissible_action_is_hidden(f: Forgery) -> None:
    f.traces[0]["turns"][-1]["admissible"].pop()


@retold("replay")
def a_valid_action_is_called_invalid(f: Forgery) -> None:
    f.traces[0]["turns"][0]["valid"] = False


@retold("replay", "spoken")
def an_invalid_action_is_called_valid(f: Forgery) -> None:
    trace = f.trace(lambda trace: any(not turn["valid"] for turn in trace["turns"]))
    next(turn for turn in trace["turns"] if not turn["valid"])["valid"] = True


@retold("replay")
def an_episode_is_cut_off_by_the_environment(f: Forgery) -> None:
    f.trace(lost)["turns"][-1]["truncated"] = True


@retold("replay")
def a_detour_is_left_out(f: Forgery) -> None:
    del f.trace(lambda trace: won(trace) and len(trace["turns"]) > 1)["turns"][0]


@retold("replay")
def a_won_episode_is_given_to_another_task(f: Forgery) -> None:
    winner = f.trace(won)
    loser = f.trace(lambda trace: lost(trace) and start(trace) != start(winner))
    place = f.traces.index(loser)
    f.traces[place] = {**winner, "seed": loser["seed"], "member": loser["member"]}


@retold("replay")
def two_tasks_change_seeds(f: Forgery) -> None:
    one = f.traces[0]["seed"]
    two = f.trace(lambda trace: start(trace) != start(f.traces[0]))["seed"]
    for trace in f.traces:
        trace["seed"] = {one: two, two: one}.get(trace["seed"], trace["seed"])
    f.traces.sort(key=lambda trace: (trace["seed"], trace["member"]))


@retold("replay", "homes")
def a_category_is_another_from_the_trace_on(f: Forgery) -> None:
    f.traces[0]["category"] = "easy"


@retold("replay", "flaky")
def a_failed_attempt_was_in_another_house(f: Forgery) -> None:
    trace = f.trace(lambda trace: trace["status"] == "env_error")
    trace["turns"][0]["action"] = other(trace["turns"][0]["action"])
