"""Files that are replaced whole or not at all, and folders that one process at a time writes."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

fcntl: Any
try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

_DRAFT = re.compile(r"\.bioaug-[0-9a-f]{32}\.tmp(\.\w+)?")
_YOUNG, _OLD = 2.0, 86_400.0  # seconds; see `remove_drafts`
_LONGEST_WAIT = 600.0  # seconds for a lock
_BINARY = getattr(os, "O_BINARY", 0)  # of Windows
_PROBE = bytes(2**16)  # a full disk may still have room for an empty file


def replace_file(file: Path, content: bytes, *, like: Path | None = None) -> None:
    """Put `content` in place of `file`, on the disk before the name changes.

    A new file has the permissions of the file `like`, where there is one.
    """
    with replacing(file, like=like) as draft:
        draft.write_bytes(content)


@contextmanager
def replacing(file: Path, *, like: Path | None = None) -> Iterator[Path]:
    """Give the name of a draft with the same suffix, which takes the place of `file` at the end.

    The draft is on the disk before the name changes, and has the permissions of the file that it
    replaces, or of the file `like`. A symbolic link stays, and the file that it leads to is
    replaced. Drafts that killed processes left in the folder are removed.

    Raises
    ------
    OSError
        Where the file cannot be written. What was there before is unchanged.
    """
    target = Path(os.path.realpath(file))
    mode = _mode_of(target)
    if mode is None and like is not None:
        mode = _mode_of(like)
    remove_drafts(target.parent)
    draft = target.with_name(f".bioaug-{uuid.uuid4().hex}.tmp{_short_suffix(target)}")
    descriptor = _create(draft, target, 0o666 if mode is None else 0o600)
    try:
        _try_lock(descriptor)  # so that others see that its writer is alive
        yield draft
        with draft.open("rb+") as stream:  # which may be another file than the one opened above
            os.fsync(stream.fileno())
        if mode is not None:
            draft.chmod(mode)
        draft.replace(target)
    finally:
        os.close(descriptor)
        draft.unlink(missing_ok=True)


def check_writable(file: Path) -> None:
    """Raise the OSError that writing `file` would end with, before anything is computed.

    Nothing is left behind, and a file that is there is not touched.
    """
    target = Path(os.path.realpath(file))
    _mode_of(target)
    draft = target.with_name(f".bioaug-{uuid.uuid4().hex}.tmp")
    try:
        with open(_create(draft, target, 0o600), "wb") as stream:
            stream.write(_PROBE)
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def remove_drafts(folder: Path, *, locked: bool = False) -> None:
    """Delete the drafts of killed processes; what cannot be deleted stays.

    A living writer holds a lock on its draft, from a moment after it was made. Where files cannot
    be locked, a draft counts as left behind after a day. `locked` says that this process holds the
    lock of the folder, so that nobody else has a draft in it.
    """
    with suppress(OSError):
        for draft in folder.iterdir():
            if _DRAFT.fullmatch(draft.name) and (locked or _is_left_behind(draft)):
                with suppress(OSError):
                    draft.unlink(missing_ok=True)


@contextmanager
def folder_lock(folder: Path, wait: float = _LONGEST_WAIT) -> Iterator[bool]:
    """Hold the right to write into `folder`, which exists; give whether there is such a right.

    The lock belongs to the process: the system releases it when the process ends, however it
    ends. It is on the folder itself where the file system can do that, otherwise on a file in it.
    Where neither can be locked, there is none.

    Raises
    ------
    OSError
        Where another process holds the lock for longer than `wait` seconds.
    """
    descriptor = _open_folder(folder)
    if descriptor is None:
        with _file_lock(folder, wait) as is_locked:
            yield is_locked
        return
    try:
        until = time.monotonic() + wait
        while not _try_lock(descriptor):
            if time.monotonic() > until:
                raise _busy(folder, wait)
            time.sleep(0.005)
        yield True
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may hold the descriptor, too
        os.close(descriptor)


def is_draft(name: str) -> bool:
    """Whether a file of this name is a draft of ours."""
    return _DRAFT.fullmatch(name) is not None


def _mode_of(target: Path) -> int | None:
    """Return the permissions of a file that is to be replaced, None where there is none.

    Raises
    ------
    OSError
        Where something else has its name, or nothing can have it, as it is too long.
    """
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder", str(target))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "It is no regular file", str(target))
    return stat.S_IMODE(status.st_mode)


def _create(draft: Path, target: Path, mode: int) -> int:
    try:
        return os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    except OSError as error:  # whose draft it would have been, is of interest
        raise OSError(error.errno, error.strerror, str(target)) from error


def _short_suffix(target: Path) -> str:
    return target.suffix if re.fullmatch(r"\.\w{1,20}", target.suffix, re.ASCII) else ""


def _is_left_behind(draft: Path) -> bool:
    try:
        age = time.time() - draft.stat().st_mtime
        if age < _YOUNG:
            return False
        descriptor = os.open(draft, os.O_RDWR)
    except OSError:
        return False
    try:
        if fcntl is None:
            return age > _OLD
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return age > _OLD
    finally:
        os.close(descriptor)
    return True


def _try_lock(descriptor: int) -> bool:
    """Lock an open file where the system can do that; False where another one holds the lock."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _open_folder(folder: Path) -> int | None:
    """Return a descriptor of a folder that can be locked, or None."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return descriptor
    except OSError:  # such as NFS, which locks only what is open for writing
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _file_lock(folder: Path, wait: float) -> Iterator[bool]:
    lock = FileLock(folder / ".lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise _busy(folder, wait) from error
    except (OSError, NotImplementedError):  # reported when something is written
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _busy(folder: Path, wait: float) -> OSError:
    return OSError(
        errno.EAGAIN, f"Another process has been writing it for {wait:.0f} seconds", str(folder)
    )
