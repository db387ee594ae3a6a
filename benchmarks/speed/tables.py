"""The Markdown tables of `python -m turngym.benchmarks.speed`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]


def report(found: Found) -> str:
    """All tables of a run, each with its heading."""
    sections = {"update": update, "decode": decode, "rollout": rollout, "exactness": exactness, "step": step}
    parts = [about(found)]
    parts += [table(found) for name, table in sections.items() if name in found]
    return "\n".join(parts)


def about(found: Found) -> str:
    """The machine and the model."""
    machine, settings, model, batch = (found[name] for name in ("machine", "settings", "model", "batch"))
    return (
        f"Machine: {', '.join(f'{name} {value}' for name, value in machine.items())}.\n"
        f"Model: random weights of shape {settings['shape']}, {model['parameters'] / 1e6:.0f} million parameters, "
        f"{settings['precision']}, {settings['threads']} thread(s), tokenizer: {model['tokenizer']}.\n"
        f"Update: {batch['sequences']} sequences of {batch['tokens']} tokens, {batch['sampled']} of them sampled; "
        f"{batch['in_tree']} tokens in the tree.\n"
    )


def update(found: Found) -> str:
    """Trained tokens per second."""
    numbers = found["update"]
    base = numbers.get("TRL GRPOTrainer", {}).get("seconds")
    head = ("update", "tokens/s", "to TRL", "of the matmul rate", "counting every row", "peak memory")
    return table(
        head,
        (
            (
                name,
                f"{each['tokens_per_second']:.0f}",
                _ratio(base, each["seconds"]),
                _share(each.get("of_matmul_rate")),
                _share(each.get("of_matmul_rate_by_rows")),
                f"{each['peak_mib']:.0f} MiB",
            )
            for name, each in measured(numbers)
        ),
        left_out(numbers),
    )


def decode(found: Found) -> str:
    """Sampled tokens per second, without environments."""
    numbers = found["decode"]
    base = numbers.get("vLLM", {}).get("tokens_per_second")
    return table(
        ("decoding", "tokens/s", "to vLLM", "prompt tokens/s", "peak memory"),
        (
            (
                name,
                f"{each['tokens_per_second']:.0f}",
                _ratio(each["tokens_per_second"], base),
                f"{each['prompt_tokens_per_second']:.0f}",
                f"{each['peak_mib']:.0f} MiB",
            )
            for name, each in measured(numbers)
        ),
        left_out(numbers),
    )


def rollout(found: Found) -> str:
    """Episodes of several turns."""
    numbers = found["rollout"]
    head = ("rollout", "sampled tokens/s", "steps/s", "turngym is faster by", "unused tokens", "peak memory")
    ours = numbers["turngym"].get("tokens_per_second")
    return table(
        head,
        (
            (
                name,
                f"{each['tokens_per_second']:.0f}",
                f"{each['steps_per_second']:.2f}",
                _ratio(ours, each["tokens_per_second"]),
                str(each.get("waste", "-")),
                f"{each['peak_mib']:.0f} MiB",
            )
            for name, each in measured(numbers)
        ),
        left_out(numbers),
    )


def exactness(found: Found) -> str:
    """How far a tree is from rows."""
    (numbers,) = found["exactness"].values()
    if "left out" in numbers:
        return table(("tree against rows",), (), left_out(found["exactness"]))
    return (
        f"Tree against rows in fp32 over {numbers['sequences']} sequences: log-probabilities differ by at most "
        f"{numbers['logprob_error']:.1e}, gradients by {numbers['gradient_error']:.1e} "
        f"(the largest is {numbers['largest_gradient']:.1e}).\n"
    )


def step(found: Found) -> str:
    """Where a training step's time goes."""
    (numbers,) = found["step"].values()
    if "left out" in numbers:
        return table(("part of a step",), (), left_out(found["step"]))
    whole = numbers["wall"]
    rows = [(name, f"{seconds:.2f}", f"{seconds / whole:.1%}") for name, seconds in numbers["parts"].items()]
    rest = whole - sum(numbers["parts"].values())
    rows += [
        ("not accounted for", f"{rest:.2f}", f"{rest / whole:.1%}"),
        ("whole step", f"{whole:.2f}", "100 %"),
    ]
    return table(("part of a step", "wall s", "share"), rows)


def measured(numbers: Found) -> Iterator[tuple[str, Found]]:
    """What was measured."""
    return ((name, each) for name, each in numbers.items() if "left out" not in each)


def left_out(numbers: Found) -> list[str]:
    """What was not, and why."""
    return [f"Left out: {name} ({each['left out']})." for name, each in numbers.items() if "left out" in each]


def table(head: Sequence[str], rows: Any, notes: Sequence[str] = ()) -> str:
    """A Markdown table with notes under it."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join([*lines, "", *notes, ""] if notes else [*lines, ""])


def _ratio(over: float | None, under: float | None) -> str:
    return "-" if over is None or under is None else f"{over / under:.2f} x"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
