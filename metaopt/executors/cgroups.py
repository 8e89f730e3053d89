"""Limits of Linux control groups (cgroups), by which containers and batch systems share a machine.

A process is in a path of nested groups, and each of them may set a limit; the smallest one holds. Version 1 has a
separate hierarchy for memory and for CPU time, version 2 has one for both; a machine may mount both versions.

Kernel documentation: admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/memory.rst.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Pages of files are freed before the kernel ends a process, so they count as free, as in MemAvailable of /proc/meminfo.
_RECLAIMABLE_V1 = ("total_inactive_file", "total_active_file")
_RECLAIMABLE_V2 = ("inactive_file", "active_file", "slab_reclaimable")
_UNLIMITED = 2**60  # bytes; version 1 writes the largest multiple of a page instead of "no limit"


@dataclass(frozen=True)
class MemoryLimit:
    """Smallest memory limits of the groups of this process.

    Attributes:
        total: bytes that the processes of a group may use.
        free: bytes that are left of the limit of any group.
    """

    total: int
    free: int


def memory_limit(proc: Path = Path("/proc/self")) -> MemoryLimit | None:
    """Return the memory limit of the groups of this process, or None if there is none.

    Args:
        proc: folder of the process with the files ``cgroup`` and ``mountinfo``.
    """
    limits = [found for folder in _folders(proc, "memory") if (found := _read_memory(folder)) is not None]
    if not limits:
        return None
    return MemoryLimit(min(one.total for one in limits), min(one.free for one in limits))


def cpu_limit(proc: Path = Path("/proc/self")) -> float | None:
    """Return the CPUs, e.g. 1.5, whose time the groups of this process may use, or None if there is no limit."""
    limits = [found for folder in _folders(proc, "cpu") if (found := _read_cpus(folder)) is not None]
    return min(limits, default=None)


def _folders(proc: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the groups of a process, from the innermost one to the root of each hierarchy."""
    groups = _read_groups(proc)
    for line in _lines(proc / "mountinfo"):
        fields, _, rest = line.partition(" - ")
        kind, _, *options = [*rest.split(), "", ""]
        if kind not in ("cgroup", "cgroup2") or len(fields.split()) < 5:
            continue
        if kind == "cgroup" and controller not in options[0].split(","):
            continue
        root, mount = (_unescape(field) for field in fields.split()[3:5])
        group = groups.get("" if kind == "cgroup2" else controller)
        if group is None:
            continue
        # In a container without a namespace of its own the path is that of the host, and the mount shows only the
        # container's part of it.
        path = PurePosixPath(group)
        inside = path.relative_to(root) if path.is_relative_to(root) and ".." not in path.parts else PurePosixPath()
        for depth in range(len(inside.parts), -1, -1):
            yield Path(mount, *inside.parts[:depth])


def _read_groups(proc: Path) -> dict[str, str]:
    """Return controller → path of the group; the hierarchy of version 2 has the name ""."""
    groups: dict[str, str] = {}
    for line in _lines(proc / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _read_memory(folder: Path) -> MemoryLimit | None:
    """Return the limit of one group, of either version."""
    totals = [_number(folder / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
    known = [total for total in totals if total is not None and total < _UNLIMITED]
    used = _number(folder / "memory.current")
    version_2 = used is not None
    if used is None:
        used = _number(folder / "memory.usage_in_bytes")
    if not known or used is None:
        return None
    statistics = dict(line.split(maxsplit=1) for line in _lines(folder / "memory.stat") if " " in line)
    names = _RECLAIMABLE_V2 if version_2 else _RECLAIMABLE_V1
    reclaimable = sum(int(statistics[name]) for name in names if statistics.get(name, "").isdecimal())
    return MemoryLimit(min(known), max(0, min(known) - max(0, used - reclaimable)))


def _read_cpus(folder: Path) -> float | None:
    """Return the quota of one group, of either version, in CPUs."""
    quota, period = [*next(_lines(folder / "cpu.max"), "").split(), "", ""][:2]
    if not quota:
        quota = next(_lines(folder / "cpu.cfs_quota_us"), "")
        period = next(_lines(folder / "cpu.cfs_period_us"), "")
    if not (quota.isdecimal() and period.isdecimal() and int(period)):  # "max" or −1 without a limit
        return None
    return int(quota) / int(period)


def _number(file: Path) -> int | None:
    text = next(_lines(file), "")
    return int(text) if text.isdecimal() else None


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file; none if it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from text.splitlines()


def _unescape(field: str) -> str:
    """Return a path of mountinfo, in which blanks and the like are octal."""
    return field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
