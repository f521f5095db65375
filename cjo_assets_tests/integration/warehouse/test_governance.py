"""Tests of the approval of the policy in production."""

from pathlib import Path

import pytest

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import PolicyError
from cjo_assets.warehouse.governance import policy_that_decides

SIGNED = {"version": "'2'", "author": "mk", "approver": "jb", "reason": "longer onboarding"}
REFUSED = {
    "approver: no approver is given": {"approver": "null"},
    "approver: no approver is given ": {"approver": "'  '"},
    "approver: mk is also the author; another person must approve": {"approver": "mk"},
    "approver: MK  is also the author; another person must approve": {"approver": "'MK '"},
    "approver: M\u00ad\uff2b is also the author; another person must approve": {"approver": '"M\\u00ad\\uff2b"'},
    "approver: no approver is given  ": {"approver": "'n/a'"},
    "author: no name is given": {"author": "null"},
    "author: no name is given ": {"author": "'-'"},
    "reason: no reason is given": {"reason": "''"},
}


def settings_with(folder: Path, **said: str) -> Settings:
    """Return the settings of a home with a policy file."""
    file = folder / "policy.yaml"
    file.write_text("".join(f"{name}: {value}\n" for name, value in said.items()))
    return Settings(folder, file, folder / "home")


@pytest.mark.parametrize("reason", REFUSED)
def test_in_production_it_is_refused_with_file_path_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    settings = settings_with(tmp_path, **(SIGNED | REFUSED[reason]))
    assert policy_that_decides(settings).version == "2", "in development anything may be tried"
    monkeypatch.setenv("CJO_ENV", "production")
    with pytest.raises(PolicyError) as refused:
        policy_that_decides(settings)
    assert str(settings.policy) in str(refused.value)
    assert reason.split(maxsplit=1)[0] in str(refused.value)
    assert " ".join(reason.split()[-2:]) in str(refused.value)


def test_a_policy_approved_by_another_person_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJO_ENV", "production")
    assert policy_that_decides(settings_with(tmp_path, **SIGNED)).approver == "jb"


def test_who_approved_the_packaged_rules_has_not_approved_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CJO_ENV", "production")
    unsigned = settings_with(tmp_path, version="'3'", reason="mine")
    with pytest.raises(PolicyError, match="author: no name is given"):
        policy_that_decides(unsigned)
    with pytest.raises(PolicyError, match=r"the packaged one.* approver: no approver is given"):
        policy_that_decides(Settings(tmp_path, None, tmp_path))


def test_a_word_that_is_neither_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJO_ENV", "prod")
    with pytest.raises(WarehouseError, match=r"Unknown CJO_ENV 'prod'\. Choose one of: production, development"):
        policy_that_decides(Settings(tmp_path, None, tmp_path))
