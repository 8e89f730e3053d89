"""Limits of cgroups, read from folders laid out as the kernel lays them out."""

from pathlib import Path

import pytest

from metaopt.executors.cgroups import MemoryLimit, cpu_limit, memory_limit

GB = 10**9


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


def describe(proc: Path, cgroup: str, mountinfo: str) -> None:
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo.format(root=proc.parent))


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


V2 = "30 23 0:26 / {root}/sys rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_the_smallest_limit_of_nested_groups_holds(proc: Path, tmp_path: Path) -> None:
    describe(proc, "0::/pod/container\n", V2)
    write(tmp_path / "sys/pod/container", memory__max="max", memory__current=GB, cpu__max="max 100000")
    write(tmp_path / "sys/pod", memory__max=3 * GB, memory__current=2 * GB, cpu__max="150000 100000")
    write(tmp_path / "sys")  # the root has no such files
    assert memory_limit(proc) == MemoryLimit(total=3 * GB, free=GB)
    assert cpu_limit(proc) == 1.5


def test_page_cache_counts_as_free(proc: Path, tmp_path: Path) -> None:
    describe(proc, "0::/\n", V2)
    write(tmp_path / "sys", memory__max=4 * GB, memory__current=4 * GB)
    stat = f"anon {GB}\nfile {3 * GB}\ninactive_file {2 * GB}\nactive_file {GB}\nshmem 0\nslab_reclaimable 0"
    write(tmp_path / "sys", memory__stat=stat)
    assert memory_limit(proc) == MemoryLimit(total=4 * GB, free=3 * GB)


def test_memory_high_limits_before_memory_max(proc: Path, tmp_path: Path) -> None:
    describe(proc, "0::/\n", V2)
    write(tmp_path / "sys", memory__max=4 * GB, memory__high=2 * GB, memory__current=3 * GB)
    assert memory_limit(proc) == MemoryLimit(total=2 * GB, free=0)


V1 = (
    "31 23 0:27 / {root}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:28 / {root}/memory rw,relatime - cgroup cgroup rw,memory\n"
)


def test_version_1_has_a_hierarchy_for_each_controller(proc: Path, tmp_path: Path) -> None:
    describe(proc, "4:memory:/job/step\n3:cpu,cpuacct:/job\n0::/\n", V1)
    write(tmp_path / "memory/job/step", memory__limit_in_bytes=3_200_000_000, memory__usage_in_bytes=2 * GB)
    write(tmp_path / "memory/job/step", memory__stat=f"total_inactive_file {GB}\ntotal_active_file 0")
    write(tmp_path / "memory/job", memory__limit_in_bytes=9223372036854771712, memory__usage_in_bytes=5 * GB)
    write(tmp_path / "cpu/job", cpu__cfs_quota_us=50_000, cpu__cfs_period_us=100_000)
    write(tmp_path / "cpu", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100_000)
    assert memory_limit(proc) == MemoryLimit(total=3_200_000_000, free=2_200_000_000)
    assert cpu_limit(proc) == 0.5


def test_a_container_sees_its_own_group_as_the_root(proc: Path, tmp_path: Path) -> None:
    """Docker without a cgroup namespace: the path is that of the host, the mount shows the container's part."""
    describe(
        proc,
        "4:memory:/docker/1f2e\n",
        "32 23 0:28 /docker/1f2e {root}/memory ro,relatime - cgroup cgroup rw,memory\n",
    )
    write(tmp_path / "memory", memory__limit_in_bytes=GB, memory__usage_in_bytes=0)
    assert memory_limit(proc) == MemoryLimit(GB, GB)
    describe(proc, "0::/../../outside\n", V2)
    write(tmp_path / "sys", memory__max=2 * GB, memory__current=GB)
    assert memory_limit(proc) == MemoryLimit(2 * GB, GB)


@pytest.mark.parametrize(
    ("cgroup", "mountinfo"),
    [("", ""), ("0::/gone\n", V2), ("nonsense", "nonsense - cgroup2"), ("0::/\n", "1 2 3 - cgroup2 x rw\n")],
)
def test_what_cannot_be_read_is_no_limit(proc: Path, cgroup: str, mountinfo: str) -> None:
    describe(proc, cgroup, mountinfo)
    assert memory_limit(proc) is None
    assert cpu_limit(proc) is None
    assert memory_limit(proc / "absent") is None
