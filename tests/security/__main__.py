"""`PYTHONPATH=app:. python -m tests.security`: takes each right from both stages, one after the other; two minutes."""

import tempfile
from pathlib import Path

from tests.security.fortress import Fortress
from tests.security.test_rights import stages_follow_their_messages

with tempfile.TemporaryDirectory() as folder, Fortress(Path(folder)) as fortress:
    stages_follow_their_messages(fortress, "all.", Path(folder), "ingest", "judge", all_of_them=True)
print("each right of ingest and of judge is needed, is asked for by name, and together they suffice")
