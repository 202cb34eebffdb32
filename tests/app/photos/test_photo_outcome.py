"""What is known of a photo, and of the decoders that said so."""

import importlib.metadata

import PIL
import pytest
import rawpy

from qpt_app.photos.photo_outcome import decoder_tag


@pytest.fixture(autouse=True)
def _asked_anew():
    """The answer is kept for a process; here the installation changes under it."""
    decoder_tag.cache_clear()
    yield
    decoder_tag.cache_clear()


def test_the_decoders_are_named_with_their_versions():
    """A photo that failed is tried again after an upgrade of what failed on it."""
    tag = decoder_tag()
    assert "JPEG" in tag
    assert f"pillow {PIL.__version__}" in tag
    assert f"rawpy {rawpy.__version__}" in tag
    assert "pi-heif" in tag


def test_another_version_of_a_decoder_is_another_tag(monkeypatch):
    before = decoder_tag()
    decoder_tag.cache_clear()
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "99.0" if name == "pi-heif" else real(name)
    )
    assert decoder_tag() != before
    assert "pi-heif 99.0" in decoder_tag()


def test_a_frozen_build_without_metadata_says_so(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert "pillow of unknown version" in decoder_tag()
