"""One tenant's partition in a real store: one batch at a time, the clock in the test's hand."""

from collections.abc import Sequence
from typing import Any

import redis

from engine.answers import Answer, NotJudged, answers, unpack_reply
from engine.audit.deadlines import named_by
from engine.audit.protocol import Ask, Finding, Summary
from engine.audit.run import audit_steps
from engine.columns import Head, lay_out
from engine.keys import PartitionKeys, partition_keys
from engine.model import (
    AdjustStock,
    Expire,
    MoveStock,
    Outcome,
    Purge,
    Reservation,
    Result,
    SetStock,
    StockLevel,
    StockOutcome,
    StockResult,
    StoreCommand,
    SweepResult,
)
from engine.records import buyer_units, unpack_level, unpack_reservation
from engine.scripts import Memory, batch_script, script_for
from engine.validation import (
    check_adjust_stock,
    check_command,
    check_move_stock,
    check_set_stock,
)

DAY_MS = 86_400_000
RETENTION_MS = (DAY_MS, 30 * DAY_MS, DAY_MS)
DUE_LIMIT = 100


class Partition:
    """Judges batches as the engine does, one at a time, without the engine's event loop."""

    def __init__(
        self,
        client: "redis.Redis",
        tenant: str = "default",
        script: str | None = None,
        due_limit: int = DUE_LIMIT,
    ) -> None:
        self.client = client
        self.keys = partition_keys(tenant)
        self.due_limit = due_limit
        self.clock_ms = (0, 0)  # the bounds of the store's clock, where that is asked
        self.sequence = 0
        self._script = _sha(client, script)

    def run(self, commands: Sequence[StoreCommand], now_ms: int) -> list[Answer]:
        """Judges one batch at `now_ms`; answers[i] answers commands[i]."""
        refused = {i: answer for i, c in enumerate(commands) if (answer := _refusal(c))}
        judged = [c for i, c in enumerate(commands) if i not in refused]
        found = iter(self._judge(judged, now_ms) if judged else [])
        return [refused.get(i) or next(found) for i in range(len(commands))]

    def _judge(self, commands: Sequence[StoreCommand], now_ms: int) -> list[Answer]:
        found: dict[int, Answer] = {}
        more = True
        while True:
            waiting = [i for i in range(len(commands)) if i not in found]
            answered = self.judge_once([commands[i] for i in waiting], now_ms)
            found |= {
                i: answer
                for i, answer in zip(waiting, answered, strict=True)
                if not isinstance(answer, NotJudged)
            }
            if len(found) == len(commands):
                return [found[i] for i in range(len(commands))]
            if NotJudged.NOT_JUDGED not in answered:
                continue  # the batch was cut
            assert more, "nothing is due any more, and still there is no answer"
            (swept,) = self.judge_once([Expire(self.due_limit)], now_ms)
            assert isinstance(swept, SweepResult)
            more = swept.more

    def judge_once(self, commands: Sequence[StoreCommand], now_ms: int) -> list[Answer | NotJudged]:
        """Judges a batch in one call of the script; some may have to be sent again."""
        limits = [c.limit for c in commands if isinstance(c, Expire)]
        due_limit = max([*limits, self.due_limit])
        head = Head(now_ms, "", 0, "epoch-1", due_limit, RETENTION_MS, *self.clock_ms)
        status, packed = self.client.evalsha(
            self._script, len(self.keys), *self.keys, *lay_out(commands).arguments(head)
        )
        assert status == b"OK", status
        reply = unpack_reply(packed)
        self.sequence = reply.sequence
        return answers(commands, reply)

    def reservations(self) -> dict[str, Reservation]:
        """Every reservation, as stored."""
        stored: Any = self.client.hgetall(self.keys.reservations)
        return {
            name.decode(): unpack_reservation(name.decode(), record)
            for name, record in stored.items()
        }

    def reservation(self, reservation_id: str) -> Reservation | None:
        """One reservation, as stored."""
        record: Any = self.client.hget(self.keys.reservations, reservation_id)
        return unpack_reservation(reservation_id, record) if record else None

    def levels(self) -> dict[tuple[str, str], StockLevel]:
        """Every stock level, by SKU and location."""
        stored: Any = self.client.hgetall(self.keys.stock)
        found = (unpack_level(field.decode(), packed) for field, packed in stored.items())
        return {(level.sku, level.location): level for level in found}

    def buyers(self) -> dict[tuple[str, str], int]:
        """Units by buyer and SKU."""
        counts: Any = self.client.hgetall(self.keys.buyers)
        return {
            (name.decode().split("\0")[0], name.decode().split("\0")[1]): units
            for name, value in counts.items()
            if (units := buyer_units(value))
        }

    def limits(self) -> dict[str, int]:
        """The limits that are remembered by SKU."""
        stored: Any = self.client.hgetall(self.keys.limits)
        return {sku.decode(): int(limit) for sku, limit in stored.items()}

    def deadlines(self) -> list[tuple[list[str], int]]:
        """The entries of `deadlines`: whom each names, and when it is due."""
        stored: Any = self.client.zrange(self.keys.deadlines, 0, -1, withscores=True)
        return [(named_by(entry), int(score)) for entry, score in stored]

    def audit(self) -> list[Finding]:
        """The rows that break an invariant; [] when all hold."""
        findings, summary = audit_now(self.client, self.keys)
        assert bool(findings) != summary.ok
        return findings

    def written_at_ms(self) -> int:
        """The time of the last batch that wrote; 0 if none has."""
        stored: Any = self.client.hget(self.keys.meta, "now")
        return int(stored or 0)

    def clear(self) -> None:
        """Removes everything of the tenant."""
        self.client.delete(*self.keys)


def audit_now(client: "redis.Redis", keys: PartitionKeys) -> tuple[list[Finding], Summary]:
    """Audits a partition on a plain connection: the findings, and the summary."""
    summary = Summary()
    steps = audit_steps(keys, summary)
    findings: list[Finding] = []
    answers: list[Any] | None = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            return findings, summary
        answers = None
        if isinstance(step, Ask):
            pipeline: Any = client.pipeline(transaction=step.atomic)
            for command in step.commands:
                pipeline.execute_command(*command)
            answers = pipeline.execute()
        elif isinstance(step, Finding):
            findings.append(step)


def rules_alone(text: str | None = None) -> str:
    """The batch script that has its rules judge a few Reserves, too, as they judge all others."""
    script = text or batch_script()
    assert script.count("local is_few = ") == 1
    return script.replace("local is_few = ", "local is_few = false and ")


def few_alone() -> str:
    """The batch script that has no rules: it says `RULES` where they would judge."""
    script = batch_script()
    assert script.endswith("return main()\n")
    return script.removesuffix("return main()\n") + "return {'RULES', ''}\n"


def _sha(client: "redis.Redis", body: str | None) -> str:
    loaded = script_for(Memory.GIVES, body)
    client.script_load(loaded.text)
    return loaded.sha


_STOCK_CHECKS: dict[type, Any] = {
    SetStock: check_set_stock,
    AdjustStock: check_adjust_stock,
    MoveStock: check_move_stock,
}


def _refusal(command: StoreCommand) -> Answer | None:
    """The answer to a command that breaks a bound."""
    if isinstance(command, Expire | Purge):
        return None
    if isinstance(command, SetStock | AdjustStock | MoveStock):
        detail = _STOCK_CHECKS[type(command)](command)
        return StockResult(StockOutcome.INVALID, detail=detail) if detail else None
    detail = check_command(command)
    return Result(Outcome.INVALID, detail=detail) if detail else None
