"""The registry finds every option, says whose it is, and lets nobody take another's name."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlopt import plugins
from mlopt.core.errors import UserError

DropIn = Callable[..., Path]
YAML = "# tries things\n_target_: nothing.Here\n"


def find(group: str, name: str) -> plugins.Option | None:
    return next((option for option in plugins.options() if (option.group, option.name) == (group, name)), None)


def install(site: Path, monkeypatch: pytest.MonkeyPatch, package: str, value: str | None = None) -> Path:
    """Write what pip leaves behind for a distribution 'acme-PACKAGE' with an mlopt plugin; its package's folder."""
    info = site / f"acme_{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mlopt.plugins]\n{package} = {value or package}\n")
    folder = site / package
    (folder / "conf" / "search").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "conf" / "search" / f"{package}.yaml").write_text(YAML)
    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.syspath_prepend(site)
    return folder


@pytest.mark.usefixtures("drop_in")
def test_built_in_options_are_found_from_any_folder() -> None:
    assert {option.origin for option in plugins.options()} == {"built-in"}
    assert find("tracker", "mlflow")


def test_a_dropped_in_option_has_its_purpose_and_its_folder(drop_in: DropIn) -> None:
    drop_in("mine", {"search/greedy": YAML})
    assert find("search", "greedy") == plugins.Option("search", "greedy", "tries things", "plugins/mine")


def test_a_folder_without_conf_is_no_plugin(drop_in: DropIn) -> None:
    drop_in("notes", {})
    assert len(plugins.sources()) == 1


def test_the_environment_names_further_folders(drop_in: DropIn, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_in("first", {"search/one": YAML}, folder="a")
    drop_in("second", {"search/two": YAML}, folder="b")
    monkeypatch.setenv("MLOPT_PLUGINS", "a:b")
    assert find("search", "one")
    assert find("search", "two")


@pytest.mark.usefixtures("drop_in")
def test_a_folder_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPT_PLUGINS", "nowhere")
    with pytest.raises(UserError, match="MLOPT_PLUGINS names 'nowhere'"):
        plugins.sources()


def test_an_installed_plugin_is_named_after_its_distribution(
    drop_in: DropIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", monkeypatch, "wares")
    assert find("search", "wares") == plugins.Option("search", "wares", "tries things", "acme-wares")


@pytest.mark.parametrize("value", ["wares.inner", "absent", "json"])
def test_an_installed_plugin_without_configs_is_named_in_the_error(
    drop_in: DropIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    install(tmp_path / "site", monkeypatch, "wares", value)
    with pytest.raises(UserError, match=f"plugin acme-wares: '{value}'"):
        plugins.options()


def test_a_plugin_that_is_both_installed_and_dropped_in_counts_once(
    drop_in: DropIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "plugins", monkeypatch, "wares")
    option = find("search", "wares")
    assert option is not None
    assert option.origin == "acme-wares"


def test_two_owners_of_one_name_are_both_named(drop_in: DropIn) -> None:
    drop_in("one", {"search/greedy": YAML})
    drop_in("two", {"search/greedy": YAML})
    with pytest.raises(UserError, match=r"search=greedy has two owners: plugins/one and plugins/two"):
        plugins.options()


def test_nobody_takes_a_built_in_name(drop_in: DropIn) -> None:
    drop_in("mine", {"tracker/mlflow": YAML})
    with pytest.raises(UserError, match=r"tracker=mlflow has two owners: built-in and plugins/mine"):
        plugins.options()


def test_one_name_in_two_groups_is_two_options(drop_in: DropIn) -> None:
    drop_in("mine", {"search/mlflow": YAML})
    assert find("search", "mlflow")


@pytest.mark.parametrize(
    ("head", "purpose"),
    [
        ("# tries things\n# and more\n", "tries things"),
        ("# @package _global_\n# tries things\n", "tries things"),
        ("size: 3\n# not the head\n", ""),
        ("", ""),
    ],
)
def test_the_purpose_is_the_first_comment_of_the_head(drop_in: DropIn, head: str, purpose: str) -> None:
    drop_in("mine", {"search/greedy": head})
    option = find("search", "greedy")
    assert option is not None
    assert option.purpose == purpose


def test_a_file_that_is_no_text_is_named(drop_in: DropIn) -> None:
    root = drop_in("mine", {"search/greedy": YAML})
    (root / "conf" / "search" / "greedy.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"cannot read .*greedy\.yaml"):
        plugins.options()


def test_a_dropped_in_package_can_be_imported_here_and_in_workers(drop_in: DropIn) -> None:
    drop_in("mine_to_import", {"search/greedy": YAML})
    plugins.make_importable()
    importlib.import_module("mine_to_import")
    worker = multiprocessing.get_context("forkserver").Process(target=importlib.import_module, args=("mine_to_import",))
    worker.start()
    worker.join()
    assert worker.exitcode == 0


def test_a_dropped_in_package_shadows_nothing(drop_in: DropIn) -> None:
    drop_in("colorsys", {"search/greedy": YAML}, code="raise AssertionError")
    plugins.make_importable()
    importlib.import_module("colorsys")
