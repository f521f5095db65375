"""Settings of `sources.yaml` that describe how the files of a dataset are written."""

from __future__ import annotations

import codecs
import itertools
import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Text = Annotated[str, Field(min_length=1)]
DATE_PARTS = re.compile(r"YYYY|MM|DD|M|D|[^YMD]")
PATTERNS = {"YYYY": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}", "M": r"\d{1,2}", "D": r"\d{1,2}"}
# Text files only: Parquet files and databases describe their own format.
OF_TEXT_FILES = ("encoding",)
OF_CSV = ("delimiter", "skip_rows")


class Entry(BaseModel):
    """Base of the entries of `sources.yaml`: immutable, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TableSettings(Entry):
    """Settings for the rows of a dataset, in a file or in a database table.

    Attributes:
        columns: names of columns in the file by their contract names, where they differ.
        null_words: texts that represent a missing value, for example N/A; compared exactly.
        newest_by: the column with the version of a row, a date or instant; the latest version of each key counts.
    """

    columns: dict[str, Text] = {}
    null_words: list[Text] = []
    newest_by: Text | None = None

    def given(self) -> dict[str, Any]:
        """Return the settings that are not defaults, by name."""
        return {name: getattr(self, name) for name in FileSettings.model_fields if getattr(self, name, None)}

    def as_json(self, **more: str) -> str:
        """Return the settings that are not defaults as JSON, with additional entries."""
        return json.dumps(self.given() | more, sort_keys=True, ensure_ascii=False)

    @model_validator(mode="after")
    def _names_each_column_once(self) -> TableSettings:
        theirs = list(self.columns.values())
        doubled = sorted({name for name in theirs if theirs.count(name) > 1})
        if doubled:
            raise ValueError(f"columns maps {', '.join(doubled)} to more than one column")
        return self


class FileSettings(TableSettings):
    """Settings for the files of a dataset.

    Attributes:
        delimiter: separator of the cells of a CSV; default: comma.
        encoding: encoding of a text file, for example windows-1252 or utf-16; default: UTF-8.
        skip_rows: number of lines above the header of a CSV.
        decimal: decimal separator of numbers in texts; default: point.
        thousands: thousands separator; default: none.
        date_format: format of dates in texts, for example DD/MM/YYYY; default: YYYY-MM-DD.
    """

    delimiter: str | None = None
    encoding: str | None = None
    skip_rows: int = Field(default=0, ge=0)
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None

    @field_validator("delimiter")
    @classmethod
    def _separates_cells(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value in '"\r\n\0' or value.isalnum()):
            raise ValueError(f'{value!r} is not a valid delimiter, which is one character such as ";" or "\\t"')
        return value

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                "".encode(value)
                codecs.getincrementaldecoder(value)
            except LookupError as error:
                raise ValueError(f"{value!r} is not an encoding, for example windows-1252 or utf-16") from error
        return value

    @field_validator("decimal")
    @classmethod
    def _is_decimal_sign(cls, value: str | None) -> str | None:
        if value not in (None, ".", ","):
            raise ValueError(f'{value!r} is neither "." nor ","')
        return value

    @field_validator("thousands")
    @classmethod
    def _groups_digits(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value.isalnum() or value in "+-"):
            raise ValueError(
                f'{value!r} is not a valid thousands separator, which is one character such as "." or "\'"'
            )
        return value

    @field_validator("date_format")
    @classmethod
    def _has_year_month_and_day(cls, value: str | None) -> str | None:
        if value is not None:
            date_pattern(value)
        return value

    @model_validator(mode="after")
    def _tells_decimals_from_thousands(self) -> FileSettings:
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(f"thousands and decimal must differ, but both are {self.thousands!r}")
        return self


def date_pattern(date_format: str) -> tuple[str, list[str]]:
    """Return the regular expression of a date format, and the date parts of its groups.

    Raises:
        ValueError: the format lacks year, month or day.
    """
    tokens = DATE_PARTS.findall(date_format)
    parts = [token for token in tokens if token in PATTERNS]
    is_complete = "".join(tokens) == date_format and sorted(part[0] for part in parts) == ["D", "M", "Y"]
    is_separate = all(
        not {first, second} & {"M", "D"} or not {first, second} <= PATTERNS.keys()
        for first, second in itertools.pairwise(tokens)
    )
    if not is_complete or not is_separate or any(token.isalnum() for token in tokens if token not in PATTERNS):
        raise ValueError(
            f"{date_format!r} must have YYYY, MM (or M) and DD (or D) once each, with separators, "
            "for example DD/MM/YYYY"
        )
    return "".join(f"({PATTERNS[token]})" if token in PATTERNS else re.escape(token) for token in tokens), parts
