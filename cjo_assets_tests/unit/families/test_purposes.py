"""Purposes of language model calls: the record of calls lists those of every family."""

from cjo_assets.families.audit.language.language_model_calls import PURPOSES
from cjo_assets.families.journey import purposes as journey
from cjo_assets.families.marketing import purposes as marketing


def test_the_record_of_calls_lists_the_purposes_of_every_family() -> None:
    assert [*journey.PURPOSES, *marketing.PURPOSES] == PURPOSES
