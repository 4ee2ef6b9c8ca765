"""Puts an exported folder on the Hugging Face Hub."""

from __future__ import annotations

import os
from pathlib import Path

from salmubench.errors import ConfigError, OutputError

TOKEN = "HF_TOKEN"  # noqa: S105 - the name of the variable


def publish(folder: Path, hub_id: str, *, public: bool = False) -> str:
    """Upload a folder as a dataset repository, in one commit; made if it doesn't exist.

    The token is read from the environment (`HF_TOKEN`) and nowhere else, and is written nowhere. Files that the
    repository has already are not sent again: after a broken connection the same call goes on.

    Args:
        folder: as `export_hub` writes it.
        hub_id: org/name.
        public: a new repository can be seen by everybody; one that exists stays as it is.

    Returns:
        The repository's address.

    Raises:
        ConfigError: no token, or a name that isn't org/name.
        OutputError: the Hub refuses, or can't be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if hub_id.count("/") != 1:
        raise ConfigError(f"Expected org/name for the Hub, found {hub_id!r}.")
    token = os.environ.get(TOKEN)
    if not token:
        raise ConfigError(f"Expected an access token with the right to write in {TOKEN}, found none.")
    api = HfApi(token=token, library_name="salmubench")
    try:
        url = api.create_repo(hub_id, repo_type="dataset", private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=hub_id, repo_type="dataset", folder_path=folder, commit_message="Dataset written by salmubench"
        )
    except HFValidationError as error:
        raise ConfigError(f"Expected org/name for the Hub, found {hub_id!r}: {error}") from error
    except (HfHubHTTPError, OSError, RuntimeError) as error:  # large files raise the last
        said = " ".join(str(error).split()).rstrip(".")
        raise OutputError(
            f"Expected the Hub to take {folder} as {hub_id}, found: {said}. The folder stays; "
            "check token, name and network, and run the same command again."
        ) from error
    return str(url)
