"""Writes the API pages from the public names: a new one has its entry by being there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import public_api

import bioaug
from bioaug import available_models, get_model

TITLES = {
    "bioaug.oversampling": "Growing rare classes",
    "bioaug.synthesis": "Training one generator",
    "bioaug.comparison": "Does it help?",
    "bioaug.statistics": "Statistics of a comparison",
    "bioaug.metrics": "Scores of synthetic signals",
    "bioaug.torch_datasets": "Data sets of torch",
    "bioaug.datasets": "Recordings and simulated signals",
    "bioaug.files": "Files of labelled signals",
    "bioaug.plots": "Pictures",
    "bioaug.models": "Models",
    "bioaug.models.base": "Writing a model",
    "bioaug.training": "Training",
    "bioaug.leakage": "Leaks",
    "bioaug.exceptions": "Errors and warnings",
}


def write(folder: Path) -> None:
    """Write one page per public module into `folder`, and remove pages of earlier names."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        old.unlink()
    found = [entry for entry in public_api.entries() if isinstance(entry, public_api.Entry)]
    for module, title in TITLES.items():
        entries = [e for e in found if e.path.rpartition(".")[0] == module]
        text = heading(title, "=") + f"Names of ``{module}``"
        text += "; those of ``bioaug`` itself are shown as such.\n\n"
        text += "".join(directive(entry) for entry in entries)
        if module == "bioaug.models":
            text += "".join(map(model_section, available_models()))
        (folder / f"{module}.rst").write_text(text)


def heading(text: str, line: str) -> str:
    """Return a title with its underline."""
    return f"{text}\n{line * len(text)}\n\n"


def directive(entry: public_api.Entry) -> str:
    """Return the directive that takes up the docstring of a public name."""
    name = entry.path.rpartition(".")[2]
    path = f"bioaug.{name}" if name in bioaug.__all__ else entry.path
    if not isinstance(entry.value, type):
        return f".. auto{'function' if callable(entry.value) else 'data'}:: {path}\n\n"
    if issubclass(entry.value, BaseException):
        return f".. autoexception:: {path}\n\n"
    members = [member.path.rpartition(".")[2] for member in public_api.members(entry)]
    listed = f"   :members: {', '.join(members)}\n" if members else ""
    return f".. autoclass:: {path}\n{listed}\n"


def model_section(name: str) -> str:
    """Return the section of a registered model."""
    model = get_model(name)
    path = f"{model.__module__}.{model.__qualname__}"
    return heading(f"``{name}``", "-") + f".. autoclass:: {path}\n\n"
