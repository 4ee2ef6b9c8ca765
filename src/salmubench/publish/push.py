"""Puts an exported folder, of a dataset or a model, on the Hugging Face Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from salmubench.errors import ConfigError, OutputError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_LEFT_OUT = [".*", "*.tmp"]


def check_name(hub_id: str) -> None:
    """Check that a name has the form org/name.

    Raises:
        ConfigError: it hasn't.
    """
    if _NAME.fullmatch(hub_id) is None:
        raise ConfigError(f"Expected org/name for the Hub, got {hub_id!r}. Change --push.")


def push(folder: Path, hub_id: str, kind: Literal["dataset", "model"], *, private: bool) -> str:
    """Upload a folder as a repository, in one commit; the repository is made if it doesn't exist.

    The token is that of `HF_TOKEN` or of `hf auth login`; it is never an option and is written nowhere. Files that the
    repository has already are not sent again: after a broken connection the same call goes on.

    Args:
        folder: a finished export.
        hub_id: org/name.
        kind: of the repository.
        private: a new repository is seen by its owners only; one that exists stays as it is.

    Returns:
        The repository's address.

    Raises:
        ConfigError: no token, or a name that isn't org/name.
        OutputError: the Hub refuses, or can't be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    check_name(hub_id)
    if get_token() is None:
        raise ConfigError(
            "Expected a token of the Hub with the right to write, got none. Log in with `hf auth login` or set "
            f"HF_TOKEN, and run the same command again: {folder} is complete."
        )
    api = HfApi(library_name="salmubench")
    try:
        url = api.create_repo(hub_id, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=hub_id, repo_type=kind, folder_path=folder, ignore_patterns=_LEFT_OUT,
            commit_message=f"{kind.capitalize()} written by salmubench",
        )  # fmt: skip
    except HFValidationError as error:
        raise ConfigError(f"Expected org/name for the Hub, got {hub_id!r}: {error}") from error
    except (HfHubHTTPError, OSError, RuntimeError) as error:  # large files raise the last
        said = " ".join(str(error).split()).rstrip(".")
        raise OutputError(
            f"Expected the Hub to take the {kind} {hub_id}, got: {said}. Check token (`hf auth login` or HF_TOKEN), "
            f"name and network, and run the same command again: {folder} is complete."
        ) from error
    return str(url)
