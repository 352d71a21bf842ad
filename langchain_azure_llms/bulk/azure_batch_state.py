"""The state of a job in the Batch API: a small file beside its output, which holds no secret."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from langchain_azure_llms.bulk.azure_batch_api import RUNNING, BatchInfo
from langchain_azure_llms.exceptions import ConfigurationError

_VERSION = 1
_UPLOADED = "uploaded"


@dataclass
class BatchPart:
    """The prompts of one batch.

    Attributes:
        first: The number of its first row.
        end: The number after that of its last row.
        prompts: How many of these rows are asked.
        file_id: The file that was uploaded.
        batch_id: The batch; None if it was not begun, or it is not known whether it was.
        status: Its status, when the service was last asked.
        completed: How many prompts it had answered by then.
        failed: How many it had not.
        errors: Why it failed its validation.
        seconds: How long it took.
        files: The files with its answers and errors.
        is_fetched: Whether they are in the output.
        records: How many records came of it.
    """

    first: int
    end: int
    prompts: int
    file_id: str
    batch_id: str | None = None
    status: str = _UPLOADED
    completed: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    is_fetched: bool = False
    records: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status not in (_UPLOADED, *RUNNING)

    def note(self, info: BatchInfo) -> None:
        """Note what the service says about the batch."""
        self.batch_id, self.status, self.files = info.id, info.status, info.files
        self.completed, self.failed = info.completed, info.failed
        self.errors, self.seconds = info.errors, info.seconds

    def __str__(self) -> str:
        counts = f"{self.completed:,} completed, {self.failed:,} failed"
        parts = [self.batch_id or self.file_id, self.status, f"{self.prompts:,} prompts", counts]
        parts += ["fetched"] if self.is_fetched else []
        return ", ".join([*parts, *self.errors])


@dataclass
class BatchState:
    """What a job has done so far.

    Attributes:
        source: The input.
        settings: Marks the LLM.
        fingerprint: Marks the LLM, the parameters and the columns, in the records.
        api: The API that the requests are made for.
        deployment: The deployment.
        template: See `submit_batch`, as for the next five.
        prompt_column: The column with the prompt.
        id_column: The column with the id.
        limit: How many rows are asked.
        force: Whether the output may hold records of other settings.
        params: Parameters of all prompts.
        next_row: The number of the first row that is in no batch.
        is_complete: Whether no more rows will be in one.
        parts: The batches.
    """

    source: str
    settings: str
    fingerprint: str
    api: str
    deployment: str
    template: str | None = None
    prompt_column: str | None = None
    id_column: str | None = None
    limit: int | None = None
    force: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    next_row: int = 0
    is_complete: bool = False
    parts: list[BatchPart] = field(default_factory=list)


def state_path(output: str | Path) -> Path:
    """Return where the state of an output's job is kept."""
    path = Path(output)
    return path.with_name(f"{path.name}.batch.json")


def load_state(output: str | Path) -> BatchState | None:
    """Return the state of an output's job; None if it has none.

    Raises:
        ConfigurationError: If it cannot be read.
    """
    path = state_path(output)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("version") != _VERSION:
            raise ConfigurationError(f"{path} is of another version of this package.")
        parts = [BatchPart(**{**part, **_tuples(part)}) for part in value.pop("parts")]
        return BatchState(**value, parts=parts)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{path} cannot be read as the state of a batch job.") from None


def _tuples(part: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(part[name]) for name in ("errors", "files")}


def save_state(output: str | Path, state: BatchState) -> None:
    """Write the state of an output's job, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    path = state_path(output)
    text = json.dumps({"version": _VERSION, **asdict(state)}, indent=1)
    part = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def remove_state(output: str | Path) -> None:
    """Remove the state of an output's job."""
    state_path(output).unlink(missing_ok=True)


def refuse_pending(output: str | Path) -> None:
    """Refuse an output that batches are under way for: their prompts would be asked twice.

    Raises:
        ConfigurationError: If there are some.
    """
    path = state_path(output)
    if path.exists():
        raise ConfigurationError(
            f"Batches are under way for {output} ({path.name}): fetch their answers first."
        )
