"""Read params.yaml as YAML, not yet held against the schema; the error of a file that is unfit."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from winenet.errors import InputError
from winenet.yaml12 import MAX_BYTES, Yaml12Loader, check_size

PATH = "params.yaml"


class ParamsError(InputError):
    """params.yaml cannot be used; the message holds every fault that was found.

    Attributes
    ----------
    faults : tuple of str
        Each fault; empty if the file could not be read at all.
    sections : mapping of str to Section
        The sections that fit the schema.
    path : str
    """

    faults: tuple[str, ...] = ()
    sections: Mapping[str, Any] = MappingProxyType({})
    path: str = PATH


def read(path: str) -> Any:
    """Return what a YAML file holds, not yet checked against the schema."""
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ParamsError(
                f"{path} has more than {MAX_BYTES:,} bytes, so no stage was run: no parameters are "
                f"so many. `git checkout -- {path}` restores the committed file."
            )
        read = yaml.load(content.decode("utf-8-sig"), Loader=Yaml12Loader)
        check_size(read)
    except FileNotFoundError:
        raise ParamsError(
            f"{path} is missing in this folder, so no stage can run. Start from the root of the "
            f"repository; `git checkout -- {path}` restores the committed file."
        ) from None
    except OSError as error:
        raise ParamsError(
            f"{path} cannot be read, so no stage can run: {error.strerror}. It must be a file that "
            f"this user may read; `git checkout -- {path}` restores the committed one."
        ) from None
    except UnicodeDecodeError as error:
        raise ParamsError(
            f"{path} is not UTF-8 (byte {error.start}), so no stage can read it. Save it as UTF-8."
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else _one_line(error)
        raise ParamsError(
            f"{path} is not valid YAML, so no stage was run: {what}. "
            f"Correct it there; `git diff {path}` shows what changed."
        ) from None
    return read


def _one_line(error: Exception) -> str:
    text = re.sub(r"\s+", " ", str(error).replace('in "<unicode string>", ', ""))
    return text if text.isprintable() else ascii(text)
