"""Puts an exported folder, of a dataset or a model, on the Hugging Face Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from salmubench.core.errors import ConfigError, OutputError
from salmubench.core.hub import client_errors, one_line

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def check_name(hub_id: str) -> None:
    """Check that a name has the form org/name.

    Raises:
        ConfigError: it hasn't.
    """
    if _NAME.fullmatch(hub_id) is None:
        raise ConfigError(f"Expected org/name for the Hub, got {hub_id!r}. Change --push.")


def push(folder: Path, hub_id: str, kind: Literal["dataset", "model"], *, private: bool) -> str:
    """Upload a folder as a repository, in one commit; it is made if it doesn't exist, once the Hub accepts the card.

    The token is that of `HF_TOKEN` or of `hf auth login`; it is never an option and is written nowhere. Files that the
    repository has already are not sent again: after a broken connection the same call goes on.

    Args:
        private: a new repository is seen by its owners only; one that exists stays as it is.

    Returns:
        The repository's address.

    Raises:
        ConfigError: no token, a name that isn't org/name, or a card that the Hub doesn't accept.
        OutputError: the Hub refuses, or can't be reached.
    """
    from huggingface_hub import HfApi, RepoCard, get_token
    from huggingface_hub.errors import HFValidationError

    check_name(hub_id)
    if get_token() is None:
        raise ConfigError(
            "Expected a token of the Hub with the right to write, got none. Log in with `hf auth login` or set "
            f"HF_TOKEN, and run the same command again: {folder} is complete."
        )
    broken: tuple[type[Exception], ...] = (RuntimeError, *client_errors())  # large files raise the first
    api = HfApi(library_name="salmubench")
    try:
        RepoCard((folder / "README.md").read_text(encoding="utf-8")).validate(repo_type=kind)
        url = api.create_repo(hub_id, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=hub_id, repo_type=kind, folder_path=folder, ignore_patterns=[".*", "*.tmp"],
            commit_message=f"{kind.capitalize()} written by salmubench",
        )  # fmt: skip
    except HFValidationError as error:
        raise ConfigError(f"Expected org/name for the Hub, got {hub_id!r}: {error}") from error
    except ValueError as error:
        raise ConfigError(
            f"Expected a card that the Hub accepts, got: {one_line(error)}. Export into another folder, with a "
            "--license that the Hub knows."
        ) from error
    except broken as error:
        raise OutputError(
            f"Expected the Hub to take the {kind} {hub_id}, got: {one_line(error)}. Check token (`hf auth login` or "
            f"HF_TOKEN), name and network, and run the same command again: {folder} is complete."
        ) from error
    return str(url)
