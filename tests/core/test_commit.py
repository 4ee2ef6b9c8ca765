"""Asking for a commit runs nothing that a repository names: each route is shown to be open to git, and closed to us."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from salmubench.core import provenance
from salmubench.core.provenance import commit_of

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip
TEXT = "worlds: 6\n"
OTHERS = (
    "core.askPass", "core.pager", "core.editor", "core.gitProxy", "core.alternateRefsCommand", "credential.helper",
    "gpg.ssh.program", "interactive.diffFilter", "merge.tool", "pager.ls-tree", "pager.rev-list", "pager.rev-parse",
    "sequence.editor", "uploadpack.packObjectsHook", "web.browser", "ssh.variant", "trace2.eventTarget",
)  # fmt: skip
LOG = ("log", "-1", "-p", "--ext-diff", "--textconv")


def git(folder: Path, *words: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env=PLAIN, input=text, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(folder: Path, *options: str) -> str:
    """A plan and the package's file in one signed commit; its name."""
    package = folder / "src" / "salmubench"
    package.mkdir(parents=True)
    (folder / "plan.yaml").write_text(TEXT)
    (folder / ".gitattributes").write_text("*.yaml filter=trap diff=trap\n")
    (package / "__init__.py").write_text("")
    git(folder, "init", "-q", *options)
    git(folder, "add", ".")
    tree = git(folder, "write-tree")
    made = f"tree {tree}\nauthor A <a@example.org> 0 +0000\ncommitter A <a@example.org> 0 +0000\n"
    signed = f"{made}gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n\nOne\n"
    commit = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", text=signed)
    git(folder, "update-ref", "HEAD", commit)
    git(folder, "reset", "-q")
    return commit


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed plan in a checkout from which the package is imported."""
    folder = tmp_path / "unpacked"
    repository(folder)
    monkeypatch.setattr(provenance, "_PACKAGE", folder / "src" / "salmubench")
    return folder / "plan.yaml"


def missing(folder: Path) -> None:
    """Take the commit's tree away, as from a partial clone."""
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    (folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()


def partial_clone(url: str, **more: str) -> dict[str, str]:
    allowed = {"protocol.allow": "always", "protocol.ext.allow": "always"}
    origin = {"remote.origin.url": url, "remote.origin.promisor": "true", "extensions.partialClone": "origin"}
    return {"core.repositoryFormatVersion": "1", **allowed, **origin, **more}


ROUTES = {
    "fsmonitor": ({"core.fsmonitor": "{trap}"}, ("status",)),
    "included": ({"include.path": "{more}"}, ("status",)),
    "filter": ({"filter.trap.clean": "{trap}"}, ("status",)),
    "process": ({"filter.trap.process": "{trap}"}, ("status",)),
    "signature": ({"log.showSignature": "true", "gpg.program": "{trap}"}, ("log", "-1")),
    "textconv": ({"diff.trap.textconv": "{trap}"}, LOG),
    "diff": ({"diff.external": "{trap}"}, LOG),
    "driver": ({"diff.trap.command": "{trap}"}, LOG),
    "hooks": ({"core.hooksPath": "{hooks}"}, ("reset", "-q")),
    "remote by ext": (partial_clone("ext::{trap}"), ("ls-tree", "-r", "HEAD")),
    "remote by ssh": (partial_clone("ssh://example.invalid/x", **{"core.sshCommand": "{trap}"}), ("ls-tree", "HEAD")),
    "remote by path": (partial_clone("{folder}", **{"remote.origin.uploadpack": "{trap}"}), ("ls-tree", "HEAD")),
}
"""What a configuration says, and what git is asked that runs it."""


def lay(folder: Path, settings: dict[str, str]) -> Path:
    """Write the settings, with a program that leaves a mark; give the mark's path."""
    base = folder.parent
    mark, trap, hooks = base / "mark", base / "trap", base / "hooks"
    hooks.mkdir()
    for program in (trap, hooks / "post-index-change", hooks / "reference-transaction"):
        program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
        program.chmod(0o755)
    (base / "more").write_text(f"[core]\n\tfsmonitor = {trap}\n")
    for name, value in settings.items():
        git(folder, "config", name, value.format(trap=trap, more=base / "more", hooks=hooks, folder=folder))
    return mark


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_of_the_configuration_runs(route: str, plan: Path) -> None:
    settings, asked = ROUTES[route]
    mark = lay(plan.parent, settings)
    if "extensions.partialClone" in settings:
        missing(plan.parent)
    os.utime(plan, (1, 1))  # looks changed: git would look at the content
    subprocess.run(["git", "-C", str(plan.parent), *asked], env=PLAIN, capture_output=True, check=False)
    assert mark.exists(), "the trap is set"
    mark.unlink()
    os.utime(plan, (2, 2))
    found = commit_of(plan), provenance._git_state()
    assert not mark.exists()
    if "extensions.partialClone" not in settings:
        head = git(plan.parent, "rev-parse", "HEAD")
        assert found == (head, (head, False))


def test_nothing_of_all_others_runs(plan: Path) -> None:
    commands = {f"alias.{name}": "!{trap}" for name in ("ls-tree", "rev-list", "rev-parse")}
    mark = lay(plan.parent, {**dict.fromkeys(OTHERS, "{trap}"), **commands})
    assert commit_of(plan) is not None
    assert provenance._git_state()[1] is False
    assert not mark.exists()


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
def test_the_last_commit_of_an_unchanged_file(options: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    first = repository(folder, *options)
    (folder / "plan[1].yaml").write_text("other")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "two")
    second = git(folder, "rev-parse", "HEAD")
    assert (len(first) == 64) == bool(options)
    assert commit_of(folder / "plan.yaml") == first
    assert commit_of(folder / "plan[1].yaml") == second
    assert commit_of(folder / "src" / "salmubench" / "__init__.py") == first
    (folder / "link.yaml").symlink_to("plan.yaml")
    assert commit_of(folder / "link.yaml") == first
    (folder / "plan.yaml").write_text(TEXT + "#")
    (folder / "untracked.yaml").write_text(TEXT)
    for name in ("plan.yaml", "untracked.yaml", "none.yaml", "no/folder.yaml"):
        assert commit_of(folder / name) is None


def test_no_repository_and_none_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "one"
    repository(folder)
    monkeypatch.setenv("GIT_DIR", str(folder / ".git"))
    (tmp_path / "plan.yaml").write_text(TEXT)
    assert commit_of(tmp_path / "plan.yaml") is None


def test_a_checkout_is_dirty_by_the_package_s_files(plan: Path) -> None:
    head = git(plan.parent, "rev-parse", "HEAD")
    plan.write_text("else")
    assert provenance._git_state() == (head, False)
    own = plan.parent / "src" / "salmubench" / "__init__.py"
    own.write_text("changed = True\n")
    assert provenance._git_state() == (head, True)
    own.unlink()
    assert provenance._git_state() == (head, True)
