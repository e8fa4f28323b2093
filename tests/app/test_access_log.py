"""The access log has the format of the other logs, and is written in batches."""

from __future__ import annotations

import asyncio
import io
import json
import logging.config
import sys
from typing import Literal

import pytest

from app.observability import access_log
from app.observability.access_log import FLUSH_BYTES, FLUSH_SECONDS, AccessLog
from app.observability.logs import log_config
from app.observability.tracing import CURRENT, take_over

TRACE = take_over(None)
REQUEST = ("203.0.113.1", "GET", "/generate?seed=é", 200, 0.0004)


def by_logging(shape: Literal["text", "json"]) -> str:
    """The same line as `logging` writes it, in the configuration of the service."""
    config = log_config("info", shape)
    formatter = config["formatters"]["default"]
    logging.config.dictConfig(config)
    try:
        handler = logging.getLogger("seedling").handlers[0]
        assert isinstance(handler, logging.StreamHandler)
        client, method, target, status, seconds = REQUEST
        message = f'{client} "{method} {target}" {status} {seconds * 1e3:.1f} ms'
        record = logging.LogRecord("seedling.access", logging.INFO, "", 0, message, (), None)
        record.__dict__ |= {"client": client, "method": method, "target": target, "status": status, "seconds": seconds}
        token = CURRENT.set(TRACE)
        handler.filter(record)
        CURRENT.reset(token)
        assert formatter
        return handler.format(record) + "\n"
    finally:
        logging.getLogger("seedling").handlers.clear()
        logging.getLogger("models").handlers.clear()
        logging.getLogger("uvicorn").handlers.clear()


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_line_is_what_logging_would_write(shape: Literal["text", "json"], capsys: pytest.CaptureFixture[str]) -> None:
    async def log() -> None:
        AccessLog(shape).write(*REQUEST, TRACE)
        assert capsys.readouterr().err == ""
        await asyncio.sleep(2 * FLUSH_SECONDS)

    asyncio.run(log())
    line, expected = capsys.readouterr().err, by_logging(shape)
    if shape == "text":
        assert line == expected
        return
    found, wanted = json.loads(line), json.loads(expected)
    assert found.pop("time")[:10] == wanted.pop("time")[:10]
    assert found == wanted


def test_lines_are_written_together_but_never_more_than_a_pipe_takes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Stream())

    async def log() -> None:
        written = AccessLog("text")
        for seed in range(200):
            written.write("127.0.0.1", "GET", f"/generate?seed={seed}", 200, 0.001, TRACE)
        written.flush()

    asyncio.run(log())
    assert 1 < len(writes) < 10
    assert max(map(len, writes)) <= FLUSH_BYTES
    assert [line.split("seed=")[1].split('"')[0] for line in "".join(writes).splitlines()] == [str(n) for n in range(200)]


def test_a_line_break_in_a_path_starts_no_new_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def log() -> None:
        written = AccessLog("text")
        written.write("127.0.0.1", "GET", "/a\nINFO: forged", 404, 0.001, TRACE)
        written.flush()

    asyncio.run(log())
    assert capsys.readouterr().err.count("\n") == 1


def test_above_the_level_info_nothing_is_logged() -> None:
    logger = logging.getLogger(access_log.NAME)
    logger.setLevel(logging.ERROR)
    try:
        assert not access_log.is_enabled()
    finally:
        logger.setLevel(logging.NOTSET)
