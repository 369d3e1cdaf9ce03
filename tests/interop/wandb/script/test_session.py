"""Runs of the wandb module: how they begin, where they are, how they end, and how they are found again."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.artifact.manifest import NAME
from mediatypes.interop import wandb
from mediatypes.interop.wandb.sdk import make_artifact_name_safe

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "none")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("WANDB_DIR", "MEDIATYPES_DIR", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    yield
    wandb.teardown()


def view(run: wandb.Run) -> mt.RunView:
    return mt.open_run(run.run.path)


def test_the_environment_describes_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = {
        "WANDB_DIR": str(tmp_path / "elsewhere"),
        "WANDB_PROJECT": "faces",
        "WANDB_NAME": "first",
        "WANDB_RUN_GROUP": "sweep",
        "WANDB_TAGS": "a, b",
        "WANDB_NOTES": "text",
        "WANDB_JOB_TYPE": "train",
        "WANDB_RUN_ID": "abc",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with wandb.init(tags=["own"]) as run:  # arguments win
        assert (run.id, run.name, run.group, run.job_type, run.notes) == ("abc", "first", "sweep", "train", "text")
    read = view(run)
    assert (read.project, read.group, read.tags) == ("faces", "sweep", ["own"])
    assert run.run.path.parent == tmp_path / "elsewhere"


def test_runs_of_one_second_have_folders_of_their_own() -> None:
    for _ in range(5):
        wandb.init().finish()
    assert len(list(Path("runs").iterdir())) == 5


def test_nothing_is_kept_of_a_disabled_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with wandb.init(config={"lr": 0.1}) as run:
        wandb.log({"loss": 1})
        assert wandb.config.lr == 0.1
    assert not run.run.path.exists()
    assert not Path("runs").exists()
    with pytest.raises(mt.InputError, match=r"^wandb.init.mode: expected one of online, offline"):
        wandb.init(mode="sometimes")


def test_what_an_open_run_means_for_the_next_one() -> None:
    first = wandb.init()
    assert wandb.init() is first
    assert wandb.run is first
    second = wandb.init(reinit="create_new")
    assert [first.run._closed, wandb.run] == [False, second]
    third = wandb.init(reinit=True)
    assert [second.run._closed, wandb.run] == [True, third]
    third.finish()
    assert wandb.run is first
    wandb.finish()
    assert wandb.run is None
    wandb.finish()  # nothing


@pytest.mark.parametrize("name", ["log", "config", "summary", "save", "define_metric", "alert"])
def test_without_a_run_it_says_so(name: str) -> None:
    with pytest.raises(mt.InputError, match=rf"^wandb.{name}: expected a run that is open, got none. Call wandb.init"):
        getattr(wandb, name)({"a": 1})


def test_a_run_goes_on_by_its_id() -> None:
    with wandb.init(id="abc", config={"lr": 0.1}) as run:
        for step in range(5):
            run.log({"loss": step})
    with pytest.raises(mt.InputError, match=r"^wandb.init.id: expected one that no run has, got 'abc'"):
        wandb.init(id="abc", resume="never")
    with pytest.raises(mt.InputError, match=r"^wandb.init.id: expected that of a run in .*, got 'other'"):
        wandb.init(id="other", resume="must")
    with wandb.init(id="abc", resume="allow") as again:
        assert (again.resumed, again.starting_step, again.step, dict(again.config)) == (True, 5, 5, {"lr": 0.1})
        again.log({"loss": 9})
    with wandb.init(resume_from="abc?_step=2") as back:
        back.log({"loss": -1})
    assert list(view(back).values("loss")) == [(0, 0), (1, 1), (2, 2), (3, -1)]
    for bad in ("abc", "abc?_step=x", "?_step=1", "../abc?_step=1"):
        with pytest.raises(mt.InputError):
            wandb.init(resume_from=bad)
    with pytest.raises(mt.InputError, match="needs no server"):
        wandb.init(fork_from="abc?_step=2")


@pytest.mark.parametrize("id", ["../x", "a/b", "", ".", "x" * 200, 3])
def test_an_id_stays_a_name(id: str) -> None:
    with pytest.raises(mt.InputError, match=r"^wandb.init.id: expected a name"):
        wandb.init(id=id)


def test_how_a_run_ends() -> None:
    ends = []
    for code in (None, 0, 3):
        run = wandb.init()
        wandb.finish(code)
        ends.append(view(run).status)
    with pytest.raises(ZeroDivisionError), wandb.init() as run:
        raise ZeroDivisionError
    ends.append(view(run).status)
    assert ends == ["finished", "finished", "failed", "failed"]


def test_a_config_value_changes_only_when_it_may() -> None:
    with wandb.init(config={"lr": 0.1, "net": {"depth": 4}, "secret": 1}, config_exclude_keys=["secret"]) as run:
        run.config.update({"lr": 0.1, "bs": 8})
        run.config.epochs = 3
        with pytest.raises(mt.InputError, match=r"^wandb.config.lr: expected the value that was set, got '0.1 -> 0.2'"):
            run.config.lr = 0.2
        run.config.update({"lr": 0.2}, allow_val_change=True)
        run.config.setdefaults({"lr": 9, "seed": 1})
        assert ("seed" in run.config, run.config.get("none", 5), run.config["net"]["depth"]) == (True, 5, 4)
    assert view(run).config == {"lr": 0.2, "net": {"depth": 4}, "bs": 8, "epochs": 3, "seed": 1}


def test_strict_values_raise() -> None:
    with wandb.init(strict=True) as run:
        with pytest.raises(mt.InputError, match="value_range"):
            wandb.Image(np.full((2, 2), 9.0))
        with pytest.raises(mt.InputError):
            run.log({"a": object()})
    wandb.init().finish()
    assert "Refused" in repr(wandb.Image(np.full((2, 2), 9.0)))


def test_good_items_of_a_list_are_kept() -> None:
    with wandb.init() as run:
        run.log({"n": {"x": [wandb.Image(np.zeros((2, 2), np.uint8)), wandb.Image(np.full((2, 2), 9.0))]}})
    ((_, pictures),) = view(run).values("n.x")
    assert (len(pictures), len(view(run).problems)) == (1, 1)


def test_a_dict_that_holds_itself_costs_only_its_key() -> None:
    circle: dict[str, object] = {}
    circle["a"] = circle
    with wandb.init() as run:
        run.log({"bad": circle, "loss": 1.0})
    assert list(view(run).values("loss")) == [(0, 1.0)]
    assert "nested at most 64 deep" in str(view(run).problems[0])


def test_names_of_types() -> None:
    assert isinstance(wandb.Image(np.zeros((2, 2), np.uint8)), wandb.Image)
    assert not isinstance(wandb.Html("<b>"), wandb.Image)
    cloud = wandb.Object3D.from_numpy(np.zeros((3, 3)))
    assert isinstance(cloud, mt.Object3D)
    assert not isinstance(wandb.Object3D.from_numpy(np.zeros((3, 9))), mt.Object3D)
    for name in ("Bokeh", "Graph", "JoinedTable", "PartitionedTable"):
        assert f"wandb.{name}: expected a value that mediatypes has" in repr(getattr(wandb, name)(1))


@pytest.mark.parametrize("name", ["sweep", "agent", "controller", "Report", "launch", "sync"])
def test_what_needs_a_server_says_what_to_do(name: str) -> None:
    with pytest.raises(
        mt.InputError, match=rf"^wandb.{name}: expected a call that needs no server, got one that does. "
    ):
        getattr(wandb, name)("anything")


@pytest.mark.parametrize(
    "name", ["sweep", "reports", "create_report", "team", "create_team", "registries", "list_jobs"]
)
def test_what_the_api_would_ask_a_server_says_what_to_do(name: str) -> None:
    with pytest.raises(
        mt.InputError, match=rf"^wandb.Api.{name}: expected a call that needs no server, got one that does. "
    ):
        getattr(wandb.Api(), name)("anything")
    assert not hasattr(wandb.Api(), "nothing")


def test_no_login_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert wandb.login(key="secret") is True
    assert "no login is needed" in capsys.readouterr().err
    with wandb.init() as run:
        run.alert("title", "text")
        assert (run.url, run.offline) == (None, True)
    assert "title: text" in capsys.readouterr().err


def test_files_are_kept_and_restored(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("weights")
    with wandb.init() as run:
        saved = wandb.save("model.txt")
        assert [Path(path).read_text() for path in saved] == ["weights"]
        (tmp_path / "model.txt").write_text("others")
        with wandb.restore("model.txt", root=tmp_path / "restored") as file:
            assert file.read() == "weights"
        with pytest.raises(ValueError, match=r"expected one of \['model.txt'\], got 'none'"):
            wandb.restore("none")
    again = wandb.Api().run(run.id)
    assert [(file.name, file.size) for file in again.files()] == [("model.txt", 7)]
    with again.file("model.txt").download(root=str(tmp_path / "api")) as file:
        assert file.read() == "weights"


def test_the_api_finds_runs() -> None:
    for number, (lr, acc) in enumerate([(0.1, 0.5), (0.01, 0.9), (0.001, 0.7)]):
        with wandb.init(
            project="grid", id=f"r{number}", config={"lr": lr, "net": {"depth": 4}}, tags=[f"t{number}"]
        ) as run:
            for step in range(10):
                run.log({"acc": acc * step / 9, "loss": 1.0} if step % 2 else {"acc": acc * step / 9})
    wandb.init(project="other").finish()
    api = wandb.Api()

    def ids(filters: dict[str, object] | None = None, order: str = "+created_at") -> list[str]:
        return [one.id for one in api.runs("me/grid", filters, order)]

    assert sorted(ids()) == ["r0", "r1", "r2"]
    assert ids(order="-summary_metrics.acc") == ["r1", "r2", "r0"]
    assert ids({"config.lr": {"$gte": 0.01}, "state": "finished"}, "config.lr") == ["r1", "r0"]
    assert ids({"$or": [{"tags": {"$in": ["t0"]}}, {"summary_metrics.acc": {"$gt": 0.8}}]}, "config.lr") == ["r1", "r0"]
    assert ids({"config.net.depth": 4, "tags": "t2"}) == ["r2"]
    assert ids({"display_name": {"$regex": "^r[01]$"}, "config.lr": {"$not": {"$lt": 0.05}}}) == ["r0"]
    assert ids({"config.none": {"$exists": True}}) == []
    with pytest.raises(mt.InputError, match=r"^wandb.Api.runs.filters: expected one of \$eq"):
        ids({"config.lr": {"$near": 1}})
    run = api.run("me/grid/r1")
    rows = list(run.scan_history(["acc", "loss"]))
    assert len(rows) == 5
    assert rows[-1] == {"acc": pytest.approx(0.9), "loss": 1.0}
    assert [row["_step"] for row in run.scan_history(min_step=3, max_step=6)] == [3, 4, 5]
    assert list(run.history(keys=["acc"], samples=4)["_step"]) == [0, 3, 6, 9]
    run.tags.append("best")
    run.summary["verdict"] = "keep"
    run.update()
    again = api.run("r1")
    assert (again.tags, again.summary["verdict"], again.lastHistoryStep) == (["t1", "best"], "keep", 9)
    with pytest.raises(mt.InputError, match=r"^wandb.Api.run: expected the id of a run in .*, got 'me/grid/r9'"):
        api.run("me/grid/r9")


def test_an_unchanged_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "import wandb\n"
        "import wandb.plot\n"
        "from wandb.errors import CommError\n"
        "from wandb import Table\n"
        "run = wandb.init(project='p', config={'name': sys.argv[1]})\n"
        "assert wandb.plot.line is not None and wandb.run is run\n"
        "wandb.log({'loss': 0.5})\n"
        "wandb.config.update({'more': 1})\n"
    )
    command = [sys.executable, "-m", "mediatypes.interop.wandb", str(script), "argument"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (path,) = (tmp_path / "runs").iterdir()
    read = mt.open_run(path)
    assert (read.config, read.status) == ({"name": "argument", "more": 1}, "finished")
    done = subprocess.run(command[:3], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python -m mediatypes.interop.wandb SCRIPT.py [ARGUMENTS]\n")


def test_a_script_sees_python_as_it_is_without_us(tmp_path: Path) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    (folder / "beside.py").write_text("NAME = __name__")
    (folder / "script.py").write_text(
        "import sys, beside, wandb, wandb.sdk.lib.config_util, wandb.wandb_run\n"
        "from importlib.metadata import version\n"
        "from wandb.integration.sklearn import plot_classifier\n"
        "try:\n    import wandb.integration.xgboost\nexcept ImportError as error:\n    print(error)\n"
        "print(__name__, sys.argv[1:], beside.NAME, version('wandb'), wandb.util.generate_id() != '')\n"
        "class Ours: pass\n"
        "print(sys.modules['__main__'].Ours is Ours, issubclass(wandb.wandb_run.Run, wandb.Run))\n"
        "def fail():\n    raise ValueError(sys.argv[1])\n"
        "fail()\n"
    )
    said = ["No module named 'wandb.integration.xgboost'", "__main__ ['x', '--y'] beside 0.31.0 True", "True True"]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, *command]
        return subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    ours = run("-m", "mediatypes.interop.wandb", "below/script.py", "x", "--y")
    assert (ours.returncode, ours.stdout.splitlines()) == (1, said)
    for text in ("def fail():\n    raise ValueError('x')\nfail()\n", "x = (\n", "raise SystemExit(7)"):
        (folder / "plain.py").write_text(text)
        as_it_is, with_us = run("below/plain.py"), run("-m", "mediatypes.interop.wandb", "below/plain.py")
        assert (with_us.returncode, with_us.stderr) == (as_it_is.returncode, as_it_is.stderr)
    missing = run("-m", "mediatypes.interop.wandb", "none.py")
    assert missing.returncode == 2
    assert missing.stderr.startswith("none.py: expected a script, got No such file or directory. Check the path.")


def test_every_name_of_the_module_is_there() -> None:
    with wandb.init():
        for name in dir(wandb):
            assert getattr(wandb, name) is not None, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wandb.nothing  # noqa: B018


def test_artifacts(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a.txt").write_text("one")
    (tmp_path / "model.bin").write_bytes(b"weights")
    with wandb.init(id="maker") as run:
        artifact = wandb.Artifact("words", type="dataset", description="text", metadata={"rows": 1})
        artifact.add_file("model.bin")
        artifact.add_dir("data", name="folder")
        artifact.add(wandb.Table(columns=["a"], data=[[1]]), "table")
        artifact.add_reference("https://example.com/x.tar")
        with artifact.new_file("notes.txt") as file:
            file.write("hello")
        logged = run.log_artifact(artifact, aliases=["best", "latest"]).wait()
        assert (logged.name, logged.version, sorted(logged.aliases)) == ("words:v0", "v0", ["best", "latest"])
        with pytest.raises(mt.InputError, match=r"^Artifact words: expected one that is not logged yet"):
            artifact.add_file("model.bin")
        assert wandb.log_artifact("model.bin", name="model", type="model").version == "v0"
    with wandb.init(id="user") as run:
        used = run.use_artifact("me/project/words:best", type="dataset")
        folder = Path(used.download())
        assert (folder / "folder" / "deep" / "a.txt").read_text() == "one"
        assert Path(used.get_path("notes.txt").download(tmp_path / "x")).read_text() == "hello"
        assert used.get("table").num_rows == 1
        assert (used.metadata, used.description, used.type) == ({"rows": 1}, "text", "dataset")
        assert Path(run.use_artifact("model:latest").file(tmp_path / "y")).read_bytes() == b"weights"
        assert Path(run.use_model("model")).read_bytes() == b"weights"
    api = wandb.Api()
    assert [one.name for one in api.run("maker").logged_artifacts()] == ["words:v0", "model:v0"]
    words = api.artifact("words:latest")
    words.aliases.append("good")
    words.save()
    assert api.artifact("words:good").version == words.version == "v0"
    assert [one.name for one in api.artifacts("dataset", "me/project/words")] == ["words:v0"]
    assert Path(words.files(["notes.txt"])[0].download(tmp_path / "z")).read_text() == "hello"
    assert [file.path for file in words.files()] == [*words.version_of.entries]
    assert (words.size, words.is_draft(), words.created_at[:2]) == (words.version_of.size, False, "20")
    words.aliases.remove("good")
    with pytest.raises(mt.InputError, match=r"^Artifact words:v0: expected only more aliases, got less \['good'\]"):
        words.save()
    words.metadata["rows"] = 2
    with pytest.raises(mt.InputError, match=r"^Artifact words:v0: expected a version as it was logged"):
        words.save()
    assert {one.name for one in api.run("user").used_artifacts()} == {"words:v0", "model:v0"}
    assert (api.artifact("words:v0").digest, api.artifact_exists("none:v0")) == (logged.digest, False)


def test_a_model_is_watched() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wandb.init() as run:
        wandb.watch(model, log="all", log_freq=1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().mean().backward()
            optimizer.step()
            wandb.log({"loss": 1})
        wandb.unwatch(model)
    kinds = view(run).keys()
    assert sum("histogram" in kind for kind in kinds.values()) == 4


def test_a_download_may_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    with wandb.init() as run:
        artifact = wandb.Artifact("d", "dataset")
        artifact.add_file("a.txt")
        artifact.add_file("a.txt", "b.txt")
        run.log_artifact(artifact)
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "own.txt").write_text("kept")
        for _ in range(2):
            assert sorted(path.name for path in Path(artifact.download(tmp_path / "there")).iterdir()) == [
                "a.txt",
                "b.txt",
                "own.txt",
            ]
            assert Path(artifact.get_path("a.txt").download()).read_text() == "one"
            assert Path(artifact.get_path("b.txt").download()).read_text() == "one"
        assert [one.name for one in run.logged_artifacts()] == ["d:v0"]


def test_more_names_of_the_module(tmp_path: Path) -> None:
    with wandb.init(dir=tmp_path / "logs") as run:
        wandb.alert("title", "text", level=wandb.AlertLevel.WARN)
        assert (run.settings.run_id, run.project_url, run.sweep_id) == (run.id, None, None)
        assert run.start_time > 1e9
    assert wandb.Api().run(run.id).id == run.id  # where this process began it
    assert issubclass(mt.InputError, wandb.UsageError)
    assert wandb.__version__ == "0.31.0"
    with pytest.raises(TypeError):
        wandb.init(projekt="x")


def test_an_id_that_ends_another_one_is_not_that_one() -> None:
    with wandb.init(id="sweep-1") as first:
        first.log({"loss": 0.5})
    with wandb.init(id="1", resume="allow") as second:
        assert (second.resumed, second.id) == (False, "1")
    assert first.run.path != second.run.path
    with pytest.raises(mt.InputError, match="that of a run in"):
        wandb.init(id="weep-1", resume="must")


def test_the_only_file_of_an_artifact(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.bin", "b.bin"):
        (data / name).write_bytes(name.encode())
    with wandb.init() as run:
        one = run.log_artifact(str(data / "a.bin"), name="one", type="model")
        both = wandb.Artifact("both", "model")
        both.add_dir(str(data))
        run.log_artifact(both)
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "other.txt").write_text("mine")
    assert Path(one.file(folder)).read_bytes() == b"a.bin"
    with pytest.raises(mt.InputError, match=r"^Artifact both:v0: expected one file, got \['a.bin', 'b.bin'\]"):
        both.file(folder)


def test_the_api_orders_runs_without_a_value_last_and_samples_one_row() -> None:
    for name, acc in (("a", 0.5), ("b", float("nan")), ("c", 0.9), ("d", None), ("e", 0.7)):
        with wandb.init(id=name) as run:
            run.log({"loss": 1.0} if acc is None else {"acc": acc})
            run.log({"loss": 0.5})
    api = wandb.Api()
    names = [[run.id for run in api.runs(order=f"{sign}summary_metrics.acc")] for sign in "+-"]
    assert [one[:3] for one in names] == [["a", "e", "c"], ["c", "e", "a"]]
    assert [sorted(one[3:]) for one in names] == [["b", "d"]] * 2
    assert [row["loss"] for row in api.run("d").history(samples=1, keys=["loss"], pandas=False)] == [1.0]


@pytest.mark.parametrize("name", ["model v1", "_private", "../up", "___", "ü" * 300])
def test_a_name_that_is_made_safe_is_one_of_an_artifact(name: str) -> None:
    assert re.fullmatch(NAME, make_artifact_name_safe(name))
