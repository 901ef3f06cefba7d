"""Writes the API page of the models from `available_models()`."""

from pathlib import Path

from bioaug import available_models, get_model


def write(file: Path) -> None:
    """Write one section per registered model into `file`."""
    lines = ["Models", "======", ""]
    for name in available_models():
        model = get_model(name)
        lines += [f"``{name}``", "-" * (len(name) + 4), ""]
        lines += [f".. autoclass:: {model.__module__}.{model.__qualname__}", ""]
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines))
