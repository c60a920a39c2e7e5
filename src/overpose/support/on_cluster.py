"""Units of work on a Ray cluster: the same bytes as here, whoever does them and how often.

A unit goes there as bytes, and its files come back as bytes with their hashes: this process writes
them. So machines need no common disk; of those that have one, what they see is not sent. What is in
object storage is read and written by this process alone: the others need no credentials. Workers
that are killed, and machines that go away, have their units done again. Needs the extra `ray`.
"""

import hashlib
import io
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from overpose.support.cluster import TRIES, Cluster
from overpose.support.connecting import connected, require_alive, wait_for_a_cpu
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.object_storage import RemotePath, path_of
from overpose.support.progress import say
from overpose.support.remote import Answer, Sent, Task, do_task, files_of, mark_of, path_there
from overpose.support.version import VERSION

AHEAD = 2
"""Units waiting for each CPU."""
LOOK_S = 5.0
"""How often to look whether the cluster is still there, while no unit is done."""
MOST_SENT = 1 << 30
"""Bytes of a file that is sent; larger ones have to be where every machine sees them."""


def do_on_cluster(
    units: Iterable[Any],
    make_work: Callable[[Any], Callable[[Any, Path, Callable[[], None]], Any]],
    argument: Any,
    out: Path,
    cluster: Cluster,
    environment: Mapping[str, str],
    *,
    shared: Sequence[Path],
    reads: Callable[[Any], Sequence[Path]],
    unread: Callable[[Any, InputError], Any] | None = None,
) -> Iterator[Any]:
    """`workers.do_units` on a cluster.

    Args:
        units, make_work, argument, out: as there.
        cluster: where.
        environment: variables of the workers.
        shared: the files and directories that the argument names. Where a worker does not see one,
            it is sent.
        reads: those that a unit names.
        unread: result of a unit whose own files can be neither seen by a worker nor sent to it;
            None: that is raised.

    Raises:
        InputError: the cluster cannot be reached, is of other versions, has no free CPU, or lost
            workers too often; or whatever the work raises.
    """
    begun, done = time.monotonic(), 0
    with connected(cluster, environment) as ray:
        run = ray.remote(num_cpus=1, max_retries=TRIES)(do_task)
        wait_for_a_cpu(ray, cluster)
        given = _pickled(argument, shared)
        held = [ray.put(given)]
        common = Task(
            VERSION, hashlib.sha256(given).hexdigest(), make_work, b"", tuple(map(_name, shared))
        )
        cpus = int(ray.cluster_resources().get("CPU", 1))
        waiting, left = iter(units), True
        pending: dict[Any, tuple[Any, Task]] = {}
        while pending or left:
            while left and len(pending) < AHEAD * cpus:
                try:
                    unit = next(waiting)
                except StopIteration:
                    left = False
                    break
                if unit is None:
                    break
                task = replace(common, unit=_pickled(unit, reads(unit)))
                pending[run.remote(task, held)] = unit, task
            if not pending:
                continue
            ready, _ = ray.wait(list(pending), num_returns=1, timeout=LOOK_S)
            if not ready:
                require_alive(cluster)
                continue
            unit, task = pending.pop(ready[0])
            answer = _answer(ray, ready[0])
            if answer.unseen:
                try:
                    sent = {path: ray.put(_sent(path_of(path))) for path in answer.unseen}
                except InputError as error:
                    if unread is None or set(task.shared) & set(answer.unseen):
                        raise
                    done += 1
                    yield unread(unit, error)
                    continue
                task = replace(task, sent=sent)
                pending[run.remote(task, held)] = unit, task
                continue
            for line in answer.said:
                say(line)
            write_answer(answer, out)
            done += 1
            yield answer.result
        machines = sum(bool(node["Alive"]) for node in ray.nodes())
    seconds = time.monotonic() - begun
    where = "1 machine" if machines == 1 else f"{machines} machines"
    say(f"ray: {done} units by {cpus} workers on {where} in {seconds:.1f} s")


def _answer(ray: Any, reference: Any) -> Answer:
    try:
        answer = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    except ray.exceptions.RayError as error:
        raise InputError(
            f"ray: a unit of work was lost {TRIES} times, or the cluster is gone "
            f"({type(error).__name__}; out of memory?); what is finished is kept: run again to go "
            "on"
        ) from None
    if isinstance(answer, str):
        raise InputError(f"ray: {answer}")
    if isinstance(answer, Exception):
        raise answer
    return answer


def write_answer(answer: Answer, out: Path) -> None:
    """Every file whole or not at all, if it is what the worker wrote.

    Raises:
        InputError: it is not.
    """
    for name, digest, content in answer.files:
        if Path(name).name != name or hashlib.sha256(content).hexdigest() != digest:
            raise InputError(f"ray: {name} came back damaged; run again to go on")
        with writing_file(out / name) as temporary:
            temporary.write_bytes(content)


def _sent(path: Path) -> Sent:
    """A file, or the files in a directory, to be sent.

    Raises:
        InputError: they are too large, or cannot be read.
    """
    try:
        files = files_of(path)
        size = sum(file.stat().st_size for file in files)
        if size <= MOST_SENT:
            return Sent(path.is_dir(), {file.name: file.read_bytes() for file in files})
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    raise InputError(
        f"{path}: got {size} bytes that a worker does not see, expected at most {MOST_SENT}; put "
        "it where every machine sees it under this name"
    )


def _pickled(value: Any, paths: Sequence[Path]) -> bytes:
    """A value in which these paths become what a worker knows them by; see `remote.path_there`."""

    class Pickler(pickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, Path) and obj in paths:
                seen = None if isinstance(obj, RemotePath) else mark_of(obj)
                return path_there, (_name(obj), str(obj.resolve()), seen)
            return NotImplemented

    file = io.BytesIO()
    Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def _name(path: Path) -> str:
    """What a path is called between here and there."""
    return str(path.absolute())
