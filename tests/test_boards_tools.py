"""Tools that are missing, and tools that fail."""

from pathlib import Path

import pytest

from boards.tools import UnfinishedError, find_tool, run_tool
from pann_hw.errors import ToolError


def test_missing_tool_says_what_brings_it() -> None:
    with pytest.raises(ToolError, match=r"^no-such-tool is missing: pip install 'pann-hw\[boards"):
        find_tool("no-such-tool")


def test_output_and_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run_tool(["ls"], tmp_path) == "file\n"


def test_failure_names_the_first_error(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo 'Info: so far'; echo 'ERROR: no place'; echo 'ERROR: failed'; exit 1")
    with pytest.raises(ToolError, match=r"^sh failed: ERROR: no place$"):
        run_tool(["sh", "script"], tmp_path)


def test_failure_without_an_error_gives_the_last_line(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo one; echo two; exit 3")
    with pytest.raises(ToolError, match=r"^sh failed: two$"):
        run_tool(["sh", "script"], tmp_path)
    script.write_text("echo so far; kill -9 $$")
    with pytest.raises(ToolError, match=r"^sh failed: exit status -9$"):
        run_tool(["sh", "script"], tmp_path)
    script.write_text("exit 3")
    with pytest.raises(ToolError, match=r"^sh failed: exit status 3$"):
        run_tool(["sh", "script"], tmp_path)


def test_a_tool_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(UnfinishedError, match=r"^sleep was stopped after 0\.1 s$"):
        run_tool(["sleep", "60"], tmp_path, 0.1)
    assert run_tool(["echo", "done"], tmp_path, 60.0) == "done\n"
