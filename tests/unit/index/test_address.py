"""What QA_STORE says, and that what is secret is never shown."""

from __future__ import annotations

import pytest

from index.engine.address import Address, Secrets, is_address, read_address
from index.errors import StoreRefused
from qa.errors import WrongSetting
from web.service_settings import ServiceSettings


@pytest.mark.parametrize(
    ("written", "uri", "shown", "collection", "tls"),
    [
        ("milvus://h:1/a", "http://h:1", "milvus://h:1/a", "a", False),
        (
            "milvus://10.0.0.7",
            "http://10.0.0.7:19530",
            "milvus://10.0.0.7:19530/pullquote",
            "pullquote",
            False,
        ),
        (
            "milvus+tls://m.example/x_1",
            "https://m.example:19530",
            "milvus+tls://m.example:19530/x_1",
            "x_1",
            True,
        ),
        ("milvus://[::1]:7/a", "http://[::1]:7", "milvus://[::1]:7/a", "a", False),
        ("/srv/secret/place/e.db", "/srv/secret/place/e.db", "e.db", "pullquote", False),
    ],
)
def test_an_address_is_taken_apart(written: str, uri: str, shown: str, collection: str, tls: bool) -> None:
    files = f"{written}.files" if written.endswith(".db") else "s3://bucket/a"
    assert read_address(written, files="s3://bucket/a/") == Address(uri, shown, collection, tls, files=files)


@pytest.mark.parametrize(
    "written",
    [
        "http://h:19530",
        "milvus://",
        "milvus://h:99999/a",
        "milvus://h/a__b",
        "milvus://h/1a",
        "milvus://h/a?x=1",
        "milvus://h/a; drop",
        "milvus://ann:hunter2@h/a",
        "milvus://h:hunter2/a",
        "data",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(StoreRefused) as refused:
        read_address(written, files="/mnt/a")
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_secrets_are_in_no_representation() -> None:
    settings = ServiceSettings.from_environment(
        {
            "QA_STORE": "milvus+tls://h/a",
            "QA_STORE_TOKEN": "ann:hunter2",
            "QA_STORE_KEY": "/srv/key.pem",
            "QA_STORE_CA": "/srv/ca.pem",
            "QA_STORE_REPLICAS": "2",
            "QA_STORE_FILES": "/mnt/a",
        }
    )
    assert settings.engine is not None
    assert (settings.engine.secrets, settings.engine.replicas) == (
        Secrets("ann:hunter2", authority="/srv/ca.pem", key="/srv/key.pem"),
        2,
    )
    for shown in (repr(settings), str(settings), repr(settings.engine), repr(settings.engine.secrets)):
        assert "hunter2" not in shown
        assert "key.pem" not in shown


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ("", "is not set"),
        ("ftp://ann:hunter2@h/a", "may hold no password"),
        ("s3://key:hunter2@b", "no password"),
    ],
)
def test_a_folder_of_files_is_needed_and_holds_no_password(files: str, fault: str) -> None:
    with pytest.raises(StoreRefused, match=f"QA_STORE_FILES .*{fault}") as refused:
        read_address("milvus://h/a", files=files)
    assert "hunter2" not in str(refused.value)


def test_an_account_in_an_address_is_no_password() -> None:
    files = "abfss://container@account.dfs.core.windows.net/a"
    assert read_address("milvus://h/a", files=files).files == files


def test_nothing_named_is_the_data_folder() -> None:
    assert ServiceSettings.from_environment({}).engine is None
    assert ServiceSettings.from_environment({"QA_STORE": "  "}).engine is None


def test_a_number_of_replicas_is_a_number() -> None:
    with pytest.raises(WrongSetting, match="QA_STORE_REPLICAS"):
        ServiceSettings.from_environment({"QA_STORE": "milvus://h/a", "QA_STORE_REPLICAS": "0"})
    with pytest.raises(WrongSetting, match="QA_STORE_REPLICAS"):
        ServiceSettings.from_environment({"QA_STORE": "milvus://h/a", "QA_STORE_REPLICAS": "17"})
    with pytest.raises(WrongSetting, match="QA_STORE_REPLICAS"):
        ServiceSettings.from_environment({"QA_STORE": "milvus://h/a", "QA_STORE_REPLICAS": "two"})


def test_folders_are_told_from_engines() -> None:
    assert [is_address(one) for one in ("milvus://h/a", "e.db", "data", "./data.d")] == [
        True,
        True,
        False,
        False,
    ]
