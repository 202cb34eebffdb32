"""The layout that packaging and the import rules rest on."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import qpt_app
from qpt_app.resources import assets_dir, models_dir, samples_dir

ROOT = Path(__file__).parent.parent


def test_packaging_folder_never_shadows_the_package_of_that_name():
    assert not (ROOT / "packaging" / "__init__.py").exists()
    code = "import packaging.version; print(packaging.version.Version('1.0'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "1.0", done.stderr


def test_package_inits_are_empty_but_for_docstring_and_version():
    for init in [*ROOT.glob("qpt_app/**/__init__.py"), *ROOT.glob("qpt_train/**/__init__.py")]:
        lines = [line for line in init.read_text().splitlines() if line.strip()]
        code = [line for line in lines if not line.startswith(('"""', "__version__"))]
        assert not code, f"{init} holds code: {code[0]}"


def test_version_is_stated_once():
    assert importlib.metadata.version("qpt") == qpt_app.__version__
    assert f"version: {qpt_app.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_assets_are_found():
    assert models_dir().is_dir()
    assert len(list(samples_dir().glob("*.jpg"))) == 12
    assert assets_dir().name == "assets"


def test_only_the_checkpoint_module_unpickles():
    for source in [*ROOT.glob("qpt_app/**/*.py"), *ROOT.glob("qpt_train/**/*.py")]:
        text = source.read_text()
        if source.name != "checkpoint.py":
            assert "torch.load(" not in text, source
        assert "import pickle" not in text or source.name == "checkpoint.py", source


def test_readme_holds_the_lines_that_are_promised():
    readme = (ROOT / "README.md").read_text()
    assert "python -m pip install . && qpt score assets/samples --sort\n" in readme
    assert 'python -m pip install -e ".[test]" && python -m pytest\n' in readme
