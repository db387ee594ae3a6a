"""The bytes are changed; in the last ones, digests and id are made to fit."""

from __future__ import annotations

import gzip
from typing import Any

from tests.benchmarks.forgery import EPISODES, RESULT, TRACES, Forgery, lines
from tests.benchmarks.tampering.kinds import tampering


@tampering("verify")
def the_success_rate_is_raised(f: Forgery) -> None:
    f.edit(RESULT, f'"mean": {f.record["metrics"]["success"]["mean"]}', '"mean": 1.0')


@tampering("verify")
def the_id_is_another(f: Forgery) -> None:
    f.edit(RESULT, f.record["id"], "0" * 64)


@tampering("verify")
def the_id_is_in_capitals(f: Forgery) -> None:
    f.edit(RESULT, f.record["id"], f.record["id"].upper())


@tampering("verify")
def a_file_digest_is_another(f: Forgery) -> None:
    f.edit(RESULT, f.record["files"][TRACES], "0" * 64)


@tampering("verify")
def text_follows_the_result(f: Forgery) -> None:
    (f.folder / RESULT).write_bytes((f.folder / RESULT).read_bytes() + b" \n")


@tampering("verify")
def a_key_of_the_result_stands_twice(f: Forgery) -> None:
    f.edit(RESULT, '"seed": 0', '"seed": 7,\n  "seed": 0')


@tampering("verify")
def a_metric_is_infinite(f: Forgery) -> None:
    f.edit(RESULT, f'"mean": {f.record["metrics"]["reward"]["mean"]}', '"mean": Infinity')


@tampering("verify")
def a_metric_overflows(f: Forgery) -> None:
    f.edit(RESULT, f'"mean": {f.record["metrics"]["reward"]["mean"]}', '"mean": 1e999')


@tampering("verify")
def the_result_is_no_json(f: Forgery) -> None:
    (f.folder / RESULT).write_bytes(b"{")


@tampering("verify")
def the_result_is_nested_without_end(f: Forgery) -> None:
    f.edit(RESULT, '"arguments": {}', '"arguments": ' + '{"a":' * 5000 + "1" + "}" * 5000)


@tampering("verify")
def the_result_starts_with_a_byte_order_mark(f: Forgery) -> None:
    (f.folder / RESULT).write_bytes(b"\xef\xbb\xbf" + (f.folder / RESULT).read_bytes())


@tampering("verify")
def an_episode_line_is_dropped(f: Forgery) -> None:
    kept = (f.folder / EPISODES).read_bytes().split(b"\n")[1:]
    (f.folder / EPISODES).write_bytes(b"\n".join(kept))


@tampering("verify")
def an_empty_line_follows_the_episodes(f: Forgery) -> None:
    (f.folder / EPISODES).write_bytes((f.folder / EPISODES).read_bytes() + b"\n")
    f.readdress()


@tampering("verify")
def the_lines_end_as_on_windows(f: Forgery) -> None:
    (f.folder / EPISODES).write_bytes((f.folder / EPISODES).read_bytes().replace(b"\n", b"\r\n"))
    f.readdress()


@tampering("verify")
def a_reward_is_not_a_number(f: Forgery) -> None:
    f.edit(EPISODES, '"reward":0.0', '"reward":NaN')
    f.readdress()


@tampering("verify")
def a_key_of_an_episode_stands_twice(f: Forgery) -> None:
    f.edit(EPISODES, '"success":false', '"success":true,"success":false')
    f.readdress()


@tampering("verify")
def the_traces_are_cut_short(f: Forgery) -> None:
    content = (f.folder / TRACES).read_bytes()
    (f.folder / TRACES).write_bytes(content[: len(content) // 2])
    f.readdress()


@tampering("verify")
def bytes_follow_the_traces(f: Forgery) -> None:
    (f.folder / TRACES).write_bytes((f.folder / TRACES).read_bytes() + b"more")
    f.readdress()


@tampering("verify")
def the_traces_are_no_gzip(f: Forgery) -> None:
    (f.folder / TRACES).write_bytes(b"no gzip")
    f.readdress()


@tampering("verify")
def the_traces_are_missing(f: Forgery) -> None:
    (f.folder / TRACES).unlink()


@tampering("verify")
def the_episodes_are_a_link_to_elsewhere(f: Forgery) -> None:
    (f.folder / EPISODES).rename(f.folder / "elsewhere")
    (f.folder / EPISODES).symlink_to(f.folder / "elsewhere")


@tampering("verify")
def the_traces_are_a_folder(f: Forgery) -> None:
    (f.folder / TRACES).unlink()
    (f.folder / TRACES).mkdir()


def packed(f: Forgery, content: bytes) -> None:
    """Put other traces in, and have digest and id fit."""
    (f.folder / TRACES).write_bytes(content)
    f.readdress()


@tampering("verify")
def a_traced_reward_is_not_a_number(f: Forgery) -> None:
    f.traces[0]["turns"][0]["reward"] = float("nan")
    packed(f, lines(f.traces))


@tampering("verify")
def the_traces_have_one_attempt_more(f: Forgery) -> None:
    f.traces.append(f.traces[-1])
    f.rehash()


@tampering("verify")
def the_traces_have_one_attempt_fewer(f: Forgery) -> None:
    f.traces.pop()
    f.rehash()


@tampering("verify")
def a_state_is_nested_without_end(f: Forgery) -> None:
    text = gzip.decompress((f.folder / TRACES).read_bytes())
    packed(f, gzip.compress(text.replace(b'"state":', b'"state":' + b"[" * 5000, 1)))


@tampering("verify")
def a_state_is_nested_deep(f: Forgery) -> None:
    state: Any = 1
    for _ in range(900):
        state = [state]
    f.traces[0]["turns"][0]["state"] = state
    packed(f, lines(f.traces))


@tampering("verify")
def the_traces_are_an_endless_line(f: Forgery) -> None:
    packed(f, gzip.compress(b"[" + b"0," * (1 << 20)))


@tampering("verify")
def the_traces_are_a_bomb_of_lines(f: Forgery) -> None:
    packed(f, gzip.compress(b"{}\n" * (1 << 20)))


@tampering("verify")
def an_episode_is_an_endless_line(f: Forgery) -> None:
    (f.folder / EPISODES).write_bytes(b" " * (1 << 20) + (f.folder / EPISODES).read_bytes())
    f.readdress()
