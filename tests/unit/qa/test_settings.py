"""Settings from the environment and from options; every fault is one line that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from qa.confidence import Costs
from qa.errors import RenamedSetting, WrongSetting
from qa.settings import Settings


def test_the_constructor_does_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_DATA", "/srv/index")
    assert Settings().data == Path("data")
    assert Settings.from_environment().data == Path("/srv/index")


def test_an_option_replaces_a_variable_unless_it_is_empty() -> None:
    environ = {"QA_DATA": "/srv/index", "QA_MODEL": "some/model"}
    settings = Settings.from_environment(environ, data=Path("other"), model="", device=None)
    assert (settings.data, settings.model, settings.device) == (Path("other"), "some/model", "")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().depth = 3


def test_an_unknown_setting_of_the_constructor_is_an_error() -> None:
    with pytest.raises(ValidationError):
        Settings(dept=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("VERBATIM_STORE", "QA_STORE"),
        ("VERBATIM_STORE_TOKEN", "QA_STORE_TOKEN"),
        ("PRIVATE_QUESTIONS", "QA_PRIVATE_QUESTIONS"),
        ("QUESTION_LOG", "QA_QUESTION_LOG"),
        ("QUESTION_LOG_DAYS", "QA_QUESTION_LOG_DAYS"),
    ],
)
def test_an_old_name_gives_the_new_one(name: str, current: str) -> None:
    with pytest.raises(RenamedSetting, match=rf"^{name} is now {current}; set {current} instead$"):
        Settings.from_environment({name: "1"})


@pytest.mark.parametrize(
    ("name", "value", "values"),
    [
        ("QA_DEPTH", "0", "a number from 1 to 1000"),
        ("QA_INDEX", "hnsw", "one of: auto, flat, ivf, pq"),
        ("QA_FEEDBACK", "maybe", "on or off"),
        ("QA_WRONG_ANSWER_COST", "0.5", "a number from 1 to 1000"),
        ("QA_MISSED_ANSWER_COST", "nan", "a number from 1 to 1000"),
        ("QA_STORE_REPLICAS", "17", "a number from 1 to 16"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_values_allowed(name: str, value: str, values: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        Settings.from_environment({name: value})
    assert str(caught.value) == f"{name} is '{value}'; give {values}"


def test_costs_may_be_set() -> None:
    assert Settings().costs == Costs(wrong_answer=3, missed_answer=10)
    environ = {"QA_WRONG_ANSWER_COST": "1.5", "QA_MISSED_ANSWER_COST": "20"}
    assert Settings.from_environment(environ).costs == Costs(wrong_answer=1.5, missed_answer=20)
