"""Settings of the documentation; `make docs` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import _api_pages

import bioaug

project = "bioaug"
author = "the bioaug developers"
copyright = "2026, the bioaug developers"
release = bioaug.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"bioaug {release}"
myst_heading_anchors = 2
numpydoc_show_class_members = False
autodoc_typehints = "none"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # Examples are shown, not run: the demo trains for minutes. `make demo` runs it.
    "plot_gallery": False,
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
}

_api_pages.write(Path(__file__).parent / "generated")
