"""The command `turngym`: the one place that knows every folder, imported only when a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

# Importing a module of commands adds them to the application, in the order of its help.
from turngym.core.commands import (  # isort: skip
    listing as listing,
    plugins as plugins,
    playing as playing,
    results as results,
    boards as boards,
    data as data,
    serving as serving,
)
from turngym.core.commands.common import app
from turngym.core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a mistake of the user's is told in one sentence, with exit code 2."""
    try:
        app(args=arguments)
    except UserError as error:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(f"[bold red]turngym:[/] {escape(str(error))}")
        sys.exit(2)


if __name__ == "__main__":
    main()
