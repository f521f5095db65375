"""Messages of failed steps."""

import dagster as dg


def failure_text(entry: dg.EventLogEntry) -> str:
    """Return the message of a failed step: its name and its error."""
    event = entry.dagster_event
    failure = event.step_failure_data if event else None
    if failure is None:
        return entry.user_message
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{entry.step_key}: {error.message.strip() if error else 'no error was recorded'}"
