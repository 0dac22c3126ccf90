"""Writes configuration.md from the YAML files in conf/: `python docs/configuration.py`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

Every option of every group, as its YAML file has it: `GROUP=OPTION` chooses it, `GROUP.KEY=VALUE` sets a key. `mlopt
--cfg job` shows what a call comes to. This page is made from `conf/` by `python docs/configuration.py`.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## The study", _keys(ROOT / "conf" / "config.yaml", skip_purpose=False)]
    for group in sorted(folder for folder in (ROOT / "conf").iterdir() if folder.is_dir() and folder.name != "hydra"):
        files = sorted(group.glob("*.yaml"))
        if files:
            parts.append(f"## {group.name}")
        for file in files:
            purpose, keys = _purpose(file), _keys(file, skip_purpose=True)
            parts.append("\n\n".join(filter(None, [f"### {group.name}={file.stem}", purpose, keys])))
    return "\n\n".join(parts) + "\n"


def _purpose(file: Path) -> str:
    comments = (line.removeprefix("#").strip() for line in file.read_text().splitlines() if line.startswith("#"))
    return next((comment for comment in comments if not comment.startswith("@package")), "")


def _keys(file: Path, skip_purpose: bool) -> str:
    """The file in a fence, without its purpose and the names of classes at its top."""
    lines = file.read_text().splitlines()
    if skip_purpose:
        while lines and lines[0].startswith("#"):
            del lines[0]
    lines = [line for line in lines if not line.startswith("_target_:")]
    return "\n".join(["```yaml", *lines, "```"]) if any(map(str.strip, lines)) else "No keys."


if __name__ == "__main__":
    PAGE.write_text(page())
