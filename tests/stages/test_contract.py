"""Holds dvc.yaml against the source: what a stage reads, imports and writes is what DVC knows.

A stage that reads something DVC does not know of would not be run again when it changes.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from committed import ROOT
from pydantic import BaseModel

import winenet
from tools.stage_deps import all_imports, code_of, imports
from winenet.data import split_data
from winenet.params import Params

GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = list(GRAPH)
MODULES = sorted((ROOT / "winenet").rglob("*.py"))
FOLDERS = re.compile(r"^(data|metrics|plots|models|report)/")
KEYS = ["desc", "cmd", "params", "deps", "outs", "metrics", "plots"]


def entries(stage: str, kind: str) -> dict[str, dict[str, object]]:
    """Return a stage's outputs of one kind with their settings."""
    listed = GRAPH[stage].get(kind, [])
    return {
        path: settings
        for entry in listed
        for path, settings in (entry.items() if isinstance(entry, dict) else [(entry, {})])
    }


def outputs(stage: str) -> set[str]:
    return {path for kind in ("outs", "metrics", "plots") for path in entries(stage, kind)}


def folder_of(path: ast.JoinedStr) -> str | None:
    """Return the folder of f"models/mlp/{name}.npz", which is one output; None of other texts."""
    first = path.values[0]
    text = first.value if isinstance(first, ast.Constant) else ""
    return text.removesuffix("/") if FOLDERS.match(text) and text.endswith("/") else None


def literal_paths(stage: str) -> set[str]:
    """Return the paths that stand in a stage's code; its docstrings and sentences do not count.

    A stage that calls `split_data.load` reads the paths that stand there.
    """
    source = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    shared = set(split_data.PATHS) if "split_data.load()" in source else set()
    in_folders = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    return (
        shared
        | {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and node not in in_folders
            and isinstance(node.value, str)
            and FOLDERS.match(node.value)
            and " " not in node.value
        }
        | {folder_of(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)} - {None}
    )


def sections_read(stage: str) -> set[str]:
    """Return the sections of params.yaml that a stage's code takes: `params.load().split`."""
    tree = ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    loads = [node for node in ast.walk(tree) if _is_load(node)]
    sections = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_load(node.value)
    }
    keys = {
        f"{node.value.attr}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and _is_load(node.value.value)
    }
    # A key is a parameter by itself if dvc.yaml lists it in place of its section.
    listed = keys & set(GRAPH[stage].get("params", []))
    sections = sections - {key.partition(".")[0] for key in listed} | listed
    assert len(loads) == len(sections), (
        "write params.load().<section>, so that this test can see it"
    )
    return sections


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type: in a list, in a mapping, or the type itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from models_in(inner)


def readers(model: type[BaseModel], files: set[Path]) -> set[Path]:
    """Return of these files, and of all modules that name the model, those that may read it."""
    named = {
        file
        for file in MODULES
        if file.name not in PARAMS and re.search(rf"\b{model.__name__}\b", file.read_text("utf-8"))
    }
    return files | named


def unread(model: type[BaseModel], files: set[Path], prefix: str = "") -> list[str]:
    """Return the dotted names of a model's fields that no file takes as an attribute.

    Who goes through a model, as through `mlp.networks`, takes all of its fields.
    """
    nodes = [
        node
        for file in readers(model, files)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    taken = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    gone_through = {
        node.iter.attr
        for node in nodes
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Attribute)
    }
    found = []
    for name, field in model.model_fields.items():
        is_tag = len(get_args(field.annotation)) == 1  # of a union: a text that pydantic reads
        if name not in taken and not is_tag:
            found.append(prefix + name)
        for inner in models_in(field.annotation):
            below = unread(inner, readers(model, files), f"{prefix}{name}.")
            own = {f"{prefix}{name}.{key}" for key in inner.model_fields}
            found += [one for one in below if name not in gone_through or one not in own]
    return found


def _is_load(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "load"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "params"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_desc_cmd_params_deps_and_outputs_in_this_order(stage: str) -> None:
    keys = list(GRAPH[stage])
    assert keys == [key for key in KEYS if key in keys]
    assert {"desc", "cmd", "deps"} <= set(keys)
    assert GRAPH[stage]["cmd"] == f"python -m stages.{stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_imported_file_is_a_dep_and_no_other(stage: str) -> None:
    deps = {dep for dep in GRAPH[stage]["deps"] if dep.endswith(".py")}
    assert deps == code_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_read_is_a_param_and_no_other(stage: str) -> None:
    assert set(GRAPH[stage].get("params", [])) == sections_read(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_in_the_code_is_a_dep_or_an_output_and_no_other(stage: str) -> None:
    deps = {dep for dep in GRAPH[stage]["deps"] if FOLDERS.match(dep)}
    assert not deps & outputs(stage)
    assert deps | outputs(stage) == literal_paths(stage)


def test_every_section_of_the_schema_but_gates_is_a_stage_that_reads_it() -> None:
    """A new floor must make no stage stale: `gates` can change no result."""
    sections = set(Params.model_fields) - {"gates"}
    read = {name for stage in STAGES for name in sections_read(stage) if "." not in name}
    assert read == sections
    assert sections - {"threshold"} <= set(STAGES)


def test_every_parameter_is_read() -> None:
    """By a stage that loads its section, or by a module that is given the section."""
    for section, field in Params.model_fields.items():
        if section == "threshold":  # a value, not a section
            continue
        (model,) = models_in(field.annotation)
        loading = {
            file
            for folder in ("stages", "winenet")
            for file in (ROOT / folder).rglob("*.py")
            if re.search(rf"\bload\(\)\.{section}\b", file.read_text("utf-8"))
        }
        assert unread(model, loading) == [], section


def test_a_parameter_that_nothing_reads_is_found(tmp_path: Path) -> None:
    class Inner(BaseModel):
        sizes: list[int]
        forgotten: int

    class Outer(BaseModel):
        inner: dict[str, Inner]
        share: float
        lost: bool

    file = tmp_path / "reader.py"
    file.write_text("settings.share\nsettings.inner['x'].sizes\nlost = 'forgotten'\n", "utf-8")
    assert unread(Outer, {file}) == ["inner.forgotten", "lost"]


# What is called as a network of the wine's params.yaml, and is something else.
NO_NETWORK = {
    ("winenet/init/create.py", "notebook"),  # the folder winenet/notebook, which is not copied
    ("tools/lock.py", "notebook"),  # requirements-notebook.in
}


def names_of_networks(source: str, networks: Iterable[str]) -> set[str]:
    """Return the networks that a source names in a text, alone or in a dotted key.

    A docstring may name one as an example.
    """
    nodes = [*ast.walk(ast.parse(source))]
    alone = {node.value for node in nodes if isinstance(node, ast.Expr)}
    texts = {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in alone
    }
    return {
        name
        for name in networks
        for text in texts
        if text == name or re.search(rf"\b(mlp|models)[.#]{re.escape(name)}\b", text)
    }


def test_no_code_knows_a_network_by_its_name() -> None:
    """The networks are data: params.yaml alone names them."""
    networks = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["mlp"]["networks"]
    assert len(networks) > 1
    files = [*MODULES, *(ROOT / "stages").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
    found = {
        (path, name)
        for file in files
        if not (path := file.relative_to(ROOT).as_posix()).startswith("winenet/notebook/")
        for name in names_of_networks(file.read_text(encoding="utf-8"), networks)
    }
    assert found == NO_NETWORK


@pytest.mark.parametrize(
    "text", ["x = 'a net'", "x['a net'].y", "f(f'mlp.a net.{z}')", "f('#models.a net')"]
)
def test_the_name_of_a_network_in_code_is_found(text: str) -> None:
    assert names_of_networks(text, ["a net", "other"]) == {"a net"}
    assert names_of_networks("f('a net of units')", ["a net"]) == set()


def test_every_result_in_git_is_an_output() -> None:
    command = ["git", "ls-files", "-z", "data", "metrics", "models", "plots", "report"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    others = {"data/.gitignore", "data/README.md", "models/.gitignore"}
    others |= {
        name for name in listed.split("\0") if name.startswith(("data/raw/", "data/reference/"))
    }
    results = {name for name in listed.split("\0") if name} - others
    in_git = {
        path
        for stage in STAGES
        for kind in ("outs", "metrics", "plots")
        for path, settings in entries(stage, kind).items()
        if settings.get("cache") is False
    }
    assert results == in_git


def writes(source: str) -> set[str]:
    """Return the names of the calls in a source that can write to the disk, but those of files.py.

    Into memory some of them write as well (`savefig` into a StringIO): they are found all the same.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        whole = ast.unparse(node.func)
        name = whole.rpartition(".")[2]
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        modes = [value.value for value in given if isinstance(value, ast.Constant)]
        opens = any(isinstance(mode, str) and MODE.fullmatch(mode) for mode in modes)
        by_name = name in WRITING and not whole.startswith(("files.", "table_files."))
        by_argument = (name == "open" and opens) or (name in TABLE and node.args)
        if by_name or by_argument or whole in WHOLE or whole.startswith("shutil."):
            found.add(name)
    return found


WRITING = {
    *("write_text", "write_bytes", "touch", "mkdir", "makedirs", "symlink_to", "hardlink_to"),
    *("savefig", "tofile", "savetxt", "savez", "savez_compressed"),
    *("NamedTemporaryFile", "mkstemp", "mkdtemp", "TemporaryDirectory"),
}
WHOLE = {"os.replace", "os.rename", "os.open", "sqlite3.connect", "np.save", "json.dump"}
TABLE = {"to_csv", "to_json", "to_html", "to_parquet", "to_pickle", "to_excel"}
MODE = re.compile(r"[rbt+]*[wax+][rbt+]*")  # of open(), when it writes


def test_only_files_and_the_journal_write() -> None:
    """So a path that is written stands in a stage, where the tests here hold it to dvc.yaml."""
    sources = [*(ROOT / "stages").glob("*.py"), *MODULES]
    found = {file.relative_to(ROOT).as_posix(): writes(file.read_text("utf-8")) for file in sources}
    assert {path: calls for path, calls in found.items() if calls} == {
        "winenet/files.py": {"mkdir", "open", "to_csv"},
        "winenet/init/create.py": {  # a new folder, never this one
            *("copyfile", "copytree", "ignore_patterns", "mkdir", "mkdtemp", "open", "rmtree"),
            "write_text",
        },
        "winenet/init/render.py": {"TemporaryDirectory", "write_text"},  # to check params.yaml
        "winenet/network/journal.py": {"connect", "mkdir", "savez"},
        "winenet/report/plotting.py": {"savefig"},  # into memory
    }


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("target.write_text('1')", "write_text"),
        ("open(path, 'w')", "open"),
        ("Path(path).open(mode='ab')", "open"),
        ("Path(path).open('r+')", "open"),
        ("table.to_csv('data/stray.csv')", "to_csv"),
        ("figure.savefig(path)", "savefig"),
        ("np.save(path, array)", "save"),
        ("os.replace(path, other)", "replace"),
        ("shutil.copy(path, other)", "copy"),
    ],
)
def test_a_call_that_writes_is_found(source: str, call: str) -> None:
    assert writes(source) == {call}


@pytest.mark.parametrize(
    "source",
    [
        "open(path)",
        "path.open('rb')",
        "table.to_csv(index=False)",
        "text.replace(a, b)",
        "files.write_text(path, text)",
    ],
)
def test_a_call_that_writes_nothing_is_not_found(source: str) -> None:
    assert writes(source) == set()


WRITER = re.compile(r"(?:files|table_files)\.write_\w+|model_file\.write")


def paths_given(source: str) -> list[object]:
    """Return the path of each `files.write_...` in a source; None for one that is computed there.

    A name (a loop over a table of paths) is left out: those paths stand in the source as texts.
    """
    return [
        node.args[0].value
        if isinstance(node.args[0], ast.Constant)
        else folder_of(node.args[0])
        if isinstance(node.args[0], ast.JoinedStr)
        else None
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and WRITER.fullmatch(ast.unparse(node.func))
        and not (node.args and isinstance(node.args[0], ast.Name))
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_that_is_written_is_an_output_whatever_its_folder(stage: str) -> None:
    source = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    assert set(paths_given(source)) <= outputs(stage)


def test_a_path_that_is_computed_or_in_another_folder_is_found() -> None:
    source = """
for path in PATHS:
    files.write_text(path, "")
files.write_text("notes/stray.txt", "")
files.write_metrics(f"metrics/{name}.json", {})
"""
    assert paths_given(source) == ["notes/stray.txt", "metrics"]


def test_modules_leave_writing_to_the_stages() -> None:
    for file in MODULES:
        assert not re.search(rf"\b(?:{WRITER.pattern})\(", file.read_text("utf-8")), file


def test_every_data_dep_is_raw_or_written_by_an_earlier_stage() -> None:
    written = {"data/raw"}
    written |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("data/reference/*")}
    for stage in STAGES:
        deps = {dep for dep in GRAPH[stage]["deps"] if FOLDERS.match(dep)}
        assert deps <= written, stage
        written |= outputs(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_metrics_and_plots_are_in_git_and_bulky_data_is_not(stage: str) -> None:
    for kind in ("metrics", "plots"):
        for path, settings in entries(stage, kind).items():
            assert settings.get("cache") is False, path
            assert path.startswith((f"{kind}/{stage}", "plots/")), path
    for path, settings in entries(stage, "outs").items():
        assert settings.get("cache", True) is (not path.startswith("report/")), path


def test_every_stage_file_is_a_stage_of_the_graph() -> None:
    files = {file.stem for file in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert files == set(STAGES)


# The rooms from top to bottom; each may import the rooms named here, and itself.
MAY_IMPORT = {
    "__main__": {
        *("init", "report", "evaluation", "serve", "models", "data", "params", "files", "errors"),
        *("runtime", "text"),
    },
    "init": {"data", "errors", "git", "params", "params_fields", "text", "yaml12"},
    "report": {"evaluation", "data", "errors", "git", "params", "text", "yaml12"},
    "notebook": set(),
    "evaluation": {
        *("models", "data", "network", "errors", "git", "params", "params_fields", "progress"),
    },
    "serve": {"models", "data", "network", "errors", "files", "progress", "text"},
    "models": {"data", "network", "errors", "files", "params", "params_fields"},
    "data": {
        *("errors", "files", "params", "params_columns", "params_fields", "progress", "text"),
    },
    "network": {"errors", "progress"},
    "params": {
        *("params_columns", "params_errors", "params_fields", "params_file", "errors", "text"),
    },
    "params_errors": {"params_columns", "errors"},
    "params_columns": {"params_fields"},
    "params_fields": set(),
    "params_file": {"yaml12", "errors"},
    "files": {"errors"},
    "git": {"errors"},
    "yaml12": set(),
    "progress": set(),
    "errors": set(),
    "text": set(),
    "runtime": set(),
    "__init__": set(),
}


def room(module: str) -> str:
    """Return the room of a module of winenet: `winenet.data.splits` is in data."""
    return [*module.split("."), "__init__"][1]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_rooms_import_only_the_rooms_below_them() -> None:
    found: dict[str, set[str]] = {name: set() for name in MAY_IMPORT}
    for file in MODULES:
        assert not any(name.startswith("stages") for name in imports(file)), file
        here = room(module_of(file))
        found[here] |= {room(name) for name in imports(file) if name != "winenet"} - {here}
    assert found == MAY_IMPORT, "the table says what is allowed and nothing that is not used"
    above: set[str] = set()
    for name, below in MAY_IMPORT.items():  # the table itself points downwards
        assert not below & above, name
        above.add(name)


def test_no_two_modules_import_each_other() -> None:
    graph = {
        module_of(file): {name for name in imports(file) if name.count(".") > 1}
        for file in MODULES
        if file.name != "__init__.py"
    }
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {name for name, needs in graph.items() if needs & set(graph) <= done} - done
        assert ready, f"a circle among {sorted(set(graph) - done)}"
        done |= ready


def test_the_library_imports_numpy_scipy_scikit_learn_and_joblib_alone() -> None:
    allowed = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl"}
    for file in (ROOT / "winenet/network").glob("*.py"):
        others = {name.split(".")[0] for name in all_imports(file)} - sys.stdlib_module_names
        others -= {"dask", "distributed"} if file.name == "cluster.py" else set()
        assert others <= allowed | {"winenet"}, file


def test_a_room_s_own_file_and_handmade_import_nothing_of_ours() -> None:
    for file in [*(ROOT / "winenet").rglob("__init__.py"), ROOT / "winenet/notebook/handmade.py"]:
        assert imports(file) == set(), file


def test_the_pipeline_imports_in_no_way_that_these_tests_cannot_see() -> None:
    """The package brings the names of `__all__` when they are asked for; our code names the module.

    `from winenet import DenseClassifier` in a stage would need classifier.py, and no test would
    see it; nor `import winenet` and what follows, nor import_module.
    """
    hidden = {f"winenet.{name}" for name in winenet.__all__} | {"importlib"}
    for file in [*(ROOT / "stages").glob("*.py"), *MODULES]:
        if file != ROOT / "winenet" / "__init__.py":
            # compare.baselines names classes, of scikit-learn unless params.yaml trusts others;
            # and a stage's error is completed by a module that changes no result.
            by_name = {"winenet/models/parameters.py", "stages/__init__.py"}
            named = file.relative_to(ROOT).as_posix() in by_name
            assert all_imports(file) & hidden - {"importlib.import_module"} == (
                {"importlib"} if named else set()
            ), file
            source = file.read_text(encoding="utf-8")
            assert not re.search(r"^\s*import winenet\b", source, flags=re.MULTILINE), file


PARAMS = ("params.py", "params_columns.py", "params_errors.py", "params_fields.py")


def test_only_params_knows_pydantic() -> None:
    for folder in ("stages", "winenet"):
        for file in (ROOT / folder).rglob("*.py"):
            packages = {name.split(".")[0] for name in all_imports(file)}
            assert ("pydantic" in packages) == (file.name in PARAMS), file
