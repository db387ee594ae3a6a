"""Episodes are changed in rows and traces alike, and contradict the panel, the limits or themselves."""

from __future__ import annotations

from tests.benchmarks.forgery import Forgery
from tests.benchmarks.tampering.kinds import lost, retold, won


@retold("verify")
def an_episode_is_left_out(f: Forgery) -> None:
    del f.traces[3]


@retold("verify")
def the_lost_episodes_are_left_out(f: Forgery) -> None:
    f.traces = [trace for trace in f.traces if won(trace)]


@retold("verify")
def a_won_episode_stands_twice(f: Forgery) -> None:
    place = next(place for place, trace in enumerate(f.traces) if won(trace))
    f.traces.insert(place, f.traces[place])


@retold("verify")
def two_tasks_change_places(f: Forgery) -> None:
    f.traces[0:4] = [*f.traces[2:4], *f.traces[0:2]]


@retold("verify")
def two_members_change_places(f: Forgery) -> None:
    f.traces[0:2] = f.traces[1::-1]


@retold("verify")
def a_task_is_replaced_by_an_easier_one(f: Forgery) -> None:
    for trace in f.traces[:2]:
        trace["seed"] = 1234


@retold("verify")
def options_are_slipped_to_a_task(f: Forgery) -> None:
    for trace in f.traces[:2]:
        trace["options"] = {"easy": True}


@retold("verify")
def a_member_is_numbered_beyond_the_samples(f: Forgery) -> None:
    f.traces[1]["member"] = 2


@retold("verify")
def a_lost_episode_is_a_failure_of_the_engine(f: Forgery) -> None:
    f.trace(lost).update(status="engine_error", error="ConnectionError: the server went away")


@retold("verify")
def a_failure_is_an_episode_that_counts(f: Forgery) -> None:
    f.trace(lost).update(status="timeout", error=None)


@retold("verify")
def a_lost_episode_stops_before_it_is_lost(f: Forgery) -> None:
    f.trace(lost)["turns"].pop()


@retold("verify")
def a_player_without_a_model_ran_out_of_context(f: Forgery) -> None:
    trace = f.trace(lost)
    trace["turns"].pop()
    trace.update(status="token_limit", error="the prompt is too long")


@retold("verify")
def an_episode_has_more_turns_than_allowed(f: Forgery) -> None:
    turns = f.trace(lost)["turns"]
    turns.append(turns[-1])


@retold("verify")
def an_episode_goes_on_after_its_end(f: Forgery) -> None:
    turns = f.trace(won)["turns"]
    turns.append({**turns[-1], "terminated": True})


@retold("verify")
def a_score_lies_outside_its_scale(f: Forgery) -> None:
    f.trace(won)["score"] = 2.0


@retold("verify")
def a_reward_is_beyond_number(f: Forgery) -> None:
    f.trace(won)["turns"][-1]["reward"] = 1e300


@retold("verify")
def a_trace_has_one_more_key(f: Forgery) -> None:
    f.traces[0]["remark"] = "well played"


@retold("verify")
def a_turn_has_one_more_key(f: Forgery) -> None:
    f.traces[0]["turns"][0]["remark"] = "well played"


@retold("verify", "spoken")
def a_log_probability_is_positive(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["logprobs"][0] = 0.5


@retold("verify", "spoken")
def a_log_probability_is_missing(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["logprobs"].pop()


@retold("verify", "spoken")
def a_token_is_negative(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["prompt_ids"][0] = -1


@retold("verify", "spoken")
def a_token_is_a_text(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["action_ids"][0] = "r"


@retold("verify", "spoken")
def the_texts_of_sampled_tokens_are_fewer(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["pieces"].pop()


@retold("verify", "spoken")
def a_prompt_is_no_text(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["prompt"] = 7


@retold("verify", "spoken")
def a_call_has_one_more_key(f: Forgery) -> None:
    f.traces[0]["turns"][0]["calls"][0]["remark"] = "well played"


@retold("verify")
def a_player_without_a_model_asked_one(f: Forgery) -> None:
    call = {"prompt_ids": [1], "action_ids": [2], "logprobs": [0.0], "stop": "stop", "version": 0}
    f.traces[0]["turns"][0]["calls"] = [call]
