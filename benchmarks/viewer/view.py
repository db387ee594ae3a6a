"""What `turngym view` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from turngym.benchmarks.viewer import credit, page, server
from turngym.benchmarks.viewer.library import Library


def main(
    runs: Sequence[Path],
    methods: Sequence[str] = (),
    *,
    port: int = 0,
    out: Path | None = None,
    limit: int = page.EPISODES,
) -> None:
    """Serve the runs until Ctrl-C or, with `out`, write a page with the first `limit` episodes of each.

    Raises a `UserError` for a path without a run, a method that cannot credit stored episodes, a port that is taken.
    """
    methods = methods or credit.DEFAULT
    credit.check(methods)
    if out is None:
        server.serve(Library(runs, methods), port=port)
        return
    page.write(Library(runs, methods, limit=limit), methods, out)
    print(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)")
