"""git is run in the folder that is named, and its own words come with a failure."""

from pathlib import Path

import pytest
import small_pipeline

from winenet import git
from winenet.errors import InputError


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "file.txt").write_text("1\n", "utf-8")
    small_pipeline.git(folder, "init", "--quiet")
    small_pipeline.commit(folder, "first")
    return folder


def test_the_variables_of_a_hook_do_not_lead_to_another_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in git.REPOSITORY_VARIABLES:
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert git.output("ls-files", folder=repository) == "file.txt\n"
    monkeypatch.chdir(repository)
    assert git.run("ls-files").returncode == 128  # without a folder, git decides


def test_a_failed_command_is_named_with_git_s_words(repository: Path) -> None:
    with pytest.raises(git.GitError, match=r"^`git show` failed: fatal: .*nothing-of-this-name"):
        git.output("-c", "user.name=x", "show", "nothing-of-this-name", folder=repository)
    with pytest.raises(git.GitError, match=r"^`git rev-parse` failed: fatal: "):
        git.output("rev-parse", "--verify", "nothing-of-this-name", folder=repository)
    assert git.run("show", "nothing-of-this-name", folder=repository).returncode == 128


def test_a_system_without_git_is_an_input_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(InputError, match=r"^git: No such file"):
        git.run("--version", folder=repository)
