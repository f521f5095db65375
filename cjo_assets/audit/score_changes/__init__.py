"""Why a score changed between two days."""
