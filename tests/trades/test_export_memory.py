"""An export is streamed: its memory does not grow with the number of trades."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.trades import run

TRADES = 60_000
MEBIBYTE = 1 << 20
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
ALLOWED = 60 * MEBIBYTE  # more for all than for a quarter; the text of the rest alone takes 75

FILL = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, expires_at, ai_reasoning)
SELECT gen_random_uuid(), CASE WHEN n <= :trades / 4 THEN 'SOME' ELSE 'OTHERS' END, '1h',
  100 + n / 7.0, 98, 201, 202, 203, now(), repeat(md5(n::text), 47)
FROM generate_series(1, :trades) AS n
"""

# Exports a quarter of the trades, then all of them; says by how much its memory peaked higher.
PROGRAM = """
import datetime, re, sys
from pathlib import Path
from include.database import connect
from include.storage import open_storage
from include.trades.export import ExportRequest, export_trades

engine = connect(sys.argv[1], application="export")
form = {"format": sys.argv[3]}

def export(name, **more):
    request = ExportRequest.read(form | more, datetime.date(2999, 1, 1), [sys.argv[2]])
    done = export_trades(engine, open_storage(sys.argv[2]), request, name, file_rows=50_000,
                         requested_by="a test", run_url="http://run")
    # of this program alone: ru_maxrss begins with that of the process which started it
    return done["rows"], int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

_, before = export("some", symbols=["SOME"])
rows, after = export("all")
print(rows, after - before)
"""


@pytest.fixture(scope="module")
def full(worker_engine):
    """Trades enough to notice, made once; the next test that asks for `database` empties it."""
    run(worker_engine, "TRUNCATE trade_signals CASCADE")
    run(worker_engine, FILL, trades=TRADES)
    return worker_engine


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet"])
def test_the_memory_of_an_export_stays_flat(full, database_url, tmp_path, file_format):
    program = [sys.executable, "-c", PROGRAM, database_url, tmp_path, file_format]
    done = subprocess.run(
        program, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=120
    )
    exported, growth = map(int, done.stdout.split())
    assert exported == TRADES
    text = sum(path.stat().st_size for path in tmp_path.glob("all/trades-*"))
    if file_format != "parquet":  # which is compressed
        assert text > ALLOWED, "it would be noticed if the text were held"
    assert growth < ALLOWED, f"{growth / MEBIBYTE:.0f} MiB more"
