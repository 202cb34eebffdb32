"""The decode processes for what is on screen. No Qt: they start while Qt is being imported."""

from pathlib import Path

from qpt_app.core.decode import DecodeLimits
from qpt_app.core.decode_pool import DecodePool, ImageJob
from qpt_app.photos.app_settings import AppSettings

VIEW_WORKERS = 2
"""Decode processes for what is on screen, beside those that scoring uses."""
FOCUS_LANE = "focus"
"""Lane of all that measures focus, for the paint and for the filter: one process at most works at
it, for up to 2 s a photo, so that another is left for the next picture."""


def start_view_pool(settings: AppSettings) -> DecodePool:
    """Return the pool, its processes on their way: the first thumbnails need not wait for them."""
    limits = DecodeLimits(byte_budget=settings.byte_budget_mb << 20)
    pool = DecodePool(workers=VIEW_WORKERS, limits=limits, timeout_s=settings.decode_timeout_s)
    for _ in range(VIEW_WORKERS):
        pool.submit(ImageJob(Path(), 1))
    return pool
