"""Finds out which labelled set a folder holds and reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qpt_app.errors import DatasetError
from qpt_train.data.mos_adapters import is_biq2021, is_plain_table, load_biq2021, load_plain_table
from qpt_train.data.mos_adapters_authentic import (
    is_bid,
    is_flive,
    is_koniq10k,
    is_live_challenge,
    is_spaq,
    load_bid,
    load_flive,
    load_koniq10k,
    load_live_challenge,
    load_spaq,
)
from qpt_train.data.mos_adapters_synthetic import (
    is_csiq,
    is_kadid10k,
    is_live,
    is_tid2013,
    load_csiq,
    load_kadid10k,
    load_live,
    load_tid2013,
)
from qpt_train.data.mos_records import MosItem, MosScale, MosSet, Part, refuse_official_test

__all__ = [
    "ADAPTERS",
    "Adapter",
    "MosItem",
    "MosScale",
    "MosSet",
    "Part",
    "load_mos_set",
    "refuse_official_test",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """How one layout is recognised and read."""

    title: str
    """The layout's name for people."""
    recognises: Callable[[Path], bool]
    """Whether a path has this layout; looks at names only."""
    load: Callable[[Path], MosSet]
    """Reads every part of the set."""


ADAPTERS = (
    Adapter(title="BIQ2021", recognises=is_biq2021, load=load_biq2021),
    Adapter(title="KonIQ-10k", recognises=is_koniq10k, load=load_koniq10k),
    Adapter(title="LIVE Challenge", recognises=is_live_challenge, load=load_live_challenge),
    Adapter(title="SPAQ", recognises=is_spaq, load=load_spaq),
    Adapter(title="BID", recognises=is_bid, load=load_bid),
    Adapter(title="FLIVE", recognises=is_flive, load=load_flive),
    Adapter(title="KADID-10k", recognises=is_kadid10k, load=load_kadid10k),
    Adapter(title="TID2013", recognises=is_tid2013, load=load_tid2013),
    Adapter(title="LIVE", recognises=is_live, load=load_live),
    Adapter(title="CSIQ", recognises=is_csiq, load=load_csiq),
    # Last: a folder of a known set may hold a table named scores.csv as well.
    Adapter(title="path,mos table", recognises=is_plain_table, load=load_plain_table),
)
"""Tried in this order; the first that recognises a path reads it."""


def load_mos_set(path: Path, *, part: Part = "train") -> MosSet:
    """Read the labelled set at `path`, without its official test photos unless asked for them.

    Args:
        path: a folder of a known layout, or a `path,mos` table.
        part: `train` (everything but the official test photos; all photos of a set that has no
            official split), `test` (those alone, for a final number) or `all`.

    Raises:
        DatasetError: if the layout is not known, a file is missing or a value cannot be used.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"there is no labelled set at {path}")
    for adapter in ADAPTERS:
        if adapter.recognises(path):
            return adapter.load(path).only(part)
    known = ", ".join(adapter.title for adapter in ADAPTERS)
    raise DatasetError(f"{path} has none of the known layouts ({known})")
