"""`turngym check` finds the kind by the name and hands each kind what its contract needs."""

from __future__ import annotations

import pytest

from turngym import agents
from turngym.core.cli import main
from turngym.core.errors import ConfigError
from turngym.credit import registry as credit
from turngym.trainers.checking import kind_of


def turngym(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Corridor-v0", "env"),
        ("turngym/Corridor-v0", "env"),
        ("CartPole-v1", "env"),
        ("nobody", "env"),
        ("window", "agent"),
        ("hf", "engine"),
        ("hgpo", "credit"),
        ("policy", "trainer"),
    ],
)
def test_a_name_tells_its_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("said", "kind"), [("agents", "agent"), ("agent", "agent"), ("envs", "env"), ("credit", "credit")]
)
def test_a_kind_is_taken_as_it_is_said_here_and_in_the_list(said: str, kind: str) -> None:
    assert kind_of("whatever", said) == kind


def test_an_unknown_kind_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"there is no kind 'agnet' to check; did you mean 'agent'\?"):
        kind_of("window", "agnet")


def test_a_name_of_two_kinds_asks_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(agents.registry._targets, "acme/twice", "acme:Agent")
    monkeypatch.setitem(credit._targets, "acme/twice", "acme:Credit")
    sentence = "'acme/twice' is the name of agent and credit; say which with --kind agent"
    with pytest.raises(ConfigError, match=sentence):
        kind_of("acme/twice")
    assert kind_of("acme/twice", "credit") == "credit"


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (["window", "agent.window=0"], 9),
        (["tool", "env.name=Library-v0", "env.brief=request"], 9),
        (["random", "env.name=Household-v0", "env.size=tiny"], 9),
        (["hgpo", "credit.depth=1"], 10),
        (["prime", "--seed", "1"], 10),
        (["hf", "engine.gather_s=0.001"], 13),
        (["policy", "trainer.lr=0.01", "--kind", "trainer"], 11),
    ],
)
def test_every_kind_is_checked_by_name_with_its_arguments(
    arguments: list[str], rules: int, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    assert turngym("check", *arguments) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("ok ")]) == rules
    assert summary == f"{arguments[0]}: {rules} rules kept, 0 broken"


def test_a_broken_plug_in_ends_with_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert turngym("check", "shuffled") == 1
    (broken,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("broken")]
    assert broken.startswith("broken order does not matter")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["window", "agent.widow=1"], "[agent] has no key 'widow'; did you mean 'window'?"),
        (["window", "agent.window=-1"], "[agent] window is -1"),
        (["window", "credit.gamma=1"], "a run has no section [credit]"),
        (["window", "env.size=tiny"], "[env] does not say which plug-in it means"),
        (["ppr"], "[credit] needs a value for 'judge'"),
        (["grpo", "--kind", "agent"], "no plug-in for agents is called 'grpo'"),
        (["scripted"], "[engine] needs a value for 'script'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turngym("check", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
