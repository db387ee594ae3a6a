"""Code that means harm, run for real behind each set of layers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.envs.sandbox.jails import LAYERS, QUICK, processes_of, sandbox

from turngym.envs.sandbox import Limits, Outcome

Layers = tuple[str, ...]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these layers are Linux's")


def attack(layers: Layers, code: str, limits: Limits = QUICK) -> Outcome:
    """Run the code in a session and look that nothing of it is left afterwards."""
    with sandbox(layers, limits=limits, persistent=True) as jail:
        jail.run("")
        assert jail._process is not None
        box = jail._process.box
        outcome = jail.run(textwrap.dedent(code))
    assert processes_of(box) == []
    assert not Path(box).exists()
    return outcome


@pytest.fixture(scope="module")
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


@pytest.mark.parametrize("layers", LAYERS)
def test_a_fork_bomb_stops_at_the_limit(layers: Layers) -> None:
    outcome = attack(
        layers,
        """
        import os, time
        started = 0
        try:
            while started < 1000:
                if not os.fork():
                    time.sleep(60)
                started += 1
        except OSError as error:
            print(started, type(error).__name__)
        """,
    )
    allowed = QUICK.processes - 1 if "namespaces" in layers else 0
    assert int(outcome.output.split()[0]) <= allowed
    assert outcome.ending == "done"


@pytest.mark.parametrize("layers", LAYERS)
def test_a_fork_bomb_whose_children_bomb_too_is_swept_away(layers: Layers) -> None:
    attack(
        layers,
        """
        import os
        def bomb():
            while True:
                try:
                    os.fork()
                    os.setsid()
                except OSError:
                    pass
        bomb()
        """,
        Limits(seconds=1.0, processes=6),
    )


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(
    "code", ["x = bytearray(10**11)", "x = []\nwhile True: x.append(' ' * 10**6 + str(len(x)))"]
)
def test_a_memory_bomb_gets_a_memory_error(layers: Layers, code: str) -> None:
    outcome = attack(layers, code)
    assert outcome.ending == "raised"
    assert outcome.error.endswith("MemoryError")


@pytest.mark.parametrize("layers", LAYERS)
def test_threads_stop_at_a_limit(layers: Layers) -> None:
    outcome = attack(
        layers,
        """
        import threading, time
        started = 0
        try:
            while started < 1000:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        except RuntimeError:
            print(started)
        """,
    )
    assert int(outcome.output) < 100


@pytest.mark.parametrize("layers", LAYERS)
def test_an_endless_loop_runs_out_of_processor_time(layers: Layers) -> None:
    outcome = attack(layers, "while True: pass", Limits(seconds=30, cpu_seconds=1))
    assert (
        outcome.error == "line 1: while True: pass\nTimeoutError: used more than 1 seconds of processor time"
    )


@pytest.mark.parametrize("layers", LAYERS)
def test_a_loop_that_catches_everything_runs_out_of_time(layers: Layers) -> None:
    code = "while True:\n try:\n  while True: pass\n except BaseException: pass"
    outcome = attack(layers, code, Limits(seconds=1.5, cpu_seconds=1))
    assert outcome.ending == "timeout"
    assert outcome.error == "Stopped: it ran longer than 1.5 seconds. What it had defined is lost."


@pytest.mark.parametrize("layers", LAYERS)
def test_sleeping_runs_out_of_time(layers: Layers) -> None:
    assert attack(layers, "import time; time.sleep(60)", Limits(seconds=0.5)).ending == "timeout"


def test_a_single_long_operation_of_a_fresh_process_is_killed_by_the_processor_limit() -> None:
    outcome = sandbox(limits=Limits(seconds=30, cpu_seconds=1)).run("print(1)\nsum(range(10 ** 12))")
    assert outcome == Outcome(
        output="1\n", ending="died", error="Stopped: its process was killed by SIGKILL."
    )


@pytest.mark.parametrize("layers", LAYERS)
def test_endless_output_is_cut_and_stopped(layers: Layers) -> None:
    outcome = attack(layers, "while True: print('x' * 10**6)")
    assert outcome.ending == "died"
    assert len(outcome.output) < QUICK.output + 100
    assert "more bytes of output are not shown" in outcome.output


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', PORT), 2)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
        "import socket; socket.socket(socket.AF_UNIX).connect('\\0turngym')",
        "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:PORT', timeout=2)",
        "import ctypes\nif ctypes.CDLL(None).syscall(41, 2, 1, 0) < 0: raise OSError",
        "import ctypes\nif ctypes.CDLL(None).syscall(425, 8, bytes(256)) < 0: raise OSError",
    ],
    ids=["tcp", "udp", "unix", "vsock", "names", "http", "raw_call", "io_uring"],
)
def test_no_way_leads_to_the_network(layers: Layers, code: str, server: socket.socket) -> None:
    outcome = attack(layers, code.replace("PORT", str(server.getsockname()[1])))
    assert outcome.ending == "raised"
    with pytest.raises(TimeoutError):
        server.accept()


@pytest.mark.parametrize("layers", LAYERS)
def test_the_callers_files_cannot_be_read_written_or_listed(layers: Layers, tmp_path: Path) -> None:
    (secret := tmp_path / "secret.txt").write_text("the password is swordfish")
    outcome = attack(
        layers,
        f"""
        import os
        secret = {str(secret)!r}
        def tried(action):
            try:
                print(action())
            except OSError:
                print("refused")
        tried(lambda: open(secret).read())
        tried(lambda: open("/proc/self/root" + secret).read())
        tried(lambda: os.listdir(os.path.dirname(secret)))
        tried(lambda: open(secret, "w"))
        tried(lambda: os.remove(secret))
        tried(lambda: os.rename(secret, "mine"))
        tried(lambda: os.link(secret, "mine"))
        tried(lambda: os.chmod(secret, 0o777))
        tried(lambda: os.truncate(secret, 0))
        tried(lambda: (os.symlink(secret, "link"), open("link").read()))
        tried(lambda: open("/etc/passwd").read())
        tried(lambda: os.listdir("/proc"))
        """,
    )
    assert outcome.output == "refused\n" * 12
    assert secret.read_text() == "the password is swordfish"


@pytest.mark.parametrize("layers", LAYERS)
def test_the_callers_environment_variables_are_not_there(
    layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "swordfish")
    outcome = attack(
        layers,
        """
        import os
        print(sorted(os.environ))
        for number in (1, os.getppid(), os.getpid()):
            try:
                print(open(f"/proc/{number}/environ", "rb").read())
            except OSError:
                print("refused")
        """,
    )
    names = "['HOME', 'LANG', 'PYTHONHASHSEED', 'PYTHONUTF8', 'TMPDIR', 'TZ']"
    assert outcome.output == f"{names}\nrefused\nrefused\nrefused\n"


@pytest.mark.parametrize("layers", LAYERS)
def test_a_file_grows_to_its_limit_only(layers: Layers) -> None:
    outcome = attack(layers, "open('big', 'wb').write(bytes(10**7))")
    assert "OSError: [Errno 27] File too large" in outcome.error


def test_all_files_together_grow_to_a_limit_only() -> None:
    code = "for i in range(100):\n    with open(f'{i}', 'wb') as file: file.write(bytes(500_000))"
    outcome = attack(("namespaces", "seccomp"), code)
    assert "No space left on device" in outcome.error


def test_the_number_of_files_is_limited() -> None:
    outcome = attack(("namespaces", "seccomp"), "import os\nfor i in range(10_000): os.mkdir(f'{i}')")
    assert "No space left on device" in outcome.error


@pytest.mark.parametrize("layers", LAYERS)
def test_open_files_are_limited(layers: Layers) -> None:
    outcome = attack(layers, "import os\nfor i in range(1000): os.pipe()")
    assert "Too many open files" in outcome.error


@pytest.mark.parametrize("layers", LAYERS)
def test_nobody_outside_can_be_killed(layers: Layers) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    outcome = attack(
        layers,
        f"""
        import os, signal
        for number in (os.getppid(), {os.getpid()}, {bystander.pid}, 1, -1):
            try:
                os.kill(number, signal.SIGKILL)
            except OSError:
                pass
        try:
            os.killpg({os.getpgid(0)}, signal.SIGKILL)
        except OSError:
            pass
        print("here still")
        """,
    )
    assert bystander.poll() is None
    bystander.kill()
    bystander.communicate()
    assert outcome.output == "here still\n"


def test_children_that_hide_in_a_session_of_their_own_are_found() -> None:
    outcome = attack(
        ("namespaces", "landlock", "seccomp"),
        """
        import os, sys, time
        if not os.fork():
            os.setsid()
            if not os.fork():
                for descriptor in range(10):
                    try: os.close(descriptor)
                    except OSError: pass
                time.sleep(300)
            os._exit(0)
        os.wait()
        print("one is left behind")
        """,
    )
    assert outcome.output == "one is left behind\n"


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(
    "call",
    [
        "unshare(0x10000000)",
        "ptrace(16, 1, 0, 0)",
        "mount(b'none', b'/', b'tmpfs', 0, 0)",
        "chroot(b'.')",
        "setuid(0)",
    ],
)
def test_the_kernel_refuses_ways_out(layers: Layers, call: str) -> None:
    if call == "setuid(0)" and "namespaces" not in layers:
        pytest.skip("the caller's own number stays, without its rights")
    assert attack(layers, f"import ctypes\nprint(ctypes.CDLL(None).{call})").output == "-1\n"


@pytest.mark.parametrize("layers", LAYERS)
def test_no_program_can_be_started(layers: Layers) -> None:
    outcome = attack(layers, "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo out'])")
    assert outcome.ending == "raised"
    assert attack(layers, "import sys, os\nos.execv(sys.executable, ['x'])").ending == "raised"


@pytest.mark.parametrize("layers", LAYERS)
def test_the_standard_library_cannot_be_changed(layers: Layers) -> None:
    outcome = attack(layers, "import json\nopen(json.__file__, 'a').write('x')")
    assert outcome.ending == "raised"
    assert outcome.error.splitlines()[-1].startswith(("OSError", "PermissionError"))


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(3)",
        "import os; os.closerange(0, 100)",
        "import ctypes; ctypes.string_at(0)",
        "import os\nfor i in range(3, 10):\n try: os.write(i, b'\\xff' * 10**5)\n except OSError: pass\nos._exit(3)",
        "import sys; sys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
        "import sys; sys.stdout = None; del sys.modules['os']; raise BaseException",
    ],
)
def test_a_process_that_wrecks_itself_is_only_an_outcome(layers: Layers, code: str) -> None:
    with sandbox(layers) as jail:
        assert jail.run(code).ending in ("died", "raised", "timeout")  # filling the memory may take too long
        assert jail.run("6 * 7").output == "42\n"


@pytest.mark.parametrize("layers", LAYERS)
def test_everything_ends_when_the_owner_is_killed(layers: Layers) -> None:
    sandbox(layers)
    program = f"""
from turngym.envs.sandbox import Sandbox
jail = Sandbox(persistent=True, layers={layers!r})
jail.run("x = 1")
print(jail._process.box, flush=True)
jail.run("import time\\ntime.sleep(600)")
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        box = owner.stdout.readline().strip()
        assert processes_of(box)
        owner.kill()
    deadline = time.monotonic() + 30
    while (processes_of(box) or Path(box).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(box) == []
    assert not Path(box).exists()
