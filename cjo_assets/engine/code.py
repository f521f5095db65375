"""Which code this is: one version for all of it. That of a single table is in `code_versions.py`."""

import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@functools.cache
def code_version() -> str:
    """Return the first digits of a hash over the package's Python files: another, where any line of it is another."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
