"""Commands that may be sent to a game, and answers without their trimmings; nothing here needs TextWorld."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.textworld.kinds import KINDS, SPLITS, UnknownGame, recipe, settings_of, task_ids
from turngym.envs.textworld.text import LONGEST, plain, told

RAW = """
                    ________  ________
                   |        \\|        \\
                    \\$$$$$$$$| $$$$$$$$

Take the coin!

-= Attic =-
You are in an attic.



>                                                            -= Attic =-0/1"""


@pytest.mark.parametrize(
    "action", ["go east", "take red-hot pepper", "chef's hat", " look ", "look.", "", "i", "x" * LONGEST]
)
def test_one_plain_command_is_sent(action: str) -> None:
    assert plain(action) == action.strip().rstrip(".")


@pytest.mark.parametrize(
    "action",
    [
        *(
            "save",
            "Restore",
            "RESTART",
            "quit",
            "q",
            "script",
            "transcript on",
            "undo",
            "tw-trace-actions",
            "tw-print x",
        ),
        *("go east. take coin", "go east, take coin", "go east then save", "look\nsave", "look;save"),
        *(
            "x" * (LONGEST + 1),
            "x" * 1_000_000,
            "go to \N{ROCKET}",
            "\ud800",
            "take\x00",
            "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        ),
    ],
)
def test_what_is_not_one_plain_command_is_refused(action: str) -> None:
    assert plain(action) is None


@given(st.text(st.characters()))
def test_what_is_sent_is_one_short_line_of_plain_letters(action: str) -> None:
    command = plain(action)
    if command is not None:
        assert command.isascii()
        assert len(command) <= LONGEST
        assert not set(command) & set("\n\r\t.,;:")


def test_banner_prompt_and_status_line_are_cut_and_the_words_stay() -> None:
    assert told(RAW) == "Take the coin!\n\n-= Attic =-\nYou are in an attic."


def test_the_trace_and_the_question_after_the_end_are_cut() -> None:
    raw = (
        "\n[taking the coin]\nTaken.\n\n                       *** The End ***\n\nYou scored 1 out of 1.\n\n\n"
        "Would you like to RESTART, RESTORE a saved game, QUIT or UNDO the last command?\n>"
        + " " * 60
        + "-= Attic =-1/2"
    )
    assert told(raw) == "Taken.\n\n*** The End ***\n\nYou scored 1 out of 1."


def test_splits_share_no_seed_and_their_ids_are_sorted() -> None:
    seeds = [seed for split in SPLITS.values() for seed in split]
    assert len(seeds) == len({*seeds})
    for split in SPLITS:
        ids = task_ids("coin", split)
        assert list(ids) == sorted({*ids})


@pytest.mark.parametrize("kind", KINDS)
def test_every_level_has_settings_and_the_usual_one_is_a_level(kind: str) -> None:
    levels, usual, _, _ = KINDS[kind]
    assert usual in levels
    settings = [str(settings_of(kind, level)) for level in levels]
    assert len({*settings}) == len(levels)
    assert settings_of(kind, None) == settings_of(kind, usual)


def test_settings_replace_a_levels_own_and_decide_the_recipe() -> None:
    assert settings_of("cooking", 1, {"drop": True})["drop"] is True
    train, test = (recipe("simple", settings_of("simple", 1), split, 3) for split in ("train", "test"))
    assert (train.arguments["test"], test.arguments["test"]) == (False, True)
    assert train != test


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cook", 1), "unknown kind of TextWorld game 'cook': did you mean 'cooking'?"),
        (("coin", 0), "coin has no level 0: choose one of 1 to 150, 201 to 233"),
        (("cooking", 1, {"ovens": 3}), "cooking has no setting 'ovens'"),
    ],
)
def test_what_cannot_be_made_is_named(arguments: tuple[str, int], sentence: str) -> None:
    with pytest.raises(UnknownGame) as error:
        settings_of(*arguments)
    assert str(error.value).startswith(sentence)
