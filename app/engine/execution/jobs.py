"""One list of everything that waits, runs or has ended (E-560 to E-564)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.engine.execution.history import History
from app.engine.execution.queue import PromptQueue, QueueItem

Job = dict[str, Any]

STATUSES: Final = ("pending", "in_progress", "completed", "failed")
_PREVIEW_MEDIA: Final = ("images", "video", "audio")
_PREVIEW_ENDINGS: Final = (".obj", ".fbx", ".gltf", ".glb")


def list_jobs(
    queue: PromptQueue,
    history: History,
    *,
    statuses: Iterable[str] | None = None,
    workflow_id: str | None = None,
    sort_by: str = "created_at",
    sort_order: str = "desc",
    limit: int | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """Return jobs and how many there are in all (E-563).

    Args:
        queue: What waits and runs.
        history: What has ended.
        statuses: Only these; words of :data:`STATUSES` in any case.
        workflow_id: Only jobs of this workflow.
        sort_by: ``"created_at"`` or ``"execution_duration"``. Jobs that are equal in it keep
            the order running, waiting, ended.
        sort_order: ``"asc"`` or ``"desc"``.
        limit: How many at most, above 0; None for all.
        offset: How many to leave out in front; a negative number counts as 0.

    Returns:
        ``{"jobs": [...], "pagination": {"offset", "limit", "total", "has_more"}}``.

    Raises:
        ValueError: An argument is none of these.
    """
    wanted = None if statuses is None else [word.strip().lower() for word in statuses]
    unknown = [word for word in wanted or () if word not in STATUSES]
    if unknown:
        raise ValueError(
            f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(STATUSES)}"
        )
    if sort_by not in ("created_at", "execution_duration"):
        raise ValueError("sort_by must be 'created_at' or 'execution_duration'")
    if sort_order not in ("asc", "desc"):
        raise ValueError("sort_order must be 'asc' or 'desc'")
    if limit is not None and limit < 1:
        raise ValueError("limit must be a positive integer")
    jobs = [
        job
        for job in _all_jobs(queue, history)
        if (wanted is None or job["status"] in wanted)
        and (workflow_id is None or job.get("workflow_id") == workflow_id)
    ]
    key = _created if sort_by == "created_at" else _duration
    jobs.sort(key=key, reverse=sort_order == "desc")
    start = max(offset, 0)
    page = jobs[start:] if limit is None else jobs[start : start + limit]
    return {
        "jobs": page,
        "pagination": {
            "offset": start,
            "limit": limit,
            "total": len(jobs),
            "has_more": start + len(page) < len(jobs),
        },
    }


def get_job(queue: PromptQueue, history: History, job_id: str) -> Job | None:
    """Return one job in full (E-564), or None when nothing has that id."""
    for item in queue.snapshot():
        if item.prompt_id == job_id:
            return _waiting_job(item, item is queue.running)
    entry = history.get(job_id).get(job_id)
    if entry is None:
        return None
    _, _, prompt, extra_data, _ = entry["prompt"]
    return {
        **_ended_job(job_id, entry),
        "outputs": entry["outputs"],
        "execution_status": entry["status"],
        "workflow": {"prompt": prompt, "extra_data": extra_data},
    }


def _all_jobs(queue: PromptQueue, history: History) -> list[Job]:
    running = queue.running
    jobs = [_waiting_job(item, item is running) for item in queue.snapshot()]
    ended = history.get()
    # Between two looks a prompt may have ended; it must not be there twice.
    jobs = [job for job in jobs if job["id"] not in ended]
    return [*jobs, *(_ended_job(job_id, entry) for job_id, entry in ended.items())]


def _waiting_job(item: QueueItem, is_running: bool) -> Job:
    return _without_nulls(
        id=item.prompt_id,
        status="in_progress" if is_running else "pending",
        priority=item.number,
        create_time=item.extra_data.get("create_time"),
        outputs_count=0,
        workflow_id=_workflow_id(item.extra_data),
    )


def _ended_job(job_id: str, entry: Mapping[str, Any]) -> Job:
    number, _, _, extra_data, _ = entry["prompt"]
    messages: dict[str, Any] = dict(entry["status"]["messages"])
    final: dict[str, Any] = next(
        (
            messages[f"execution_{kind}"]
            for kind in ("success", "error", "interrupted")
            if f"execution_{kind}" in messages
        ),
        {},
    )
    count, preview = _outputs(entry["outputs"])
    return _without_nulls(
        id=job_id,
        status="completed" if entry["status"]["status_str"] == "success" else "failed",
        priority=number,
        create_time=extra_data.get("create_time"),
        execution_start_time=messages.get("execution_start", {}).get("timestamp"),
        execution_end_time=final.get("timestamp"),
        execution_error=messages.get("execution_error"),
        outputs_count=count,
        preview_output=preview,
        workflow_id=_workflow_id(extra_data),
    )


def _without_nulls(**fields: Any) -> Job:
    return {name: value for name, value in fields.items() if value is not None}


def _workflow_id(extra_data: Mapping[str, Any]) -> str | None:
    info = extra_data.get("extra_pnginfo")
    workflow = info.get("workflow") if isinstance(info, Mapping) else None
    found = workflow.get("id") if isinstance(workflow, Mapping) else None
    return None if found is None else str(found)


def _outputs(outputs: Mapping[str, Mapping[str, Any]]) -> tuple[int, dict[str, Any] | None]:
    """Return how many items nodes have shown, and the one to show for them all (E-562)."""
    count = 0
    chosen: dict[str, Any] | None = None
    for node_id, ui in outputs.items():
        for media, items in ui.items():
            if media == "animated" or not isinstance(items, list):
                continue
            for item in items:
                if not isinstance(item, Mapping):
                    continue
                count += 1
                is_result = item.get("type") == "output"
                if _is_previewable(media, item) and (
                    chosen is None or (is_result and chosen.get("type") != "output")
                ):
                    chosen = {**item, "nodeId": node_id, "mediaType": media}
    return count, chosen


def _is_previewable(media: str, item: Mapping[str, Any]) -> bool:
    if media in _PREVIEW_MEDIA:
        return True
    kind = item.get("format")
    if isinstance(kind, str) and kind.startswith(("video/", "audio/")):
        return True
    return str(item.get("filename", "")).lower().endswith(_PREVIEW_ENDINGS)


def _created(job: Job) -> float:
    return float(job.get("create_time") or 0)


def _duration(job: Job) -> float:
    start, end = job.get("execution_start_time"), job.get("execution_end_time")
    return 0.0 if start is None or end is None else float(end - start)
