"""One process that feeds one reader: by atheris, guided by coverage, or by chance without it.

Usage: python -m harden.feeding READER STATE FINDINGS CPU_SECONDS SEED
"""

import gc
import hashlib
import json
import os
import random
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST = 200_000
"""Bytes of a damaged file."""
WORDS = (
    b"0", b"-1", b"1e308", b"nan", b"inf", b"4294967296", b"9" * 40, b"[", b"{", b'"', b",", b"\n",
    b"\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80", b"null", b"\t", b"\r", b"\x1a",
)  # fmt: skip
"""What readers stumble over."""


class Feeder:
    """Gives bytes to a reader as its file, and keeps those that it does not take."""

    def __init__(self, reader: Any, state: Path, findings: Path, cpu_s: float, engine: str) -> None:
        self._reader, self._state, self._findings = reader, state, findings
        self._cpu_s, self._engine = cpu_s, engine
        self._runs = 0
        self._begun_s = 0.0
        self._whole = state / "whole"
        self._input = state / "input"
        shutil.rmtree(self._whole, ignore_errors=True)
        self._whole.mkdir(parents=True)
        reader.write(self._whole)
        self.seed = (self._whole / reader.file).read_bytes()
        self._mirror()

    def _mirror(self) -> None:
        shutil.rmtree(self._input, ignore_errors=True)
        shutil.copytree(self._whole, self._input)

    def feed(self, data: bytes) -> None:
        """Read one damaged file; ends the process when the time is over."""
        from harden.limits import TooSlow, limited_time
        from overpose.support.errors import InputError

        (self._input / self._reader.file).write_bytes(data)
        try:
            with limited_time():
                self._reader.read(self._input)
        except InputError:
            pass
        except TooSlow as error:
            self._keep("slow", data, error)
        except MemoryError as error:
            self._keep("memory", data, error)
        except Exception as error:
            self._keep("other", data, error)
        self._runs += 1
        if self._runs % 10 == 0:
            gc.collect()  # PyAV's frames wait for it, with the threads of their decoder
        if "data/" in self._reader.file:
            self._mirror()
        if self._runs == 1:  # what was undamaged has loaded everything
            self._begun_s = time.process_time()
        over = time.process_time() - self._begun_s > self._cpu_s
        if over or self._runs % 50 == 0:
            self._say(over)
        if over:
            os._exit(0)

    def _say(self, over: bool) -> None:
        state = {
            "cpu_s": time.process_time() - self._begun_s, "runs": self._runs,
            "engine": self._engine, "over": over,
        }  # fmt: skip
        temporary = self._state / "state.part"
        temporary.write_text(json.dumps(state))
        temporary.replace(self._state / "state.json")

    def _keep(self, kind: str, data: bytes, error: BaseException) -> None:
        """One file for each place in the code."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if "overpose" in frame.filename and "harden" not in Path(frame.filename).parts
        ]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        name = hashlib.sha256(f"{type(error).__name__} {where}".encode()).hexdigest()[:8]
        suffix = Path(self._reader.file).suffix
        path = self._findings / f"{kind}-{name}{suffix}"
        if not path.exists():
            self._findings.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            said = "".join(traceback.format_exception(error))
            path.with_suffix(f"{suffix}.txt").write_text(said[-4000:])


def mutations(seed: bytes, draw: random.Random) -> Iterator[bytes]:
    """Damaged files without end: bytes changed, cut, doubled, moved, and words put in."""
    pool = [seed]
    while True:
        data = bytearray(draw.choice(pool))
        for _ in range(draw.choice((1, 1, 2, 4, 16))):
            at = draw.randrange(len(data) + 1)
            length = draw.choice((1, 1, 2, 4, 8, 64, 1024))
            kind = draw.randrange(6)
            if kind == 0 and data:
                data[at % len(data)] = draw.randrange(256)
            elif kind == 1:
                del data[at : at + length]
            elif kind == 2:
                data[at:at] = data[at : at + length]
            elif kind == 3:
                data[at : at + draw.choice((0, length))] = draw.choice(WORDS)
            elif kind == 4:
                other = draw.randrange(len(data) + 1)
                data[at : at + length] = data[other : other + length]
            else:
                del data[at + 1 :]
        damaged = bytes(data[:LARGEST])
        if len(pool) < 50 and draw.random() < 0.02:
            pool.append(damaged)
        yield damaged


def main() -> None:
    """Feed until the time is over."""
    name, state, findings, cpu_s, number = sys.argv[1:]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    atheris: Any = None
    with suppress(ImportError):
        import atheris
    from harden.limits import limited_memory

    if atheris is None:
        from harden.readers import reader_named
    else:
        with atheris.instrument_imports(include=["overpose"]):
            from harden.readers import reader_named
    reader = reader_named(name)
    engine = "own" if atheris is None else f"atheris {atheris_version()}"
    feeder = Feeder(reader, Path(state), Path(findings), float(cpu_s), engine)
    if atheris is None:
        feeder.feed(feeder.seed)
        with limited_memory():
            for data in mutations(feeder.seed, random.Random(f"{name} {number}")):
                feeder.feed(data)
    with atheris.instrument_imports(include=["overpose"]):  # of what the reader imports itself
        feeder.feed(feeder.seed)
    corpus = Path(state) / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / "seed").write_bytes(feeder.seed)
    options = [f"-max_len={LARGEST}", f"-seed={int(number) + 1}", "-rss_limit_mb=0", "-timeout=600"]
    atheris.Setup(
        [sys.argv[0], str(corpus), *options, f"-artifact_prefix={state}/"],
        feeder.feed,
        internal_libfuzzer=True,
    )
    with limited_memory():
        atheris.Fuzz()


def atheris_version() -> str:
    """Of the package."""
    from importlib.metadata import version

    return version("atheris")


if __name__ == "__main__":
    main()
