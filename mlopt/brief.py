"""What a study is about, for searches that read what others compute."""

from __future__ import annotations

from .core.fingerprint import fingerprint
from .protocols import Backend, Brief, ExplainedBackend, Roofline, StudyInfo, Workload
from .result import describe_workload

HARDWARE = ("cpu", "machine", "cores", "caches", "memory_bytes")
"""Of the fingerprint, what is no software."""


def brief(info: StudyInfo, workload: Workload, backend: Backend, roofline: Roofline | None) -> Brief:
    """What an expert would ask; `roofline` as far as it is known."""
    return Brief(
        workload=describe_workload(info, workload),
        program=backend.explain(workload) if isinstance(backend, ExplainedBackend) else "",
        machine={key: value for key, value in fingerprint().items() if key in HARDWARE},
        threads=backend.thread_count,
        flops=workload.flops,
        bytes=workload.bytes,
        roofline=roofline,
    )
