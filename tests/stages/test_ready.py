"""What judge says of a model that can be learnt, as its supervisor hears it."""

import json
import subprocess
import sys

from anchorwatch.stages.ready import Ready


def test_it_comes_through_a_pipe_as_json_and_is_the_same_each_time() -> None:
    said = json.dumps(Ready(1, 2, -1, 3, 4, ((5, 6),)))

    heard, again = Ready(*json.loads(said)), Ready(*json.loads(said))

    assert heard == again
    assert (heard.from_ms, heard.labels_due_ms, [tuple(span) for span in heard.left_out]) == (1, 4, [(5, 6)])


def test_it_loads_no_estimators() -> None:
    code = "import sys; import anchorwatch.stages.ready; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout.split()

    assert not {"river", "numpy"}.intersection(loaded)
