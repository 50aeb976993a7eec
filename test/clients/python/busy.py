"""A busy Python program under pyroscope-io: spends its time in burn_cpu under a label."""
import os
import time

import pyroscope


def burn_cpu(rounds):
    total = 0
    for i in range(rounds):
        total = (total * 31 + i) % 1_000_003
    return total


def keep_memory(total, kept):
    kept.append([f"{total}-{i}" for i in range(2_000)])


pyroscope.configure(
    application_name="busy.python",
    server_address=os.environ["PHLOX_URL"],
    basic_auth_username=os.environ["PHLOX_USER"],
    basic_auth_password=os.environ["PHLOX_PASSWORD"],
    tags={"region": "north"},
    upload_interval=2,
    mem_enabled=True,
    mem_heap_sample_size=16 * 1024,
)
kept = []
end = time.monotonic() + 3
while time.monotonic() < end:
    with pyroscope.tag_wrapper({"endpoint": "/checkout"}):
        keep_memory(burn_cpu(200_000), kept)
pyroscope.shutdown()
