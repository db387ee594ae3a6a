"""What well-meaning code gets: output, values, short tracebacks, files, memory of earlier calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.envs.sandbox.jails import QUICK, sandbox

from turngym.envs.sandbox import (
    WEAK,
    Limits,
    NotConfined,
    Outcome,
    Protection,
    Sandbox,
    Unprotected,
    protection,
    run,
)
from turngym.envs.sandbox.jail import frames


def outcome(code: str, **arguments: object) -> Outcome:
    with sandbox(**arguments) as jail:  # type: ignore[arg-type]
        return jail.run(code)


def test_output_and_the_last_value_come_back() -> None:
    assert outcome("print('a')\nx = 20\nx + 1") == Outcome(output="a\n21\n", ending="done")


def test_errors_and_output_keep_their_order() -> None:
    code = "import sys\nprint(1, flush=True)\nprint(2, file=sys.stderr)\nprint(3)"
    assert outcome(code).output == "1\n2\n3\n"


def test_an_error_is_a_short_traceback_of_the_code_alone() -> None:
    code = "import json\ndef parse(text):\n    return json.loads(text)\nprint('before')\nparse('{')"
    assert outcome(code).text == (
        "before\n"
        "line 5: parse('{')\n"
        "line 3, in parse: return json.loads(text)\n"
        "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = (1,\ny = 2", "line 1: x = (1,\nSyntaxError: '(' was never closed"),
        ("\0", "SyntaxError: source code string cannot contain null bytes"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "raise ValueError('x' * 1000)",
            "line 1: raise ValueError('x' * 1000)\nValueError: " + "x" * 300 + "...",
        ),
        ("input()", "line 1: input()\nEOFError: EOF when reading a line"),
    ],
)
def test_other_errors(code: str, told: str) -> None:
    assert outcome(code).error == told


def test_an_error_that_cannot_be_told_is_told_by_its_name() -> None:
    code = "class Bad(Exception):\n    def __str__(self): raise Bad\nraise Bad"
    assert outcome(code).error == "line 3: raise Bad\nBad: (its message cannot be shown)"


@pytest.mark.parametrize("code", ["", "# nothing", "import sys; sys.exit()", "None"])
def test_silence_is_an_empty_outcome(code: str) -> None:
    assert outcome(code) == Outcome(output="", ending="done")


def test_each_call_is_fresh_unless_the_sandbox_is_persistent() -> None:
    with sandbox() as jail:
        jail.run("x = 1\nopen('note', 'w').write('hello')")
        assert jail.run("x").error == "line 1: x\nNameError: name 'x' is not defined"
        assert jail.run("import os; os.listdir()").output == "[]\n"
    with sandbox(persistent=True) as jail:
        jail.run("x = 1\nopen('note', 'w').write('hello')")
        assert jail.run("x, open('note').read()").output == "(1, 'hello')\n"


def test_a_session_goes_on_after_an_error_and_starts_anew_after_a_death() -> None:
    with sandbox(persistent=True) as jail:
        jail.run("x = 1")
        assert jail.run("1 / 0").ending == "raised"
        assert jail.run("x").output == "1\n"
        assert jail.run("import os; os._exit(7)").error == (
            "Stopped: its process ended by itself with exit code 7. What it had defined is lost."
        )
        assert jail.run("x").ending == "raised"


def test_files_lie_in_the_working_folder() -> None:
    files = {"numbers.csv": "a,b\n1,2\r\n", "ä.txt": "ü"}
    assert outcome("open('numbers.csv', newline='').read(), open('ä.txt').read()", files=files).output == (
        "('a,b\\n1,2\\r\\n', 'ü')\n"
    )


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "", "a/b", "a\0"])
def test_a_file_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a plain name"):
        Sandbox(files={name: ""})


def test_packages_can_be_imported_from_the_folders_given_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # The code runs as nobody where the tests run as root.
    (tmp_path / "counted.py").write_text("value = 42")
    assert outcome("import counted\ncounted.value", folders=[str(tmp_path)]).output == "42\n"
    assert "ModuleNotFoundError" in outcome("import counted").error
    assert "ModuleNotFoundError" in outcome("import numpy").error


def test_output_is_cut_and_the_rest_counted() -> None:
    cut = outcome("print('x' * 100)\nprint('y' * 50)", limits=Limits(output=10))
    assert cut.output == "xxxxxxxxxx\n[142 more bytes of output are not shown]"


def test_bytes_that_are_no_text_come_back_as_marks() -> None:
    assert outcome(r"import os; os.write(1, b'\xff\xfe ok'); None").output == "\ufffd\ufffd ok"
    assert outcome(r"print('\ud800')").output == "\\ud800\n"


def test_a_megabyte_of_code_runs_and_more_than_the_limit_is_refused() -> None:
    code = "x = 0\n" + "x += 1\n" * 150_000 + "x"
    assert len(code) > 10**6
    big = Limits(memory=2 << 30, cpu_seconds=60, seconds=120)
    assert outcome(code, limits=big).output == "150000\n"
    refused = outcome("#" * 1000, limits=Limits(code=999))
    assert (refused.ending, refused.output) == ("refused", "")
    assert refused.error == "Refused: the code has 1000 characters; at most 999 are run."


@pytest.mark.parametrize(
    "code", ["\ud800", "x = '\ud800'\nlen(x)", "(" * 10**5, "-" * 10**6 + "1", "[" * 10**6]
)
def test_code_that_no_parser_likes_is_only_an_outcome(code: str) -> None:
    assert outcome(code).ending in ("done", "raised", "died")


def test_two_runs_of_one_program_agree() -> None:
    code = "import random, os\nprint({'a', 'b', 'c'}, random.random(), os.listdir('/') and hash('x'))"
    assert outcome(code) == outcome(code)


def test_sandboxes_do_not_see_each_other() -> None:
    with sandbox(persistent=True) as one, sandbox(persistent=True) as other:
        one.run("x = 1\nopen('note', 'w').write('hello')")
        assert other.run("import os; os.path.exists('note'), 'x' in globals()").output == "(False, False)\n"


def test_a_closed_sandbox_can_be_used_again() -> None:
    jail = sandbox(persistent=True)
    jail.run("x = 1")
    jail.close()
    assert jail.run("x").ending == "raised"
    jail.close()


@pytest.mark.parametrize("name", ["seconds", "memory", "processes", "output"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"the limit {name}=0 leaves nothing"):
        Limits(**{name: 0})


def test_the_weak_layer_stops_accidents() -> None:
    with Sandbox(limits=QUICK, layers=WEAK) as jail:
        assert jail.run("print(sum(range(10)))").output == "45\n"
        for code in (
            "open('/etc/passwd')",
            "import socket; socket.socket()",
            "import os; os.system('echo')",
            "import os; os.fork()",
            "import os; os.kill(os.getppid(), 9)",
        ):
            assert "PermissionError" in jail.run(code).error


def test_the_protection_says_what_holds() -> None:
    strong = Protection(("namespaces", "landlock", "seccomp"))
    assert str(strong) == (
        "network: a network namespace without interfaces and seccomp refuses socket(); "
        "files: a file tree of its own and Landlock; processes: a process table of its own"
    )
    assert "weak" in Protection(WEAK).files
    with pytest.raises(ValueError, match="unknown layer 'walls'"):
        Protection(("walls",))


@pytest.mark.skipif(sys.platform != "linux", reason="these layers are Linux's")
def test_a_layer_that_does_not_hold_is_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    other_machine = Path(__file__).with_name("without_seccomp.py")
    monkeypatch.setattr("turngym.envs.sandbox.process.PROGRAM", other_machine)
    protection.strongest.cache_clear()
    with pytest.raises(NotConfined, match="system calls on vax are not known"):
        run("1", layers=("landlock", "seccomp"))
    with pytest.raises(
        Unprotected, match=r"no sandbox holds on this system .*layers=WEAK for code that you trust"
    ):
        run("1")
    protection.strongest.cache_clear()


def test_a_frame_is_read_back_and_junk_is_nothing() -> None:
    message = {"code": "\ud800 ü \0"}
    assert frames.decode(frames.encode(message)) == message
    assert frames.decode(frames.encode(message)[:-1]) is None
    for junk in (b"", b"\0\0\0\1x", b"\0\0\0\2[]", b"\0\0\0\0", b"\xff" * 100):
        assert frames.decode(junk) is None
