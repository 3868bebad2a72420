"""docs/settings.md is what the settings classes say."""

from __future__ import annotations

from docs.settings import PAGE, page
from web.service_settings import ServiceSettings


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m docs.settings`"


def test_every_setting_is_described() -> None:
    assert [name for name, field in ServiceSettings.model_fields.items() if not field.description] == []
