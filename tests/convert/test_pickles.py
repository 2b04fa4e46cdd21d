"""PyTorch's files: read exactly without PyTorch, and refused when they hold anything but tensors."""

import os
import pickle
import sys
import zipfile
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxgpt.convert.pickles import read_pickle, tensors_of
from mlxgpt.errors import CheckpointError, ConversionError, MlxgptError

GOLDEN = Path(__file__).parents[1] / "golden" / "rwkv6"


def archive(
    path: Path, program: bytes, entries: dict[str, bytes] | None = None, compression=zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("root/data.pkl", program)
        for name, content in (entries or {}).items():
            file.writestr(f"root/{name}", content)
    return path


def test_a_checkpoint_of_pytorch_is_read_exactly():
    found = tensors_of(read_pickle(GOLDEN / "tiny.pth"), GOLDEN)
    expected = np.load(GOLDEN / "tiny_pth.npz")
    assert found.keys() == set(expected.files)
    for name, array in found.items():
        assert np.array_equal(np.array(array.astype(mx.float32)), expected[name]), name
    assert {array.dtype for array in found.values()} == {mx.bfloat16, mx.float32}
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("content", "error", "what"),
    [
        (b"", CheckpointError, "is empty"),
        ((GOLDEN / "tiny.pth").read_bytes()[:-40], CheckpointError, "fetch"),
        (pickle.dumps({}, protocol=2), ConversionError, "is a pickle"),
        (b"<html>", ConversionError, "no checkpoint of PyTorch"),
    ],
)
def test_what_is_no_archive_is_told_by_what_it_is(tmp_path, content, error, what):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(error) as caught:
        read_pickle(tmp_path / "a.pth")
    assert what in f"{caught.value.message} {caught.value.hint}".lower() or what in caught.value.message


class Harm:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    "call",
    [(os.system, "touch harmed"), (eval, "open('harmed', 'w')"), (getattr, "", "join"), (bytearray, 10**12)],
    ids=["system", "eval", "getattr", "memory"],
)
def test_a_hostile_pickle_is_refused_and_never_run(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConversionError) as caught:
        read_pickle(archive(tmp_path / "a.pth", pickle.dumps({"w": Harm(*call)})))
    assert "nothing of it was run" in caught.value.message
    assert not (tmp_path / "harmed").exists()


def program(shape, strides, offset=0, size=6, key="0", kind="FloatStorage") -> bytes:
    """{"w": a tensor}, assembled by hand: protocol 2 without PyTorch."""

    def name(module, word):
        return b"c" + f"{module}\n{word}\n".encode()

    def whole(n):
        return b"\x8a" + bytes([8]) + int(n).to_bytes(8, "little", signed=True)

    def text(word):
        return b"X" + len(word).to_bytes(4, "little") + word.encode()

    def several(items):
        return b"(" + b"".join(map(whole, items)) + b"t"

    pid = b"(" + text("storage") + name("torch", kind) + text(key) + text("cpu") + whole(size) + b"tQ"
    arguments = b"(" + pid + whole(offset) + several(shape) + several(strides) + b"\x89" + b"}t"
    tensor = name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"
    return b"\x80\x02}" + text("w") + tensor + b"s."


NUMBERS = np.arange(6, dtype="<f4").tobytes()


def test_strides_are_honoured(tmp_path):
    found = read_pickle(archive(tmp_path / "a.pth", program((3, 2), (1, 3)), {"data/0": NUMBERS}))["w"]
    assert found.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("lie", "entries"),
    [
        ({"shape": (3, 3), "strides": (3, 1)}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (3, 1), "offset": 1}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (-3, 1)}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (3, 1), "offset": -1}, {"data/0": NUMBERS}),
        ({"shape": (10**6, 10**6), "strides": (0, 0)}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (3,)}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (3, 1), "size": 7}, {"data/0": NUMBERS}),
        ({"shape": (2, 3), "strides": (3, 1)}, {}),
        ({"shape": (1,) * 40, "strides": (1,) * 40}, {"data/0": NUMBERS}),
    ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(lie, entries, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        read_pickle(archive(tmp_path / "a.pth", program(**lie), entries))
    assert "is damaged" in caught.value.message


def test_a_few_bytes_that_stand_for_billions_are_refused(tmp_path):
    laughs: list = [0]
    for _ in range(30):
        laughs = [laughs, laughs]
    with pytest.raises(CheckpointError, match="nested too deeply"):
        read_pickle(archive(tmp_path / "a.pth", pickle.dumps({"w": laughs})))
    # the same storage, a hundred times
    one = program((6,), (1,))[3:-2]  # the name, and the tensor
    again = b"".join(b"X\x02\0\0\0" + b"%02d" % i + one[6:] + b"s" for i in range(100))
    with pytest.raises(CheckpointError, match="the same numbers again and again"):
        read_pickle(
            archive(tmp_path / "b.pth", b"\x80\x02}" + again + b".", {"data/0": np.arange(6, dtype="<f4").tobytes()})
        )


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a/b"])
def test_a_storage_outside_the_archive_is_refused(key, tmp_path):
    with pytest.raises(ConversionError):
        read_pickle(archive(tmp_path / "a.pth", program((1,), (1,), key=key), {"data/0": NUMBERS}))


def test_other_files_end_in_a_sentence(tmp_path):
    text = tmp_path / "text.pth"
    text.write_text("not a zip")
    for path, error in ((text, ConversionError), (tmp_path / "none.pth", CheckpointError), (tmp_path, CheckpointError)):
        with pytest.raises(error):
            read_pickle(path)
    with pytest.raises(CheckpointError):  # a bomb
        read_pickle(archive(tmp_path / "b.pth", b"\x80\x02}" + b" " * 10**6, compression=zipfile.ZIP_DEFLATED))
    for program_ in (b"", b"\x80\x02", b"\x80\x02(((", b"I" * 1000, pickle.dumps([[]] * 3)[:-2]):
        with pytest.raises(CheckpointError):
            read_pickle(archive(tmp_path / "c.pth", program_))
    # a memo index of 4 billion, which the machine of C would make room for
    assert read_pickle(archive(tmp_path / "m.pth", b"\x80\x02Nr\xff\xff\xff\xff.")) is None
    deep: list = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(CheckpointError):
        read_pickle(archive(tmp_path / "d.pth", pickle.dumps(deep)))
    with pytest.raises(ConversionError):
        tensors_of(read_pickle(archive(tmp_path / "e.pth", pickle.dumps({"iter": 3}))), tmp_path)
    assert read_pickle(archive(tmp_path / "f.pth", pickle.dumps({"iter": 3, "args": {"lr": 0.1}})))["args"] == {
        "lr": 0.1
    }


# ---- before PyTorch 1.6 ----------------------------------------------------------------------------------------------

LEGACY = Path(__file__).parents[1] / "golden" / "pytorch_bin" / "legacy.bin"


def test_the_form_before_pytorch_1_6_is_read_exactly():
    expected = mx.load(str(LEGACY.parents[1] / "architectures" / "qwen2-llama3" / "model.safetensors"))
    found = tensors_of(read_pickle(LEGACY), LEGACY)
    half, view = found.pop("half"), found.pop("view")
    assert len(found) == 4
    assert all(mx.array_equal(array, expected[name]) for name, array in found.items())
    names = sorted(expected)
    assert mx.array_equal(half, expected[names[1]].astype(mx.bfloat16)) and mx.array_equal(
        view, expected[names[2]].T[1:]
    )


def test_a_hostile_program_in_the_old_form_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = LEGACY.read_bytes()
    begin = (
        raw.index(b"ccollections\nOrderedDict") if b"ccollections\nOrderedDict" in raw else raw.index(b"}q\x00", 100)
    )
    for program_ in (b"cposix\nsystem\nX\x0c\0\0\0touch harmed\x85R.", b"c__builtin__\neval\n."):
        (tmp_path / "a.bin").write_bytes(raw[:begin] + program_ + raw[begin:])
        with pytest.raises((ConversionError, CheckpointError)):
            read_pickle(tmp_path / "a.bin")
    assert not (tmp_path / "harmed").exists()


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
@pytest.mark.parametrize("path", [LEGACY, LEGACY.with_name("pytorch_model-00002-of-00002.bin")], ids=["old", "zip"])
def test_any_byte_may_be_wrong_or_the_last(tmp_path, path, position, byte, cut):
    raw = path.read_bytes()
    position %= min(len(raw), 6000)  # most of what is not numbers
    damaged = raw[:position] if cut else raw[:position] + bytes([byte]) + raw[position + 1 :]
    (tmp_path / "a.bin").write_bytes(damaged)
    try:
        read_pickle(tmp_path / "a.bin")
    except MlxgptError as error:
        assert error.hint
