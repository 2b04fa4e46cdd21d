"""Any exception becomes a problem that a person can act on."""

import errno

import pytest

from mlxgpt import errors
from mlxgpt.errors import ConfigError, DataError, MissingExtra, MlxgptError, describe, is_out_of_memory, nearest

OURS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MlxgptError)]


@pytest.mark.parametrize("kind", OURS)
def test_our_errors_keep_their_words_and_their_exit_code(kind):
    problem = describe(kind("What and where.", hint="What next."))
    assert (problem.message, problem.hint) == ("What and where.", "What next.")
    assert problem.exit_code == kind.exit_code
    assert problem.title


def test_input_refused_before_it_began_exits_with_2_and_a_failed_job_with_1():
    assert [describe(kind("")).exit_code for kind in (ConfigError, MissingExtra, DataError)] == [2, 2, 1]


def test_ctrl_c_exits_with_130():
    assert describe(KeyboardInterrupt()).exit_code == 130


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_says_where_and_what_to_do(code):
    problem = describe(OSError(code, "No space left on device", "/data/\x1bmodel"))
    assert problem.title == "Disk full"
    assert "/data/␛model" in problem.message
    assert "Free some space" in problem.hint


def test_the_way_mlx_reports_a_full_disk_is_understood():
    assert describe(RuntimeError("[write] Unable to write 3900094 bytes to file.")).title == "Disk full"


def test_a_file_error_names_the_file():
    problem = describe(PermissionError(errno.EACCES, "Permission denied", "/a/b"))
    assert problem.message == "/a/b: Permission denied"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("std::bad_alloc"),
        RuntimeError("[metal::malloc] Attempting to allocate 9 bytes"),
        RuntimeError("Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"),
        RuntimeError("[malloc_or_wait] Unable to allocate 9 bytes."),
        RuntimeError("cudaMalloc failed: out of memory"),
    ],
)
def test_memory_that_ran_out_names_the_settings_to_lower(error):
    assert is_out_of_memory(error)
    problem = describe(error)
    assert problem.title == "Out of memory"
    assert "--batch-size" in problem.hint
    assert problem.message


def test_an_unforeseen_error_is_called_a_defect():
    problem = describe(ZeroDivisionError("division by zero"))
    assert problem.title == "ZeroDivisionError"
    assert "defect in mlxgpt" in problem.hint
    assert not is_out_of_memory(ZeroDivisionError("division by zero"))


@pytest.mark.parametrize(
    "error", [DataError("a\x1b[2J", hint="b\x07"), OSError(2, "no\x1b", "a\x1b"), ValueError("\x1b")]
)
def test_no_control_character_survives(error):
    problem = describe(error)
    assert "\x1b" not in problem.message + problem.hint
    assert "\x07" not in problem.hint


def test_the_nearest_word_is_named_else_all_of_them():
    assert nearest("rmsnrom", ["layernorm", "rmsnorm"]) == "Did you mean 'rmsnorm'?"
    assert nearest("nano", ["rwkv-nano", "modern-nano", "x"]) == "Did you mean 'modern-nano' or 'rwkv-nano'?"
    assert nearest("xyz", ["b", "a"]) == "Known: a, b."
    assert nearest("xyz", []) == ""
