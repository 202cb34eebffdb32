"""Features of a benchmark's photos, kept in a file so that they are made once per model."""

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from qpt_app.core.atomic_write import atomic_write
from qpt_app.errors import DatasetError
from qpt_train.data.mos_records import MosItem
from qpt_train.out_folder import make_folder
from qpt_train.photo_scores import PhotoScores, score_paths
from qpt_train.subjects import Subject

_log = logging.getLogger(__name__)


def photo_features(
    subject: Subject,
    items: Sequence[MosItem],
    *,
    cache_folder: Path,
    workers: int = 2,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> PhotoScores:
    """Return raw scores and features of photos, from the cache where model and photos are equal.

    Args:
        subject: the model.
        items: the photos.
        cache_folder: where `features-XXXXXXXX.npz` is kept.
        workers: threads that decode ahead.
        on_photo: told how many photos were just scored.

    Raises:
        DatasetError: if a photo has no pixels or a feature is not finite.
        StorageError: if the cache cannot be written.
    """
    path = cache_folder / f"features-{_key(subject, items)[:16]}.npz"
    found = _read(path, len(items))
    if found is None:
        found = score_paths(
            subject.scorer, [item.path for item in items], workers=workers, on_photo=on_photo
        )
        make_folder(cache_folder)
        stream = io.BytesIO()
        np.savez_compressed(stream, **found._asdict())
        atomic_write(path, stream.getvalue())
    if not (np.isfinite(found.features).all() and np.isfinite(found.raw_scores).all()):
        raise DatasetError(f"{subject.label} gives features or scores that are not finite")
    return found


def _key(subject: Subject, items: Sequence[MosItem]) -> str:
    """Return a digest of the weights, the preprocessing and the photos."""
    digest = hashlib.sha256(subject.digest.encode())
    digest.update(repr(sorted(subject.scorer.identity.preprocess.to_dict().items())).encode())
    for item in items:
        stat = item.path.stat()
        digest.update(f"{item.path}\t{stat.st_size}\t{stat.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def _read(path: Path, count: int) -> PhotoScores | None:
    """Return the cached features; None if there are none that can be used."""
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            found = PhotoScores(**{name: stored[name] for name in PhotoScores._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("the features in %s cannot be used and are made anew: %s", path, error)
        return None
    return found if len(found.features) == count else None
