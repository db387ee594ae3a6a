"""A result as an entry of Hugging Face's `.eval_results/*.yaml`. Needs the extra `hub`.

The file lies in the model's repository on the Hub. It has one number and no place for an interval, a number of tasks
or a seed, so these go into its notes, with the result's id.
"""

from __future__ import annotations

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from turngym.benchmarks.result import Record
from turngym.core.errors import UserError


def eval_results(record: Record, *, dataset: str | None = None, url: str | None = None) -> str:
    """The YAML text for the `record` of a `result.json`.

    dataset: the benchmark's data set on the Hub, by default `turngym/` and the panel's name. The Hub shows the entry
        on a leaderboard once a data set of that name declares the task.
    url: where the result, or its page on a board, can be seen.

    Raises `UserError` where the result tells no success.
    """
    panel, success = record["panel"], record["metrics"]["success"]
    if success is None:
        raise UserError(f"the result {record['id'][:12]} tells no success, the value that the Hub shows")
    entry = EvalResultEntry(
        dataset_id=dataset or f"turngym/{panel['name']}",
        task_id=panel["name"],
        value=success["mean"],
        date=record["date"][:10],
        source_url=url,
        source_name="turngym" if url else None,
        notes=notes(record),
    )
    return str(yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True))


def notes(record: Record) -> str:
    """What the Hub's format has no field for, in a line."""
    success, panel, agent = record["metrics"]["success"], record["panel"], record["agent"]
    credit = f"credit {record['credit']}; " if record["credit"] else ""
    return (
        f"success in [0, 1], 95 % interval {success['low']:.4f} to {success['high']:.4f} ({success['method']}), "
        f"n = {success['n']} tasks, {panel['samples']} samples each, at most {panel['max_turns']} turns; "
        f"agent {agent['name']}; {credit}seed {record['seed']}; trained on {record['trained_on'].replace('_', ' ')}; "
        f"lost episodes {record['counts']['lost']}; turngym {record['code']['version']}; "
        f"panel {panel['digest']}; result {record['id']}"
    )
