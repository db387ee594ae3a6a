"""A result as a log of Inspect AI (`EvalLog`, version 2), which `inspect view` shows and `read_eval_log` reads.

A sample is an episode, an epoch a repetition of its task. An episode that was lost is a sample with an error and a
score of 0; attempts that failed before one counted are its retries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from turngym.benchmarks.result import Record, ResultError, Stored

VERSION = 2
SCORED = ("success", "score", "reward")
"""Metrics that an episode has a value of; the other ones are means over all of them."""
LIMITS = {"turn_limit": "turn", "token_limit": "token"}


def eval_log(stored: Stored) -> Record:
    """The log. Raises `ResultError` where traces are missing, or are not those of the rows."""
    record = stored.record
    samples = [_sample(attempts, record) for attempts in _episodes(stored)]
    return {
        "version": VERSION,
        "status": "success",
        "eval": _spec(record, samples),
        "plan": {"name": "plan", "steps": [_step(record)]},
        "results": _results(record),
        "stats": _stats(record, samples),
        "samples": samples,
    }


def _episodes(stored: Stored) -> Iterator[list[tuple[Record, Record]]]:
    """The attempts at each episode, every one as its row and its trace."""
    traces = list(stored.traces())
    if len(traces) != len(stored.rows):
        raise ResultError(
            f"{stored.folder} has {len(stored.rows)} rows and {len(traces)} traces; verify the result"
        )
    pairs = zip(stored.rows, traces, strict=True)
    for _, attempts in groupby(pairs, key=lambda pair: (pair[0]["task"], pair[0]["member"])):
        yield list(attempts)


def _model(record: Record) -> str:
    """Inspect writes a model as `provider/name`."""
    model = record["model"]
    return "none/none" if model is None else f"{model['engine'] or 'unknown'}/{model['name']}"


def _spec(record: Record, samples: Sequence[Record]) -> Record:
    panel, agent, model, code = record["panel"], record["agent"], record["model"], record["code"]
    spec = {
        "eval_id": record["id"][:22],
        "run_id": record["id"][:22],
        "created": record["date"],
        "task": panel["name"],
        "task_id": panel["digest"][:22],
        "task_version": panel["digest"][:12],
        "task_args": panel["env"],
        "solver": agent["name"],
        "solver_args": agent["arguments"],
        "dataset": {
            "name": panel["name"],
            "samples": panel["tasks"],
            "sample_ids": [*dict.fromkeys(sample["id"] for sample in samples)],
            "shuffled": False,
        },
        "model": _model(record),
        "model_args": {} if model is None else model["arguments"],
        "model_generate_config": _known(record["decoding"], "temperature", "max_tokens"),
        "config": {"epochs": panel["samples"]},
        "packages": record["env"]["packages"],
        "metadata": {
            "turngym": {
                key: record[key] for key in ("id", "panel", "credit", "trained_on", "seed", "machine")
            }
        },
    }
    commit = {"type": "git", "origin": "", "commit": code["commit"], "dirty": code["dirty"]}
    return spec | ({"revision": commit} if code["commit"] else {})


def _known(table: Mapping[str, Any], *keys: str) -> Record:
    return {key: table[key] for key in keys if table.get(key) is not None}


def _step(record: Record) -> Record:
    return {"solver": record["agent"]["name"], "params": record["agent"]["arguments"]}


def _results(record: Record) -> Record:
    counts, metrics = record["counts"], record["metrics"]
    return {
        "total_samples": counts["episodes"],
        "completed_samples": counts["counted"],
        "scores": [_score(name, metrics[name]) for name in SCORED if metrics[name] is not None],
        "metadata": {"turngym": {"metrics": metrics, "categories": record["categories"], "counts": counts}},
    }


def _score(name: str, metric: Record) -> Record:
    values = {"mean": metric["mean"], "low": metric["low"], "high": metric["high"]}
    return {
        "name": name,
        "scorer": name,
        "metrics": {key: {"name": key, "value": value} for key, value in values.items()},
        "metadata": {"interval": "95 %", "method": metric["method"]},
    }


def _stats(record: Record, samples: Sequence[Record]) -> Record:
    ended = datetime.fromisoformat(record["date"])
    usage: Record = {}
    for sample in samples:
        for model, used in sample["model_usage"].items():
            total = usage.setdefault(model, dict.fromkeys(used, 0))
            usage[model] = {key: total[key] + used[key] for key in used}
    began = ended - timedelta(seconds=record["seconds"])
    return {"started_at": began.isoformat(), "completed_at": ended.isoformat(), "model_usage": usage}


def _sample(attempts: Sequence[tuple[Record, Record]], record: Record) -> Record:
    row, trace = next((pair for pair in attempts if pair[0]["counted"]), attempts[-1])
    failed = [_error(one) for one, _ in attempts if not one["counted"]]
    messages = [*_messages(trace)]
    model, used = _model(record), _usage(trace)
    sample = {
        "id": row["task"],
        "epoch": row["member"] + 1,
        "input": trace["turns"][0]["obs"] if trace["turns"] else trace["final_obs"],
        "target": "",
        "messages": messages,
        "output": _output(model, messages, used),
        "scores": _scores(row, trace, [name for name in SCORED if record["metrics"][name] is not None]),
        "metadata": {key: row[key] for key in ("env", "seed", "options", "status", "category", "turns")},
        "model_usage": {model: used} if used["total_tokens"] else {},
        "turn_count": row["turns"],
    }
    if row["seconds"] is not None:
        sample["total_time"] = row["seconds"]
    if row["status"] in LIMITS:
        sample["limit"] = _limit(row, record)
    if not row["counted"]:
        return sample | {"error": failed[-1], "error_retries": failed[:-1]}
    return sample | ({"error_retries": failed} if failed else {})


def _limit(row: Record, record: Record) -> Record:
    kind = LIMITS[row["status"]]
    allowed = record["panel"]["max_turns"] if kind == "turn" else record["decoding"].get("max_context") or 0
    return {"type": kind, "limit": allowed}


def _error(row: Record) -> Record:
    message = f"{row['status']}: {row['error'] or 'no reason given'}"
    return {"message": message.partition("\n")[0], "traceback": message, "traceback_ansi": message}


def _scores(row: Record, trace: Record, told: Sequence[str]) -> Record:
    """A score by every metric that the result tells; 0 for an episode that was lost."""
    answer = trace["turns"][-1]["action"] if trace["turns"] else None
    if not row["counted"]:
        lost = {"value": 0.0, "answer": answer, "explanation": "lost: no attempt counts"}
        return dict.fromkeys(told, lost)
    return {name: {"value": float(row[name]), "answer": answer} for name in told if row[name] is not None}


def _messages(trace: Record) -> Iterator[Record]:
    """The episode as a talk: observations from the user, replies from the assistant, the last observation."""
    for turn in trace["turns"]:
        yield {"role": "user", "content": turn["obs"]}
        chosen = [call for call in turn.get("calls", []) if call.get("chosen", True)]
        for call in chosen or [None]:
            text = turn["action"] if call is None else _reply(call, turn)
            yield {
                "role": "assistant",
                "content": text,
                "metadata": {"action": turn["action"], "valid": turn["valid"]},
            }
    if trace["final_obs"]:
        yield {"role": "user", "content": trace["final_obs"]}


def _reply(call: Record, turn: Record) -> str:
    """What the model said: its text where the engine told it, else its tokens', else the action made of it."""
    if "spoken" in call:
        reply = call["spoken"]["reply"]
        return str(reply.get("content") or json.dumps(reply.get("tool_calls"), ensure_ascii=False))
    return "".join(call["pieces"]) if "pieces" in call else str(turn["action"])


def _usage(trace: Record) -> dict[str, int]:
    calls = [call for turn in trace["turns"] for call in turn.get("calls", [])]
    read, said = (sum(_tokens(call, *names) for call in calls) for names in (_READ, _SAID))
    return {"input_tokens": read, "output_tokens": said, "total_tokens": read + said}


_READ, _SAID = ("prompt_ids", "prompt_tokens"), ("action_ids", "tokens")


def _tokens(call: Record, ids: str, told: str) -> int:
    return call["spoken"][told] or 0 if "spoken" in call else len(call[ids])


def _output(model: str, messages: Sequence[Record], used: Mapping[str, int]) -> Record:
    replies = [message for message in messages if message["role"] == "assistant"]
    choices = [{"message": reply, "stop_reason": "stop"} for reply in replies[-1:]]
    return {
        "model": model,
        "choices": choices,
        "completion": replies[-1]["content"] if replies else "",
        "usage": used,
    }
