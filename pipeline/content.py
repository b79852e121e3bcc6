"""Where a model that a configuration names lies, and the hash of what its folder holds: what it enters skip keys with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.storage import file_sha256

__all__ = ["folder_hash", "model_folder"]

#: Files of a model's page that no use here needs, and that may be as large as the model.
_OTHER_FRAMEWORKS = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "*.tflite", "*.gguf", "*.mlmodel", "onnx/*", "original/*"]


def folder_hash(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of a folder's files. A file is read again only where its size or time changed.

    Raises:
        MateriaError: there is no such folder, or it is empty.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        raise MateriaError(
            "is no folder, or an empty one", file=str(folder), remedy="Give the folder of a trained model"
        )
    return hash_json({path.relative_to(folder).as_posix(): _hash(path) for path in files})


def _hash(path: Path) -> str:
    about = path.stat()
    return _hash_of(path, about.st_size, about.st_mtime_ns)


@lru_cache(4096)
def _hash_of(path: Path, size: int, time: int) -> str:
    return file_sha256(path)


def model_folder(name: str, *, download: bool = False) -> Path:
    """The folder of a Hugging Face model: the one named, or the one of that name in the local cache.

    Args:
        name: a path, or the name of a model on the hub (`google/flan-t5-small`).
        download: whether it may be fetched where it is not in the cache.

    Raises:
        MateriaError: there is none.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, local_files_only=not download, ignore_patterns=_OTHER_FRAMEWORKS))
    except (HFValidationError, OSError, ValueError) as error:
        raise MateriaError(
            f"there is no model {name!r}: no such folder, and not in the local cache",
            remedy="Give the folder of a model and its tokenizer, or fetch it first: hf download NAME",
        ) from error
