"""Pending transfers on one hot account of TigerBeetle, through its own Python client.

`python -m benchmarks.peers.tigerbeetle_load BINARY CALLS COMMANDS` formats and starts a single
replica of the server program BINARY on 127.0.0.1, creates CALLS batches of COMMANDS transfers (the
first phase of two, with a timeout, as a reservation is), four batches under way, and prints a
`Sample`. TigerBeetle writes with direct I/O and answers when it is on disk.
"""

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import tigerbeetle as tb

from benchmarks.sample import APPLIED, Sample, sample_of

OPEN_CALLS = 4
CLUSTER = 0
LEDGER = CODE = 1
TIMEOUT_S = 900
STOCK, BUYERS = 1, 2


@contextmanager
def replica(binary: str) -> Iterator[str]:
    """A replica with a new data file; its address."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory:
        file = str(Path(directory, "0_0.tigerbeetle"))
        about = ("--cluster=0", "--replica=0", "--replica-count=1")
        subprocess.run([binary, "format", *about, file], check=True, stderr=subprocess.DEVNULL)
        address = f"127.0.0.1:{_free_port()}"
        with subprocess.Popen(
            [binary, "start", f"--addresses={address}", file], stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield address
            finally:
                process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def batches(calls: int, commands: int) -> list[list[tb.Transfer]]:
    """The transfers of each call: one unit from the hot account, held until confirmed."""
    return [
        [
            tb.Transfer(
                id=tb.id(),
                debit_account_id=STOCK,
                credit_account_id=BUYERS,
                amount=1,
                timeout=TIMEOUT_S,
                ledger=LEDGER,
                code=CODE,
                flags=tb.TransferFlags.PENDING,
            )
            for _ in range(commands)
        ]
        for _ in range(calls)
    ]


async def run(address: str, calls: int, commands: int) -> Sample:
    """Creates the accounts, then the transfers."""
    waiting = iter(batches(calls, commands))
    latencies_s: list[float] = []
    outcomes: Counter[str] = Counter()
    async with tb.ClientAsync(cluster_id=CLUSTER, replica_addresses=address) as client:
        accounts = [tb.Account(id=number, ledger=LEDGER, code=CODE) for number in (STOCK, BUYERS)]
        for made in await client.create_accounts(accounts):
            assert made.status == tb.CreateAccountStatus.CREATED, made

        async def caller() -> None:
            for batch in waiting:
                sent_s = time.perf_counter()
                results = await client.create_transfers(batch)
                latencies_s.append(time.perf_counter() - sent_s)
                for result in results:
                    created = result.status == tb.CreateTransferStatus.CREATED
                    outcomes[APPLIED if created else result.status.name] += 1

        started_s, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller() for _ in range(OPEN_CALLS)))
        seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    return sample_of(latencies_s, seconds, outcomes, cpu_s=cpu_s)


if __name__ == "__main__":
    # The replica ends with the load, also when that is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    binary, calls, commands = sys.argv[1:]
    with replica(binary) as address:
        sample = asyncio.run(run(address, int(calls), int(commands)))
    print(msgspec.json.encode(sample).decode())
