"""`scripts/mlxgpt` makes .venv once, mends it when something changed, and otherwise stays out of the way.

Python and uv are small shell scripts here, which write down how they were called; PATH has nothing but these and the
tools that the launcher may use.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOOLS = ("sh", "cksum", "cp", "date", "dirname", "env", "mkdir", "mv", "readlink", "rm", "sleep", "chmod", "ln")

# A Python that can make an environment whose pip "installs" a mlxgpt that prints its arguments.
PYTHON = """#!/bin/sh
echo "python $*" >>"$LOG"
case "$1 $2" in
"-m venv")
    mkdir -p "$3/bin" && ln -s "$FAKES/real/python" "$3/bin/python" ;;
"-m pip")
    [ "$3" = install ] || exit 0
    sleep "${PIP_SECONDS-0}"
    [ -z "${PIP_FAILS-}" ] || exit 1
    printf '#!/bin/sh\\necho ran "$@"\\n' >"${0%/*}/mlxgpt" && chmod +x "${0%/*}/mlxgpt" ;;
"-m pytest") echo "pytest in $PWD" ;;
esac
"""

UV = """#!/bin/sh
echo "uv $*" >>"$LOG"
case "$1" in
venv)
    for last; do :; done
    mkdir -p "$last/bin" && ln -s "$FAKES/real/python" "$last/bin/python" ;;
pip)
    printf '#!/bin/sh\\necho ran "$@"\\n' >"$5x"; dir=${5%/*}; mv "$5x" "$dir/mlxgpt"; chmod +x "$dir/mlxgpt" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of the scripts in a folder with spaces, and a closed world around it."""

    root: Path
    fakes: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.fakes / "bin"), "LOG": str(self.fakes / "log"), "FAKES": str(self.fakes)}

    def start(self, *arguments: str, script: str = "mlxgpt", cwd: Path | None = None, **environment: str):
        return subprocess.run(
            [self.root / "scripts" / script, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd or self.fakes,
            env=self.environment | environment,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """How Python and uv were called since the last look, probes with -c left out."""
        log = self.fakes / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if " -c import" not in line and line.startswith(("python", "uv"))]


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path):
    root, fakes = tmp_path / "my  own repo", tmp_path / "fakes"
    (root / "scripts").mkdir(parents=True)
    for name in ("mlxgpt", "test", "environment.sh"):
        shutil.copy(SCRIPTS / name, root / "scripts" / name)
    (root / "scripts" / "constraints.txt").write_text("mlx==1\n")
    (root / "pyproject.toml").write_text("[project]\n")
    executable(fakes / "real" / "python", PYTHON)
    (fakes / "bin").mkdir()
    (fakes / "bin" / "python3.12").symlink_to(fakes / "real" / "python")
    for tool in TOOLS:
        (fakes / "bin" / tool).symlink_to(shutil.which(tool))
    return Checkout(root, fakes)


def installs(calls: list[str]) -> list[str]:
    return [call for call in calls if "pip install" in call]


def venvs(calls: list[str]) -> list[str]:
    return [call for call in calls if "-m venv" in call or call.startswith("uv venv")]


def test_the_first_start_sets_up_and_passes_the_arguments_on(checkout):
    started = checkout.start("chat", "two words", "*")
    assert (started.returncode, started.stdout) == (0, "ran chat two words *\n")
    assert started.stderr.startswith("mlxgpt: setting up .venv with pip")
    calls = checkout.calls()
    assert len(venvs(calls)) == 1
    assert len(installs(calls)) == 1
    assert "-c scripts/constraints.txt -e ." in installs(calls)[0]


def test_the_second_start_calls_no_python_and_says_nothing(checkout):
    checkout.start()
    checkout.calls()
    started = checkout.start("again")
    assert (started.stdout, started.stderr) == ("ran again\n", "")
    assert not (checkout.fakes / "log").exists()


@pytest.mark.parametrize("file", ["pyproject.toml", "scripts/constraints.txt"])
def test_a_changed_requirement_installs_again_into_the_same_environment(checkout, file):
    checkout.start()
    checkout.calls()
    (checkout.root / file).write_text("changed\n")
    assert "bringing .venv up to date" in checkout.start().stderr
    calls = checkout.calls()
    assert (len(venvs(calls)), len(installs(calls))) == (0, 1)
    assert checkout.start().stderr == ""


def test_an_interrupted_installation_is_done_again(checkout):
    failed = checkout.start(PIP_FAILS="1")
    assert failed.returncode == 1
    assert "installing failed" in failed.stderr
    assert not (checkout.root / ".venv.lock").exists()
    checkout.calls()
    assert checkout.start("now").stdout == "ran now\n"
    assert len(installs(checkout.calls())) == 1


def test_an_interrupted_update_is_not_taken_for_complete(checkout):
    checkout.start()
    assert checkout.start(script="test", PIP_FAILS="1").returncode == 1
    checkout.calls()
    checkout.start()
    assert len(installs(checkout.calls())) == 1


def test_an_environment_that_lost_its_python_is_made_anew(checkout):
    checkout.start()
    checkout.calls()
    python = checkout.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout.fakes / "gone")
    assert checkout.start("ok").stdout == "ran ok\n"
    assert len(venvs(checkout.calls())) == 1


def test_another_python_behind_the_same_name_makes_it_anew(checkout):
    checkout.start()
    checkout.calls()
    executable(checkout.fakes / "newer" / "python", PYTHON)
    python = checkout.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout.fakes / "newer" / "python")
    checkout.start()
    assert len(venvs(checkout.calls())) == 1


def test_a_moved_checkout_makes_its_own(checkout):
    checkout.start()
    checkout.calls()
    moved = checkout.root.with_name("moved repo")
    checkout.root.rename(moved)
    assert Checkout(moved, checkout.fakes).start("ok").stdout == "ran ok\n"
    assert len(venvs(checkout.calls())) == 1


def test_an_environment_made_by_hand_is_kept(checkout):
    binaries = checkout.root / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(checkout.fakes / "real" / "python")
    (checkout.root / ".venv" / "mine").touch()
    assert checkout.start("ok").stdout == "ran ok\n"
    assert (checkout.root / ".venv" / "mine").exists()
    assert checkout.start("ok").stderr == ""


def test_it_starts_through_a_symlink_from_any_folder(checkout, tmp_path):
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "link").symlink_to(os.path.relpath(checkout.root / "scripts" / "mlxgpt", folder))
    (folder / "gpt").symlink_to("link")
    started = subprocess.run(
        ["./gpt", "hi"], cwd=folder, env=checkout.environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert started.stdout == "ran hi\n"
    assert (checkout.root / ".venv").is_dir()
    assert not (folder / ".venv").exists()


def test_two_starts_at_once_install_once(checkout):
    commands = [[checkout.root / "scripts" / "mlxgpt", word] for word in ("one", "two")]
    environment = checkout.environment | {"PIP_SECONDS": "0.5"}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for command in commands]
    assert [process.communicate(timeout=60)[0] for process in both] == ["ran one\n", "ran two\n"]
    assert len(installs(checkout.calls())) == 1


def test_the_lock_of_a_start_that_was_killed_is_taken_away(checkout):
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock = checkout.root / ".venv.lock"
    lock.mkdir()
    (lock / "owner").write_text(f"{dead.pid}\n")
    begun = time.monotonic()
    assert checkout.start("ok").stdout == "ran ok\n"
    assert time.monotonic() - begun < 4
    assert not lock.exists()


def test_tests_have_a_stamp_of_their_own(checkout):
    checkout.start()
    checkout.calls()
    assert checkout.start("-k", "x", script="test").stdout == f"pytest in {checkout.root}\n"
    calls = checkout.calls()
    assert [call.split()[-1] for call in installs(calls)] == [".[dev]"]
    assert calls[-1] == "python -m pytest -k x"
    checkout.start()
    assert checkout.calls() == []


def test_extras_are_asked_for_once_and_kept(checkout):
    checkout.start(MLXGPT_EXTRAS="dev,more")
    assert installs(checkout.calls())[0].endswith("-e .[dev,more]")
    assert checkout.start().stderr == ""
    (checkout.root / "pyproject.toml").write_text("changed\n")
    checkout.start()
    assert installs(checkout.calls())[0].endswith("-e .[dev,more]")


def test_cuda_takes_the_place_of_the_cpu_back_end(checkout):
    checkout.start(MLXGPT_EXTRAS="cuda")
    install, remove, again = (call.removeprefix("python -m pip ") for call in checkout.calls() if "-m pip " in call)
    assert install.endswith("-e .[cuda]")
    assert remove.startswith("uninstall") and remove.endswith("mlx-cpu")
    assert "--force-reinstall" in again and again.endswith("mlx-cuda-13")


def test_extras_cannot_smuggle_anything_in(checkout):
    started = checkout.start(MLXGPT_EXTRAS="dev; rm -rf x")
    assert started.returncode == 1
    assert "not a list of extras" in started.stderr


def test_uv_is_used_when_it_is_there(checkout):
    executable(checkout.fakes / "bin" / "uv", UV)
    started = checkout.start("ok")
    assert started.stdout == "ran ok\n"
    assert "with uv" in started.stderr
    assert [call.split()[1] for call in checkout.calls() if call.startswith("uv")] == ["venv", "pip"]
    assert checkout.start().stderr == ""


def test_no_python_says_what_to_install(checkout):
    (checkout.fakes / "bin" / "python3.12").unlink()
    started = checkout.start()
    assert started.returncode == 1
    assert "Python 3.11 or newer is needed" in started.stderr
    assert "apt install python3 python3-venv" in started.stderr
    assert not (checkout.root / ".venv.lock").exists()


def test_an_old_python_is_passed_over(checkout):
    executable(checkout.fakes / "bin" / "python3.14", "#!/bin/sh\nexit 1\n")
    assert checkout.start("ok").stdout == "ran ok\n"


def test_a_debian_python_without_venv_names_the_package(checkout):
    (checkout.fakes / "bin" / "python3.12").unlink()
    executable(
        checkout.fakes / "bin" / "python3.11",
        "#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; *print*) echo python3.11-venv ;; esac\n",
    )
    started = checkout.start()
    assert started.returncode == 1
    assert "sudo apt install python3.11-venv" in started.stderr


def test_the_chosen_python_has_to_exist(checkout):
    started = checkout.start(MLXGPT_PYTHON="python9")
    assert started.returncode == 1
    assert "there is no such program" in started.stderr


def test_a_start_costs_next_to_nothing(checkout):
    """The launcher's own share: no Python is started, so it is far below the 30 ms that Python needs."""
    checkout.start()
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        checkout.start()
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.1  # 10 ms when measured alone; room for a busy machine
