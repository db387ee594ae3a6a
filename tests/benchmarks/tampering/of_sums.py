"""What `result.json` or a row says is changed; digests and id are in order again."""

from __future__ import annotations

import json
from typing import Any

from tests.benchmarks.forgery import RESULT, Forgery
from tests.benchmarks.tampering.kinds import restated, tampering

from turngym.benchmarks.result import content_id


def put(*path: str, value: Any, name: str, panel: str = "walks") -> None:
    """`result.json` says `value` at that place."""

    def change(f: Forgery) -> None:
        table = f.record
        for key in path[:-1]:
            table = table[key]
        assert table.get(path[-1], value is None) != value
        table[path[-1]] = value

    change.__name__ = name
    restated(panel)(change)


put("metrics", "success", "mean", value=1.0, name="the_success_rate_is_raised_under_a_new_id")
put("metrics", "success", "low", value=0.9, name="the_lower_bound_is_raised")
put("metrics", "success", "high", value=1.0, name="the_upper_bound_is_raised")
put("metrics", "success", "n", value=1000, name="the_number_of_tasks_behind_a_metric_is_raised")
put("metrics", "success", "method", value="exact", name="the_method_of_an_interval_is_renamed")
put("metrics", "success", value=None, name="the_success_is_not_told")
put("metrics", "reward", "mean", value=1.0, name="the_mean_reward_is_raised")
put("metrics", "score", "mean", value=1.0, name="the_mean_score_is_raised")
put("metrics", "turns", "mean", value=1.0, name="the_mean_turns_are_lowered")
put("metrics", "tokens", "mean", value=1.0, name="the_mean_tokens_are_lowered", panel="spoken")
put("metrics", "seconds", "mean", value=0.0, name="the_mean_seconds_are_lowered")
put("metrics", "pass_at", "2", value=1.0, name="pass_at_2_is_raised")
put("metrics", "pass_hat", "2", value=1.0, name="pass_hat_2_is_raised")
put("metrics", "pass_at", "8", value=1.0, name="a_pass_at_is_added")
put("metrics", "stars", value=5, name="a_metric_is_added")
put("categories", "easy", value=None, name="a_category_is_added", panel="homes")
put("counts", "episodes", value=1200, name="the_number_of_episodes_is_raised")
put("counts", "failed", value=0, name="the_failed_attempts_are_hidden", panel="flaky")
put("failures", value={}, name="the_causes_of_failures_are_hidden", panel="flaky")
put("panel", "digest", value="0" * 64, name="the_panel_has_another_digest")
put("panel", "name", value="corridor", name="the_panel_has_the_name_of_another")
put("panel", "env", "length", value=3, name="the_environment_is_made_easier")
put("panel", "max_turns", value=50, name="the_turn_limit_is_raised")
put("panel", "samples", value=1, name="the_samples_are_fewer")
put("panel", "tasks", value=10**30, name="the_tasks_are_beyond_number")
put("panel", "contents", value="0" * 64, name="the_contents_of_the_panel_are_others")
put("panel", "author", value="an authority", name="the_panel_has_one_more_key")
put("env", "id", value="turngym/WebShop-v0", name="the_environment_is_called_another")
put("env", "data", value={"test": "0" * 64}, name="the_data_are_others")
put("endorsed_by", value="an authority", name="the_result_has_one_more_key")
put("trained_on", value="nothing at all", name="what_it_was_trained_on_is_no_known_word")
put("trained_on", value="train_split", name="what_has_no_model_was_trained")
put("credit", value="hgpo", name="credit_is_claimed_without_a_model")
put("model", value=None, name="the_model_is_hidden", panel="spoken")
put("date", value="yesterday", name="the_date_is_none")
put("date", value="２０２６-01-01T00:00:00+00:00", name="the_date_is_in_wide_digits")
put("seconds", value=-1.0, name="the_run_took_less_than_no_time")
put("cost", value=-2.5, name="the_run_earned_money")
put("decoding", "temperature", value=-1.0, name="the_temperature_is_negative")
put("decoding", "top_p", value=0.1, name="a_limit_is_added")
put("decoding", "max_tokens", value="many", name="a_limit_is_no_number")
put("decoding", "max_tokens", value=2, name="replies_are_longer_than_the_limit_says", panel="spoken")
put("decoding", "max_context", value=9, name="prompts_are_longer_than_the_limit_says", panel="spoken")
put("agent", value={}, name="the_agent_is_nobody")


@restated("homes")
def a_category_is_renamed(f: Forgery) -> None:
    f.record["categories"]["easy"] = f.record["categories"].pop(next(iter(f.record["categories"])))


@tampering("verify")
def the_schema_is_another(f: Forgery) -> None:
    f.record["schema"] = 2
    f.readdress()


@tampering("verify")
def a_path_is_among_the_files(f: Forgery) -> None:
    f.record["files"]["../../etc/passwd"] = "0" * 64
    f.record["id"] = content_id(f.record)
    text = json.dumps(f.record, indent=2, ensure_ascii=False) + "\n"
    (f.folder / RESULT).write_text(text, encoding="utf-8")


@tampering("verify")
def the_run_is_shorter_than_an_episode(f: Forgery) -> None:
    f.rows[0]["seconds"] = f.traces[0]["seconds"] = 3600.0
    f.recompute()


def of_row(name: str, panel: str = "walks", **values: Any) -> None:
    def change(f: Forgery) -> None:
        row = next(row for row in f.rows if any(row.get(key) != value for key, value in values.items()))
        row.update(values)

    change.__name__ = name
    restated(panel)(change)


of_row("a_row_is_won", success=True)
of_row("a_row_has_more_reward", reward=1.0)
of_row("a_row_has_a_higher_score", score=1.0)
of_row("a_row_is_done", status="done")
of_row("a_row_has_a_status_of_its_own", status="victory")
of_row("a_row_has_fewer_turns", turns=1)
of_row("a_row_has_negative_turns", turns=-3)
of_row("a_row_has_fewer_tokens", panel="spoken", tokens=1)
of_row("a_row_has_less_time", seconds=0.0)
of_row("a_row_does_not_count", counted=False)
of_row("a_row_is_of_another_seed", seed=99)
of_row("a_row_has_other_options", options={"task": 3})
of_row("a_row_is_of_another_member", member=7)
of_row("a_row_is_of_another_environment", env="turngym/Sokoban-v0")
of_row("a_row_starts_elsewhere", start="0" * 64)
of_row("a_row_has_a_category_in_other_letters", panel="homes", category="lооk")  # two letters are Cyrillic
of_row("a_row_has_an_error", error="it was not me")
of_row("a_row_has_one_more_key", remark="well played")
of_row("a_row_has_no_success", success=0)
of_row("a_row_has_a_reward_beyond_number", reward=1e300)
