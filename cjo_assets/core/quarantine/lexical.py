"""Conversion of text to typed values, without guessing.

A value must be written in one of the forms of its type; a cast alone makes 13 of '12.50' and true of 'yes'. A value
that its file has typed already is not parsed: its range is tested, with the same result and the same value as its text
would have.
"""

from datetime import date, datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cjo_assets.core.contract import Column

_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
_NUMBER_ITEM = r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?"
_TEXT_ITEM = r'"([^"\\]|\\.)*"'
_OFFSET = r"[+-](0\d|1[0-4])(:?[0-5]\d)?"
# ISO 8601 knows both marks and sets no limit; nanoseconds are what sources write at most.
_FRACTION = r"[.,]\d{1,9}"
_PRINTABLE = r"[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
_VISIBLE = r"[^\p{Cc}\p{Cf}\p{Z}]"

INTEGER = r"^[+-]?\d{1,18}(\.0+)?$"
NUMBER = rf"^{_NUMBER}$"
BOOLEAN = r"^(?i:true|false)$"
DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?(Z|z|[+-]00(:?00)?)?)?$"
INSTANT = rf"^\d{{4}}-\d{{2}}-\d{{2}}([T ]\d{{2}}:\d{{2}}(:\d{{2}}({_FRACTION})?)?(Z|z|{_OFFSET})?)?$"
TEXT = rf"^{_PRINTABLE}*{_VISIBLE}{_PRINTABLE}*$"
TEXT_LIST = rf"^\[\s*({_TEXT_ITEM}\s*(,\s*{_TEXT_ITEM}\s*)*)?\]$"
NUMBER_LIST = rf"^\[\s*({_NUMBER_ITEM}\s*(,\s*{_NUMBER_ITEM}\s*)*)?\]$"
# The longest whole number that a text may write is just below it.
INTEGER_LIMIT = 10**18
CONTROL_CHARACTER_IN_PROSE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]"


# Types of a file, as the engine names them, whose values are those of a contract's type, text or no text between them.
WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
TYPES_OF_FILES = {
    "Int64": WHOLE,
    "Float64": WHOLE | {"DOUBLE"},
    "Boolean": frozenset({"BOOLEAN"}),
    "Date": frozenset({"DATE"}),
    "Timestamp": frozenset({"TIMESTAMP"}),
}


def is_judged_by_type(spec: Column, kind: str) -> bool:
    """Return whether a file that types a column so has values of the contract's type, which need not become text."""
    return kind in TYPES_OF_FILES.get(type(spec.type).__name__, ())


def is_written_as(text: ir.Value, spec: Column) -> ir.BooleanValue:
    """Return whether a text is a way to write a value of the column's type; null stays null.

    Of a value that its file has typed: whether it is one that a text could write.
    """
    if not text.type().is_string():
        return _is_writable(text, spec)
    value = typed(text, spec)
    if spec.type.is_integer():
        return text.re_search(INTEGER)
    if spec.type.is_floating():
        return text.re_search(NUMBER) & value.notnull() & ~value.isinf()
    if spec.type.is_boolean():
        return text.re_search(BOOLEAN)
    if spec.type.is_date():
        return text.re_search(DATE) & (value >= date.min).fill_null(False)
    if spec.type.is_timestamp():
        return text.re_search(INSTANT) & value.between(datetime.min, datetime.max).fill_null(False)
    if spec.type.is_array():
        return _is_list(text, value)
    if spec.free_text or spec.free_object:
        is_prose = ~text.re_search(CONTROL_CHARACTER_IN_PROSE)
        return is_prose if spec.nullable else is_prose & text.re_search(_VISIBLE)
    return text.re_search(TEXT)


def typed(text: ir.Value, spec: Column) -> ir.Value:
    """Return the value of a text that is written as the column's type requires; otherwise null or anything."""
    if spec.free_object:
        return _as_json(text)
    if spec.type.is_string():
        return text
    if not text.type().is_string():
        return text.cast(spec.type)
    if spec.type.is_integer():
        return text.re_replace(r"\.0+$", "").try_cast("int64")
    if spec.type.is_date():
        return text.substr(0, 10).try_cast("date")
    if spec.type.is_timestamp():
        return _to_microseconds(text).try_cast("timestamp('UTC')").cast(dt.Timestamp(scale=6))
    if spec.type.is_array():
        return text.try_cast("json").try_cast(spec.type)
    return text.lower().try_cast(spec.type)


def loses_digits(text: ir.StringValue) -> ir.BooleanValue:
    """Return whether an instant is written to less than a microsecond, so that digits other than 0 are cut off."""
    return text.re_search(r"[.,]\d{6}0*[1-9]")


def typed_or_null(text: ir.Value, spec: Column) -> ir.Value:
    """Return the value of a text that is written as the column's type requires; otherwise null."""
    return is_written_as(text, spec).ifelse(typed(text, spec), ibis.null(spec.type))


def type_in_words(spec: Column) -> str:
    """Name the type as the reason of a rejection would."""
    if spec.type.is_array():
        return "a list of texts" if spec.type.value_type.is_string() else "a list of numbers"
    names = {
        "Int64": "a whole number",
        "Float64": "a number",
        "Boolean": "true or false",
        "Date": "a date (YYYY-MM-DD)",
        "Timestamp": "an instant (ISO 8601)",
        "String": "a printable text",
    }
    return names[type(spec.type).__name__]


def _is_writable(value: ir.Value, spec: Column) -> ir.BooleanValue:
    if spec.type.is_integer():
        return value.between(1 - INTEGER_LIMIT, INTEGER_LIMIT - 1)
    if spec.type.is_date():
        return value.between(date.min, date.max)
    if spec.type.is_timestamp():
        return value.between(datetime.min, datetime.max)
    if value.type().is_floating():
        return ~(value.isnan() | value.isinf())
    return value.isnull().ifelse(ibis.null("boolean"), True)


def _as_json(text: ir.StringValue) -> ir.StringValue:
    """Return JSON as every format would write it; a text that is none becomes a text of JSON."""
    return _json_valid(text).ifelse(_json(text), _to_json(text)).cast("string")


@ibis.udf.scalar.builtin(name="json_valid", signature=((dt.string,), dt.boolean))  # type: ignore[untyped-decorator]
def _json_valid(text: ir.StringValue) -> ir.BooleanValue:
    """Return whether a text is JSON."""


@ibis.udf.scalar.builtin(name="json", signature=((dt.string,), dt.json))  # type: ignore[untyped-decorator]
def _json(text: ir.StringValue) -> ir.JSONValue:
    """Return a text that is JSON without needless spaces."""


@ibis.udf.scalar.builtin(name="to_json", signature=((dt.string,), dt.json))  # type: ignore[untyped-decorator]
def _to_json(text: ir.StringValue) -> ir.JSONValue:
    """Return any text as a text of JSON."""


def _to_microseconds(text: ir.StringValue) -> ir.StringValue:
    """Return an instant with a point before its fraction, and the fraction with six digits at most."""
    seconds, fraction, offset = (text.re_extract(r"^([^.,]*)[.,](\d{1,6})\d*(.*)$", part) for part in (1, 2, 3))
    return text.re_search(r",|[.]\d{7}").ifelse(seconds.concat(".", fraction, offset), text)


def _is_list(text: ir.StringValue, items: ir.ArrayValue) -> ir.BooleanValue:
    """Return whether a text is a JSON array whose items would be valid as values of their own."""
    if items.type().value_type.is_string():
        pattern, unfit = TEXT_LIST, items.filter(lambda item: ~item.re_search(TEXT))
    else:
        pattern, unfit = NUMBER_LIST, items.filter(lambda item: item.isinf())
    return text.re_search(pattern) & (unfit.length() == 0).fill_null(False)
