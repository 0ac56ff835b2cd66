"""What the kernel says of a process: the CPU it used and the memory it has."""

import os
import pathlib


def family(pid):
    """A process and its children's children."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [p for child in children for p in family(int(child))]


def _ticks(stat, ended=False):
    """In user and kernel mode; with those of children that have ended, if asked for."""
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15 if ended else 13]))


def cpu(pid):
    """Seconds of CPU of all its threads and children, those that ended included."""
    ticks = sum(_ticks(pathlib.Path(f"/proc/{p}/stat"), ended=True) for p in family(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_beside(pid, name):
    """The same of its threads with other names than this: what does not serve traffic."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    others = [t for t in tasks if not (t / "comm").read_text().startswith(name)]
    return sum(_ticks(task / "stat") for task in others) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Bytes that are in memory for it and for nobody else."""
    total = 0
    for process in family(pid):
        for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total
