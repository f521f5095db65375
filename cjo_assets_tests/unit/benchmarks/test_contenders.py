"""Tests of the measurement of memory."""

import subprocess
import sys

import pytest

MEBIBYTE = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is inherited on Linux only")
def test_the_peak_of_a_process_is_its_own() -> None:
    """A child does not begin with the peak of its parent."""
    measure = "from benchmarks.contenders import peak_bytes; print(peak_bytes())"
    large = f"data = bytearray(700 * {MEBIBYTE}); import subprocess, sys; data[::4096] = bytes(len(data[::4096])); "
    start = f"print(subprocess.run([sys.executable, '-c', {measure!r}], capture_output=True, text=True).stdout)"
    done = subprocess.run([sys.executable, "-c", large + start], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 600 * MEBIBYTE
