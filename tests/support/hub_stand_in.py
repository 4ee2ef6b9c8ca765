"""A local stand-in of the Hugging Face Hub's HTTP interface, for `huggingface_hub` as it is.

It serves repositories from folders: the commit of a revision, the tree of files, and their bytes (whole or a range, so
that broken downloads can go on). Further routes are methods of `_Handler` found by `ROUTES`.

    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "hub"):
        commit = hub.add("dataset", "org/name", folder)
        huggingface_hub.snapshot_download("org/name", repo_type="dataset")
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

LARGE = (".parquet", ".safetensors", ".bin", ".tar")
"""Files that the Hub keeps by SHA-256 (git-lfs); the others go by their git object id."""


@dataclass
class Repository:
    """One repository: its commits (sha → path → file) and where its branches and tags stand."""

    commits: dict[str, Mapping[str, Path]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def find(self, revision: str) -> str | None:
        """The commit of a revision."""
        return self.refs.get(revision) or (revision if revision in self.commits else None)


class HubStandIn:
    """The server.

    Attributes:
        url: where it listens.
        repositories: (`model` or `dataset`, id) → repository.
        requests: "METHOD path" of each request, in order.
        cut: path in a repository → bytes after which its next download breaks off, once.
        tokens: of the requests that write.
        refusal: status with which commits are refused.
        wrong_card: what is wrong with all cards; nothing by default.
    """

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[str] = []
        self.cut: dict[str, int] = {}
        self.large: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.refusal: int | None = None
        self.wrong_card: str | None = None
        self._uploads = tempfile.TemporaryDirectory()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubStandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._uploads.cleanup()

    def add(self, kind: str, name: str, folder: Path, *, tag: str | None = None, gated: bool = False) -> str:
        """Add a commit with the files of a folder, read when they are asked for; it becomes `main`.

        Args:
            kind: `model` or `dataset`.
            name: org/name.
            folder: the files.
            tag: further name of the commit.
            gated: answer only to those who send a token.

        Returns:
            The commit's hash.
        """
        files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
        told = "".join(f"{path}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n" for path, file in files.items())
        commit = hashlib.sha1(told.encode()).hexdigest()
        repository = self.repositories.setdefault((kind, name), Repository())
        repository.commits[commit] = files
        repository.refs["main"] = commit
        repository.gated = gated
        if tag is not None:
            repository.refs[tag] = commit
        return commit

    def store(self, kind: str, name: str, files: Mapping[str, bytes]) -> str:
        """Add a commit of uploaded files to what the repository has; gives its hash."""
        repository = self.repositories[kind, name]
        folder = Path(self._uploads.name) / kind / name / str(len(repository.commits))
        for path, file in self.files(kind, name).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.read_bytes())
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return self.add(kind, name, folder)

    def files(self, kind: str, name: str) -> Mapping[str, Path]:
        """Path → file of a repository's main branch."""
        repository = self.repositories[kind, name]
        return repository.commits.get(repository.refs.get("main", ""), {})

    def downloads(self) -> list[str]:
        """Paths of the files whose bytes were asked for."""
        return [line.partition("/resolve/")[2].partition("/")[2] for line in self.requests if line.startswith("GET ")
                and "/resolve/" in line]  # fmt: skip

    @contextlib.contextmanager
    def used(self, monkeypatch: pytest.MonkeyPatch, *, cache: Path, offline: bool = False) -> Iterator[None]:
        """Point `huggingface_hub` of this process here, with a cache of its own."""
        from huggingface_hub import constants

        with monkeypatch.context() as patch:
            patch.setattr(constants, "ENDPOINT", self.url)
            patch.setattr(
                constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + "/{repo_id}/resolve/{revision}/{filename}"
            )
            patch.setattr(constants, "HF_HUB_CACHE", str(cache))
            patch.setattr(constants, "HF_HUB_OFFLINE", offline)
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
            yield

    def environment(self, cache: Path) -> dict[str, str]:
        """The same for another process."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1"}


_REPOSITORY = r"(?P<name>[^/]+/[^/]+)"


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"

    ROUTES = (
        ("GET", rf"/api/(?P<kind>model|dataset)s/{_REPOSITORY}(/revision/(?P<revision>[^/]+))?", "info"),
        ("GET", rf"/api/(?P<kind>model|dataset)s/{_REPOSITORY}/tree/(?P<revision>[^/]+)/?", "tree"),
        ("HEAD", rf"(/(?P<kind>dataset)s)?/{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "file"),
        ("GET", rf"(/(?P<kind>dataset)s)?/{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "file"),
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("POST", rf"/api/(?P<kind>model|dataset)s/{_REPOSITORY}/preupload/(?P<revision>[^/]+)", "preupload"),
        ("POST", rf"(/(?P<kind>dataset)s)?/{_REPOSITORY}\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "lfs_put"),
        ("POST", rf"/api/(?P<kind>model|dataset)s/{_REPOSITORY}/commit/(?P<revision>[^/]+)", "take_commit"),
    )
    """Method, pattern of the path, name of the method that answers."""

    def do_GET(self) -> None:
        self._dispatch()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _dispatch(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        for method, pattern, name in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if method == self.command and found is not None:
                getattr(self, name)(**found.groupdict())
                return
        self.answer(404, {"error": f"no route for {self.command} {path}"})

    def info(self, kind: str, name: str, revision: str | None) -> None:
        found = self.commit(kind, name, revision or "main")
        if found is not None:
            commit, files = found
            self.answer(200, {"id": name, "sha": commit, "siblings": [{"rfilename": path} for path in files]})

    def tree(self, kind: str, name: str, revision: str) -> None:
        found = self.commit(kind, name, revision)
        if found is not None:
            self.answer(200, [_described(path, file) for path, file in found[1].items()])

    def file(self, kind: str | None, name: str, revision: str, path: str) -> None:
        found = self.commit(kind or "model", name, revision)
        if found is None:
            return
        commit, files = found
        if path not in files:
            self.answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        data, told = files[path].read_bytes(), _described(path, files[path])
        headers = {"X-Repo-Commit": commit, "ETag": f'"{told["oid"]}"', "Accept-Ranges": "bytes"}
        if "lfs" in told:
            headers |= {"X-Linked-Etag": f'"{told["lfs"]["oid"]}"', "X-Linked-Size": str(len(data))}
        start, wanted = 0, self.headers.get("Range")
        if wanted is not None:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cut = self.hub.cut.pop(path, None) if self.command == "GET" else None
        self.answer(206 if wanted else 200, data[start:], headers, cut=cut)

    # uploads: a repository is made, large files come by their hash, then a commit names all files

    def create(self) -> None:
        told = json.loads(self.body())
        name = f"{told['organization']}/{told['name']}" if told.get("organization") else told["name"]
        if self.may_write():
            new = Repository(private=told.get("private") is True or told.get("visibility") == "private")
            self.hub.repositories.setdefault((told.get("type") or "model", name), new)
            self.answer(200, {"url": f"{self.hub.url}/{name}", "name": name})

    def validate(self) -> None:
        assert "content" in json.loads(self.body())
        errors = [] if self.hub.wrong_card is None else [{"message": self.hub.wrong_card}]
        self.answer(400 if errors else 200, {"errors": errors, "warnings": []})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        files = json.loads(self.body())["files"]
        modes = [{"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                  "shouldIgnore": False} for file in files]  # fmt: skip
        self.answer(200, {"files": modes})

    def lfs_batch(self, kind: str | None, name: str) -> None:
        objects = [
            {**item, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{item['oid']}", "header": {}}}}
            if item["oid"] not in self.hub.large
            else item
            for item in json.loads(self.body())["objects"]
        ]
        self.answer(200, {"transfer": "basic", "objects": objects})

    def lfs_put(self, oid: str) -> None:
        data = self.body()
        assert hashlib.sha256(data).hexdigest() == oid
        self.hub.large[oid] = data
        self.answer(200, {})

    def take_commit(self, kind: str, name: str, revision: str) -> None:
        if not self.may_write():
            return
        files: dict[str, bytes] = {}
        lines = self.body().splitlines()
        if self.hub.refusal is not None:
            self.answer(self.hub.refusal, {"error": "refused"})
            return
        for line in lines:
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                files[entry["value"]["path"]] = self.hub.large[entry["value"]["oid"]]
        commit = self.hub.store(kind, name, files)
        url = f"{self.hub.url}/{name}/commit/{commit}"
        self.answer(200, {"commitUrl": url, "commitOid": commit, "success": True})

    def may_write(self) -> bool:
        allowed = bool(self.headers.get("Authorization"))
        self.hub.tokens.add((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        if not allowed:
            self.answer(401, {"error": "Invalid credentials in Authorization header"})
        return allowed

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def commit(self, kind: str, name: str, revision: str) -> tuple[str, Mapping[str, Path]] | None:
        """The commit asked for and its files; answers the request where there is none to see."""
        repository = self.hub.repositories.get((kind, name))
        if repository is None:
            self.answer(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif repository.gated and not self.headers.get("Authorization"):
            self.answer(401, {"error": f"Access to {name} is restricted"}, {"X-Error-Code": "GatedRepo"})
        elif (found := repository.find(revision)) is None:
            self.answer(404, {"error": f"Invalid rev id: {revision}"}, {"X-Error-Code": "RevisionNotFound"})
        else:
            return found, repository.commits[found]
        return None

    def answer(
        self, status: int, content: Any, headers: Mapping[str, str] | None = None, *, cut: int | None = None
    ) -> None:
        """Send JSON or bytes; with `cut` the connection breaks after so many bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet."""


def _described(path: str, file: Path) -> dict[str, Any]:
    """A file as the Hub's tree lists it."""
    data = file.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git}
    if path.endswith(LARGE):
        told["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return told
