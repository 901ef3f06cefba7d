"""Models of a user's own beside those of bioaug."""

from __future__ import annotations

import pytest
from toys import Spread

from bioaug import available_models, get_model, register_model
from bioaug.exceptions import DataError
from bioaug.models.base import GenerativeModel
from bioaug.models.registry import registered_models


def own_class(name, qualname="Own"):
    return type("Own", (Spread,), {"name": name, "__qualname__": qualname})


def test_a_registered_class_is_found_by_name():
    cls = register_model(own_class("own_found"))
    assert get_model("own_found") is cls
    assert "own_found" in available_models()


def test_a_class_without_a_name_is_called_like_the_class():
    class Custom(Spread):
        pass

    assert Custom.name == "custom"


def test_a_class_needs_no_registration_to_be_used():
    assert get_model(Spread) is Spread


def test_a_later_definition_of_the_same_class_takes_its_place():
    register_model(own_class("own_again"))
    later = register_model(own_class("own_again"))
    assert get_model("own_again") is later


def test_the_name_of_another_class_is_refused():
    register_model(own_class("own_taken"))
    message = r"no other model has. Got 'own_taken' of .*\.Other, which is that of .*\.Own\. Set"
    with pytest.raises(DataError, match=message):
        register_model(own_class("own_taken", "Other"))
    with pytest.raises(DataError, match=r"'flow' of .* that of bioaug\.models\.flow\.Flow"):
        register_model(own_class("flow"))


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("name", [None, "", 3])
def test_a_name_that_is_no_text_is_refused(name):
    with pytest.raises(DataError, match=rf"must have a text as its name. Got {name!r}.*'own'"):
        register_model(own_class(name))


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("cls", [int, "flow", None, GenerativeModel])
def test_what_is_no_model_is_refused(cls):
    with pytest.raises(DataError, match="'model' parameter of register_model must be a subclass"):
        register_model(cls)


def test_the_registry_is_read_as_a_copy():
    registered = registered_models()
    registered.clear()
    assert registered_models()
