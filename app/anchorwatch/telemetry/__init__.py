"""What leaves for OpenTelemetry and Prometheus: spans of the few, figures of all. The only importer of OpenTelemetry's SDK.

`Telemetry(service, stage, instance)` takes the report of each committed cut; `names` lists all that comes out; `scrape.text` joins the
snapshots of several processes for one `/metrics`.
"""

from anchorwatch.telemetry.export import Telemetry
from anchorwatch.telemetry.totals import Snapshot

__all__ = ["Snapshot", "Telemetry"]
