"""Failures of steps: how a step reports them, and their messages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

# Metadata of a failure: the message of each table or file that failed in the step.
FAILURES = "failures"


def failure_of(errors: Sequence[Exception]) -> dg.Failure:
    """Return the failure of a step in which tables or files failed; it is not tried again."""
    texts = [str(error) for error in errors]
    return dg.Failure("\n".join(texts), metadata={FAILURES: dg.MetadataValue.json(texts)}, allow_retries=False)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name the table or file in every error of the block, because a step computes several."""
    try:
        yield
    except Exception as error:
        error.add_note(f"This happened in {name}.")
        raise


def failure_texts(entry: dg.EventLogEntry) -> list[str]:
    """Return the messages of a failed step: one for each table or file that failed, else its name and its error."""
    event = entry.dagster_event
    failure = event.step_failure_data if event else None
    if failure is None:
        return [entry.user_message]
    stated = failure.user_failure_data
    texts = stated.metadata.get(FAILURES) if stated is not None else None
    if isinstance(texts, dg.JsonMetadataValue) and isinstance(texts.data, list):
        return [str(text) for text in texts.data]
    if stated is not None and stated.description:
        return [stated.description]
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return [f"{entry.step_key}: {error.message.strip() if error else 'no error was recorded'}"]
