"""A cluster on paper: units of work, workers that fail, and the one driver, event by event.

Knows seconds alone: what a unit is, and where its seconds come from, belongs to others.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

AHEAD = 2
"""Units handed out for each worker and not yet taken back, as `support.on_cluster` does it."""


@dataclass(frozen=True)
class Machines:
    """Who does the units.

    Attributes:
        workers: each does one unit at a time.
        start_s: seconds from the command's beginning until the workers begin to start.
        ready_s: measured seconds that a worker takes to start; one is drawn for each.
        per_machine: workers on one machine: they fail together.
        hours_between_failures: of one machine, on average; none fails if infinite.
        return_s: seconds until a machine that failed is back; its workers start after that.
    """

    workers: int
    start_s: float = 0.0
    ready_s: Sequence[float] = (0.0,)
    per_machine: int = 1
    hours_between_failures: float = math.inf
    return_s: float = 0.0


@dataclass(frozen=True)
class Driver:
    """The process that hands units out and takes their results, one after the other.

    Attributes:
        hand_s: seconds of its work to hand a unit out.
        take_s: to take its results: hash them, write them, note them.
        link_s: that they take on the way to it, meanwhile nothing else comes.
        growth_s: by how much `take_s` is more for each unit that was taken before.
    """

    hand_s: float = 0.0
    take_s: float = 0.0
    link_s: float = 0.0
    growth_s: float = 0.0


@dataclass
class Outcome:
    """How it went.

    Attributes:
        total_s: until the last unit is taken.
        done: units.
        work_s: seconds of workers in units that were finished.
        lost_s: in units that were not.
        losses: how often a unit was lost.
        driver_s: seconds that the driver was at work.
        link_s: that its link was.
        drained_s: when the last unit was begun: from then on workers idle.
        workers_s: seconds of work, lost units with it, shared out evenly among the workers.
    """

    total_s: float = 0.0
    done: int = 0
    work_s: float = 0.0
    lost_s: float = 0.0
    losses: int = 0
    driver_s: float = 0.0
    link_s: float = 0.0
    drained_s: float = 0.0
    workers_s: float = 0.0

    @property
    def bound_by(self) -> str:
        """What takes the longest: `workers`, `driver` or `link`; or `ends`, where starting and the
        last units take longer than any of them."""
        shares = {"driver": self.driver_s, "link": self.link_s, "workers": self.workers_s}
        longest = max(shares, key=lambda name: shares[name])
        return longest if shares[longest] >= self.total_s / 2 else "ends"


def simulate(
    seconds: Sequence[float] | np.ndarray,
    machines: Machines,
    driver: Driver = Driver(),
    *,
    kills: Sequence[float] = (),
    seed: int = 0,
) -> Outcome:
    """Do all units once.

    Args:
        seconds: of each unit, in the order in which they are handed out.
        machines, driver: see there.
        kills: when a worker that is at work, drawn at random, is killed; seconds from the
            beginning. It starts again, and its unit is done again.
        seed: of what is drawn.
    """
    if len(seconds) == 0:
        return Outcome()
    return _Run(np.asarray(seconds, float), machines, driver, kills, seed).outcome()


_HANDED, _FREE, _DONE, _LOST, _KILL = range(5)


@dataclass
class _Worker:
    unit: int = -1
    begun_s: float = 0.0
    turn: int = 0
    """Counts what it begins; an event of an earlier turn is of a unit that was lost since."""


@dataclass
class _Machine:
    draw: np.random.Generator
    between_s: float
    return_s: float
    fails_s: float = field(init=False)
    back_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.fails_s = self._next(0.0)

    def _next(self, since_s: float) -> float:
        return since_s + self.draw.exponential(self.between_s) if self.between_s else math.inf

    def up_s(self, now_s: float) -> float:
        """When it is there, from now on."""
        while now_s >= self.fails_s:
            self.back_s = self.fails_s + self.return_s
            self.fails_s = self._next(self.back_s)
        return max(now_s, self.back_s)


class _Run:
    def __init__(
        self, seconds: np.ndarray, machines: Machines, driver: Driver, kills: Sequence[float],
        seed: int,
    ) -> None:  # fmt: skip
        self.seconds, self.machines, self.driver = seconds, machines, driver
        self.draw = np.random.default_rng(seed)
        self.events: list[tuple[float, int, int, int, int]] = []
        self.order = 0
        self.waiting: deque[int] = deque()
        self.idle: deque[int] = deque()
        self.workers = [_Worker() for _ in range(machines.workers)]
        hours = machines.hours_between_failures
        between_s = 0.0 if math.isinf(hours) else 3600 * hours
        count = math.ceil(machines.workers / machines.per_machine)
        self.hosts = [_Machine(self.draw, between_s, machines.return_s) for _ in range(count)]
        self.handed = 0
        self.driver_free_s = machines.start_s
        self.link_free_s = 0.0
        self.found = Outcome()
        for time_s in kills:
            self.add(time_s, _KILL)
        for _ in range(min(len(seconds), AHEAD * machines.workers)):
            self.hand_out(machines.start_s)
        for number in range(machines.workers):
            self.add(machines.start_s + self.ready_s(), _FREE, number)

    def add(self, time_s: float, kind: int, number: int = 0, turn: int = 0) -> None:
        self.order += 1
        heapq.heappush(self.events, (time_s, self.order, kind, number, turn))

    def ready_s(self) -> float:
        return float(self.machines.ready_s[int(self.draw.integers(len(self.machines.ready_s)))])

    def hand_out(self, now_s: float) -> None:
        """The driver hands out the next unit, if there is one."""
        if self.handed < len(self.seconds):
            self.work_of_driver(now_s, self.driver.hand_s)
            self.add(self.driver_free_s, _HANDED, self.handed)
            self.handed += 1

    def work_of_driver(self, now_s: float, seconds: float) -> None:
        self.driver_free_s = max(self.driver_free_s, now_s) + seconds
        self.found.driver_s += seconds

    def outcome(self) -> Outcome:
        found = self.found
        while found.done < len(self.seconds):
            now_s, _, kind, number, turn = heapq.heappop(self.events)
            if kind == _HANDED:
                self.waiting.append(number)
            elif kind == _FREE:
                self.idle.append(number)
            elif kind == _KILL:
                self.kill(now_s)
            elif turn == self.workers[number].turn:
                self.end(now_s, number, done=kind == _DONE)
            while self.waiting and self.idle:
                self.begin(now_s, self.idle.popleft(), self.waiting.popleft())
        found.total_s = self.driver_free_s
        found.workers_s = (found.work_s + found.lost_s) / self.machines.workers
        return found

    def begin(self, now_s: float, number: int, unit: int) -> None:
        worker, host = self.workers[number], self.hosts[number // self.machines.per_machine]
        begun_s = host.up_s(now_s)
        if begun_s > now_s:  # it failed while it waited
            begun_s = host.up_s(begun_s + self.ready_s())
        worker.unit, worker.begun_s, worker.turn = unit, begun_s, worker.turn + 1
        self.found.drained_s = max(self.found.drained_s, begun_s)
        done_s = begun_s + self.seconds[unit]
        lost = done_s > host.fails_s
        self.add(host.fails_s if lost else done_s, _LOST if lost else _DONE, number, worker.turn)

    def end(self, now_s: float, number: int, *, done: bool) -> None:
        """The worker's unit is finished, or lost with its machine or itself."""
        worker, found = self.workers[number], self.found
        worker.turn += 1
        at_work_s, unit, worker.unit = now_s - worker.begun_s, worker.unit, -1
        if done:
            found.done += 1
            found.work_s += at_work_s
            self.add(now_s, _FREE, number)
            self.link_free_s = max(self.link_free_s, now_s) + self.driver.link_s
            found.link_s += self.driver.link_s
            take_s = self.driver.take_s + self.driver.growth_s * (found.done - 1)
            self.work_of_driver(self.link_free_s, take_s)
            self.hand_out(self.driver_free_s)
        else:
            found.lost_s += max(0.0, at_work_s)
            found.losses += 1
            self.waiting.appendleft(unit)
            up_s = self.hosts[number // self.machines.per_machine].up_s(now_s)
            self.add(up_s + self.ready_s(), _FREE, number)

    def kill(self, now_s: float) -> None:
        at_work = [i for i, each in enumerate(self.workers) if each.unit >= 0]
        if at_work:
            self.end(now_s, at_work[int(self.draw.integers(len(at_work)))], done=False)
